"""Variance of a mean over users and runs at once, and its t interval (STATISTICS.md, section 2). No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import (
    stdtr,
    stdtrit,
)  # Student's t as scipy.stats.t has it, without the second that its import takes

from pcrec_core.errors import PCRecError
from pcrec_core.metrics import value_by_user

#: A standard error below this, or a smaller part of Vs, is rounding of the means, not variation: values are of order 1.
ROUNDING = 1e-12


class StatsError(PCRecError):
    """Arms that cannot be compared."""


class NoVariation(StatsError):
    """Arms that differ, although neither users nor runs vary."""


def values(ranks: ArrayLike, metric: str, random: bool, arm: str) -> NDArray[np.float64]:
    """Y of STATISTICS.md, section 1: metric values, runs x users, of ranks that are checked first.

    Ranks of several variants, (variants, runs, users), give their mean, run by run: what a variant drawn at random gives
    (section 4, "a random alpha").
    """
    ranks = np.asarray(ranks)
    if ranks.ndim not in (2, 3) or 0 in ranks.shape or ranks.shape[-1] < 2:
        raise StatsError(
            f"ranks of arm {arm} must be a table of at least 1 run x 2 users, not of shape {ranks.shape}."
        )
    if not random and ranks.shape[-2] > 1:
        raise StatsError(
            f"arm {arm} is said to have no randomness but has {ranks.shape[-2]} runs; give one."
        )
    y = value_by_user(ranks, metric)
    return y if ranks.ndim == 2 else y.mean(0)


def check_pair(yv: NDArray, yb: NDArray, paired: bool, both_random: bool) -> None:
    """Refuse arms that do not have the same users or, if paired, the same seeds."""
    if yv.shape[1] != yb.shape[1]:
        raise StatsError(
            f"the arms have {yv.shape[1]} and {yb.shape[1]} users; compare the same users in both."
        )
    if paired and not (both_random and len(yv) == len(yb)):
        raise StatsError(
            f"paired arms need equal lists of seeds, not {len(yv)} and {len(yb)} runs"
            f"{'' if both_random else ' with an arm without randomness'}; compare them unpaired."
        )


def relative_variance(y: NDArray) -> float | None:
    """rv of STATISTICS.md, section 3: mean over runs of a user's variance / mean^2, ddof 1 as Vu has it; None if a run's
    mean is 0."""
    means = y.mean(1)
    return float((y.var(1, ddof=1) / means**2).mean()) if means.all() else None


@dataclass(frozen=True)
class Spread:
    """Variances by users (``Vu``), by runs (``Vs``), by run and user (``Ve``), by runs alone (``Vseed``); standard error
    and its degrees of freedom (Satterthwaite)."""

    Vu: float
    Vs: float
    Ve: float
    Vseed: float
    se: float
    df: float

    def width(self, level: float) -> float:
        """The ``level`` quantile of t, in standard errors of this size."""
        return float(stdtrit(self.df, level)) * self.se

    def p(self, effect: float) -> float:
        """Two-sided p of ``effect`` under no effect; 1 where nothing varies."""
        return 2 * float(stdtr(self.df, -abs(effect) / self.se)) if self.se else 1.0


def spread(by_user: NDArray, arms: Sequence[NDArray]) -> Spread:
    """Variances of a difference of means.

    Parameters
    ----------
    by_user : array, shape (users,)
        Mean over runs, the variant's less the base's.
    arms : sequence of array, each (runs, users) with two runs or more
        What has runs of its own: both arms, their difference if paired, or nothing.
    """
    users = by_user.size
    vu = float(by_user.var(ddof=1)) / users
    vs, ve, q = (float(x) for x in np.array([_by_runs(z) for z in arms]).reshape(-1, 3).sum(0))
    vseed = (
        vs - ve if vs - ve > ROUNDING * vs else 0.0
    )  # run-by-user noise is in Vu and in Vs: counted once
    se = math.sqrt(vu + vseed)
    if se < ROUNDING:
        return Spread(vu, vs, ve, vseed, 0.0, users - 1)
    df = (vu + vseed) ** 2 / (
        vu**2 / (users - 1) + q
    )  # q stays even if Vseed = 0: no jump where Vs crosses Ve
    fewest = min((len(z) - 1 for z in arms), default=0)
    return Spread(vu, vs, ve, vseed, se, float(np.clip(df, fewest, users - 1)))


def _by_runs(z: NDArray) -> tuple[float, float, float]:
    runs, users = z.shape
    s = z.mean(1).var(ddof=1) / runs
    r = z - z.mean(1, keepdims=True) - z.mean(0) + z.mean()
    return s, (r**2).sum() / ((runs - 1) * (users - 1) * runs * users), s**2 / (runs - 1)
