"""Files that are written whole or not at all, whether the process is killed or the power is cut."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pcrec_core.errors import FileError
from pcrec_core.locks import lock

_TEMPORARY = ".pcrec-{}.tmp"


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write ``content`` to ``path`` whole or not at all.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    with file_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary(path.parent) as file:
            file.write(content)
            install(file, path)


@contextmanager
def temporary(folder: Path) -> Iterator[BinaryIO]:
    """Open a new temporary file in ``folder``, and delete it at the end unless it was installed.

    Its name cannot be predicted, and nothing that exists is followed or overwritten. The file is
    locked while it is open: an unlocked one was left by a process that died, and is deleted.
    """
    remove_abandoned(folder)
    file = _create(folder)
    try:
        with file:
            yield file
    finally:
        Path(file.name).unlink(missing_ok=True)


def install(file: BinaryIO, path: Path) -> None:
    """Give a temporary file its name, after its content has reached the disk."""
    file.flush()
    os.fsync(file.fileno())
    if path.exists() and not (path.is_file() or path.is_dir() or path.is_symlink()):
        # a device or a pipe, such as /dev/null, is never replaced
        raise FileExistsError(errno.EEXIST, "it is not an ordinary file")
    Path(file.name).replace(path)
    # The file is in place already, and some network file systems refuse this.
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _create(folder: Path) -> BinaryIO:
    while True:
        # O_CREAT and O_EXCL
        file = (folder / _TEMPORARY.format(secrets.token_hex(8))).open("x+b")
        try:
            lock(file, Path(file.name))
        except FileError:
            file.close()
            Path(file.name).unlink(missing_ok=True)
            raise
        # Another process may have deleted it before it was locked.
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


def remove_abandoned(folder: Path) -> None:
    """Delete the temporary files of ``folder`` that were left by processes that died."""
    for path in folder.glob(_TEMPORARY.format("*")):
        # locked or without locks, deleted meanwhile, a link or no file at all
        with suppress(OSError, FileError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                lock(descriptor, path, wait=False)
                path.unlink()
            finally:
                os.close(descriptor)


def require_writable(folder: Path) -> None:
    """Make the folder, and raise ``FileError`` if no file can be written there."""
    with file_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with temporary(folder):
            pass


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` about ``path`` into a ``FileError``."""
    try:
        yield
    except OSError as error:
        raise FileError(
            f"{path} cannot be written ({error.strerror or error}); make its place free, or name"
            " another folder (--records, --out or PCREC_CACHE), and start again."
        ) from error
