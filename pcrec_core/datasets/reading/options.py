"""What a user can state about the reading of a file, in place of what is detected."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pcrec_core.errors import SpecError, require_known

FORMATS = ("delimited", "sequences", "json", "parquet", "feather")
#: Separators by the names that the command line accepts beside the characters themselves.
SEPARATORS = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "blank": " ",
    "blanks": " ",
    "space": " ",
}


@dataclass(frozen=True)
class Options:
    """Options that replace what is detected; with ``None`` the value is detected.

    Parameters
    ----------
    columns : tuple of str, optional
        Columns of user and item, or of user, item and time, by name or by number from 0.
    sep : str, optional
        The separator; " " stands for any run of blanks and tabs.
    header : bool, optional
        Whether the first line holds names.
    date_format : str, optional
        Format of the times, as of ``strftime``: ``%d/%m/%Y %H:%M``.
    encoding : str, optional
        A codec of Python, such as ``latin-1``.
    format : {"delimited", "sequences", "json", "parquet", "feather"}, optional
    skip_bad_rows : bool
        Leave bad rows out and count them, instead of stopping.

    Raises
    ------
    SpecError
        A value is impossible.
    """

    columns: tuple[str, ...] | None = None
    sep: str | None = None
    header: bool | None = None
    date_format: str | None = None
    encoding: str | None = None
    format: str | None = None
    skip_bad_rows: bool = False

    def __post_init__(self) -> None:
        """Check the values, and replace the names of separators by their characters."""
        if self.columns is not None:
            names = tuple(name.strip() for name in self.columns)
            if len(names) not in (2, 3) or not all(names):
                raise SpecError(
                    "columns names two or three columns, user,item or user,item,time, not"
                    f" {','.join(names)!r}."
                )
            object.__setattr__(self, "columns", names)
        if self.sep is not None:
            object.__setattr__(self, "sep", _separator(self.sep))
        if self.format is not None:
            require_known("format", self.format, FORMATS)
        if self.encoding is not None:
            _check_encoding(self.encoding)

    def stated(self) -> dict[str, Any]:
        """Return what is given beside the columns, by name."""
        return {
            field.name: value
            for field in dataclasses.fields(self)
            if field.name != "columns"
            and (value := getattr(self, field.name)) is not None
            and value is not field.default
        }

    def words(self) -> tuple[str, ...]:
        """Return what is given beside the columns as ``name=value``, for a spec."""
        return tuple(f"{name}={value}" for name, value in sorted(self.stated().items()))


_BOOLEANS = {"True": True, "False": False}


def from_words(columns: Iterable[str] | None, words: Iterable[str]) -> Options:
    """Return the options whose ``words`` these are.

    Raises
    ------
    SpecError
        A word names no option.
    """
    given: dict[str, Any] = {}
    names = [field.name for field in dataclasses.fields(Options)]
    for word in words:
        name, _, value = word.partition("=")
        require_known("reading option", name, names)
        given[name] = _BOOLEANS.get(value, value)
    return Options(columns=None if columns is None else tuple(columns), **given)


def _separator(given: str) -> str:
    sep = SEPARATORS.get(given.lower(), given)
    if not sep or '"' in sep or "\n" in sep or "\r" in sep or any(c.isalnum() for c in sep):
        raise SpecError(
            f"sep is one or more characters between values, such as ; or tab, not {given!r}."
        )
    return sep


def _check_encoding(name: str) -> None:
    try:
        text = b"a".decode(name) if "16" not in name and "32" not in name else "a".encode(name)
    except (LookupError, UnicodeError, ValueError):
        text = None
    if not isinstance(text, (str, bytes)):
        raise SpecError(
            f"encoding must be a codec of text, such as utf-8, latin-1 or utf-16, not {name!r}."
        )
