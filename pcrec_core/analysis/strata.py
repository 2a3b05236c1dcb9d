"""Strata of users, such as those whose target is new or repeated: compared apart, and with each other (STATISTICS.md,
section 5). Exploratory, never a word. No torch."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from pcrec_core.analysis.crossed import NoVariation, StatsError, values
from pcrec_core.analysis.crossed_t import Comparison, compare


@dataclass(frozen=True)
class Stratum:
    """Users of one kind: their share, their part of the gain mean_v - mean_b of all users, and their own comparison.

    The parts of all strata sum to the gain. ``comparison`` is None for a single user, or where
    neither users nor runs vary.
    """

    name: str
    users: int
    share: float
    part: float
    comparison: Comparison | None


def strata(
    ranks_v: ArrayLike,
    ranks_b: ArrayLike,
    kinds: ArrayLike,
    metric: str,
    *,
    paired: bool = False,
    random_v: bool = True,
    random_b: bool = True,
) -> list[Stratum]:
    """Compare v with b among the users of each kind.

    Parameters
    ----------
    ranks_v, ranks_b, metric, paired, random_v, random_b
        As in ``stats.compare``, of all users.
    kinds : array, shape (users,)
        The kind of each user, for example ``np.where(record.repeated, "repeated", "new")``.

    Returns
    -------
    list of Stratum
        One a kind that has users, in the order of their names.
    """
    ranks_v, ranks_b, kinds = np.asarray(ranks_v), np.asarray(ranks_b), np.asarray(kinds)
    yv, yb = values(ranks_v, metric, random_v, "v"), values(ranks_b, metric, random_b, "b")
    if not yv.shape[1] == yb.shape[1] == kinds.size:
        raise StatsError(
            f"the arms have {yv.shape[1]} and {yb.shape[1]} users and {kinds.size} kinds; give one a user."
        )
    gain = yv.mean(0) - yb.mean(0)
    found = []
    for name in np.unique(kinds):
        of = kinds == name
        comparison = None
        if of.sum() > 1:
            with suppress(NoVariation):  # as where one user alone has a value
                comparison = compare(
                    ranks_v[..., of],
                    ranks_b[..., of],
                    metric,
                    paired=paired,
                    random_v=random_v,
                    random_b=random_b,
                )
        found.append(
            Stratum(
                str(name),
                int(of.sum()),
                float(of.mean()),
                float(gain[of].sum() / of.size),
                comparison,
            )
        )
    return found


def differ(first: Comparison, second: Comparison) -> tuple[float, float] | None:
    """z = (L1 - L2) / sqrt(V1 + V2) of two strata and its two-sided p; None where a mean is 0 or nothing varies.

    The strata share their trained models, so z takes them for more independent than they are: exploratory.
    """
    if first.L is None or second.L is None or first.se == second.se == 0:
        return None
    z = (first.L - second.L) / math.hypot(first.se, second.se)
    return z, 2 * float(ndtr(-abs(z)))
