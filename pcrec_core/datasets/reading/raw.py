"""The columns of a file in each format, not yet interpreted."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
from pyarrow import compute, feather, parquet

from pcrec_core.datasets.reading import delimited, objects
from pcrec_core.datasets.reading.faults import Fault
from pcrec_core.datasets.reading.layout import Layout
from pcrec_core.datasets.reading.opening import require_room, shown
from pcrec_core.datasets.reading.separators import BLANKS
from pcrec_core.datasets.reading.text import open_text
from pcrec_core.errors import DataError
from pcrec_core.free_memory import free_bytes

#: Where a row is, by its place among those that were read.
Locate = Callable[[list[int]], dict[int, str]]
#: Bytes of a value in memory, at least.
_PER_VALUE = 8
#: The columns, the faults of rows that are not among them, and where rows are.
Raw = tuple[list[pa.ChunkedArray], list[Fault], Locate]


def by_row(places: list[int]) -> dict[int, str]:
    """Return the places of rows of a table, from 1."""
    return {place: f"row {place + 1}" for place in places}


def _read_delimited(layout: Layout) -> Raw:
    columns, widths = delimited.table(layout)
    return columns, width_faults(layout, widths), partial(locate_lines, layout)


def locate_lines(layout: Layout, places: list[int]) -> dict[int, str]:
    """Return the lines of rows of a delimited text, by their place among the rows of good width."""
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


def _read_sequences(layout: Layout) -> Raw:
    with open_text(layout) as text:
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


def _read_json(layout: Layout) -> Raw:
    numbers, broken = array("q"), array("q")
    columns: list[list[str]] = [[] for _ in layout.columns]
    with open_text(layout) as text:
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


def _read_arrow(layout: Layout) -> Raw:
    names = list(layout.columns)
    _require_room(layout)
    reader = parquet.read_table if layout.format == "parquet" else feather.read_table
    try:
        found = reader(str(layout.path), columns=names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{shown(layout.path)} cannot be read as {layout.format} ({str(error)[:60]!r}): is it"
            " whole?"
        ) from None
    return [found[name] for name in names], [], by_row


def _require_room(layout: Layout) -> None:
    """Refuse a parquet file whose rows do not fit into the memory: a run of one value is tiny."""
    if layout.format == "parquet":
        rows = parquet.read_metadata(layout.path).num_rows
        require_room(layout.path, _PER_VALUE * rows * len(layout.columns), free_bytes())


#: The reader of each format.
READERS: dict[str, Callable[[Layout], Raw]] = {
    "delimited": _read_delimited,
    "sequences": _read_sequences,
    "json": _read_json,
    "parquet": _read_arrow,
    "feather": _read_arrow,
}
