"""Welch's test, where the unit is a run: ratios, mu, seconds (:ref:`statistics-estimand`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# scipy.stats has the test itself, but takes a second to import.
from scipy.special import stdtr, stdtrit

from pcrec_core.analysis.crossed import ROUNDING, StatsError


@dataclass(frozen=True)
class Welch:
    """Difference of two means over runs, v less b, with its 95 % interval and two-sided p."""

    mean_v: float
    mean_b: float
    difference: float
    low: float
    high: float
    p: float
    se: float
    df: float
    runs_v: int
    runs_b: int


def welch(v: ArrayLike, b: ArrayLike) -> Welch:
    """Test a difference of means as ``scipy.stats.ttest_ind(v, b, equal_var=False)`` does.

    Parameters
    ----------
    v, b : array, shape (runs,)
        One number per run, two runs or more.

    Returns
    -------
    Welch
        The test, with the interval of the difference.

    Raises
    ------
    StatsError
        If an arm has fewer than two runs, or the arms differ without any variation.

    Examples
    --------
    >>> round(welch([1, 2, 3], [2, 4, 6]).p, 4)
    0.2209
    """
    v, b = np.asarray(v, dtype=float), np.asarray(b, dtype=float)
    if v.ndim != 1 or b.ndim != 1 or min(v.size, b.size) < 2:
        raise StatsError(
            "a test over runs needs one number per run, two or more in each arm,"
            f" not shapes {v.shape} and {b.shape}."
        )
    runs = v.size, b.size
    part_v, part_b = v.var(ddof=1) / v.size, b.var(ddof=1) / b.size
    mean_v, mean_b, se = float(v.mean()), float(b.mean()), math.sqrt(part_v + part_b)
    difference, rounding = mean_v - mean_b, ROUNDING * max(abs(mean_v), abs(mean_b))
    if se <= rounding:
        if abs(difference) > rounding:
            raise StatsError(
                f"the arms differ by {difference:.6g} without any variation between runs,"
                " so no test can be made."
            )
        return Welch(mean_v, mean_b, 0.0, 0.0, 0.0, 1.0, 0.0, float(sum(runs) - 2), *runs)
    df = float((part_v + part_b) ** 2 / (part_v**2 / (v.size - 1) + part_b**2 / (b.size - 1)))
    half = float(stdtrit(df, 0.975)) * se
    p = 2 * float(stdtr(df, -abs(difference) / se))
    interval = difference - half, difference + half
    return Welch(mean_v, mean_b, difference, *interval, p, se, df, *runs)
