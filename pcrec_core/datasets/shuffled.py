"""A split with the histories in a random order, which shows what the order is worth."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from pcrec_core.datasets.split import PARTS, Split


@dataclass(frozen=True, eq=False)
class Shuffled(Split):
    """A split with histories in a random order.

    Parameters
    ----------
    before_test : int32 array (A,)
        All actions in the order in which they precede the test target.
    """

    before_test: np.ndarray

    def histories(self, t: int, part: str) -> np.ndarray:
        """Return the last ``t`` - 1 items before each target, as ``Split.histories`` does."""
        return Split.histories(
            dataclasses.replace(self, items=self.before_test) if part == "test" else self, t, part
        )


def shuffled(split: Split, seed: int) -> Shuffled:
    """Return the same users and targets, their histories in a random order.

    Training items are permuted within a user. The items before the test target are these and the
    validation item, permuted together, so that none is known to be the last
    (:ref:`protocols-records`).
    """
    # All draws are below 1: 2 and 3 sort behind them.
    draw = np.random.default_rng(seed).random(len(split.items))
    users = np.repeat(np.arange(split.n_users), np.diff(split.offsets))
    draw[split.offsets[1:] - PARTS["test"]] = 3
    before_test = split.items[np.lexsort((draw, users))]
    draw[split.offsets[1:] - PARTS["valid"]] = 2
    items = split.items[np.lexsort((draw, users))]
    return Shuffled(**vars(split) | {"items": items}, before_test=before_test)
