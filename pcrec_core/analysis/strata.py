"""Comparisons within strata of users, such as those whose target is new, and between strata.

Exploratory: no verdict rests on them (:ref:`statistics-strata`).
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from pcrec_core.analysis.crossed import NoVariation, StatsError, values
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.analysis.effects import Comparison


@dataclass(frozen=True)
class Stratum:
    """Users of one kind, and the comparison among them.

    Parameters
    ----------
    name : str
        The kind.
    users : int
        Number of its users.
    share : float
        Their share of all users.
    part : float
        Their part of the gain mean_v - mean_b of all users; the parts of all strata sum to it.
    comparison : Comparison or None
        None for a single user, or where neither users nor runs vary.
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
        Those of ``crossed_t.compare``, for all users.
    kinds : array, shape (users,)
        The kind of each user, for example ``np.where(record.repeated, "repeated", "new")``.

    Returns
    -------
    list of Stratum
        One per kind that has users, in the order of their names.

    Raises
    ------
    StatsError
        If the arms and the kinds do not have the same number of users.
    """
    ranks_v, ranks_b, kinds = np.asarray(ranks_v), np.asarray(ranks_b), np.asarray(kinds)
    yv, yb = values(ranks_v, metric, random_v, "v"), values(ranks_b, metric, random_b, "b")
    if not yv.shape[1] == yb.shape[1] == kinds.size:
        raise StatsError(
            f"the arms have {yv.shape[1]} and {yb.shape[1]} users and {kinds.size} kinds;"
            " give one kind per user."
        )
    gain = yv.mean(0) - yb.mean(0)
    options = {"paired": paired, "random_v": random_v, "random_b": random_b}
    found = []
    for name in np.unique(kinds):
        member, comparison = kinds == name, None
        users = int(member.sum())
        if users > 1:
            with suppress(NoVariation):  # as where one user alone has a value
                comparison = compare(ranks_v[..., member], ranks_b[..., member], metric, **options)
        part = float(gain[member].sum() / member.size)
        found.append(Stratum(str(name), users, float(member.mean()), part, comparison))
    return found


def differ(first: Comparison, second: Comparison) -> tuple[float, float] | None:
    """Test whether two strata differ: z = (L1 - L2) / sqrt(V1 + V2), and its two-sided p-value.

    The test is exploratory: z assumes independent strata, but they share their trained models.
    None where a mean is 0 or nothing varies.
    """
    if first.L is None or second.L is None or first.se == second.se == 0:
        return None
    one, other = first.effect, second.effect
    z = (one.L - other.L) / math.hypot(one.se, other.se)
    return z, 2 * float(ndtr(-abs(z)))
