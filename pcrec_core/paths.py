"""Every path of the project: found from the package's own place, never from the working directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAPER = ROOT / "data" / "paper"
RECORDS = ROOT / "data" / "records"
#: Ignored by git: records that a reader makes, checkpoints of running runs, and the weights of finished ones.
OWN_RECORDS = ROOT / "data" / "cache" / "records"
AGAIN = ROOT / "data" / "cache" / "again"  # of runs that were trained again for their weights
CHECKPOINTS = ROOT / "data" / "cache" / "checkpoints"
WEIGHTS = ROOT / "data" / "weights"


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all: a temporary file in the same folder, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of the file at ``path``; who comes second, in whatever process, waits.

    The kernel frees it when its process ends, however it ends. The file stays: were it deleted, who waits at the old one
    and who makes a new one would both get in.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
