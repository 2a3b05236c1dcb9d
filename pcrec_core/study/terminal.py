"""What a command prints: plain characters only, to streams that may be closed or full."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

from pcrec_core.errors import FileError


def harmless(text: str) -> str:
    r"""Escape every character of a text that a terminal might obey.

    A blank that does not break becomes a plain one.

    Examples
    --------
    >>> print(harmless("red \x1b[31m, 5\xa0%,\nend"))
    red \x1b[31m, 5 %,
    end
    """
    return "".join(c if c.isprintable() or c == "\n" else _plain(c) for c in text)


def _plain(c: str) -> str:
    return " " if unicodedata.category(c) == "Zs" else c.encode("unicode_escape").decode()


def say(text: str) -> None:
    """Print lines on stdout; ``FileError`` where it is closed or full.

    Where the reader has closed the pipe, as ``head`` does, this and all that follows is dropped.
    """
    try:
        print(harmless(text), flush=True)
    except BrokenPipeError:
        drop(sys.stdout)
    except OSError as error:
        drop(sys.stdout)
        raise FileError(f"the output cannot be written ({error.strerror or error}).") from None


def complain(text: str) -> None:
    """Print lines on stderr, or drop them where it is closed or full."""
    try:
        print(harmless(text), file=sys.stderr, flush=True)
    except OSError:
        with suppress(OSError):
            drop(sys.stderr)


def prepare() -> bool:
    """Open streams that the caller closed, and escape what they cannot encode.

    A closed descriptor would be given to the next file, which would then be printed to.

    Returns
    -------
    bool
        Whether stdout was open.
    """
    is_open = sys.stdout is not None
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        if isinstance(stream := getattr(sys, name), TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return is_open


def drop(stream: TextIO) -> None:
    """Discard the rest of a stream, so that Python can exit without an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
