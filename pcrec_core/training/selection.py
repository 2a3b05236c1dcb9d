"""Selection of the epoch and peer that a run reports, on validation or on the test set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

from pcrec_core.specs.run import RunSpec
from pcrec_core.training.readings import TestReadings


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


@dataclass
class Selection:
    """The choices of a run, and the readings of the test set that they may rest on.

    Parameters
    ----------
    choices : list of Choice
        One per peer where the peers never exchange, else a single one.
    readings : TestReadings
        Empty where the protocol chooses on validation.
    """

    choices: list[Choice]
    readings: TestReadings

    @classmethod
    def of(cls, spec: RunSpec) -> Selection:
        """Return the selection of a run before its first epoch."""
        return cls([Choice() for _ in range(1 if spec.cooperation else spec.peers)], TestReadings())

    @property
    def best(self) -> Choice:
        """The best model of all peers so far."""
        return min(self.choices, key=lambda choice: (-choice.score, choice.epoch, choice.peer))

    def offer(self, scores: Sequence[float], epoch: int, model: Callable[[int], nn.Module]) -> None:
        """Offer the models of an epoch.

        Parameters
        ----------
        scores : sequence of float
            One per peer; a single one for the merged model.
        epoch : int
            From 0.
        model : callable
            Returns the model of a peer, given its number.
        """
        # A single choice is offered only the best peer, the first of equal ones.
        each = len(self.choices) > 1
        peers = range(len(scores)) if each else [scores.index(max(scores))]
        for choice, peer in zip(self.choices, peers, strict=True):
            choice.offer(scores[peer], epoch, peer, partial(model, peer))

    def weights_by_peer(self) -> list[dict[str, Tensor]]:
        """Return the chosen weights of each peer, or none where a single model is chosen."""
        return [choice.weights for choice in self.choices] if len(self.choices) > 1 else []

    def state(self) -> dict[str, Any]:
        """Return the state that a checkpoint keeps."""
        return {
            "choices": [vars(choice) for choice in self.choices],
            "readings": vars(self.readings),
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Restore a ``state``."""
        self.choices = [Choice(**choice) for choice in state["choices"]]
        self.readings = TestReadings(**state["readings"])
