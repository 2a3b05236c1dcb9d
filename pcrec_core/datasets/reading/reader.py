"""Read a file by its layout: the interactions, and what is wrong with which rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from pcrec_core.datasets.reading import values
from pcrec_core.datasets.reading.faults import Fault, refuse
from pcrec_core.datasets.reading.layout import Layout
from pcrec_core.datasets.reading.opening import shown
from pcrec_core.datasets.reading.raw import READERS, Locate, by_row
from pcrec_core.datasets.reading.times import times as times_of
from pcrec_core.datasets.sources import Table
from pcrec_core.errors import DataError


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read.

    Parameters
    ----------
    table : Table
        The good rows.
    rows : int
        All rows, bad ones included.
    faults : list of Fault
        What is wrong with the bad ones, which are not in ``table``.
    times : str
        What the times are written as: "numbers", "dates" or "".
    """

    table: Table
    rows: int
    faults: list[Fault] = field(default_factory=list)
    times: str = ""


def read(layout: Layout) -> Table:
    """Read the interactions of a file.

    Raises
    ------
    DataError
        There are no rows; or rows are bad, and the layout does not skip them.
    """
    found = examine(layout)
    if not layout.skip_bad_rows:
        refuse(layout.path, found.faults, found.rows)
    return found.table


def examine(layout: Layout) -> Reading:
    """Read the good rows of a file, and list the faults of the others.

    Raises
    ------
    DataError
        The file cannot be read, or has no rows.
    """
    return interpret(layout.path, *READERS[layout.format](layout), layout.date_format)


def interpret(
    path: Path,
    columns: Sequence[pa.ChunkedArray],
    faults: Sequence[Fault] = (),
    locate: Locate = by_row,
    date_format: str | None = None,
) -> Reading:
    """Make interactions of the columns of user, item and, where there is one, time.

    Parameters
    ----------
    path : Path
        The file, for errors.
    columns : sequence of arrays
        Text or typed values, one per row.
    faults : sequence of Fault
        Rows that are not among them.
    locate : callable
        Returns where rows are, by their place in ``columns``.
    date_format : str, optional

    Raises
    ------
    DataError
        There are no rows, or the columns hold no ids or times.
    """
    try:
        users, items, times, masks, written = _parsed(columns, date_format)
    except DataError as error:
        raise DataError(f"{shown(path)}: {error}") from None
    good = ~np.any(list(masks.values()), axis=0)
    rows = len(good) + sum(fault.rows for fault in faults)
    if not rows:
        raise DataError(f"{shown(path)} has no rows: expected rows of user and item.")
    if not good.all():
        users, items = users.filter(pa.array(good)), items.filter(pa.array(good))
        times = None if times is None else times[good]
    faults = [*faults, *faults_of(masks, locate)]
    notes = [f"left out: {fault}" for fault in faults]
    notes += [*values.spelled_twice(users, "user"), *values.spelled_twice(items, "item")]
    table = Table(values.numbered(users), values.numbered(items), times, tuple(notes))
    return Reading(table, rows, faults, written)


def _parsed(
    columns: Sequence[pa.ChunkedArray], date_format: str | None
) -> tuple[pa.Array, pa.Array, np.ndarray | None, values.Masks, str]:
    """Return users, items and times, the masks of bad rows, and what the times are written as."""
    users, masks = values.ids(columns[0], "user")
    items, more = values.ids(columns[1], "item")
    if len(columns) == 2:
        return users, items, None, masks | more, ""
    times, of_times, written = times_of(columns[2], date_format)
    return users, items, times, masks | more | of_times, written


def faults_of(masks: values.Masks, locate: Locate) -> list[Fault]:
    """Count each row for the first of its faults."""
    counted = np.zeros_like(next(iter(masks.values()), np.zeros(0, bool)))
    firsts: dict[str, tuple[int, int]] = {}
    for kind, mask in masks.items():
        new = mask & ~counted
        if new.any():
            firsts[kind] = int(new.sum()), int(new.argmax())
        counted |= mask
    where = locate([first for _, first in firsts.values()])
    return [Fault(kind, many, where[first]) for kind, (many, first) in firsts.items()]
