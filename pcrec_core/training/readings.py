"""Readings of the test set after every epoch, for a protocol that chooses on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pcrec_core.metrics import METRICS, SELECTION


@dataclass
class TestReadings:
    """The best readings of the test set so far.

    Ties go to the earlier epoch, then to the lower peer.

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

    def keep(
        self,
        epoch: int,
        valid: Sequence[dict[str, float]],
        test: Sequence[dict[str, float]],
        ranks: Sequence[str],
        *,
        both: bool,
    ) -> None:
        """Keep what is better than before among the readings of the peers at one epoch.

        Parameters
        ----------
        epoch : int
            From 0.
        valid, test : sequence of dict
            Metrics of each peer.
        ranks : sequence of str
            Ranks of each peer's test targets, as records keep them.
        both : bool
            Keep the choice of validation too.
        """
        readings: list[dict[str, Any]] = [
            {"epoch": epoch, "peer": peer, "valid": v, "test": t, "ranks": r}
            for peer, (v, t, r) in enumerate(zip(valid, test, ranks, strict=True))
        ]
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
