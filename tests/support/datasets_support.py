"""What the tests of the data share: tiny data sets, naive loops to compare with, a local server, real data or a skip."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from functools import cache

import numpy as np
import pytest

from pcrec_core import datasets
from pcrec_core.datasets import files
from pcrec_core.datasets.interactions import Interactions
from pcrec_core.datasets.sources import RemoteFile, Source, Table
from pcrec_core.datasets.split import Split
from pcrec_core.specs.run import Data

PLAIN = Source(name="tiny", title="Tiny", read=None)


def table(rows, timed=False) -> Table:
    """A raw table of (user, item) or (user, item, time) tuples."""
    users, items, *times = (np.array(column) for column in zip(*rows, strict=True))
    return Table(users, items, times[0] if timed else None)


def split_of(histories, repeats=True) -> Split:
    """A split of lists of items, one a user, made dense."""
    names = sorted({item for history in histories for item in history})
    items = np.array([names.index(item) + 1 for history in histories for item in history], np.int32)
    offsets = np.cumsum([0, *map(len, histories)])
    return Split("tiny", len(histories), len(names), repeats, items, offsets)


def interactions_of(histories) -> Interactions:
    """Interactions of lists of items, one a user, made dense."""
    split = split_of(histories)
    return Interactions(
        "tiny",
        1,
        split.items,
        split.offsets,
        split.n_items,
        np.arange(split.n_users),
        np.arange(1, split.n_items + 1),
        None,
        True,
        {},
    )


def rows_of(split: Split) -> list[list[int]]:
    """The histories of a split as lists."""
    return [
        split.items[a:b].tolist()
        for a, b in zip(split.offsets[:-1], split.offsets[1:], strict=True)
    ]


def real(name: str) -> Interactions:
    """The real data set, or a skip of the test where its raw files are not at hand; tests never download."""
    missing = [
        file.name for file in datasets.source(name).files if files.status(file) == "not on disk"
    ]
    if missing:
        pytest.skip(
            f"needs raw data: {', '.join(missing)}; set {files.ENVIRONMENT} to the folder that has it"
        )
    return _load(name)


@cache
def _load(name: str) -> Interactions:
    return datasets.load(Data(name))


@contextlib.contextmanager
def serving(answers: dict[str, tuple[int, bytes, int]]):
    """A server on 127.0.0.1 with (status, body, declared length) by path; gives its address and the paths asked for."""
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
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def remote(content: bytes, *urls: str) -> RemoteFile:
    """A file of that content at these addresses."""
    return RemoteFile("raw.txt", hashlib.sha256(content).hexdigest(), len(content), urls)
