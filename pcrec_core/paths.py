"""Every path of the project, and the locks of its files.

A path follows from the package or from the environment, never from the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pcrec_core.errors import FileError
from pcrec_core.locks import lock
from pcrec_core.writing import file_errors

#: The repository around the package, or just the folder above it where the package is installed.
ROOT = Path(__file__).resolve().parents[1]
#: Environment variables. ``PCREC_HOME`` names the study's folder, a clone or not: its committed
#: records are read where it has any, and runs write below it. ``PCREC_CACHE`` names another folder
#: for what runs write. Worker processes inherit both.
HOME, CACHE = "PCREC_HOME", "PCREC_CACHE"
#: How the file of a lock is opened; Windows has no such flag, and no locks.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)


def _named(variable: str) -> Path | None:
    """Return the absolute path in an environment variable, or None where it is not set."""
    path = Path(text) if (text := os.environ.get(variable)) else None
    if path and not path.is_absolute():
        raise FileError(
            f"the environment variable {variable} is {text!r}; give an absolute path, since the"
            " processes of a study have several working directories."
        )
    return path


def clone() -> Path | None:
    """Return the clone of the repository: in ``PCREC_HOME``, or around the package, or None."""
    named = _named(HOME)
    places = (named, ROOT) if named else (ROOT,)
    return next((place for place in places if (place / "data" / "paper").is_dir()), None)


def data() -> Path:
    """Return the study's data folder: committed records, the paper's tables, measurements.

    Raises
    ------
    FileError
        If neither ``PCREC_HOME`` nor the repository around the package has one.
    """
    found = clone()
    if found is None:
        raise FileError(
            f"{_named(HOME) or ROOT} has no folder data/paper, so records and the paper's"
            " tables cannot be found; name a clone of the study's repository in the environment"
            f" variable {HOME}."
        )
    return found / "data"


def paper() -> Path:
    """Return the folder of the paper's tables and claims."""
    return data() / "paper"


def records() -> Path:
    """Return the folder of the committed records."""
    return data() / "records"


def cache() -> Path:
    """Return the folder that runs write to.

    This is ``PCREC_CACHE`` if it is set, else ``data/cache`` in ``PCREC_HOME`` or in the clone
    around the package, where git ignores it, else the user's folder for data.

    Raises
    ------
    FileError
        If a path in the environment is relative.
    """
    if named := _named(CACHE):
        return named
    if home := _named(HOME) or clone():
        return home / "data" / "cache"
    import platformdirs  # part of the extra ``study``, which the core does without

    return platformdirs.user_data_path("pcrec", appauthor=False)


def own_records() -> Path:
    """Return the folder of the records of a reader's own runs."""
    return cache() / "records"


def again() -> Path:
    """Return the folder of the records of runs that are trained again for their weights."""
    return cache() / "again"


def checkpoints() -> Path:
    """Return the folder of the checkpoints of unfinished runs."""
    return cache() / "checkpoints"


def weights() -> Path:
    """Return the folder of the weights of finished runs."""
    return cache() / "weights"


def given(text: str | Path) -> Path:
    """Return the path that a person named, absolute and without links.

    Raises
    ------
    FileError
        If it cannot be a path: an unknown ``~user``, a loop of links, a NUL; or if it is relative
        and the working directory was deleted.
    """
    try:
        return Path(text).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise FileError(
            f"{str(text)!r} cannot be used as a path ({error}); give another one."
        ) from None


@contextmanager
def alone(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of the file at ``path``, for which other threads and processes wait.

    The kernel frees the lock when its process ends, however it ends. The file stays: if it were
    deleted, one process could hold the lock of the old file and another that of a new one.

    Parameters
    ----------
    path : Path
        File of the lock, made where there is none.
    on_wait : callable
        Called once if the lock is held elsewhere, before the wait.

    Raises
    ------
    FileError
        If the file cannot be made, or the system has no such locks.
    """
    with file_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # a pipe would be waited for
        file = os.fdopen(os.open(path, _FLAGS, 0o666), "ab")
    with file:
        try:
            lock(file, path, wait=False)
        except BlockingIOError:
            on_wait()
            lock(file, path)
        yield
