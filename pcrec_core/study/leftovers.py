"""Checkpoints that a kill left behind: the run was stored, but its checkpoint not yet deleted."""

from __future__ import annotations

from contextlib import suppress

from pcrec_core import paths
from pcrec_core.errors import PCRecError
from pcrec_core.study.records import Store


def remove_checkpoints(store: Store) -> None:
    """Delete the checkpoints of runs whose weights and record were written after them.

    A checkpoint that is newer than the weights belongs to a training for another folder of records
    and stays, as does one that another process uses.
    """
    for checkpoint in paths.checkpoints().glob("*.pt"):
        # weights or a record that are missing, a lock that is held, a file that was just deleted
        with (
            suppress(StopIteration, PCRecError, OSError),
            paths.alone(checkpoint.with_suffix(".lock"), _leave),
        ):
            weights = next(paths.weights().rglob(f"*-{checkpoint.stem}.safetensors"))
            store.find(checkpoint.stem)
            if checkpoint.stat().st_mtime <= weights.stat().st_mtime:
                checkpoint.unlink()


def _leave() -> None:
    raise BlockingIOError
