"""Read a file by its layout: the interactions, and what is wrong with which rows."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute, feather, parquet

from pcrec_core.datasets.reading import delimited, objects, values
from pcrec_core.datasets.reading.faults import Fault, refuse
from pcrec_core.datasets.reading.layout import Layout
from pcrec_core.datasets.reading.opening import shown
from pcrec_core.datasets.reading.separators import BLANKS
from pcrec_core.datasets.sources import Table
from pcrec_core.errors import DataError

#: Where a row is, by its place among those that were read.
Locate = Callable[[list[int]], dict[int, str]]


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
    return interpret(layout.path, *_READERS[layout.format](layout), layout.date_format)


def by_row(places: list[int]) -> dict[int, str]:
    """Return the places of rows of a table, from 1."""
    return {place: f"row {place + 1}" for place in places}


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
        users, masks = values.ids(columns[0], "user")
        items, more = values.ids(columns[1], "item")
        masks |= more
        times, written = None, ""
        if len(columns) == 3:
            times, more, written = values.times(columns[2], date_format)
            masks |= more
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


_Raw = tuple[list[pa.ChunkedArray], list[Fault], Locate]


def _read_delimited(layout: Layout) -> _Raw:
    columns, widths = delimited.table(layout)
    return columns, width_faults(layout, widths), partial(locate_lines, layout)


def locate_lines(layout: Layout, places: list[int]) -> dict[int, str]:
    """Return the lines of rows of a delimited text, by their place among those of good width."""
    found = delimited.line_numbers(layout, [], places)[1] if places else {}
    return {place: f"line {number}" for place, number in found.items()}


def width_faults(layout: Layout, widths: delimited.Widths) -> list[Fault]:
    """List the rows with too few or too many fields, by their number."""
    ordinals = [first for _, first in widths.values()]
    where = delimited.line_numbers(layout, ordinals, [])[0] if widths else {}
    return [
        Fault(
            f"{width} field{'s' * (width != 1)} instead of {len(layout.names)}",
            many,
            f"line {where[first]}",
        )
        for width, (many, first) in widths.items()
    ]


def _read_sequences(layout: Layout) -> _Raw:
    with delimited.lines(layout) as text:
        for _ in range(layout.skipped):
            text.readline()
        lines = pa.array([line.strip() for line in text if line.strip()], pa.string())
    split = compute.utf8_split_whitespace if layout.sep == BLANKS else _split_by(layout.sep)
    fields = split(lines)
    lengths = compute.list_value_length(fields).to_numpy()
    flat = compute.list_flatten(fields)
    starts = np.cumsum(lengths) - lengths
    items = np.ones(len(flat), bool)
    items[starts] = False
    users = flat.take(pa.array(np.repeat(starts, lengths - 1)))
    of_row = np.repeat(np.arange(len(lengths)), lengths - 1)
    columns = [pa.chunked_array([users]), pa.chunked_array([flat.filter(pa.array(items))])]

    def locate(places: list[int]) -> dict[int, str]:
        return {place: f"sequence {of_row[place] + 1}" for place in places}

    return columns, [], locate


def _split_by(sep: str) -> Callable[[pa.Array], pa.Array]:
    return lambda lines: compute.split_pattern(lines, sep)


def _read_json(layout: Layout) -> _Raw:
    numbers, broken = array("q"), array("q")
    columns: list[list[str]] = [[] for _ in layout.columns]
    with delimited.lines(layout) as text:
        for number, found in objects.rows(layout.path, text, layout.columns):
            if found is None:
                broken.append(number)
                continue
            numbers.append(number)
            for column, value in zip(columns, found, strict=True):
                column.append(value)
    faults = [Fault("no flat JSON object", len(broken), f"line {broken[0]}")] if broken else []

    def locate(places: list[int]) -> dict[int, str]:
        return {place: f"line {numbers[place]}" for place in places}

    texts = [pa.chunked_array([_texts(column)]) for column in columns]
    return texts, faults, locate


def _texts(column: list[str]) -> pa.Array:
    try:
        return pa.array(column, pa.string())
    except UnicodeEncodeError:  # bytes that are not of the encoding
        return pa.array([text.encode(errors="surrogateescape") for text in column], pa.binary())


def _read_arrow(layout: Layout) -> _Raw:
    names = list(layout.columns)
    reader = parquet.read_table if layout.format == "parquet" else feather.read_table
    try:
        found = reader(str(layout.path), columns=names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{shown(layout.path)} cannot be read as {layout.format} ({str(error)[:60]!r}): is it"
            " whole?"
        ) from None
    return [found[name] for name in names], [], by_row


_READERS: dict[str, Callable[[Layout], _Raw]] = {
    "delimited": _read_delimited,
    "sequences": _read_sequences,
    "json": _read_json,
    "parquet": _read_arrow,
    "feather": _read_arrow,
}
