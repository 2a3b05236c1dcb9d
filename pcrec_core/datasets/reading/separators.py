"""Separator, header and leading lines of a text, from its first lines."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pcrec_core.datasets.reading import aliases
from pcrec_core.datasets.reading.opening import shown
from pcrec_core.datasets.reading.options import Options
from pcrec_core.datasets.reading.times import looks_numeric_or_date
from pcrec_core.errors import DataError

BLANKS = " "
CANDIDATES = ("\t", ",", ";", "|", "::", BLANKS)
NAMED = {"\t": "tab", BLANKS: "blanks", ",": "','", ";": "';'", "|": "'|'", "::": "'::'"}
_LINES = 500
#: Share of the lines that must have equally many fields.
_EQUAL = 0.5

Rows = list[list[str]]


@dataclass(frozen=True)
class Found:
    """What is found: as in ``Layout``, with the first rows, and whether lines are sequences."""

    sep: str
    header: bool
    skipped: int
    names: tuple[str, ...]
    rows: Rows
    sequences: bool = False


def detect(path: Path, lines: Sequence[str], options: Options) -> Found:
    """Detect separator and header.

    Raises
    ------
    DataError
        There are no rows, or the lines can be read in more than one way.
    """
    skipped, sep = _leading(lines)
    sep = options.sep or sep
    lines = lines[skipped : skipped + _LINES]
    if not any(line.strip() for line in lines):
        raise DataError(f"{shown(path)} has no rows: expected rows of user, item and time.")
    lines = [lines[0].lstrip("#") if _commented(lines) else lines[0], *lines[1:]]
    by_sep = {each: _fields(lines, each) for each in ([sep] if sep else CANDIDATES)}
    if options.format == "sequences" or (not sep and not options.format and _ragged(by_sep)):
        return _sequences(by_sep, skipped)
    chosen = sep or _separator(path, by_sep, options)
    rows = by_sep[chosen]
    if _shape(rows)[0] == 1:
        raise DataError(
            f"{shown(path)} has only one column by {NAMED.get(chosen, repr(chosen))}: is the"
            " separator another one (--sep)?"
        )
    names, rest = [name.strip() for name in rows[0]], rows[1:]
    if not _has_header(path, names, rest, options):
        width = Counter(map(len, rows)).most_common(1)[0][0]
        return Found(chosen, False, skipped, tuple(map(str, range(width))), rows)
    return Found(chosen, True, skipped, tuple(names), rest)


def _leading(lines: Sequence[str]) -> tuple[int, str | None]:
    """Return how many lines stand before the header or first row, and the ``sep=`` among them."""
    for place, line in enumerate(lines):
        if named := re.fullmatch(r'"?sep=(.{1,2}?)"?', line.strip("\r\n"), re.IGNORECASE):
            return place + 1, BLANKS if named[1].isspace() and named[1] != "\t" else named[1]
        if line.strip() and not (line.startswith("#") and not _is_header(line)):
            return place, None
        if all(other.startswith("#") for other in lines if other.strip()):
            return _first(lines), None
    return len(lines), None


def _first(lines: Sequence[str]) -> int:
    return next((place for place, line in enumerate(lines) if line.strip()), len(lines))


def _is_header(line: str) -> bool:
    names = (_fields([line.lstrip("#")], sep) for sep in CANDIDATES)
    return any(aliases.recognised(rows[0]) for rows in names if rows)


def _commented(lines: Sequence[str]) -> bool:
    return lines[0].startswith("#") and _is_header(lines[0])


def _fields(lines: Sequence[str], sep: str) -> Rows:
    """Return the fields of the lines that are not blank."""
    full = [line for line in lines if line.strip()]
    if sep == BLANKS:
        return [re.split(r"[ \t]+", line.strip(" \t")) for line in full]
    if len(sep) > 1:
        return [line.split(sep) for line in full]
    try:
        return [row for row in csv.reader([f"{line}\n" for line in full], delimiter=sep) if row]
    except csv.Error:
        return [[line] for line in full]


def _shape(rows: Rows) -> tuple[int, float]:
    """Return the most frequent number of fields, and its share of the rows."""
    widths = Counter(map(len, rows))
    width, many = max(widths.items(), key=lambda each: (each[1], each[0]))
    return width, many / len(rows)


def _ragged(by_sep: dict[str, Rows]) -> bool:
    """Return whether lines have two fields or more, but no number of fields is usual."""
    if any(_shape(rows)[1] >= _EQUAL and _shape(rows)[0] > 1 for rows in by_sep.values()):
        return False
    return any(all(len(row) > 1 for row in rows) for rows in by_sep.values() if len(rows) > 1)


def _sequences(by_sep: dict[str, Rows], skipped: int) -> Found:
    sep = max(by_sep, key=lambda each: sum(len(row) for row in by_sep[each]))
    return Found(sep, False, skipped, ("user", "item"), [], sequences=True)


def _separator(path: Path, by_sep: dict[str, Rows], options: Options) -> str:
    """Return the separator by which the lines have equally many fields."""
    shapes = {sep: _shape(rows) for sep, rows in by_sep.items()}
    usual = {sep: share for sep, (width, share) in shapes.items() if width > 1 and share >= _EQUAL}
    last = max((int(number) for number in options.columns or () if number.isdecimal()), default=0)
    usual = {sep: share for sep, share in usual.items() if shapes[sep][0] > last} or usual
    known = [sep for sep in by_sep if _meets(by_sep[sep][0], options.columns)]
    if len(known) == 1:
        return known[0]
    best = max(usual.values(), default=0)
    likely = [sep for sep in usual if usual[sep] > best - 0.05]
    if len(likely) > 1:  # blanks stand inside of values, such as dates
        likely = [sep for sep in likely if sep != BLANKS]
    if not likely:
        raise DataError(
            f"{shown(path)} has only one column: no tab, blank, ',', ';', '|' or '::' divides its"
            " lines; is it another separator (--sep) or encoding (--encoding), or no text?"
        )
    if len(likely) > 1:
        one, other = (f"{shapes[sep][0]} columns by {NAMED[sep]}" for sep in likely[:2])
        raise DataError(f"{shown(path)} can be read as {one} or as {other}: choose one with --sep.")
    return likely[0]


def _meets(names: Sequence[str], wanted: Sequence[str] | None) -> bool:
    """Return whether the names of a first line are those that are wanted or recognised."""
    if wanted is None or all(name.isdecimal() for name in wanted):
        return aliases.recognised(names)
    return {aliases.folded(name) for name in wanted} <= {aliases.folded(name) for name in names}


def _has_header(path: Path, names: Sequence[str], rest: Rows, options: Options) -> bool:
    if options.header is not None:
        return options.header
    wanted = options.columns or ()
    if any(not name.isdecimal() for name in wanted) or any(
        aliases.roles(names)[role] for role in ("user", "item")
    ):
        return True
    whole = [row for row in rest if len(row) == len(names)]
    typed = [looks_numeric_or_date([row[i] for row in whole]) for i in range(len(names))]
    first = [looks_numeric_or_date([name]) for name in names]
    if any(one and other for one, other in zip(typed, first, strict=True)):
        return False
    if any(typed) and not any(first):
        return True
    if any(name in {row[i] for row in whole} for i, name in enumerate(names)) or any(first):
        return False
    raise DataError(
        f"{shown(path)}: does its first line hold names or data? All values are text: give --header"
        " or --no-header."
    )
