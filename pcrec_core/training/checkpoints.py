"""A run that is cut goes on: checkpoints at an epoch's end, and Ctrl-C that waits for one."""

from __future__ import annotations

import hashlib
import io
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from pcrec_core import provenance
from pcrec_core.errors import TrainingError
from pcrec_core.paths import write_whole

_DIGITS = 64  # of a SHA-256


@dataclass
class Checkpoint:
    """State of a running run on disk, written again when it is ``due``: after ``interval`` seconds.

    ``path`` None keeps nothing. ``identity`` names the run it belongs to; another run's checkpoint is refused, and so is one
    that other code wrote. The peers of a run are all in one file, however many processes train them, so that either mode
    goes on from the other's. The file is the SHA-256 of the rest in hexadecimal digits, then what ``torch.save`` wrote.
    """

    path: Path | None
    identity: str
    interval: float = 60.0
    #: Whether the epochs that were loaded, if any, came from clean code.
    clean: bool = field(default=True, init=False)
    _last: float = field(default_factory=time.monotonic, init=False)

    def load(self) -> dict[str, Any] | None:
        """Read what ``save`` wrote last, its tensors on the CPU; None where there is nothing.

        Raises
        ------
        TrainingError
            If the file cannot be read, is damaged, belongs to another run, or was written by other code.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            found = torch.load(io.BytesIO(self._verified()), map_location="cpu", weights_only=True)
            identity, origin, state = found["identity"], found["origin"], found["state"]
        except TrainingError:
            raise
        except Exception as error:
            raise TrainingError(
                f"checkpoint {self.path} cannot be read ({type(error).__name__}); delete it to start the"
                " run anew."
            ) from error
        self._refuse_foreign(identity, origin)
        self.clean = origin["clean"]
        return state

    def _verified(self) -> bytes:
        """Read what ``torch.save`` wrote, whole to the bit."""
        with open(self.path, "rb") as file:
            digest, content = file.read(_DIGITS), file.read()
        if digest != _digest(content):
            raise TrainingError(
                f"checkpoint {self.path} is damaged, or was written by an earlier version of the code: its"
                " SHA-256 does not match its content; delete it to start the run anew."
            )
        return content

    def _refuse_foreign(self, identity: str, origin: dict[str, Any]) -> None:
        if identity != self.identity:
            raise TrainingError(
                f"checkpoint {self.path} belongs to run {identity}, not {self.identity}; delete it."
            )
        if origin["code"] != provenance.CODE:
            commit = (
                f"commit {origin['commit'] or 'unknown'}{'' if origin['clean'] else ', not clean'}"
            )
            raise TrainingError(
                f"checkpoint {self.path} was written by other code ({commit}; digest {origin['code']}, here"
                f" {provenance.CODE}); go back to that commit to go on, or delete the file to start the run"
                " anew."
            )

    def due(self) -> bool:
        """Whether the interval has passed since the last one."""
        return self.path is not None and time.monotonic() - self._last >= self.interval

    def save(self, state: dict[str, Any]) -> None:
        """Write ``state`` whole, with the code that made it, due or not."""
        if self.path is None:
            return
        buffer = io.BytesIO()
        origin = provenance.origin()
        origin["clean"] = (
            origin["clean"] and self.clean
        )  # what went on from other epochs is as clean as they are
        torch.save({"identity": self.identity, "origin": origin, "state": state}, buffer)
        content = buffer.getvalue()
        write_whole(self.path, _digest(content) + content)
        self._last = time.monotonic()

    def delete(self) -> None:
        """Forget the run: it is finished."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


class Interrupt:
    """Whether Ctrl-C was pressed. The first one is noted here, a second one ends the program at once."""

    asked = False


@contextmanager
def interrupts() -> Iterator[Interrupt]:
    """Note the first SIGINT instead of raising; only the main thread can (elsewhere nothing changes)."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def note(signum: int, frame: object) -> None:
        interrupt.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
