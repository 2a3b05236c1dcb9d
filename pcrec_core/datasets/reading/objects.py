"""JSON: one object per line, an array of objects, or lines of Python dicts."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from pcrec_core.datasets.reading.opening import shown
from pcrec_core.errors import DataError

_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_SAMPLED = 50
_BLANK = "\ufeff \t\r\n"


def sample(path: Path, text: str) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the keys of the first objects, and these objects as rows of text.

    Raises
    ------
    DataError
        The text has no object.
    """
    found = []
    for value in _first_objects(text):
        if isinstance(value, dict):
            found.append(value)
        if len(found) == _SAMPLED:
            break
    if not found:
        raise DataError(
            f"{shown(path)} begins like JSON, but its first value is not an object with names, such"
            ' as {"user": 1, "item": 2, "time": 3}.'
        )
    names = tuple(dict.fromkeys(name for each in found for name in each))
    return names, [[str(each.get(name, "")) for name in names] for each in found]


def _first_objects(text: str) -> Iterator[Any]:
    text = text.lstrip()
    if not text.startswith("["):
        for line in text.split("\n"):
            if line.strip():
                yield parsed(line)
        return
    place = 1
    while gap := re.compile(r"[\s,]*(?=\{)").match(text, place):
        try:
            value, place = _DECODER.raw_decode(text, gap.end())
        except (ValueError, RecursionError):
            return
        yield value


def parsed(line: str) -> Any:
    """Return the value of a line: JSON, or a Python dict as in the files of Steam; else None."""
    try:
        return _DECODER.decode(line.strip())
    except (ValueError, RecursionError):
        pass
    if not line.lstrip().startswith("{"):
        return None
    try:
        return ast.literal_eval(line.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def rows(path: Path, text: TextIO, names: Sequence[str]) -> Iterator[tuple[int, list[str] | None]]:
    """Yield the number of each object, from 1, and its values of ``names`` as text.

    The number is that of the line, or of the object in an array. A value that is missing is "";
    ``None`` stands for an object that cannot be read.

    Raises
    ------
    DataError
        An array is damaged.
    """
    first: list[str] = []  # up to the first line that is not blank
    for line in text:
        first.append(line)
        if line.strip(_BLANK):
            break
    numbered: Iterator[tuple[int, Any]]
    if first and first[-1].lstrip(_BLANK).startswith("["):
        whole = "".join(first) + text.read()
        numbered = enumerate(_array(path, whole.lstrip("\ufeff")), 1)
    else:
        lines = enumerate(chain(first, text), 1)
        numbered = ((n, parsed(line.lstrip("\ufeff"))) for n, line in lines if line.strip())
    for number, value in numbered:
        yield number, _values(value, names)


def _array(path: Path, text: str) -> list[Any]:
    try:
        found = _DECODER.decode(text.strip())
    except (ValueError, RecursionError) as error:
        reason = str(error).partition(":")[0][:60]
        raise DataError(f"{shown(path)} is not a whole JSON array ({reason}): is it cut?") from None
    return found if isinstance(found, list) else [found]


def _values(value: Any, names: Sequence[str]) -> list[str] | None:
    if not isinstance(value, dict):
        return None
    found = [value.get(name) for name in names]
    if any(isinstance(one, (dict, list, tuple, set)) for one in found):
        return None
    return ["" if one is None else str(one) for one in found]
