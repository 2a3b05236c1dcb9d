"""Time load, five-core and split of ``ml-20m`` on 20 million made-up rows."""

from __future__ import annotations

import dataclasses
import os
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa
from pyarrow import csv

from pcrec_core import datasets
from pcrec_core.datasets import RemoteFile, files
from pcrec_core.datasets.checksum import sha256
from pcrec_core.datasets.interactions import build
from pcrec_core.datasets.split import PARTS, Split, split

ROWS = 20_000_263
_ROWS_PER_USER, _MOVIES, _LARGEST_ID = 144, 26_744, 131_262
_FIRST, _LAST, _DAY = 789_652_004, 1_427_784_002, 86_400  # Unix seconds
_T = 100  # of the paper's Table 1
_SPARE = 1.5  # pairs drawn for each that is kept, since equal ones count once

P = ParamSpec("P")
R = TypeVar("R")


def made_up(path: Path, rows: int = ROWS, seed: int = 0) -> None:
    """Write a zip in the format of ``ml-20m``: ratings by user, then movie, with no pair twice.

    The properties that decide the time are those of the original: the numbers of users (about
    rows / 144) and movies, the skew of both (half of the movies have fewer than 20 ratings, a
    quarter of them leave with the core), users of up to some thousand ratings whose times do not
    follow the order of the file, and many equal times.
    """
    rng = np.random.default_rng(seed)
    users, movies = _pairs(rng, rows)
    starts = rng.integers(_FIRST, _LAST - _DAY, users[-1] + 1)
    steps = pa.array([f"{half / 2:.1f}" for half in range(1, 11)])
    table = pa.table(
        {
            "userId": users + 1,
            "movieId": np.sort(rng.choice(_LARGEST_ID, _MOVIES, replace=False))[movies] + 1,
            "rating": steps.take(pa.array(rng.integers(0, len(steps), rows))),
            "timestamp": starts[users] + rng.integers(0, _DAY, rows) // 10 * 10,
        }
    )
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("ml-20m/ratings.csv", "w", force_zip64=True) as member,
    ):
        member.write(",".join(table.column_names).encode() + b"\n")
        csv.write_csv(table, member, csv.WriteOptions(include_header=False, quoting_style="none"))


def _pairs(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw ``rows`` different pairs of a user and a movie, both from 0, in ascending order."""
    normal = rng.standard_normal(max(1, rows // _ROWS_PER_USER))
    activity = 20 + 48 * np.exp(1.38 * normal)  # mean 144, median 68
    popularity = np.exp(-11.6 * np.sqrt(rng.permutation(_MOVIES) / _MOVIES))
    drawn = rng.multinomial(int(_SPARE * rows), activity / activity.sum())
    movies = _draw(rng, popularity, int(_SPARE * rows))
    pairs = np.repeat(np.arange(len(drawn)), drawn) * _MOVIES + movies
    pairs.sort()
    pairs = pairs[np.r_[True, pairs[1:] > pairs[:-1]]]
    kept = np.zeros(len(pairs), bool)
    kept[rng.choice(len(pairs), rows, replace=False, shuffle=False)] = True
    return np.divmod(pairs[kept], _MOVIES)


def _draw(rng: np.random.Generator, weights: np.ndarray, size: int) -> np.ndarray:
    return rng.choice(len(weights), size, p=weights / weights.sum())


def measure(rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
    """Measure the cost of each phase.

    The phases are read (SHA-256 of the zip, csv to arrays), build (numbers, five-core, order) and
    split (with the sequences of 100 items and both evaluation inputs, which a training asks for
    first). The file is in the system's cache.

    Returns
    -------
    dict
        ``seconds`` and ``processor`` (seconds of all threads) by phase, ``peak`` (bytes), and
        ``actions`` left.
    """
    # The peak of a process starts with the memory that its parent held when it started it, so a
    # small process stands in between.
    return _apart(_measure, rows, seed)


def _measure(rows: int, seed: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ml-20m.zip"
        _apart(made_up, path, rows, seed)
        return _apart(_phases, path)


def _apart(function: Callable[P, R], *arguments: P.args, **keywords: P.kwargs) -> R:
    """Call a function in a fresh process and return its result."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **keywords).result()


def _phases(path: Path) -> dict[str, Any]:
    os.environ[files.ENVIRONMENT] = str(path.parent)
    source = datasets.source("ml-20m")
    [original] = source.files
    assert isinstance(original, RemoteFile)  # a ManualFile has no SHA-256
    file = dataclasses.replace(original, sha256=sha256(path))
    seconds: dict[str, float] = {}
    processor: dict[str, float] = {}

    def timed(phase: str, work: Callable[[], R]) -> R:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        seconds[phase], processor[phase] = time.perf_counter() - wall, time.process_time() - cpu
        return result

    table = timed("read", lambda: source.read([files.locate(file)]))
    built = timed("build", lambda: build(table, source, core=5))
    timed("split", lambda: _use(split(built)))
    actions = len(built.items)
    return {"seconds": seconds, "processor": processor, "peak": _peak(), "actions": actions}


def _use(parts: Split) -> None:
    """Compute the arrays that a training asks for first."""
    parts.sequences(_T)
    for part in PARTS:
        parts.histories(_T, part)


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Measure, and print one line."""
    found = measure()
    phases = ", ".join(f"{phase} {spent:.1f} s" for phase, spent in found["seconds"].items())
    seconds, processor = (sum(found[clock].values()) for clock in ("seconds", "processor"))
    print(
        f"ml-20m, {ROWS:,} made-up rows: {seconds:.1f} s ({phases}; processor {processor:.1f} s),"
        f" peak {found['peak'] / 1e9:.2f} GB"
    )


if __name__ == "__main__":
    main()
