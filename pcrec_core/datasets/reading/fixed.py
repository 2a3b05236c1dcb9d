"""Read a published text whose layout is known: nothing is detected."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from pcrec_core.datasets.reading import delimited
from pcrec_core.datasets.reading.faults import refuse
from pcrec_core.datasets.reading.layout import Layout
from pcrec_core.datasets.reading.opening import require_regular, shown
from pcrec_core.datasets.reading.raw import locate_lines, width_faults
from pcrec_core.datasets.reading.reader import faults_of
from pcrec_core.datasets.reading.text import open_text
from pcrec_core.datasets.reading.values import Masks
from pcrec_core.errors import DataError


def published(
    path: Path, names: str, columns: str, sep: str, *, header: bool = False, member: str = ""
) -> Layout:
    """Return the layout of a published text.

    Parameters
    ----------
    path : Path
    names, columns : str
        All columns, and those that are read, separated by blanks.
    sep : str
        One character.
    header : bool
        Whether the first line holds the names.
    member : str
        Name of the text in a zip archive, which is read without being unpacked to disk.
    """
    return Layout(
        path,
        "delimited",
        "zip" if member else "",
        "utf-8",
        tuple(names.split()),
        tuple(columns.split()),
        sep,
        header,
        quoted=False,
        member=member,
    )


def read(layout: Layout, texts: Sequence[str] = ()) -> list[pa.ChunkedArray]:
    """Read the columns of a published text: integers of 64 bits, but for ``texts``.

    Raises
    ------
    DataError
        The file is empty or has another header; or rows are bad: the error gives their kinds,
        their numbers and the first lines.
    """
    if not layout.member and not require_regular(layout.path):
        raise DataError(f"{shown(layout.path)} is empty: use the original file.")
    if layout.header:
        _check_header(layout)
    kinds = {name: pa.string() if name in texts else pa.int64() for name in layout.columns}
    try:
        columns, widths = delimited.table(layout, kinds)
    except pa.ArrowInvalid:
        return _refuse_values(layout, texts)
    _refuse(layout, widths, len(columns[0]), {})
    return columns


def _check_header(layout: Layout) -> None:
    with open_text(layout) as text:
        first = text.readline().strip("\r\n")
    if tuple(first.split(layout.sep)) != layout.names:
        raise DataError(
            f"{shown(layout.path)}, line 1 does not name the columns {', '.join(layout.names)}:"
            " use the original file."
        )


def _refuse_values(layout: Layout, texts: Sequence[str]) -> list[pa.ChunkedArray]:
    """Raise the error that names the values which are not integers."""
    columns, widths = delimited.table(layout)
    masks = {}
    for name, column in zip(layout.columns, columns, strict=True):
        what, good = ("UTF-8 text", _is_text) if name in texts else ("an integer", _is_integer)
        masks[f"{name} that is not {what}"] = np.array([not good(v) for v in column.to_pylist()])
    _refuse(layout, widths, len(columns[0]), masks)
    return columns


def _refuse(layout: Layout, widths: delimited.Widths, rows: int, masks: Masks) -> None:
    faults = [*width_faults(layout, widths), *faults_of(masks, partial(locate_lines, layout))]
    whole = rows + sum(many for many, _ in widths.values())
    refuse(layout.path, faults, whole, advice="use the original file")


def _is_integer(value: bytes) -> bool:
    """Return whether a value is an integer of 64 bits."""
    try:
        return -(2**63) <= int(value) < 2**63 and b"_" not in value
    except ValueError:
        return False


def _is_text(value: bytes) -> bool:
    return value == value.decode(errors="replace").encode()
