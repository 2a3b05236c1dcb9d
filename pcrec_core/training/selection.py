"""Selection of the epoch and peer that a run reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn


@dataclass
class Choice:
    """The best model so far; ties go to the earlier epoch, then to the lower peer.

    Parameters
    ----------
    score : float
        Score of the model, at least 0 once one was offered.
    epoch, peer : int
        Numbers of its epoch and peer, from 0.
    weights : dict of str to Tensor
        Copy of its state.
    """

    score: float = -1.0
    epoch: int = -1
    peer: int = -1
    weights: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, score: float, epoch: int, peer: int, model: Callable[[], nn.Module]) -> None:
        """Keep a copy of the weights of ``model()`` if ``score`` is higher than the best so far.

        ``model`` is called only in that case, so that weights of other processes are not fetched
        in vain.
        """
        if score > self.score:
            weights = {name: w.detach().clone() for name, w in model().state_dict().items()}
            self.score, self.epoch, self.peer, self.weights = score, epoch, peer, weights
