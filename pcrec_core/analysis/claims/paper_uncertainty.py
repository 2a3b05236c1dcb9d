"""The uncertainty of the paper's single run, and our effect over the paper's.

The formulas are derived in :ref:`statistics-paper`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtrit

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.effect_ratio import effect_ratio
from pcrec_core.analysis.effects import Comparison
from pcrec_core.metrics import parse

#: Variance of the rounding error: values are printed with four decimals.
_ROUNDED = 1e-4**2 / 12
#: z(.975) + z(.33): an effect of this many standard errors is found with 33 % power.
_POWER_33 = 1.52


@dataclass(frozen=True)
class Printed:
    """The paper's values of two arms: ``metric``, HIT at the same cut-off, and its users."""

    metric: str
    value_v: float
    value_b: float
    hit_v: float
    hit_b: float
    users: int


@dataclass(frozen=True)
class PaperSide:
    """Vp, the variance of the paper's e, and e33, both on the log scale.

    e33 is the effect that the paper had 33 % power to find; None where the printed values do not
    suffice.
    """

    Vp: float
    e33: float | None


@dataclass(frozen=True)
class EffectRatio:
    """The effect ratio L / e and its 95 % interval by Fieller."""

    value: float
    low: float
    high: float


def user_variance(metric: str, value: float, hit: float) -> float:
    """Compute the relative variance of a user's value from printed means.

    Parameters
    ----------
    metric : str
        HIT@n, where it is exact, or MRR@n, where it is the largest that the means allow.
    value : float
        Mean of ``metric``.
    hit : float
        Mean of HIT@n.

    Raises
    ------
    StatsError
        For NDCG: its variance does not follow from printed values.

    Examples
    --------
    >>> user_variance("HIT@5", 0.25, 0.25)
    3.0
    """
    kind, n = parse(metric)
    if kind == "NDCG":
        raise StatsError(
            f"the variance of {metric} cannot be had from printed values; those of HIT and MRR can."
        )
    if kind == "HIT":
        return (1 - hit) / hit
    # Ranks 1 and n spread most of all ranks with this mean: E[1/r^2] lies on their chord.
    return hit * ((1 + 1 / n) * value / hit - 1 / n) / value**2 - 1


def correlation(comparison: Comparison) -> float:
    """Compute c, the correlation of the two arms' values of a user, in one run of each.

    c = max(0, 1 - c1 / (rv_v + rv_b)). It is 0, which leaves the paper the most uncertain, where a
    run's mean is 0, so that there is no relative variance.
    """
    c = comparison
    if c.L is None or c.Vu is None or c.Ve is None or not (c.rv_v and c.rv_b):
        return 0.0
    return max(0.0, 1 - c.users * (c.Vu + (c.fewest_runs - 1) * c.Ve) / (c.rv_v + c.rv_b))


def paper_side(comparison: Comparison, printed: Printed | None) -> PaperSide:
    """Compute Vp and e33 of the paper's run from our correlation and our variance over runs.

    Parameters
    ----------
    comparison : Comparison
        Of means above 0.
    printed : Printed or None
        None where a value is not printed (NDCG, the figures, the controls): then Vp = S Vseed, the
        variance over runs alone.

    Raises
    ------
    StatsError
        If a mean of the comparison is 0.
    """
    if comparison.Vseed is None:
        raise StatsError("a comparison with a mean of 0 has no variance over runs.")
    runs = comparison.fewest_runs * comparison.Vseed
    if printed is None:
        return PaperSide(runs, None)
    p = printed
    rv = user_variance(p.metric, p.value_v, p.hit_v) + user_variance(p.metric, p.value_b, p.hit_b)
    users = rv * (1 - correlation(comparison)) / p.users
    rounding = _ROUNDED * (1 / p.value_v**2 + 1 / p.value_b**2)
    return PaperSide(users + runs + rounding, _POWER_33 * math.sqrt(users))


def below(comparison: Comparison, e33: float | None) -> bool:
    """Return whether our upper 95 % one-sided limit lies below e33.

    Then the paper could hardly have found the effect. False also where no verdict can be given: the
    limit of one run covers users only.
    """
    return e33 is not None and not comparison.reason and comparison.bounds(0.95)[1] < e33


def fieller(comparison: Comparison, e: float | None, Vp: float) -> EffectRatio | None:
    """Compute the effect ratio ER = L / e with Fieller's 95 % interval (:ref:`statistics-paper`).

    Parameters
    ----------
    comparison : Comparison
        Ours, whose degrees of freedom the t quantile has.
    e : float or None
        The paper's log ratio.
    Vp : float
        The variance of ``e``.

    Returns
    -------
    EffectRatio or None
        None, shown as "-", if ``|e|`` < ln 1.01, our mean is 0, or g >= 1: then the paper's effect
        cannot be distinguished from 0, and there is no interval.
    """
    ratio, se = effect_ratio(comparison.L, e), comparison.se
    if ratio is None or e is None or se is None:
        return None
    t = float(stdtrit(comparison.df, 0.975))
    g = t**2 * Vp / e**2
    if g >= 1:
        return None
    centre = ratio / (1 - g)
    half = t / (abs(e) * (1 - g)) * math.sqrt(se**2 * (1 - g) + ratio**2 * Vp)
    return EffectRatio(ratio, centre - half, centre + half)
