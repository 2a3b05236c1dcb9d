"""Reading delimited text: pyarrow on the good way; where that fails, the first bad line is looked for and named."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow

from pcrec_core.errors import DataError


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out.

    Parameters
    ----------
    columns : tuple of str
        All columns, in file order.
    kinds : dict of str to str
        The columns that are read, and what each holds: "integer", "number" or "id" (any text that is not empty).
    delimiter : str
        One character.
    header : bool
        The first line holds names; values may then be quoted, as csv files are.
    """

    columns: tuple[str, ...]
    kinds: dict[str, str]
    delimiter: str
    header: bool = False


def read_columns(path: Path, layout: Layout) -> dict[str, pa.ChunkedArray]:
    """The columns of ``layout.kinds``, "integer" as int64, the others as text that is not checked yet.

    Raises
    ------
    DataError
        The file is empty, or a line has too few or too many fields or a text where a number belongs.
    """
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty: expected lines of {_named(layout)}.")
    try:
        table = arrow.read_csv(path, *_options(layout))
    except pa.ArrowInvalid as error:
        raise fault(path, layout, str(error)) from None
    if not table.num_rows:
        raise DataError(f"{path} has no rows: expected lines of {_named(layout)}.")
    return {name: table[name] for name in layout.kinds}


def _options(layout: Layout) -> tuple[arrow.ReadOptions, arrow.ParseOptions, arrow.ConvertOptions]:
    types = {name: pa.int64() if kind == "integer" else pa.string() for name, kind in layout.kinds.items()}
    return (arrow.ReadOptions(column_names=list(layout.columns), skip_rows=int(layout.header)),
            arrow.ParseOptions(delimiter=layout.delimiter, quote_char='"' if layout.header else False,
                               newlines_in_values=layout.header),
            # No spelling counts as a missing value: an empty number is an error, an empty id is found by the caller.
            arrow.ConvertOptions(column_types=types, include_columns=list(types), null_values=[]))


def fault(path: Path, layout: Layout, otherwise: str) -> DataError:
    """The error that names the first bad line of a file, or says ``otherwise`` where none is found."""
    with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as lines:
        reader = csv.reader(lines, delimiter=layout.delimiter, strict=True,
                            quoting=csv.QUOTE_MINIMAL if layout.header else csv.QUOTE_NONE)
        try:
            next(reader) if layout.header else None
            for fields in reader:
                wrong = _wrong(fields, layout)
                if wrong:
                    return DataError(f"{path}, line {reader.line_num}{wrong}")
        except csv.Error as error:
            return DataError(f"{path}, line {reader.line_num} cannot be read as csv ({error}): correct its quotes.")
    return DataError(f"{path} cannot be read: {otherwise}.")


def _wrong(fields: list[str], layout: Layout) -> str | None:
    if fields and len(fields) != len(layout.columns):
        return (f" has {_count(len(fields), 'field')}, not the {len(layout.columns)} of {_named(layout)}:"
                " correct or remove the line.")
    for name, value in zip(layout.columns, fields, strict=False):  # a blank line has no fields
        if name in layout.kinds:
            wrong = "holds bytes that are not UTF-8" if undecoded(value) else _CHECKS[layout.kinds[name]](value)
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
    """Whether a text, read with ``errors="surrogateescape"``, holds bytes that are not UTF-8."""
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


#: Spellings of "nothing here", in lower case: they are never an id.
MISSING = ("", "nan")
_CHECKS: dict[str, Callable[[str], str | None]] = {"integer": _not_integer, "number": _not_number, "id": _not_id}
