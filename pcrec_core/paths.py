"""Every path of the project: found from the package's own place, never from the working directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcrec_core.errors import FileError

ROOT = Path(__file__).resolve().parents[1]
PAPER = ROOT / "data" / "paper"
RECORDS = ROOT / "data" / "records"
#: Ignored by git: records that a reader makes, checkpoints of running runs, and the weights of finished ones.
OWN_RECORDS = ROOT / "data" / "cache" / "records"
AGAIN = ROOT / "data" / "cache" / "again"  # of runs that were trained again for their weights
CHECKPOINTS = ROOT / "data" / "cache" / "checkpoints"
WEIGHTS = ROOT / "data" / "weights"


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all: a temporary file in the same folder, then a rename; ``FileError`` where
    that cannot be done."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of the file at ``path``; who comes second, in whatever process, waits.

    The kernel frees it when its process ends, however it ends. The file stays: were it deleted, who waits at the old one
    and who makes a new one would both get in. ``FileError`` where it cannot be made.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open(path, "ab")  # noqa: SIM115 - closed below
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(
            f"{path} cannot be written ({error.strerror or error}); make its place free, or name another folder, and"
            " start again."
        ) from error
