"""Load, five-core and split of the source ``ml-20m`` on 20 million made-up rows: ``python -m benchmarks.ml20m``."""

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
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from pcrec_core import datasets
from pcrec_core.datasets import files
from pcrec_core.datasets.interactions import build
from pcrec_core.datasets.split import PARTS, Split, split

ROWS = 20_000_263
_ROWS_PER_USER, _MOVIES, _LARGEST_ID = 144, 26_744, 131_262
_FIRST, _LAST, _DAY = 789_652_004, 1_427_784_002, 86_400  # Unix seconds
_T = 100  # of the paper's Table 1
_SPARE = 1.5  # pairs drawn for one that is kept, as a pair comes once


def made_up(path: Path, rows: int = ROWS, seed: int = 0) -> None:
    """Write a zip in the format of ``ml-20m``: ``rows`` ratings, by user, then movie, no pair twice, of about rows / 144 users.

    What decides time is as in the original: the number of users and movies, the skew of both (half of the movies have
    fewer than 20 ratings, a quarter of them leave with the core), users of up to some thousand ratings whose times do not
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
    """User and movie, from 0, of ``rows`` different pairs in ascending order."""
    activity = 20 + 48 * np.exp(
        1.38 * rng.standard_normal(max(1, rows // _ROWS_PER_USER))
    )  # mean 144, median 68
    popularity = np.exp(-11.6 * np.sqrt(rng.permutation(_MOVIES) / _MOVIES))
    drawn = rng.multinomial(int(_SPARE * rows), activity / activity.sum())
    pairs = np.repeat(np.arange(len(drawn)), drawn) * _MOVIES + _draw(
        rng, popularity, int(_SPARE * rows)
    )
    pairs.sort()
    pairs = pairs[np.r_[True, pairs[1:] > pairs[:-1]]]
    kept = np.zeros(len(pairs), bool)
    kept[rng.choice(len(pairs), rows, replace=False, shuffle=False)] = True
    return np.divmod(pairs[kept], _MOVIES)


def _draw(rng: np.random.Generator, weights: np.ndarray, size: int) -> np.ndarray:
    return rng.choice(len(weights), size, p=weights / weights.sum())


def measure(rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
    """What it costs, by phase: ``seconds``, ``processor`` (seconds of all threads), ``peak`` (bytes), ``actions`` left.

    The phases are read (SHA-256 of the zip, csv to arrays), build (numbers, five-core, order) and split (with the pieces of
    100 items and both evaluation inputs, which a training asks for first). The file is in the system's cache.
    """
    # A process's peak begins with what its parent held when it started it: a small process stands in between.
    return _apart(_measure, rows, seed)


def _measure(rows: int, seed: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ml-20m.zip"
        _apart(made_up, path, rows, seed)
        return _apart(_phases, path)


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _phases(path: Path) -> dict[str, Any]:
    os.environ[files.ENVIRONMENT] = str(path.parent)
    source = datasets.source("ml-20m")
    file = dataclasses.replace(source.files[0], sha256=files.sha256(path))
    seconds: dict[str, float] = {}
    processor: dict[str, float] = {}

    def timed(phase: str, work: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        seconds[phase], processor[phase] = time.perf_counter() - wall, time.process_time() - cpu
        return result

    table = timed("read", lambda: source.read([files.locate(file)]))
    made = timed("build", lambda: build(table, source, core=5))
    timed("split", lambda: _asked_for(split(made)))
    return {"seconds": seconds, "processor": processor, "peak": _peak(), "actions": len(made.items)}


def _asked_for(parts: Split) -> None:
    parts.pieces(_T)
    for part in PARTS:
        parts.histories(_T, part)


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Measure, and print one line."""
    found = measure()
    phases = ", ".join(f"{phase} {spent:.1f} s" for phase, spent in found["seconds"].items())
    print(
        f"ml-20m, {ROWS:,} made-up rows: {sum(found['seconds'].values()):.1f} s ({phases}; processor"
        f" {sum(found['processor'].values()):.1f} s), peak {found['peak'] / 1e9:.2f} GB"
    )


if __name__ == "__main__":
    main()
