"""A run that is cut goes on: checkpoints at an epoch's end, and Ctrl-C that waits for one."""

from __future__ import annotations

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

from pcrec_core.errors import TrainingError
from pcrec_core.paths import write_whole


@dataclass
class Checkpoint:
    """State of a running run on disk, written again when it is ``due``: after ``interval`` seconds.

    ``path`` None keeps nothing. ``identity`` names the run it belongs to; another run's checkpoint is refused. The peers
    of a run are all in one file, however many processes train them, so that either mode goes on from the other's.
    """

    path: Path | None
    identity: str
    interval: float = 60.0
    _last: float = field(default_factory=time.monotonic, init=False)

    def load(self) -> dict[str, Any] | None:
        """What ``save`` wrote last, its tensors on the CPU; None where there is nothing.

        Raises
        ------
        TrainingError
            If the file cannot be read, or belongs to another run.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            identity = state["identity"]
        except Exception as error:
            raise TrainingError(f"checkpoint {self.path} cannot be read ({type(error).__name__}); delete it to start the"
                                " run anew.") from error
        if identity != self.identity:
            raise TrainingError(f"checkpoint {self.path} belongs to run {identity}, not {self.identity};"
                                " delete it.")
        return state

    def due(self) -> bool:
        """Whether the interval has passed since the last one."""
        return self.path is not None and time.monotonic() - self._last >= self.interval

    def save(self, state: dict[str, Any]) -> None:
        """Write ``state`` whole, due or not."""
        if self.path is None:
            return
        buffer = io.BytesIO()
        torch.save({"identity": self.identity, **state}, buffer)
        write_whole(self.path, buffer.getvalue())
        self._last = time.monotonic()

    def delete(self) -> None:
        """Forget the run: it is finished."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


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
