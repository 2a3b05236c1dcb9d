"""Shared by the tests of data sets: tiny data sets, written files, a local server, real data."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pcrec_core import datasets
from pcrec_core.datasets import files
from pcrec_core.datasets.interactions import Interactions
from pcrec_core.datasets.sources import RemoteFile, Source, Table
from pcrec_core.datasets.split import Split
from pcrec_core.errors import DataError
from pcrec_core.specs.run import Data

PLAIN = Source(name="tiny", title="Tiny", read=None)


def written(folder: Path, content: str | bytes, name: str = "raw") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def strangers_log(path: Path) -> Path:
    """Write a log as a stranger has it: semicolons, ISO dates, ids as text, 300 users."""
    table = datasets.synthetic.read()
    dates = pd.to_datetime(pd.Series(table.times), unit="s").dt.strftime("%Y-%m-%dT%H:%M:%S")
    users = "user <b>" + pd.Series(table.users).astype(str)
    frame = pd.DataFrame({"userId": users, "movieId": table.items, "date": dates})
    frame.to_csv(path, sep=";", index=False)
    return path


def refusal(read: Callable[..., object], *values: object, **more: object) -> str:
    """Return the sentence of the ``DataError`` that a call raises."""
    with pytest.raises(DataError) as error:
        read(*values, **more)
    return str(error.value)


def table(rows, timed=False) -> Table:
    """Make a raw table of (user, item) or (user, item, time) tuples."""
    users, items, *times = (np.array(column) for column in zip(*rows, strict=True))
    return Table(users, items, times[0] if timed else None)


def split_of(histories, repeats=True) -> Split:
    """Make a split of lists of items, one per user, with dense ids."""
    names = sorted({item for history in histories for item in history})
    items = np.array([names.index(item) + 1 for history in histories for item in history], np.int32)
    offsets = np.cumsum([0, *map(len, histories)])
    return Split("tiny", len(histories), len(names), repeats, items, offsets)


def interactions_of(histories) -> Interactions:
    """Make interactions of lists of items, one per user, with dense ids."""
    split = split_of(histories)
    users, items = np.arange(split.n_users), np.arange(1, split.n_items + 1)
    return Interactions(
        "tiny", 1, split.items, split.offsets, split.n_items, users, items, None, True, {}
    )


def rows_of(split: Split) -> list[list[int]]:
    """Return the histories of a split as lists."""
    return [split.items[a:b].tolist() for a, b in pairwise(split.offsets)]


def real(name: str) -> Interactions:
    """Return the real data set, or skip the test without its raw files; tests never download."""
    wanted = datasets.source(name).files
    missing = [file.name for file in wanted if files.status(file) == "not on disk"]
    if missing:
        names = ", ".join(missing)
        pytest.skip(f"needs raw data: {names}; set {files.ENVIRONMENT} to the folder that has it")
    return _load(name)


@cache
def _load(name: str) -> Interactions:
    return datasets.load(Data(name))


@contextlib.contextmanager
def serving(answers: dict[str, tuple[int, bytes, int]]):
    """Serve (status, body, declared length) by path; yield the address and the requested paths."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, body, length = answers.get(self.path, (404, b"", 0))
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def remote(content: bytes, *urls: str) -> RemoteFile:
    """Describe a file of that content at these addresses."""
    return RemoteFile("raw.txt", hashlib.sha256(content).hexdigest(), len(content), urls)
