"""Which epoch and peer a run reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn


@dataclass
class Choice:
    """The best model so far: ties go to the earlier epoch, then to the lower peer."""

    score: float = -1.0
    epoch: int = -1
    peer: int = -1
    weights: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, score: float, epoch: int, peer: int, model: Callable[[], nn.Module]) -> None:
        """Keep the weights of ``model()`` if they are better: only then must they be here."""
        if score > self.score:
            weights = {name: w.detach().clone() for name, w in model().state_dict().items()}
            self.score, self.epoch, self.peer, self.weights = score, epoch, peer, weights
