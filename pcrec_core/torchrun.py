"""What torchrun tells the processes that it starts, one a peer; no torch."""

from __future__ import annotations

import os


def started() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    """Number of this process among its peers; 0, who writes and prints, also without torchrun."""
    return int(os.environ["RANK"]) if started() else 0
