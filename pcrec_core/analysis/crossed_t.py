"""How two variants compare: the crossed t on the log ratio of means (:ref:`statistics-interval`).

Runs x users in, one frozen dataclass out. Who the users are, and that the runs of an arm differ in
the seed alone, is known to the records, so the caller who gathers the ranks checks it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from pcrec_core.analysis.crossed import (
    ROUNDING,
    NoVariation,
    Spread,
    StatsError,
    check_pair,
    relative_variance,
    spread,
    values,
)

FEWEST_RUNS = 3
FEWEST_USERS = 30
#: Runs of equal seeds from which on two arms are compared pair by pair (Amendment 1, item 2).
PAIRED_FROM = 10
#: ln 1.01, with the 6 decimals of claims.csv: a smaller claim is too near to 0 to be divided by.
_SMALLEST_CLAIM = 0.009950


@dataclass(frozen=True)
class MeanInterval:
    """Mean of one arm and its 95 % interval over users and, with two runs or more, over runs.

    ``run_sd`` is the standard deviation of the run means; None ("-") for one run. ``low``,
    ``high``, ``se`` and ``df`` are None where the mean is 0.
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
class Effect:
    """The relative improvement of a comparison whose means are above 0, without a None.

    Parameters
    ----------
    L : float
        ln(mean_v / mean_b).
    RI, low, high : float
        expm1(L) and its 95 % interval.
    p : float
        Two-sided.
    se, df : float
        Standard error of L and its degrees of freedom.
    Vu, Vs, Ve, Vseed : float
        Variances of L by users, by runs, by run and user, and by runs alone.
    mde : float
        The RI found with 80 % power.
    """

    L: float
    RI: float
    low: float
    high: float
    p: float
    se: float
    df: float
    Vu: float
    Vs: float
    Ve: float
    Vseed: float
    mde: float


@dataclass(frozen=True)
class Comparison:
    """Variant v over base b: the relative improvement, and what it rests on.

    The fields from ``L`` to ``mde`` are those of ``Effect``, all None ("-") where a mean is 0;
    ``effect`` gives them without None.

    Parameters
    ----------
    rv_v, rv_b : float or None
        Relative variance of a user's value in one run of the arm; None where a run's mean is 0.
    users_only : bool
        Whether an arm has one run, so that the interval leaves out the variance by runs.
    reason : str
        Why nothing can be decided (too few runs, too few users above 0, no variation), or "".
    few_runs : bool
        Whether an arm has fewer than three runs.
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
    def effect(self) -> Effect:
        """The numbers that both means above 0 define; ``StatsError`` where a mean is 0."""
        if self.L is None:
            raise StatsError(
                f"the means in {self.metric} are {self.mean_v:g} and {self.mean_b:g}: a mean of 0"
                " has no relative improvement."
            )
        return Effect(**{field.name: getattr(self, field.name) for field in fields(Effect)})

    @property
    def seed_share(self) -> float | None:
        """Vseed / V, the share of the uncertainty that comes from runs.

        None where nothing varies, and where an arm has one run, whose part cannot be known.
        """
        if self.Vseed is None or not self.se or self.users_only:
            return None
        return self.Vseed / self.se**2

    @property
    def fewest_runs(self) -> int:
        """S, the number of runs of the arm with fewer; an arm without randomness does not count."""
        return min((runs for runs in (self.runs_v, self.runs_b) if runs > 1), default=1)

    def bounds(self, level: float) -> tuple[float, float]:
        """Compute the interval of L outside which each side has probability 1 - ``level``.

        Raises
        ------
        StatsError
            If a mean is 0.
        """
        effect = self.effect
        half = float(stdtrit(effect.df, level)) * effect.se
        return effect.L - half, effect.L + half


def compare(
    ranks_v: ArrayLike,
    ranks_b: ArrayLike,
    metric: str,
    *,
    paired: bool = False,
    random_v: bool = True,
    random_b: bool = True,
) -> Comparison:
    """Compute the relative improvement of v over b with interval and test.

    The method is that of :ref:`statistics-interval`.

    Parameters
    ----------
    ranks_v, ranks_b : array of int, shape (runs, users)
        1-based rank of each user's target, one row per run, the same users in the same order. For
        a stratum give its users only; for the mean of several variants with equal seeds, shape
        (variants, runs, users).
    metric : str
        For example ``"MRR@5"``.
    paired : bool
        Row s of v belongs to row s of b: it was made from it (pruned, fine-tuned, EMA, an ensemble
        with it), or both arms have the same ten seeds or more.
    random_v, random_b : bool
        False for an arm without randomness (popularity, recency, transitions): it has one row,
        which counts as enough runs.

    Raises
    ------
    MetricError
        For an unknown metric, or a rank below 1.
    StatsError
        If the arms cannot be compared, or they differ without any variation.

    Examples
    --------
    >>> round(compare([[1, 2, 4]], [[2, 4, 4]], "MRR@5").RI, 6)  # 0.583 over 0.333
    0.75
    """
    yv, yb = values(ranks_v, metric, random_v, "v"), values(ranks_b, metric, random_b, "b")
    check_pair(yv, yb, paired, random_v and random_b)
    mv, mb = float(yv.mean()), float(yb.mean())
    runs = [len(y) for y, random in ((yv, random_v), (yb, random_b)) if random]
    reason = _reason(runs, yv, yb)
    effect: dict[str, Any] = dict.fromkeys(field.name for field in fields(Effect))
    if mv > 0 and mb > 0:
        zv, zb = yv / mv, yb / mb
        alone = [z for z, random in ((zv, random_v), (zb, random_b)) if random]
        arms = [] if 1 in runs else [zv - zb] if paired else alone
        variances = spread(zv.mean(0) - zb.mean(0), arms)
        if variances.se == 0:
            reason = "; ".join(filter(None, (reason, "no variation at all")))
        effect = asdict(_effect(math.log(mv / mb), variances))
    return Comparison(
        metric=metric,
        mean_v=mv,
        mean_b=mb,
        rv_v=relative_variance(yv),
        rv_b=relative_variance(yb),
        runs_v=len(yv),
        runs_b=len(yb),
        users=yv.shape[1],
        paired=paired,
        users_only=1 in runs,
        reason=reason,
        few_runs=_too_few(runs),
        **effect,
    )


def mean_interval(ranks: ArrayLike, metric: str, *, random: bool = True) -> MeanInterval:
    """Compute the mean m of one arm with its 95 % interval m exp(-+ t se).

    The method is that of :ref:`statistics-interval`; the errors are those of ``compare``.

    Parameters
    ----------
    ranks : array of int, shape (runs, users)
        As in ``compare``.
    metric : str
        For example ``"MRR@5"``.
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
    """Compute L / e: 1 is as large as the paper claims, 0 is nothing, below 0 is contrary.

    Parameters
    ----------
    L : float or None
        The log ratio measured here.
    e : float or None
        The paper's log ratio (:ref:`statistics-paper`).

    Returns
    -------
    float or None
        None ("-") if a log ratio is missing, or ``|e|`` < ln 1.01.

    Examples
    --------
    >>> effect_ratio(0.02, 0.04)
    0.5
    """
    if L is None or e is None or math.isnan(e) or abs(e) < _SMALLEST_CLAIM:
        return None
    return L / e


def delta_ri(ri_paper: float | None, ri: float | None) -> float | None:
    """Compute DeltaRI = RI_paper - RI (:ref:`statistics-paper`); None is "-".

    0 is reproduced, above 0 is less than claimed.
    """
    return None if ri_paper is None or ri is None or math.isnan(ri_paper) else ri_paper - ri


def _too_few(runs: Sequence[int]) -> bool:
    return min(runs, default=FEWEST_RUNS) < FEWEST_RUNS


def _reason(runs: Sequence[int], yv: NDArray[np.float64], yb: NDArray[np.float64]) -> str:
    reasons = []
    if _too_few(runs):
        reasons.append(f"fewer than {FEWEST_RUNS} runs in an arm ({min(runs)})")
    above = min(int((y.mean(0) > 0).sum()) for y in (yv, yb))
    if above < FEWEST_USERS:
        reasons.append(f"fewer than {FEWEST_USERS} users with a value above 0 in an arm ({above})")
    return "; ".join(reasons)


def _effect(L: float, v: Spread) -> Effect:
    if v.se == 0 and abs(L) > ROUNDING:
        raise NoVariation(
            f"the arms differ (ln ratio {L:.6f}) without any variation, so no interval can be"
            " given; look whether one run was read several times."
        )
    L = L if v.se else 0.0
    half = v.width(0.975)
    return Effect(
        L=L,
        RI=math.expm1(L),
        low=math.expm1(L - half),
        high=math.expm1(L + half),
        p=v.p(L),
        mde=math.expm1(half + v.width(0.8)),
        **asdict(v),
    )
