"""Compare two variants: the crossed t on the log ratio of means (:ref:`statistics-interval`).

The ranks have shape (runs, users). The caller, who reads them from records, ensures that the users
of both arms are the same and that the runs of an arm differ in the seed alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pcrec_core.analysis.crossed import (
    ROUNDING,
    NoVariation,
    Spread,
    check_pair,
    relative_variance,
    spread,
    values,
)
from pcrec_core.analysis.effects import Comparison, Effect

#: Metric values by run and user, (runs, users).
Values = NDArray[np.float64]

FEWEST_RUNS = 3
FEWEST_USERS = 30
#: Runs of equal seeds from which on two arms are compared pair by pair (Amendment 1, item 2).
PAIRED_FROM = 10


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
        Whether row s of v belongs to row s of b: v was derived from it (pruned, fine-tuned, EMA, an
        ensemble with it), or both arms have the same ten seeds or more.
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
    random = [y for y, varies in ((yv, random_v), (yb, random_b)) if varies]
    runs, effect = [len(y) for y in random], _estimate(yv, yb, random, paired)
    reasons = [_reason(runs, yv, yb)]
    if effect and effect.se == 0:
        reasons.append("no variation at all")
    numbers = asdict(effect) if effect else dict.fromkeys(field.name for field in fields(Effect))
    return Comparison(
        metric=metric,
        mean_v=float(yv.mean()),
        mean_b=float(yb.mean()),
        rv_v=relative_variance(yv),
        rv_b=relative_variance(yb),
        runs_v=len(yv),
        runs_b=len(yb),
        users=yv.shape[1],
        paired=paired,
        users_only=1 in runs,
        reason="; ".join(filter(None, reasons)),
        few_runs=_too_few(runs),
        **numbers,
    )


def _estimate(yv: Values, yb: Values, random: Sequence[Values], paired: bool) -> Effect | None:
    """Estimate the effect; None where a mean is 0. ``random`` are the arms with randomness."""
    mv, mb = float(yv.mean()), float(yb.mean())
    if not (mv > 0 and mb > 0):
        return None
    zv, zb = yv / mv, yb / mb
    alone = [zv if y is yv else zb for y in random]
    arms = [] if any(len(z) == 1 for z in alone) else [zv - zb] if paired else alone
    return _effect(math.log(mv / mb), spread(zv.mean(0) - zb.mean(0), arms))


def _too_few(runs: Sequence[int]) -> bool:
    return min(runs, default=FEWEST_RUNS) < FEWEST_RUNS


def _reason(runs: Sequence[int], yv: Values, yb: Values) -> str:
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
