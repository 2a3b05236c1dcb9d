"""Checkpoints at the end of an epoch."""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from pcrec_core import free_memory, provenance
from pcrec_core.errors import TrainingError
from pcrec_core.writing import remove_abandoned, write_whole

_DIGITS = 64  # of a SHA-256


@dataclass
class Checkpoint:
    """State of a run on disk.

    All peers of a run are in one file, however many processes train them, so each mode can resume
    a run of the other. The file holds the SHA-256 of the rest in hexadecimal digits, then the
    output of ``torch.save``.

    Parameters
    ----------
    path : Path or None
        File of the checkpoint; None keeps nothing.
    identity : str
        Identity of the run; a checkpoint of another run, or one written by other code, is refused.
    interval : float
        Seconds after which the next checkpoint is ``due``.
    machine : dict
        What decides the last bits of a result beside the code: processor, threads, versions. A
        checkpoint of another machine is refused, because a record names one. Empty: any will do.

    Attributes
    ----------
    clean : bool
        Whether the epochs that were loaded, if any, came from clean code.
    """

    path: Path | None
    identity: str
    interval: float = 60.0
    machine: dict[str, Any] = field(default_factory=dict)
    clean: bool = field(default=True, init=False)
    _last: float = field(default_factory=time.monotonic, init=False)

    def load(self) -> dict[str, Any] | None:
        """Read the state that was saved last, with its tensors on the CPU; None if there is none.

        Raises
        ------
        TrainingError
            If the file cannot be read, is damaged, belongs to another run, or was written by
            different code or on another machine.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            content = io.BytesIO(_verified(self.path))
            saved = torch.load(content, map_location="cpu", weights_only=True)
            identity, origin = saved["identity"], saved["origin"]
            state: dict[str, Any] = saved["state"]
        except TrainingError:
            raise
        except Exception as error:
            if free_memory.ran_out(error):
                raise
            raise TrainingError(
                f"checkpoint {self.path} cannot be read ({type(error).__name__}); delete it to"
                " start the run over."
            ) from error
        self._refuse_foreign(identity, origin)
        self._refuse_other_machine(saved["machine"])
        self.clean = origin["clean"]
        return state

    def _refuse_foreign(self, identity: str, origin: dict[str, Any]) -> None:
        if identity != self.identity:
            raise TrainingError(
                f"checkpoint {self.path} belongs to run {identity}, not {self.identity}; delete it."
            )
        if origin["code"] != provenance.CODE:
            commit = f"commit {origin['commit'] or 'unknown'}"
            commit += "" if origin["clean"] else ", not clean"
            raise TrainingError(
                f"checkpoint {self.path} was written by other code ({commit}; digest"
                f" {origin['code']}, here {provenance.CODE}); go back to that commit to go on, or"
                " delete the file to start the run over."
            )

    def _refuse_other_machine(self, machine: dict[str, Any]) -> None:
        changed = [name for name in self.machine if machine.get(name) != self.machine[name]]
        if changed:
            there = ", ".join(f"{name} {machine.get(name)}" for name in changed)
            here = ", ".join(f"{name} {self.machine[name]}" for name in changed)
            raise TrainingError(
                f"checkpoint {self.path} was written with {there}, and here it would go on with"
                f" {here}; go back to the former, or delete the file to start the run over."
            )

    def due(self) -> bool:
        """Return whether the interval has passed since the last checkpoint."""
        return self.path is not None and time.monotonic() - self._last >= self.interval

    def save(self, state: dict[str, Any]) -> None:
        """Write ``state`` atomically, with the origin of the code, whether it is due or not."""
        if self.path is None:
            return
        # one copy of the state, in which the digest is put before the rest
        buffer = io.BytesIO(bytes(_DIGITS))
        buffer.seek(_DIGITS)
        origin = provenance.origin()
        # A resumed run is only as clean as the epochs that were loaded.
        origin["clean"] = origin["clean"] and self.clean
        saved = {"identity": self.identity, "origin": origin, "machine": self.machine}
        torch.save(saved | {"state": state}, buffer)
        with buffer.getbuffer() as content:
            content[:_DIGITS] = _digest(content[_DIGITS:])
            write_whole(self.path, content)
        self._last = time.monotonic()

    def delete(self) -> None:
        """Delete the checkpoint of a finished run, and what killed processes left beside it."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            remove_abandoned(self.path.parent)


def _verified(path: Path) -> bytes:
    """Read the output of ``torch.save`` and check its SHA-256."""
    if not path.is_file():
        # a pipe or a device would be waited for, or never end
        raise TrainingError(
            f"checkpoint {path} is not an ordinary file; delete it to start the run anew."
        )
    with path.open("rb") as file:
        digest, content = file.read(_DIGITS), file.read()
    if digest != _digest(content):
        raise TrainingError(
            f"checkpoint {path} is damaged, or was written by an earlier version of the code: its"
            " SHA-256 does not match its content; delete it to start the run over."
        )
    return content


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
