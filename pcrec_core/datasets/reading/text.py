"""The text of a file: its lines, or its bytes in UTF-8 with a separator of one character."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from pcrec_core.datasets.reading.layout import Layout
from pcrec_core.datasets.reading.opening import shown, unpacked
from pcrec_core.datasets.reading.separators import BLANKS
from pcrec_core.errors import DataError

#: What replaces a separator of several characters, and is in no text.
_UNIT = "\x1f"


@contextmanager
def open_text(layout: Layout) -> Iterator[io.TextIOWrapper]:
    """Open the text of a layout; bytes that are not of its encoding become surrogates."""
    encoding = "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding
    with unpacked(layout.path, layout.compression, layout.member) as content:
        try:
            yield io.TextIOWrapper(content, encoding, errors="surrogateescape", newline="")
        except UnicodeError as error:
            raise _no_text(layout, error) from None


@contextmanager
def open_utf_8(layout: Layout) -> Iterator[BinaryIO]:
    """Open the content in UTF-8, with a separator of one character."""
    plain = layout.encoding == "utf-8" and len(layout.sep) == 1 and layout.sep != BLANKS
    with unpacked(layout.path, layout.compression, layout.member) as content:
        yield content if plain else io.BytesIO(_rewritten(layout, content))


def require_text(layout: Layout) -> None:
    """Raise ``DataError`` if a text is not UTF-8, for arrow gives rows of another width as str."""
    try:
        with open_utf_8(layout) as content:
            for _ in codecs.iterdecode(iter(lambda: content.read(1 << 20), b""), "utf-8"):
                pass
    except UnicodeError as error:
        raise _no_text(layout, error) from None


def delimiter(sep: str) -> str:
    """Return the character that divides fields in what ``open_utf_8`` opens, given the file's."""
    return "\t" if sep == BLANKS else sep if len(sep) == 1 else _UNIT


def _no_text(layout: Layout, error: UnicodeError) -> DataError:
    reason = getattr(error, "reason", str(error))[:60]
    return DataError(
        f"{shown(layout.path)} is not {layout.encoding} text ({reason}): is it another encoding"
        " (--encoding)?"
    )


def _rewritten(layout: Layout, content: BinaryIO) -> bytes:
    whole = content.read()
    if layout.encoding != "utf-8":
        try:
            whole = whole.decode(layout.encoding).removeprefix("\ufeff").encode()
        except UnicodeError as error:
            raise _no_text(layout, error) from None
    if layout.sep == BLANKS:
        whole = re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", whole)
        return re.sub(rb"[ \t]+", b"\t", whole)
    return whole.replace(layout.sep.encode(), _UNIT.encode()) if len(layout.sep) > 1 else whole
