"""Which columns are the user, the item and the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from pcrec_core.datasets.reading.aliases import ALIASES, OTHERS, folded, roles
from pcrec_core.datasets.reading.opening import shown
from pcrec_core.datasets.reading.times import looks_like_time, looks_numeric_or_date
from pcrec_core.errors import DataError, unknown

_MOST = 6


def choose(
    path: Path,
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    wanted: Sequence[str] | None,
    header: bool,
) -> tuple[str, ...]:
    """Return the names of the columns of user, item and, where there is one, time.

    A column whose name is not its own is named by its number, as in ``distinct``.

    Parameters
    ----------
    path : Path
        The file, for errors.
    names : sequence of str
        Of all columns; without a header their numbers.
    rows : sequence of rows
        The first rows as text.
    wanted : sequence of str, optional
        The columns that the user names.
    header : bool
        Whether ``names`` were read from the file.

    Raises
    ------
    DataError
        A column is not there, or several could be meant: then the error gives the readings.
    """
    if wanted is not None:
        return _named(path, names, wanted, header)
    return _by_name(path, names, rows) if header else _by_content(path, names, rows)


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, with its number from 0 for each column whose name occurs more than once.

    Examples
    --------
    >>> distinct(["user", "time", "time"])
    ('user', '1', '2')
    """
    many = Counter(names)
    return tuple(str(i) if many[name] > 1 else name for i, name in enumerate(names))


def known_by_name(names: Sequence[str], wanted: Sequence[str] | None) -> bool:
    """Return whether a name in a first line is wanted, or common in logs.

    Otherwise the line may be a row, which no error may show.
    """
    usual = {*OTHERS, *(alias for each in ALIASES.values() for alias in each)}
    usual |= {folded(name) for name in wanted or () if not name.isdecimal()}
    return not usual.isdisjoint({folded(name) for name in names} - {""})


def _named(
    path: Path, names: Sequence[str], wanted: Sequence[str], header: bool
) -> tuple[str, ...]:
    found = tuple(_find(path, names, one, header) for one in wanted)
    if len(set(found)) < len(found):
        raise DataError(
            f"{shown(path)}: the columns {_short(found)} are not different: name one for each"
            " meaning."
        )
    return found


def _find(path: Path, names: Sequence[str], wanted: str, header: bool) -> str:
    same = [name for name in names if name == wanted] or [
        name for name in names if folded(name) == folded(wanted) != ""
    ]
    if not same and wanted.isdecimal() and int(wanted) < len(names):
        return distinct(names)[int(wanted)]
    if not same and not header:
        raise DataError(
            f"{shown(path)} has no header: name its {len(names)} columns by number from 0, such as"
            " --columns 0,1, or give --header; column"
            f" {_short([wanted])} is none of them."
        )
    if not same:
        raise DataError(f"{shown(path)}: {_unknown(wanted, names)}")
    if Counter(names)[same[0]] > 1 or len(same) > 1:
        raise DataError(
            f"{shown(path)}: column {_short([wanted])} occurs more than once: name it by number,"
            " from 0."
        )
    return same[0]


def _unknown(wanted: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return (
            f"column {_short([wanted])} is unknown, for there is only one column: is the separator"
            " another one (--sep)?"
        )
    return unknown("column", wanted[:40], [_printable(name) for name in names[:_MOST]])


def _by_name(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    own, of_role = distinct(names), roles(names)
    found = {
        role: [one for one, name in zip(own, names, strict=True) if name in of_role[role]]
        for role in of_role
    }
    for role in ("user", "item"):
        if not found[role]:
            raise DataError(
                f"{shown(path)}: no column of {role}s is recognised among {_short(names)}: name"
                " the columns (--columns USER,ITEM,TIME)."
            )
    unlike = (*of_role["user"], *of_role["item"])
    found["time"] = found["time"] or _perhaps_times(names, rows, unlike)
    chosen = tuple(each[0] for each in found.values() if each)
    if any(len(each) > 1 for each in found.values()) or (found["time"] and not _is_time(chosen)):
        raise _ambiguous(path, found)
    return _named(path, names, chosen, header=True)


def _is_time(chosen: Sequence[str]) -> bool:
    return folded(chosen[-1]) in ALIASES["time"]


def _perhaps_times(
    names: Sequence[str], rows: Sequence[Sequence[str]], unlike: Sequence[str]
) -> list[str]:
    """Return the columns of unknown names that hold numbers or dates, other than ``unlike``."""
    return [
        one
        for place, (one, name) in enumerate(zip(distinct(names), names, strict=True))
        if name not in unlike
        and folded(name) not in (*OTHERS, "")
        and looks_numeric_or_date([row[place] for row in rows if len(row) == len(names)])
    ]


def _by_content(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the columns of a file without header: the user is first, then the item."""
    whole = [row for row in rows if len(row) == len(names)]
    timed = [name for i, name in enumerate(names) if looks_like_time([row[i] for row in whole])]
    if len(names) == 2 and not timed:
        return tuple(names)
    if len(names) > 2 and len(timed) == 1 and timed[0] not in names[:2]:
        return (*names[:2], timed[0])
    if len(timed) == 1 and len(names) == 3:
        return (*(name for name in names if name not in timed), timed[0])
    readings = _readings(names, timed)
    raise DataError(
        f"{shown(path)} has {len(names)} columns and no header, so that they can be read in more"
        f" than one way: give user, item and time, by number from 0, such as --columns"
        f" {readings[0]} or --columns {readings[1]}."
    )


def _readings(names: Sequence[str], timed: Sequence[str]) -> tuple[str, str]:
    """Return two ways of reading columns without a header."""
    others = [name for name in names if name not in timed] or list(names)
    times = list(timed) or list(names[2:])
    second = [others[0], others[2], times[0]] if timed and others[2:] else names[:2]
    return ",".join([*others[:2], *times[:1]]), ",".join(second)


def _ambiguous(path: Path, found: dict[str, list[str]]) -> DataError:
    unclear = {role: each for role, each in found.items() if len(each) > 1}
    readings = [",".join(each) for each in product(*(each[:2] for each in found.values() if each))]
    if not unclear:
        pair = ",".join(each[0] for each in (found["user"], found["item"]))
        return DataError(
            f"{shown(path)}: is {_short(found['time'])} the time? Give --columns {readings[0]}, or"
            f" --columns {pair} if there is none and the order of the file counts."
        )
    role, each = next(iter(unclear.items()))
    return DataError(
        f"{shown(path)}: {_short(each)} can all be the {role}: give --columns {readings[0]} or"
        f" --columns {readings[1]}."
    )


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:24])


def _short(names: Sequence[str]) -> str:
    """Return the first names, shortened."""
    rest = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(repr(name[:24]) for name in names[:_MOST]) + rest
