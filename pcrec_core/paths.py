"""Every path of the project, and the locks of its files.

A path follows from the package or from the environment, never from the working directory.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcrec_core.errors import FileError
from pcrec_core.writing import file_errors

#: The repository around the package, or just the folder above it where the package is installed.
ROOT = Path(__file__).resolve().parents[1]
#: Environment variables that name the study's folder and the folder that it writes to. Worker
#: processes inherit them.
HOME, CACHE = "PCREC_HOME", "PCREC_CACHE"


def data() -> Path:
    """Return the study's data folder: committed records, the paper's tables, measurements.

    Raises
    ------
    FileError
        If neither ``PCREC_HOME`` nor the repository around the package has one.
    """
    home = Path(os.environ.get(HOME) or ROOT)
    if not (home / "data" / "paper").is_dir():
        raise FileError(
            f"{home} has no folder data/paper, so records and the paper's tables cannot be found;"
            f" name a clone of the study's repository in the environment variable {HOME}."
        )
    return home / "data"


def paper() -> Path:
    """Return the folder of the paper's tables and claims."""
    return data() / "paper"


def records() -> Path:
    """Return the folder of the committed records."""
    return data() / "records"


def cache() -> Path:
    """Return the folder that runs write to.

    This is ``PCREC_CACHE`` if it is set, else a folder of the repository that git ignores, else
    (an installed package) one of the user.
    """
    if named := os.environ.get(CACHE):
        return Path(named)
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pcrec"
    return ROOT / "data" / "cache" if (ROOT / "data" / "paper").is_dir() else user


def own_records() -> Path:
    """Return the folder of the records of a reader's own runs."""
    return cache() / "records"


def again() -> Path:
    """Return the folder of the records of runs that are trained again for their weights."""
    return cache() / "again"


def checkpoints() -> Path:
    """Return the folder of the checkpoints of running runs."""
    return cache() / "checkpoints"


def weights() -> Path:
    """Return the folder of the weights of finished runs."""
    return cache() / "weights"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of the file at ``path``, for which other threads and processes wait.

    The kernel frees the lock when its process ends, however it ends. The file stays: if it were
    deleted, one process could hold the lock of the old file and another that of a new one.

    Raises
    ------
    FileError
        If the file cannot be made.
    """
    with file_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("ab")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
