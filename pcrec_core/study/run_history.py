"""The curves of a training, as its record holds them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pcrec_core.errors import RecordError
from pcrec_core.study.views import Curves, Integers, Numbers, View, require_shape


@dataclass(frozen=True)
class History(View):
    """The curves of a training.

    Parameters
    ----------
    loss : array, shape (peers, epochs)
    own : dict of array, each (peers, evaluations)
        Metrics on validation at the epochs ``evaluated``, before their exchange if they have one.
    exchanges : array, shape (exchanges,)
        The epochs with an exchange.
    merged : dict of array, each (evaluated exchanges,)
        Metrics on validation of the merged model; empty where the peers are not merged.
    after : dict of array, each (peers, evaluated exchanges)
        Metrics on validation of the peers after an exchange that does not merge them, else empty.
    mu, h, kept : array, shape (exchanges, peers, layers), or None
        What the rule measured: shares, entropy (or another criterion), kept share of weights.
    tests : array, shape (tests,)
        The epochs after which the test set was read.
    test : dict of array, each (models, tests)
        Metrics on the test set of the peers, or of the merged model.
    """

    loss: Numbers
    own: Curves
    exchanges: Integers = field(default_factory=lambda: np.empty(0, np.int64))
    merged: Curves = field(default_factory=dict)
    after: Curves = field(default_factory=dict)
    mu: Numbers | None = None
    h: Numbers | None = None
    kept: Numbers | None = None
    tests: Integers = field(default_factory=lambda: np.empty(0, np.int64))
    test: Curves = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse curves that do not fit each other."""
        peers = len(self.loss)
        exchanges, tests = len(self.exchanges), len(self.tests)
        require_shape("own", self.own, (peers, len(self.evaluated)))
        require_shape("merged", self.merged, (len(self.evaluated_exchanges),))
        require_shape("after", self.after, (peers, len(self.evaluated_exchanges)))
        require_shape("test", self.test, (len(next(iter(self.test.values()), ())), tests))
        measured = {"mu": self.mu, "h": self.h, "kept": self.kept}
        found = {name: curve[..., 0] for name, curve in measured.items() if curve is not None}
        require_shape("exchanges", found, (exchanges, peers))

    @property
    def evaluate_every(self) -> int:
        """The number of epochs from one evaluation on validation to the next."""
        curve = next(iter(self.own.values()), self.loss)
        return int(self.loss.shape[1] // max(curve.shape[-1], 1))

    @property
    def evaluated(self) -> Integers:
        """The epochs with an evaluation on validation, evenly spaced, (evaluations,)."""
        return np.arange(self.loss.shape[1])[self.evaluate_every - 1 :: self.evaluate_every]

    @property
    def evaluated_exchanges(self) -> Integers:
        """The epochs with an exchange and an evaluation after it, (evaluated exchanges,)."""
        return np.intersect1d(self.exchanges, self.evaluated)

    def measured(self) -> tuple[Numbers, Numbers]:
        """Return ``h`` and ``mu``; ``RecordError`` if the exchanges have no such measurements."""
        if self.h is None or self.mu is None:
            raise RecordError(
                "a run that exchanges nothing layer by layer has no entropy and no mu."
            )
        return self.h, self.mu

    def validation(self, models: str) -> Curves:
        """Return the metrics on validation of ``models``: "own", "merged" or "after"."""
        return {"own": self.own, "merged": self.merged, "after": self.after}[models]
