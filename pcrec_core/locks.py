"""File locks: the only part of a training that needs Linux or macOS."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from pcrec_core.errors import FileError


def lock(file: IO[Any] | int, path: Path, wait: bool = True) -> None:
    """Lock an open file until it is closed; the kernel frees the lock of a process that dies.

    Parameters
    ----------
    file : file object or int
        An open file, or its descriptor.
    path : Path
        Where the file is, for the message.
    wait : bool
        Wait for another holder of the lock; otherwise ``BlockingIOError`` is raised.

    Raises
    ------
    FileError
        Where the system, or the file system, has no such locks.
    """
    try:
        import fcntl
    except ImportError:
        raise FileError(
            "runs are trained and records written on Linux and macOS; on Windows records are read,"
            " and models of your own cooperate."
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        raise FileError(
            f"{path} cannot be locked ({error.strerror}); name a folder on another file system, one"
            " that has locks (--records, --out or PCREC_CACHE), and start again."
        ) from None
