"""Open a file for reading: a regular file, unpacked while it is read."""

from __future__ import annotations

import gzip
import io
import math
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from pcrec_core.errors import DataError
from pcrec_core.free_memory import free_bytes

_MAGIC = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}
#: What a damaged archive raises while it is read.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    KeyError,
)
_LONGEST = 80
#: A packed log holds less than so many times its bytes, or at least less than so many.
_RATIO, _SMALL = 100, 1 << 26
#: Bytes of memory that a byte of text takes until it is interactions, and bytes read at once.
_PER_BYTE, _BUFFER = 3, 1 << 18


def shown(path: Path | str) -> str:
    """Return a path as an error shows it: its end, where it is long."""
    text = str(path).encode(errors="replace").decode()
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= _LONGEST else f"...{text[-_LONGEST + 3 :]}"


def require_regular(path: Path) -> int:
    """Return the size of a regular file in bytes.

    A pipe or device is never opened, since reading it might not end.

    Raises
    ------
    DataError
        There is no such file, or it is a folder, pipe or device.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{shown(path)} cannot be read ({reason}): check the path and its permissions."
        ) from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or device"
        raise DataError(f"{shown(path)} is {kind}, not a file: name a file of interactions.")
    return found.st_size


def compression(path: Path) -> str:
    """Return "gzip", "zip", "zstd" or "" by the first bytes of the file."""
    with _reported(path), path.open("rb") as content:
        head = content.read(4)
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")


@contextmanager
def unpacked(path: Path, packed: str, member: str = "") -> Iterator[BinaryIO]:
    """Open a file, unpacked, for ``with``; ``packed`` is what ``compression`` returns.

    Of a zip archive that is its only file, or the ``member``.

    Raises
    ------
    DataError
        The file cannot be read, is damaged, or is a zip archive of several files; or it holds more
        than the memory, or packed more than any log.
    """
    with _reported(path), _opened(path, packed, member) as content:
        bounded = _Bounded(content, path, path.stat().st_size if packed else None)
        yield io.BufferedReader(bounded, _BUFFER)


@contextmanager
def _opened(path: Path, packed: str, member: str) -> Iterator[Any]:
    if packed == "zip":
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(member or _only(path, archive)) as content,
        ):
            yield content
    elif packed == "gzip":
        with gzip.open(path) as content:
            yield content
    elif packed == "zstd":
        with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as content:
            yield content
    else:
        with path.open("rb") as content:
            yield content


class _Bounded(io.RawIOBase):
    """The bytes of a file, up to what the memory holds, and what a packed log can hold.

    Parameters
    ----------
    content : object with ``read``
    path : Path
        The file, for errors.
    size : int, optional
        Bytes of the packed file.
    """

    def __init__(self, content: Any, path: Path, size: int | None) -> None:
        self._content, self._path, self._read = content, path, 0
        self._free = free_bytes()
        self._most = math.inf if size is None else max(_SMALL, _RATIO * size)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and return the number of bytes."""
        chunk = self._content.read(len(buffer))
        self._read += len(chunk)
        require_room(self._path, _PER_BYTE * self._read, self._free)
        if self._read > self._most:
            raise DataError(
                f"{shown(self._path)} holds over {_RATIO} times the bytes that it has packed, which"
                " no log does: if it is right, unpack it and name what comes out."
            )
        buffer[: len(chunk)] = chunk
        return len(chunk)


def require_room(path: Path, needed: int, free: int) -> None:
    """Refuse to read what needs more bytes of memory than are free."""
    if needed > free:
        raise DataError(
            f"{shown(path)} needs more than the {free / 2**30:.1f} GiB of memory that are free:"
            " take a part of it, or a machine with more memory."
        )


def _only(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        one
        for one in archive.infolist()
        if not one.is_dir() and not one.filename.startswith("__MACOSX/")
    ]
    if any(one.filename == "xl/workbook.xml" for one in members):
        raise DataError(f"{shown(path)} is an Excel workbook: save the sheet as csv.")
    if len(members) != 1:
        raise DataError(
            f"{shown(path)} is a zip archive of {len(members)} files: unpack it and name one."
        )
    return members[0]


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn what a damaged or unreadable file raises into a ``DataError``."""
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, DataError):
            raise
        text = str(error.args[0])[:80] if error.args else "damaged"
        reason = getattr(error, "strerror", None) or text
        raise DataError(
            f"{shown(path)} cannot be read ({reason}): check the file and its permissions."
        ) from None
