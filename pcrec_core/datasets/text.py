"""Delimited text: pyarrow reads it; where that fails, the first bad line is named."""

from __future__ import annotations

import csv
import math
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pyarrow as pa
from pyarrow import csv as arrow

from pcrec_core.errors import DataError

#: A file on disk, or a member of a zip archive, which is read without being unpacked to disk.
File = Path | zipfile.Path


@dataclass(frozen=True)
class Layout:
    """The layout of a text file.

    Parameters
    ----------
    columns : tuple of str
        All columns, in file order.
    kinds : dict of str to str
        The columns that are read, each with the kind of its values: "integer", "number" or "id"
        (any text that is not empty).
    delimiter : str
        One character.
    header : bool
        Whether the first line holds names; values may then be quoted, as in csv files.
    """

    columns: tuple[str, ...]
    kinds: dict[str, str]
    delimiter: str
    header: bool = False


def read_columns(path: File, layout: Layout) -> dict[str, pa.ChunkedArray]:
    """Read the columns of ``layout.kinds``: "integer" as int64, others as text, not yet checked.

    Raises
    ------
    DataError
        The file is empty, or a line has too few or too many fields, or text in the place of an
        integer.
    """
    with path.open("rb") as content:
        # The readers of files and of members of a zip archive both have `peek`; `IO` has not.
        if not content.peek(1):  # type: ignore[attr-defined]
            raise _nothing(path, layout, "is empty")
        if not _has_rows(path, layout):
            raise _nothing(path, layout, "has no rows")
        try:
            table = arrow.read_csv(content, *_options(layout))
        except pa.ArrowInvalid as error:
            raise fault(path, layout, str(error)) from None
    return {name: table[name] for name in layout.kinds}


def _has_rows(path: File, layout: Layout) -> bool:
    """Return whether there is a line after the header.

    Arrow must not read a table without rows: it may leave a thread that aborts the process at exit.
    """
    with _lines(path) as lines:
        if layout.header:
            next(csv.reader(lines, delimiter=layout.delimiter), None)
        return any(line.strip("\r\n") for line in lines)


def _options(layout: Layout) -> tuple[arrow.ReadOptions, arrow.ParseOptions, arrow.ConvertOptions]:
    types = {
        name: pa.int64() if kind == "integer" else pa.string()
        for name, kind in layout.kinds.items()
    }
    return (
        arrow.ReadOptions(column_names=list(layout.columns), skip_rows=int(layout.header)),
        arrow.ParseOptions(
            delimiter=layout.delimiter,
            quote_char='"' if layout.header else False,
            newlines_in_values=layout.header,
        ),
        # No spelling is a missing value: an empty number is an error, the caller finds empty ids.
        arrow.ConvertOptions(column_types=types, include_columns=list(types), null_values=[]),
    )


def header(path: File, delimiter: str) -> tuple[str, ...]:
    """Return the names in the first line.

    Raises
    ------
    DataError
        The file cannot be read, is empty, or is no UTF-8 text.
    """
    try:
        with _lines(path) as lines:
            names = next(csv.reader(lines, delimiter=delimiter), None)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}): check the path and its permissions."
        ) from None
    except csv.Error as error:
        raise DataError(
            f"{path} has no first line of column names ({error}): is it a csv file?"
        ) from None
    if not names:
        raise DataError(
            f"{path} is empty, or its first line is: expected a first line with the names of the"
            " columns."
        )
    if any(map(undecoded, names)):
        raise DataError(
            f"{path} is not UTF-8 text: save it as UTF-8, and unpack it if it is compressed."
        )
    return tuple(names)


def check_header(path: File, layout: Layout) -> None:
    """Raise ``DataError`` unless the first line names all columns of ``layout``, in their order."""
    found = header(path, layout.delimiter)
    if found != layout.columns:
        raise DataError(
            f"{path}, line 1 names the columns {', '.join(found)}, not {', '.join(layout.columns)}:"
            " take the original file."
        )


def _lines(path: File) -> TextIO:
    return path.open(newline="", encoding="utf-8-sig", errors="surrogateescape")


def fault(path: File, layout: Layout, otherwise: str) -> DataError:
    """Return the error that names the first bad line, or gives the reason ``otherwise``."""
    with _lines(path) as lines:
        reader = csv.reader(
            lines,
            delimiter=layout.delimiter,
            strict=True,
            quoting=csv.QUOTE_MINIMAL if layout.header else csv.QUOTE_NONE,
        )
        rows = 0
        try:
            if layout.header:
                next(reader)
            for fields in reader:
                rows += bool(fields)
                wrong = _wrong(fields, layout)
                if wrong:
                    return DataError(f"{path}, line {reader.line_num}{wrong}")
        except csv.Error as error:
            return DataError(
                f"{path}, line {reader.line_num} cannot be read as csv ({error}): correct its"
                " quotes."
            )
    # A header without an end of line is no row, but pyarrow calls it too short to be skipped.
    return (
        DataError(f"{path} cannot be read: {otherwise}.")
        if rows
        else _nothing(path, layout, "has no rows")
    )


def _nothing(path: File, layout: Layout, fault: str) -> DataError:
    return DataError(f"{path} {fault}: expected lines of {_named(layout)}.")


def _wrong(fields: list[str], layout: Layout) -> str | None:
    if fields and len(fields) != len(layout.columns):
        return (
            f" has {_count(len(fields), 'field')}, not the {len(layout.columns)} of"
            f" {_named(layout)}: correct or remove the line."
        )
    for name, value in zip(layout.columns, fields, strict=False):  # a blank line has no fields
        if name in layout.kinds:
            wrong = (
                "holds bytes that are not UTF-8"
                if undecoded(value)
                else _CHECKS[layout.kinds[name]](value)
            )
            if wrong:
                shown = value.encode(errors="surrogateescape") if undecoded(value) else value
                return f", column {name!r}: {shown!r} {wrong}: correct or remove the line."
    return None


def _named(layout: Layout) -> str:
    separator = {"\t": "a tab", " ": "a space", ",": "a comma"}[layout.delimiter]
    return f"{', '.join(layout.columns)} (separated by {separator})"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")


def undecoded(value: str) -> bool:
    """Return whether text read by ``errors="surrogateescape"`` has bytes that are not UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in value)


def _not_integer(value: str) -> str | None:
    if not re.fullmatch(r"\s*-?\d+\s*", value, re.ASCII):
        return "is not an integer, as this format has there"
    return None if -(2**63) <= int(value) < 2**63 else "does not fit into 64 bits"


def _not_number(value: str) -> str | None:
    try:
        finite = math.isfinite(float(value))
    except ValueError:
        return "is not a number (dates must be written as one, for example Unix seconds)"
    return None if finite else "is not a finite number"


def _not_id(value: str) -> str | None:
    return "is not an id" if value.strip().lower() in MISSING else None


#: Spellings of a missing value, in lower case: they are never an id.
MISSING = ("", "nan")
_CHECKS: dict[str, Callable[[str], str | None]] = {
    "integer": _not_integer,
    "number": _not_number,
    "id": _not_id,
}
