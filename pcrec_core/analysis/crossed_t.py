"""How two variants compare: the crossed t on the log ratio of means (STATISTICS.md, sections 1 and 2). No torch.

Runs x users in, one frozen dataclass out. Who the users are, and that the runs of an arm differ in the seed alone, is
known to the records, so it is checked by who gathers the ranks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from pcrec_core.analysis.crossed import (
    ROUNDING,
    NoVariation,
    Spread,
    check_pair,
    relative_variance,
    spread,
    values,
)

FEWEST_RUNS = 3
FEWEST_USERS = 30
#: Runs of equal seeds from which two arms are compared pair by pair (Amendment 1, item 2).
PAIRED_FROM = 10
#: ln 1.01, with the 6 decimals of claims.csv: a smaller claim is too near to nothing to be divided by.
_SMALLEST_CLAIM = 0.009950


@dataclass(frozen=True)
class MeanInterval:
    """Mean of one arm and its 95 % interval over users and, with two runs or more, over runs.

    ``run_sd`` is the standard deviation of the run means; it, and what a mean of 0 leaves undefined, is None ("-").
    """

    metric: str
    mean: float
    low: float | None
    high: float | None
    se: float | None
    df: float | None
    run_sd: float | None
    runs: int
    users: int
    users_only: bool


@dataclass(frozen=True)
class Comparison:
    """Variant v over base b: L = ln(mean_v / mean_b), RI = expm1(L), its 95 % interval, and what it rests on.

    ``Vu``, ``Vs``, ``Ve``, ``Vseed`` are the variances of L by users, by runs, by run and user, and by runs alone;
    ``se`` and ``df`` belong to L; ``p`` is two-sided; ``mde`` is the RI found with 80 % power; ``rv_v`` and ``rv_b`` are
    the relative variances of a user's value in one run of each arm. None is "-": a mean is 0.
    ``few_runs`` says that an arm has fewer than three runs; ``reason`` is why nothing can be decided (too few runs, too few
    users above 0, no variation), and is empty where something can.
    """

    metric: str
    mean_v: float
    mean_b: float
    L: float | None
    RI: float | None
    low: float | None
    high: float | None
    p: float | None
    se: float | None
    df: float | None
    Vu: float | None
    Vs: float | None
    Ve: float | None
    Vseed: float | None
    mde: float | None
    rv_v: float | None
    rv_b: float | None
    runs_v: int
    runs_b: int
    users: int
    paired: bool
    users_only: bool
    reason: str
    few_runs: bool = False

    @property
    def seed_share(self) -> float | None:
        """Vseed / V: how much of the uncertainty comes from runs; None where nothing varies, and where an arm has one run, whose
        part cannot be known."""
        return self.Vseed / self.se**2 if self.se and not self.users_only else None

    @property
    def fewest_runs(self) -> int:
        """S where it is one number: of the arm with fewer runs; an arm without randomness, which has one, is no such arm."""
        return min((runs for runs in (self.runs_v, self.runs_b) if runs > 1), default=1)

    def bounds(self, level: float) -> tuple[float, float]:
        """Interval of L whose each side is left with probability 1 - ``level``; not for a mean of 0."""
        half = float(stdtrit(self.df, level)) * self.se
        return self.L - half, self.L + half


def compare(
    ranks_v: ArrayLike,
    ranks_b: ArrayLike,
    metric: str,
    *,
    paired: bool = False,
    random_v: bool = True,
    random_b: bool = True,
) -> Comparison:
    """Relative improvement of variant v over base b with interval and test (STATISTICS.md, section 2).

    Parameters
    ----------
    ranks_v, ranks_b : array of int, shape (runs, users)
        1-based rank of each user's target, a row a run, the same users in the same order. For a stratum give its users
        only; for the mean of several variants with equal seeds, (variants, runs, users).
    metric : str
        For example ``"MRR@5"``.
    paired : bool
        Row s of v belongs to row s of b: it was made from it (pruned, fine-tuned, EMA, an ensemble with it), or both arms
        have the same ten seeds or more.
    random_v, random_b : bool
        False for an arm without randomness (popularity, recency, transitions): one row, and it counts as enough runs.

    Raises
    ------
    MetricError
        An unknown metric, or a rank below 1.
    StatsError
        The arms cannot be compared, or they differ without any variation.

    Examples
    --------
    >>> round(compare([[1, 2, 4]], [[2, 4, 4]], "MRR@5").RI, 6)  # 0.583 over 0.333
    0.75
    """
    yv, yb = values(ranks_v, metric, random_v, "v"), values(ranks_b, metric, random_b, "b")
    check_pair(yv, yb, paired, random_v and random_b)
    mv, mb, users = float(yv.mean()), float(yb.mean()), yv.shape[1]
    runs = [len(y) for y, random in ((yv, random_v), (yb, random_b)) if random]
    facts = {
        "metric": metric,
        "mean_v": mv,
        "mean_b": mb,
        "runs_v": len(yv),
        "runs_b": len(yb),
        "users": users,
        "rv_v": relative_variance(yv),
        "rv_b": relative_variance(yb),
        "paired": paired,
        "users_only": 1 in runs,
        "few_runs": min(runs, default=FEWEST_RUNS) < FEWEST_RUNS,
        "reason": _reason(runs, yv, yb),
    }
    if mv == 0 or mb == 0:
        return Comparison(**facts, **dict.fromkeys(_UNDEFINED))
    zv, zb = yv / mv, yb / mb
    arms = [zv - zb] if paired else [z for z, random in ((zv, random_v), (zb, random_b)) if random]
    v = spread(zv.mean(0) - zb.mean(0), [] if 1 in runs else arms)
    if v.se == 0:
        facts["reason"] = "; ".join(filter(None, (facts["reason"], "no variation at all")))
    return Comparison(**facts, **_test(math.log(mv / mb), v))


def mean_interval(ranks: ArrayLike, metric: str, *, random: bool = True) -> MeanInterval:
    """Mean of one arm with its 95 % interval m exp(-+ t se) (STATISTICS.md, section 2).

    Parameters
    ----------
    ranks : array of int, shape (runs, users)
        As in ``compare``, and the same errors.
    random : bool
        False for an arm without randomness.

    Examples
    --------
    >>> mean_interval([[1, 2, 4]], "HIT@5").mean
    1.0
    """
    y = values(ranks, metric, random, "given")
    m, runs = float(y.mean()), len(y)
    low = high = se = df = None
    if m > 0:
        v = spread((y / m).mean(0), [y / m] if runs > 1 else [])
        se, df = v.se, v.df
        low, high = m * math.exp(-v.width(0.975)), m * math.exp(v.width(0.975))
    run_sd = float(y.mean(1).std(ddof=1)) if runs > 1 else None
    return MeanInterval(
        metric, m, low, high, se, df, run_sd, runs, y.shape[1], users_only=random and runs == 1
    )


def effect_ratio(L: float | None, e: float | None) -> float | None:
    """L / e: 1 is as large as the paper claims, 0 is nothing, below 0 is contrary; None ("-") if ``|e|`` < ln 1.01.

    ``L`` is ours, ``e`` the paper's log ratio (STATISTICS.md, section 3).

    Examples
    --------
    >>> effect_ratio(0.02, 0.04)
    0.5
    """
    if L is None or e is None or math.isnan(e) or abs(e) < _SMALLEST_CLAIM:
        return None
    return L / e


def delta_ri(ri_paper: float | None, ri: float | None) -> float | None:
    """DeltaRI = RI_paper - RI (STATISTICS.md, section 3): 0 is reproduced, above 0 is less than claimed; None is "-"."""
    return None if ri_paper is None or ri is None or math.isnan(ri_paper) else ri_paper - ri


_UNDEFINED = ("L", "RI", "low", "high", "p", "se", "df", "Vu", "Vs", "Ve", "Vseed", "mde")


def _reason(runs: Sequence[int], yv: NDArray, yb: NDArray) -> str:
    above = min(int((y.mean(0) > 0).sum()) for y in (yv, yb))
    few_runs = f"fewer than {FEWEST_RUNS} runs in an arm ({min(runs, default=0)})"
    few_users = f"fewer than {FEWEST_USERS} users with a value above 0 in an arm ({above})"
    return "; ".join(
        [few_runs] * (min(runs, default=FEWEST_RUNS) < FEWEST_RUNS)
        + [few_users] * (above < FEWEST_USERS)
    )


def _test(L: float, v: Spread) -> dict[str, float]:
    if v.se == 0 and abs(L) > ROUNDING:
        raise NoVariation(
            f"the arms differ (ln ratio {L:.6f}) without any variation, so no interval can be given;"
            " look whether one run was read several times."
        )
    L = L if v.se else 0.0
    half = v.width(0.975)
    return asdict(v) | {
        "L": L,
        "RI": math.expm1(L),
        "low": math.expm1(L - half),
        "high": math.expm1(L + half),
        "p": v.p(L),
        "mde": math.expm1(half + v.width(0.8)),
    }
