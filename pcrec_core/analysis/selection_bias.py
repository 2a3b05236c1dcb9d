"""What choosing the best epoch on the test set adds (:ref:`statistics-selection-bias`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.welch import Welch, welch


@dataclass(frozen=True)
class Chosen:
    """Test value of each run of an arm, chosen either way.

    Parameters
    ----------
    best : array, shape (runs,)
        At the best epoch and peer on test.
    valid : array, shape (runs,)
        At the epoch and peer that validation picks.
    """

    best: NDArray[np.float64]
    valid: NDArray[np.float64]

    @property
    def gain(self) -> NDArray[np.float64]:
        """I = ln(best) - ln(valid) of each run, never below 0."""
        return np.log(self.best) - np.log(self.valid)


@dataclass(frozen=True)
class SelectionBias:
    """What choosing on test adds to an improvement.

    Parameters
    ----------
    gain_v, gain_b : float
        Mean I of each arm.
    difference : Welch or None
        The test of their difference; None where an arm has one run.
    RI_best, RI_valid : float
        RI by either choice.
    """

    gain_v: float
    gain_b: float
    difference: Welch | None
    RI_best: float
    RI_valid: float


def chosen(tests: Sequence[ArrayLike], choices: Sequence[tuple[int, int]]) -> Chosen:
    """Take the test values of an arm's runs at the best epoch and peer, and at validation's.

    Parameters
    ----------
    tests : sequence of array, each (peers, epochs)
        One metric on test, of each run, as records hold it.
    choices : sequence of (epoch, peer)
        What validation NDCG@20 picks in each run.

    Raises
    ------
    StatsError
        For lists of unequal length, a choice that is not in its run, or one whose test value is 0.

    Examples
    --------
    >>> chosen([[[0.1, 0.2, 0.16]]], [(2, 0)]).gain.round(4)
    array([0.2231])
    """
    if len(tests) != len(choices) or not len(tests):
        raise StatsError(
            f"there are test values of {len(tests)} runs and {len(choices)} choices;"
            " give one of each per run."
        )
    best, valid = [], []
    for run, (test, (epoch, peer)) in enumerate(zip(map(np.asarray, tests), choices, strict=True)):
        if test.ndim != 2 or not (0 <= peer < test.shape[0] and 0 <= epoch < test.shape[1]):
            raise StatsError(
                f"run {run} has test values of shape {test.shape}, (peers, epochs),"
                f" without the chosen epoch {epoch} of peer {peer}."
            )
        best.append(test.max())
        valid.append(test[peer, epoch])
    if 0 in valid:
        raise StatsError(
            f"the test value at the choice of run {valid.index(0)} is 0,"
            " so its gain has no logarithm."
        )
    return Chosen(np.array(best, dtype=float), np.array(valid, dtype=float))


def selection_bias(v: Chosen, b: Chosen) -> SelectionBias:
    """Compute how much choosing on the test set adds to the improvement of v over b.

    Each RI is the ratio of the arms' means over runs, less 1. The difference is tested where both
    arms have two runs or more.
    """
    gain_v, gain_b = v.gain, b.gain
    return SelectionBias(
        gain_v=float(gain_v.mean()),
        gain_b=float(gain_b.mean()),
        difference=welch(gain_v, gain_b) if min(len(gain_v), len(gain_b)) > 1 else None,
        RI_best=float(v.best.mean() / b.best.mean() - 1),
        RI_valid=float(v.valid.mean() / b.valid.mean() - 1),
    )
