"""Where a run is trained: devices by name, and what torchrun tells the processes it starts, one per peer."""

from __future__ import annotations

import os

from pcrec_core.errors import TrainingError


def started() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    """Number of this process among its peers; 0, who writes and prints, also without torchrun."""
    return int(os.environ["RANK"]) if started() else 0


#: Where a run can be trained; auto is the GPU where there is one.
DEVICES = ("auto", "cpu", "cuda")


def known_device(name: str) -> None:
    """Raise ``TrainingError`` unless ``name`` is among ``DEVICES``."""
    if name not in DEVICES:
        raise TrainingError(f"device must be auto, cpu or cuda, not {name!r}.")
