"""How a file is read: detected from its beginning, except for what is given."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from pcrec_core.datasets.reading import columns, objects, separators
from pcrec_core.datasets.reading.opening import compression, require_regular, shown, unpacked
from pcrec_core.datasets.reading.options import Options
from pcrec_core.errors import DataError

#: Bytes of the file's beginning from which everything is detected.
SAMPLE = 1 << 18
_MARKS = {b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather"}


@dataclass(frozen=True)
class Layout:
    """Everything that decides how a file is read.

    Parameters
    ----------
    path : Path
    format : {"delimited", "sequences", "json", "parquet", "feather"}
    compression : {"", "gzip", "zip", "zstd"}
    encoding : str
        Of the text; empty for parquet and feather.
    names : tuple of str
        All columns; without a header their numbers from 0.
    columns : tuple of str
        Those of user, item and, where there are times, time.
    sep : str
        The separator; " " stands for a run of blanks and tabs, "" for none.
    header : bool
        Whether the file holds the ``names``.
    skipped : int
        Lines before the header or the first row.
    quoted : bool
        Whether values can be quoted.
    date_format : str, optional
        Format of the times.
    skip_bad_rows : bool
        Whether bad rows are left out.
    member : str
        Name of the file in a zip archive of several.
    """

    path: Path
    format: str
    compression: str
    encoding: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    sep: str = ""
    header: bool = True
    skipped: int = 0
    quoted: bool = True
    date_format: str | None = None
    skip_bad_rows: bool = False
    member: str = ""


def layout_of(path: Path, options: Options | None = None) -> Layout:
    """Detect how a file is read.

    Raises
    ------
    DataError
        The file cannot be read, is empty, or can be read in more than one way.
    """
    options = options or Options()
    if not require_regular(path):
        raise DataError(f"{shown(path)} is empty: expected rows of user, item and time.")
    packed = compression(path)
    with unpacked(path, packed) as content:
        head = content.read(SAMPLE)
    kind = options.format or _binary(head)
    start = Layout(
        path, kind or "", packed, "", (), (),
        date_format=options.date_format, skip_bad_rows=options.skip_bad_rows,
    )  # fmt: skip
    if kind in ("parquet", "feather"):
        names = _schema(start)
        if len(set(names)) < len(names):
            raise DataError(f"{shown(path)} has several columns of one name: give each its own.")
        chosen = columns.choose(path, names, [], options.columns, header=True)
        return replace(start, names=names, columns=chosen)
    start = replace(start, encoding=options.encoding or _encoding(head))
    text = _decoded(path, head, start.encoding)
    if kind == "json" or (kind is None and text.lstrip()[:1] in ("{", "[")):
        names, rows = objects.sample(path, text)
        chosen = columns.choose(path, names, rows, options.columns, header=True)
        return replace(start, format="json", names=names, columns=chosen)
    return _delimited(start, _whole_lines(text, len(head) < SAMPLE), options)


def _delimited(start: Layout, lines: list[str], options: Options) -> Layout:
    found = separators.detect(start.path, lines, options)
    start = replace(
        start,
        names=columns.distinct(found.names),
        sep=found.sep,
        header=found.header,
        skipped=found.skipped,
    )
    if found.sequences:
        return replace(start, format="sequences", columns=found.names)
    try:
        chosen = columns.choose(start.path, found.names, found.rows, options.columns, found.header)
    except DataError:
        if not found.header or columns.known_by_name(found.names, options.columns):
            raise
        raise DataError(
            f"{shown(start.path)}: none of the {len(found.names)} columns of the first line has a"
            " name that is known or given: give --no-header if it is data, or name the columns as"
            " they are named there, or by number from 0."
        ) from None
    return replace(start, format="delimited", columns=chosen)


def minimal(path: Path, options: Options) -> Options:
    """Return the options without those that only repeat what is detected without them."""
    whole = layout_of(path, options)
    for name in options.stated():
        given: dict[str, Any] = {**vars(options)}
        del given[name]
        try:
            if name != "skip_bad_rows" and layout_of(path, Options(**given)) == whole:
                options = Options(**given)
        except DataError:
            pass  # without the option the detection fails, so it is needed
    return options


def _binary(head: bytes) -> str | None:
    return next((kind for mark, kind in _MARKS.items() if head.startswith(mark)), None)


def _encoding(head: bytes) -> str:
    """Return UTF-16 where a mark or every second byte shows it, else UTF-8."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    even, odd = head[:1000:2].count(0), head[1:1000:2].count(0)
    half = len(head[:1000]) // 2
    if half > 8 and max(even, odd) > 0.8 * half:
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"


def _decoded(path: Path, head: bytes, encoding: str) -> str:
    if encoding == "utf-8":
        return head.decode("utf-8-sig", errors="surrogateescape")
    try:
        return head.decode(encoding, errors="ignore").removeprefix("\ufeff")
    except (UnicodeError, ValueError) as error:
        raise DataError(f"{shown(path)} is not {encoding} text ({str(error)[:60]}).") from None


def _whole_lines(text: str, complete: bool) -> list[str]:
    lines = text.splitlines(keepends=True) if "\r" in text else text.split("\n")
    lines = [line.rstrip("\r\n") for line in lines]
    return lines if complete or len(lines) == 1 else lines[:-1]


def _schema(start: Layout) -> tuple[str, ...]:
    """Return the names of the columns of a parquet or feather file."""
    path, kind = start.path, start.format
    if start.compression:
        raise DataError(f"{shown(path)} is a packed {kind} file: unpack it.")
    try:
        if kind == "parquet":
            return tuple(parquet.read_schema(path).names)
        with pa.OSFile(str(path)) as source:
            return tuple(pa.ipc.open_file(source).schema.names)
    except (pa.ArrowException, OSError, json.JSONDecodeError) as error:
        raise DataError(
            f"{shown(path)} cannot be read as {kind} ({str(error)[:60]!r}): is it whole?"
        ) from None
