"""Variance of a mean over users and runs, and its t interval (:ref:`statistics-interval`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The t distribution of scipy.stats, without the second that importing scipy.stats takes.
from scipy.special import stdtr, stdtrit

from pcrec_core.errors import PCRecError
from pcrec_core.metrics import value_by_user

#: A standard error below this, or a smaller part of Vs, is rounding of the means and not variation:
#: values are of order 1.
ROUNDING = 1e-12


class StatsError(PCRecError):
    """Arms that cannot be compared."""


# Named for what the data lack; the name is public.
class NoVariation(StatsError):  # noqa: N818
    """Arms that differ, although neither users nor runs vary."""


def values(ranks: ArrayLike, metric: str, random: bool, arm: str) -> NDArray[np.float64]:
    """Compute the metric values Y of an arm, after checking its ranks (:ref:`statistics-estimand`).

    Parameters
    ----------
    ranks : array of int, shape (runs, users) or (variants, runs, users)
        1-based ranks of the users' targets. Values of several variants are averaged, run by run:
        what to expect of a variant drawn at random (:ref:`statistics-verdicts`, "a random alpha").
    metric : str
        For example ``"MRR@5"``.
    random : bool
        False for an arm without randomness, which has one run.
    arm : str
        Name of the arm in the errors' messages.

    Returns
    -------
    array of float, shape (runs, users)

    Raises
    ------
    StatsError
        If the ranks have another shape, or an arm without randomness has several runs.
    """
    ranks = np.asarray(ranks)
    if ranks.ndim not in (2, 3) or 0 in ranks.shape or ranks.shape[-1] < 2:
        raise StatsError(
            f"ranks of arm {arm} must be a table of at least 1 run x 2 users,"
            f" not of shape {ranks.shape}."
        )
    if not random and ranks.shape[-2] > 1:
        raise StatsError(
            f"arm {arm} is declared to have no randomness but has {ranks.shape[-2]} runs; give one."
        )
    y = value_by_user(ranks, metric)
    return y if ranks.ndim == 2 else y.mean(0)


def check_pair(
    yv: NDArray[np.float64], yb: NDArray[np.float64], paired: bool, both_random: bool
) -> None:
    """Raise ``StatsError`` unless the arms have the same users and, if paired, the same seeds."""
    if yv.shape[1] != yb.shape[1]:
        raise StatsError(
            f"the arms have {yv.shape[1]} and {yb.shape[1]} users; compare the same users in both."
        )
    if paired and not (both_random and len(yv) == len(yb)):
        raise StatsError(
            f"paired arms need equal lists of seeds, not {len(yv)} and {len(yb)} runs"
            f"{'' if both_random else ' with an arm without randomness'}; compare them unpaired."
        )


def relative_variance(y: NDArray[np.float64]) -> float | None:
    """Compute rv, the variance over users / mean^2, averaged over runs (:ref:`statistics-paper`).

    ``y`` has shape (runs, users). The variance has ddof 1, like Vu. None if a run's mean is 0.
    """
    means = y.mean(1)
    return float((y.var(1, ddof=1) / means**2).mean()) if means.all() else None


@dataclass(frozen=True)
class Spread:
    """Variances of a difference of means, its standard error and its degrees of freedom.

    Parameters
    ----------
    Vu, Vs, Ve, Vseed : float
        Variances by users, by runs, by run and user, and by runs alone.
    se : float
        Standard error.
    df : float
        Degrees of freedom (Satterthwaite).
    """

    Vu: float
    Vs: float
    Ve: float
    Vseed: float
    se: float
    df: float

    def width(self, level: float) -> float:
        """Return the ``level`` quantile of t times the standard error."""
        return float(stdtrit(self.df, level)) * self.se

    def p(self, effect: float) -> float:
        """Return the two-sided p of ``effect`` under no effect; 1 where nothing varies."""
        return 2 * float(stdtr(self.df, -abs(effect) / self.se)) if self.se else 1.0


def spread(by_user: NDArray[np.float64], arms: Sequence[NDArray[np.float64]]) -> Spread:
    """Compute the variances of a difference of means.

    Parameters
    ----------
    by_user : array, shape (users,)
        Means over runs, variant minus base.
    arms : sequence of array, each (runs, users) with two runs or more
        The values whose variance over runs counts: both arms, or their difference if they are
        paired; empty where that variance is unknown.
    """
    users = by_user.size
    vu = float(by_user.var(ddof=1)) / users
    vs, ve, q = (float(x) for x in np.array([by_runs(z) for z in arms]).reshape(-1, 3).sum(0))
    # Vu and Vs both contain the noise by run and user, Ve: count it once.
    vseed = vs - ve if vs - ve > ROUNDING * vs else 0.0
    se = math.sqrt(vu + vseed)
    if se < ROUNDING:
        return Spread(vu, vs, ve, vseed, 0.0, users - 1)
    # Keep q even if Vseed is 0, so that df does not jump where Vs crosses Ve.
    df = (vu + vseed) ** 2 / (vu**2 / (users - 1) + q)
    fewest = min((len(z) - 1 for z in arms), default=0)
    return Spread(vu, vs, ve, vseed, se, float(np.clip(df, fewest, users - 1)))


def by_runs(z: NDArray[np.float64]) -> tuple[float, float, float]:
    """Compute Vs, Ve and the term of Vs in Satterthwaite's df.

    ``z`` are the values of one arm, shape (runs, users), with two runs or more.
    """
    runs, users = z.shape
    s = z.mean(1).var(ddof=1) / runs
    r = z - z.mean(1, keepdims=True) - z.mean(0) + z.mean()
    return s, (r**2).sum() / ((runs - 1) * (users - 1) * runs * users), s**2 / (runs - 1)
