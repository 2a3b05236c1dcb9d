"""Selection of the epoch and peer that a run reports, on validation or on the test set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from pcrec_core.metrics import METRICS, SELECTION


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
class TestReadings:
    """The best readings of the test set so far, for a protocol that chooses on it.

    Ties go to the earlier epoch, then to the lower peer, as in ``Choice``.

    Parameters
    ----------
    best : dict of str to dict
        By metric, its best ``value`` with the ``epoch``, the ``peer`` and the ``ranks``.
    by_validation : dict
        The reading that validation would choose, for option choice = "both"; else empty.
    """

    #: Not a class of tests, for pytest.
    __test__ = False

    best: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_validation: dict[str, Any] = field(default_factory=dict)

    def keep(self, readings: list[dict[str, Any]], *, both: bool) -> None:
        """Keep what is better than before among the readings of the peers at one epoch.

        Parameters
        ----------
        readings : list of dict
            One per peer: ``epoch``, ``peer``, the metrics ``valid`` and ``test``, and ``ranks``.
        both : bool
            Keep the choice of validation too.
        """
        for metric in METRICS:
            first = max(readings, key=lambda reading: reading["test"][metric])
            value = first["test"][metric]
            if metric not in self.best or value > self.best[metric]["value"]:
                self.best[metric] = {"value": value} | {
                    key: first[key] for key in ("epoch", "peer", "ranks")
                }
        if both:
            first = max(readings, key=lambda reading: reading["valid"][SELECTION])
            kept = self.by_validation
            if not kept or first["valid"][SELECTION] > kept["valid"][SELECTION]:
                self.by_validation = first

    def values(self) -> dict[str, float]:
        """Return the best value of each metric; empty if nothing was read."""
        return {metric: kept["value"] for metric, kept in self.best.items()}
