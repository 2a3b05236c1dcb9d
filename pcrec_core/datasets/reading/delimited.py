"""Rows of delimited text by pyarrow, and where its bad ones are."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow

from pcrec_core.datasets.reading.layout import Layout
from pcrec_core.datasets.reading.opening import shown
from pcrec_core.datasets.reading.text import delimiter, open_text, open_utf_8, require_text
from pcrec_core.errors import DataError

# of csv, for all threads: a value can be longer than its usual limit
csv.field_size_limit(1 << 30)

#: By number of fields: how many rows have it, and the ordinal of the first of them, from 1.
Widths = dict[int, tuple[int, int]]


def table(
    layout: Layout, kinds: Mapping[str, pa.DataType] | None = None
) -> tuple[list[pa.ChunkedArray], Widths]:
    """Read the columns of a text, and count the rows of another width.

    Parameters
    ----------
    layout : Layout
    kinds : mapping, optional
        Types of values by column; ``pa.binary()`` for the others.

    Raises
    ------
    DataError
        The text has no rows, a quote in it is never closed, or it has rows of another width and is
        not UTF-8.
    pyarrow.ArrowInvalid
        A value is not of its type; never for ``pa.binary()``.
    """
    kinds = {name: pa.binary() for name in layout.columns} | dict(kinds or {})
    _check_rows(layout)
    if layout.quoted:
        _check_quotes(layout)
    try:
        with open_utf_8(layout) as content:
            return _parsed(layout, kinds, content, None), {}
    except pa.ArrowInvalid as error:
        if "CSV parse error" not in str(error):
            raise
    require_text(layout)
    widths: Widths = {}
    above = layout.skipped + layout.header

    def count(row: Any) -> str:
        many, first = widths.get(row.actual_columns, (0, row.number - above))
        widths[row.actual_columns] = many + 1, first
        return "skip"

    with open_utf_8(layout) as content:
        return _parsed(layout, kinds, content, count), widths


def _parsed(
    layout: Layout, kinds: Mapping[str, pa.DataType], content: BinaryIO, bad: Any
) -> list[pa.ChunkedArray]:
    skipped = layout.skipped + layout.header
    # by number, for names can be there twice
    types = {str(layout.names.index(name)): kinds[name] for name in layout.columns}
    found = arrow.read_csv(
        content,
        arrow.ReadOptions(
            column_names=[str(place) for place in range(len(layout.names))],
            skip_rows=skipped,
            use_threads=bad is None,
        ),
        arrow.ParseOptions(
            delimiter=delimiter(layout.sep),
            quote_char='"' if layout.quoted else False,
            newlines_in_values=layout.quoted,
            invalid_row_handler=bad,
        ),
        # No spelling is a missing value here: the caller finds empty ids.
        arrow.ConvertOptions(column_types=types, include_columns=list(types), null_values=[]),
    )
    return [found[place] for place in types]


def _check_rows(layout: Layout) -> None:
    """Refuse a text without rows, in which arrow can leave a thread that aborts at exit."""
    with open_text(layout) as text:
        for _ in range(layout.skipped + layout.header):
            text.readline()
        if not any(line.strip() for line in text):
            raise DataError(f"{shown(layout.path)} has no rows: expected rows of user and item.")


def _check_quotes(layout: Layout) -> None:
    """Refuse a quote that is never closed: all that follows it would be one value."""
    with open_utf_8(layout) as content:
        if sum(chunk.count(b'"') for chunk in iter(lambda: content.read(1 << 20), b"")) % 2 == 0:
            return
    number = layout.skipped + layout.header
    try:
        for number, _ in _rows(layout, strict=True):  # noqa: B007
            pass
    except csv.Error as error:
        if "end of data" in str(error):
            raise DataError(
                f"{shown(layout.path)}: the row after line {number} opens a quote that is never"
                " closed: close it, or remove it."
            ) from None


def line_numbers(
    layout: Layout, ordinals: Collection[int], good: Collection[int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Return the line numbers of rows: by ordinal, and by place among the rows of good width.

    Ordinals count from 1, places from 0.
    """
    by_ordinal: dict[int, int] = {}
    by_place: dict[int, int] = {}
    place = 0
    for ordinal, (number, width) in enumerate(_rows(layout), 1):
        if ordinal in ordinals:
            by_ordinal[ordinal] = number
        if width == len(layout.names):
            if place in good:
                by_place[place] = number
            place += 1
        if len(by_ordinal) == len(ordinals) and len(by_place) == len(good):
            break
    return by_ordinal, by_place


def _rows(layout: Layout, strict: bool = False) -> Iterator[tuple[int, int]]:
    """Yield the number of the last line, and the width, of every row below the header."""
    with open_utf_8(layout) as content:
        text = io.TextIOWrapper(content, "utf-8", errors="surrogateescape", newline="")
        for _ in range(layout.skipped + layout.header):
            text.readline()
        before = layout.skipped + layout.header
        reader = csv.reader(
            text,
            delimiter=delimiter(layout.sep),
            strict=strict,
            quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
        )
        for fields in reader:
            if fields:
                yield before + reader.line_num, len(fields)
        text.detach()
