"""How a file is read, as ``pcrec data FILE`` prints it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.datasets import csv, load
from pcrec_core.datasets.interactions import Interactions, build
from pcrec_core.datasets.notes import notes
from pcrec_core.datasets.reading import separators
from pcrec_core.datasets.reading.aliases import ROLES
from pcrec_core.datasets.reading.layout import Layout, layout_of
from pcrec_core.datasets.reading.options import Options, from_words
from pcrec_core.datasets.reading.reader import Reading, examine
from pcrec_core.datasets.split import split
from pcrec_core.datasets.statistics import statistics
from pcrec_core.errors import DataError
from pcrec_core.specs.run import Data

#: Names of the units of Unix times, and from which number on.
_UNITS = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (1e8, "s"))
_UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_SHOWN, _WIDEST = 3, 40


def describe(path: Path, options: Options | None = None, core: int = 5) -> str:
    """Return lines on how a file is read and what is left of it.

    It lists format, separator, columns, time range, the first three rows, users, items and actions
    before and after the core, repeats, and what is wrong with which row. Bad rows are counted and
    left out.

    Raises
    ------
    DataError
        The file cannot be read, or can be read in more than one way.
    """
    layout = layout_of(path, options)
    found = examine(layout)
    lines = [*_of_layout(layout), *_of_reading(found, layout)]
    try:
        lines += _of_interactions(build(found.table, csv.CSV, core))
    except DataError as error:
        lines.append(("left", str(error)))
    return _aligned(lines)


def of_data(data: Data) -> str:
    """Return the lines on a file, or on what is left of another data set.

    Raises
    ------
    DataError
        It cannot be read.
    """
    if data.source == "csv" and data.path is not None:
        options = from_words(data.columns, data.reading or ())
        return describe(Path(data.path), options, data.core)
    return _aligned(of_interactions(load(data)))


def _aligned(lines: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name:<12} {text}" for name, text in lines)


def of_interactions(interactions: Interactions) -> list[tuple[str, str]]:
    """Return names and texts on sizes before and after the core, repeats, and notes."""
    parts = split(interactions)
    counts, found = interactions.counts, statistics(interactions)
    repeats = found["repeat_share_test"]
    return [
        ("before", _sizes(counts["users_read"], counts["items_read"], counts["rows_read"])),
        (
            f"core {interactions.core}",
            _sizes(interactions.n_users, interactions.n_items, len(interactions.items)),
        ),
        ("repeats", f"{repeats:.1%} of the test items occur earlier in the same history"),
        *(("note", note) for note in notes(interactions, parts)),
    ]


def _of_interactions(interactions: Interactions) -> list[tuple[str, str]]:
    return [line for line in of_interactions(interactions) if not line[1].startswith("left out")]


def _sizes(users: int, items: int, actions: int) -> str:
    return f"{users:,} users, {items:,} items, {actions:,} actions"


def _of_layout(layout: Layout) -> list[tuple[str, str]]:
    text = {"": layout.format, "delimited": f"text delimited by {_named(layout.sep)}"}
    text["sequences"] = f"one sequence per line, a user and items divided by {_named(layout.sep)}"
    form = [text.get(layout.format, layout.format)]
    if layout.format == "delimited":
        form.append(
            f"names in line {layout.skipped + 1}" if layout.header else "no header, columns from 0"
        )
    form += [part for part in (layout.encoding, layout.compression) if part]
    pairs = zip(ROLES, layout.columns, strict=False)
    columns = ", ".join(f"{role} is {_clean(name)}" for role, name in pairs)
    others = [_clean(name) for name in layout.names if name not in layout.columns]
    if others:
        columns += f"; not read: {', '.join(others[:12])}" + ", ..." * (len(others) > 12)
    if len(layout.columns) == 2:
        columns += "; no time, so the order of the file counts"
    return [("file", str(layout.path)), ("format", ", ".join(form)), ("columns", columns)]


def _named(sep: str) -> str:
    return separators.NAMED.get(sep, repr(sep))


def _of_reading(found: Reading, layout: Layout) -> list[tuple[str, str]]:
    bad = sum(fault.rows for fault in found.faults)
    kept = "left out" if layout.skip_bad_rows else "which stop a run without --skip-bad-rows"
    lines = [("rows", f"{found.rows:,}" + (f", {bad:,} of them bad, {kept}" if bad else ""))]
    lines += [("bad", str(fault)) for fault in found.faults]
    table = found.table
    times = None if table.times is None else _readable(table.times, found.times)
    if times is not None and len(times[0]):
        lines.append(("times", f"{times[0].min()} to {times[0].max()}, {times[1]}"))
    columns: list[Any] = [table.users, table.items, *([] if times is None else [times[0]])]
    for place in range(min(_SHOWN, len(table.users))):
        row = "  ".join(_clean(str(column[place])) for column in columns)
        lines.append(("first rows" if place == 0 else "", row))
    return lines


def _readable(times: np.ndarray, written: str) -> tuple[pd.Series, str]:
    """Return times as dates where they can be dates, and how they are written."""
    if written == "dates":
        unit, name = _unit(times) or "us", "dates"
    else:
        found = _unit(times)
        if found is None:
            return pd.Series(times), "numbers"
        unit, name = found, f"Unix {_UNIT_NAMES[found]}"
    dates = pd.to_datetime(pd.Series(times), unit=unit, errors="coerce")
    return dates.dt.floor("s"), name


def _unit(times: np.ndarray) -> str | None:
    middle = abs(float(np.median(times))) if len(times) else 0.0
    return next((unit for least, unit in _UNITS if middle >= least), None)


def _clean(text: str) -> str:
    """Return a text of the file as it can be printed."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return plain if len(plain) <= _WIDEST else f"{plain[: _WIDEST - 3]}..."
