"""The paper's side of a comparison: how uncertain its one run is, and our effect over its own (STATISTICS.md, section 3).
No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtrit

from pcrec_core.analysis import crossed_t
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import Comparison
from pcrec_core.metrics import parse

#: Values are printed with four decimals: the variance of what rounding took away.
_ROUNDED = 1e-4**2 / 12
#: z(.975) + z(.33): an effect of so many standard errors is found with 33 % power.
_POWER_33 = 1.52


@dataclass(frozen=True)
class Printed:
    """What the paper prints of two arms: their values of ``metric``, their HIT at the same cut-off, its number of users."""

    metric: str
    value_v: float
    value_b: float
    hit_v: float
    hit_b: float
    users: int


@dataclass(frozen=True)
class PaperSide:
    """Vp, the variance of the paper's e, and e33, the effect that it had 33 % power for; both on the log scale.

    ``e33`` is None where nothing printed allows it.
    """

    Vp: float
    e33: float | None


@dataclass(frozen=True)
class EffectRatio:
    """ER = L / e and its 95 % interval by Fieller."""

    value: float
    low: float
    high: float


def user_variance(metric: str, value: float, hit: float) -> float:
    """Relative variance of a user's value, from printed means (STATISTICS.md, section 3).

    Parameters
    ----------
    metric : str
        HIT@n, where it is exact, or MRR@n, where it is the largest that ``value`` and ``hit`` allow.
    value : float
        Mean of ``metric``.
    hit : float
        Mean of HIT@n.

    Raises
    ------
    StatsError
        For NDCG: its variance cannot be had from what is printed.

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
    # Of all ranks with this mean, 1 and n spread most: E[1/r^2] is on the chord through their values.
    return hit * ((1 + 1 / n) * value / hit - 1 / n) / value**2 - 1


def correlation(comparison: Comparison) -> float:
    """c = max(0, 1 - c1 / (rv_v + rv_b)): how alike the arms' values of one user are, in one run each.

    0, which leaves the paper the most uncertain, where a run's mean is 0 and no relative variance can be had.
    """
    c, both = comparison, (comparison.rv_v or 0) + (comparison.rv_b or 0)
    if c.L is None or not (c.rv_v and c.rv_b):
        return 0.0
    return max(0.0, 1 - c.users * (c.Vu + (c.fewest_runs - 1) * c.Ve) / both)


def paper_side(comparison: Comparison, printed: Printed | None) -> PaperSide:
    """Vp and e33 of the paper's one run, with the correlation and the run variance of our comparison.

    Parameters
    ----------
    comparison : Comparison
        Of means above 0.
    printed : Printed or None
        None where a value is not printed (NDCG, the figures, the controls): then Vp = S Vseed, runs alone.
    """
    runs = comparison.fewest_runs * comparison.Vseed
    if printed is None:
        return PaperSide(runs, None)
    p = printed
    rv = user_variance(p.metric, p.value_v, p.hit_v) + user_variance(p.metric, p.value_b, p.hit_b)
    users = rv * (1 - correlation(comparison)) / p.users
    rounding = _ROUNDED * (1 / p.value_v**2 + 1 / p.value_b**2)
    return PaperSide(users + runs + rounding, _POWER_33 * math.sqrt(users))


def below(comparison: Comparison, e33: float | None) -> bool:
    """Whether our upper 95 % one-sided limit lies below e33: then the paper could hardly have seen what there is.

    False where no word can be given either: the limit of one run is that of users only.
    """
    return e33 is not None and not comparison.reason and comparison.bounds(0.95)[1] < e33


def fieller(comparison: Comparison, e: float | None, Vp: float) -> EffectRatio | None:
    """ER = L / e with Fieller's interval, t of our df (STATISTICS.md, section 3).

    None ("-") where ``|e|`` < ln 1.01, our mean is 0, or g >= 1, that is, the paper's effect is not told from 0: a ratio
    without an interval is not shown.
    """
    ratio = crossed_t.effect_ratio(comparison.L, e)
    if ratio is None:
        return None
    t = float(stdtrit(comparison.df, 0.975))
    g = t**2 * Vp / e**2
    if g >= 1:
        return None
    centre = ratio / (1 - g)
    half = t / (abs(e) * (1 - g)) * math.sqrt(comparison.se**2 * (1 - g) + ratio**2 * Vp)
    return EffectRatio(ratio, centre - half, centre + half)
