"""The paired test over seeds, where the unit is a seed (:ref:`statistics-amendment-1`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# scipy.stats has the test itself, but takes a second to import.
from scipy.special import stdtr, stdtrit

from pcrec_core.analysis.crossed import ROUNDING, StatsError
from pcrec_core.analysis.crossed_t import FEWEST_RUNS


@dataclass(frozen=True)
class PairedRuns:
    """Mean difference of two numbers per seed, v less b, with its 95 % interval and one-sided p.

    ``L``, ``se`` and ``df`` are what the rule reads; ``p`` is that of v above b.
    """

    mean_v: float
    mean_b: float
    L: float
    low: float
    high: float
    p: float
    se: float
    df: float
    runs: int
    reason: str = ""
    few_runs: bool = False


def paired_runs(v: ArrayLike, b: ArrayLike) -> PairedRuns:
    """Test whether v exceeds b, as ``scipy.stats.ttest_rel(v, b, alternative="greater")`` does.

    Item 6 of the amendment (:ref:`statistics-amendment-1`).

    Parameters
    ----------
    v, b : array, shape (seeds,)
        One number per seed, in the same order of the seeds; two seeds or more.

    Raises
    ------
    StatsError
        If the arrays do not have one number per seed each, or there are fewer than two seeds.

    Examples
    --------
    >>> round(paired_runs([0.03, 0.05, 0.04], [0.01, 0.01, 0.03]).p, 4)
    0.059
    """
    v, b = np.asarray(v, dtype=float), np.asarray(b, dtype=float)
    if v.ndim != 1 or v.shape != b.shape or v.size < 2:
        raise StatsError(
            "a paired test over seeds needs one number per seed in both arms, and two seeds or"
            f" more, not shapes {v.shape} and {b.shape}."
        )
    means = float(v.mean()), float(b.mean())
    difference, df = float((v - b).mean()), float(v.size - 1)
    se = float((v - b).std(ddof=1)) / math.sqrt(v.size)
    few = v.size < FEWEST_RUNS
    reason = f"fewer than {FEWEST_RUNS} seeds ({v.size})" if few else ""
    if se < ROUNDING:
        half, p, se, reason = 0.0, 1.0, 0.0, reason or "no variation at all"
    else:
        half, p = float(stdtrit(df, 0.975)) * se, float(stdtr(df, -difference / se))
    interval = difference - half, difference + half
    return PairedRuns(*means, difference, *interval, p, se, df, v.size, reason, few)
