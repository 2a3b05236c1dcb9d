"""The outcome of a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Outcome:
    """What a finished run leaves.

    Parameters
    ----------
    result : dict
        The deterministic part, which the record keeps.
    seconds : dict of str to float
        Time by phase.
    began : int
        The first epoch of this training, above 0 if it was resumed from a checkpoint.
    weights : dict of str to Tensor
        Weights of the reported model.
    by_peer : list of dict
        Weights of each peer at its own best epoch, if the peers never exchange; else empty.
    """

    result: dict[str, Any]
    seconds: dict[str, float]
    began: int
    weights: dict[str, Tensor]
    by_peer: list[dict[str, Tensor]]
