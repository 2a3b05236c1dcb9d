"""Where a run is trained: names of devices, and the processes of torchrun, one per peer."""

from __future__ import annotations

import os

from pcrec_core.errors import TrainingError

#: Where this variable is set, to anything, a missing record of real data is an error and is not
#: trained. ``make book`` and ``make test`` set it.
NO_TRAINING = "PCREC_NO_TRAINING"
#: Devices that a run can be trained on; auto is the GPU where there is one.
DEVICES = ("auto", "cpu", "cuda")


def started() -> bool:
    """Return whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    """Return the number of this process among its peers, 0 without torchrun.

    Process 0 is the one that writes and prints.
    """
    return int(os.environ["RANK"]) if started() else 0


def require_device(name: str) -> None:
    """Raise ``TrainingError`` unless ``name`` is among ``DEVICES``."""
    if name not in DEVICES:
        raise TrainingError(f"device must be auto, cpu or cuda, not {name!r}.")
