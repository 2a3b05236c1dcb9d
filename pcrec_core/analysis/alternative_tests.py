"""Alternative intervals and p-values, shown beside the crossed t; no verdict rests on them.

The methods are those of :ref:`statistics-interval` and :ref:`statistics-tables`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from pcrec_core.analysis.crossed import ROUNDING, StatsError, check_pair, values
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.analysis.effects import Comparison
from pcrec_core.analysis.welch import Welch, welch

RESAMPLES, _CHUNK = 10_000, 500


@dataclass(frozen=True)
class Bootstrap:
    """95 % percentile interval of RI, from ``kept`` resamples.

    ``dropped`` resamples had a mean of 0. ``low`` and ``high`` are None if all had.
    """

    low: float | None
    high: float | None
    kept: int
    dropped: int


def bootstrap(
    ranks_v: ArrayLike,
    ranks_b: ArrayLike,
    metric: str,
    *,
    name: str,
    paired: bool = False,
    random_v: bool = True,
    random_b: bool = True,
    resamples: int = RESAMPLES,
) -> Bootstrap:
    """Compute the crossed bootstrap interval of RI: users and runs are resampled together.

    Parameters
    ----------
    ranks_v, ranks_b, metric, paired, random_v, random_b
        Those of ``crossed_t.compare``. Paired arms share the resampled runs.
    name : str
        The seed of the random draws, from ``key``: equal names give equal resamples.
    resamples : int
        Number of resamples.

    Raises
    ------
    StatsError
        If the arms cannot be compared.
    """
    yv, yb = values(ranks_v, metric, random_v, "v"), values(ranks_b, metric, random_b, "b")
    check_pair(yv, yb, paired, random_v and random_b)
    rng = np.random.default_rng(int.from_bytes(sha256(name.encode()).digest()[:8], "little"))
    mv, mb = np.concatenate(list(_resampled_means(yv, yb, paired, rng, resamples)), axis=1)
    kept = (mv > 0) & (mb > 0)
    if not kept.any():
        return Bootstrap(None, None, 0, resamples)
    low, high = np.percentile(mv[kept] / mb[kept] - 1, [2.5, 97.5])
    return Bootstrap(float(low), float(high), int(kept.sum()), int((~kept).sum()))


def key(dataset: str, a: str, b: str, metric: str, protocol: str, comparison: Comparison) -> str:
    """Name a bootstrap ``dataset|A|B|metric|protocol|S|U``; S is the smaller number of runs."""
    return f"{dataset}|{a}|{b}|{metric}|{protocol}|{comparison.fewest_runs}|{comparison.users}"


def run_means(ranks_v: ArrayLike, ranks_b: ArrayLike, metric: str) -> Welch:
    """Test the difference of the run means by Welch's test.

    It generalises to other runs, not to other users. The ranks are those of ``crossed_t.compare``.

    Raises
    ------
    StatsError
        If an arm has fewer than two runs, or the arms differ without any variation.
    """
    v, b = values(ranks_v, metric, True, "v"), values(ranks_b, metric, True, "b")
    return welch(v.mean(1), b.mean(1))


def significant_pairs(
    ranks_v: ArrayLike, ranks_b: ArrayLike, metric: str, level: float = 0.01
) -> float:
    """Compute how often a paper of one run would have called the difference significant.

    That is the share of all pairs of a run of v and a run of b whose paired t test over users has
    p < ``level``, in either direction.

    Raises
    ------
    StatsError
        If the arms have different users.
    """
    yv, yb = values(ranks_v, metric, True, "v"), values(ranks_b, metric, True, "b")
    check_pair(yv, yb, False, True)
    return float(np.mean([_paired_p(one - other) < level for one in yv for other in yb]))


@dataclass(frozen=True)
class Clustered:
    """Variance by users, with the users of one target item as a cluster.

    Parameters
    ----------
    targets : int
        Number of clusters.
    Vu : float
        The clustered variance by users.
    V : float
        The variance of L with the clustered Vu.
    ratio : float or None
        The clustered Vu over the usual one; None if that is 0.
    """

    targets: int
    Vu: float
    V: float
    ratio: float | None


def clustered(
    ranks_v: ArrayLike,
    ranks_b: ArrayLike,
    targets: ArrayLike,
    metric: str,
    *,
    paired: bool = False,
    random_v: bool = True,
    random_b: bool = True,
) -> Clustered:
    """Compute the variance of L with users clustered by target item (:ref:`statistics-tables`).

    This is a sensitivity analysis: the study takes the catalogue as fixed. With D the sum of the
    centred differences of a cluster, Vu = G / (G - 1) sum(D^2) / U^2 over the G clusters; if no
    two users share a target, that is the Vu of ``crossed_t.compare``.

    Parameters
    ----------
    ranks_v, ranks_b, metric, paired, random_v, random_b
        Those of ``crossed_t.compare``.
    targets : array, shape (users,)
        Each user's target item.

    Raises
    ------
    StatsError
        If a user has no target, all have the same, or a mean is 0.
    """
    c = compare(ranks_v, ranks_b, metric, paired=paired, random_v=random_v, random_b=random_b)
    different, cluster = np.unique(np.asarray(targets), return_inverse=True)
    groups = len(different)
    if cluster.size != c.users or groups < 2 or c.L is None:
        raise StatsError(
            f"clusters need a target of each of {c.users} users, two different ones and means"
            f" above 0; there are {cluster.size} targets, {groups} different ones."
        )
    yv, yb = values(ranks_v, metric, random_v, "v"), values(ranks_b, metric, random_b, "b")
    # Each ratio has mean 1, so their difference is centred.
    sums = np.bincount(cluster, weights=yv.mean(0) / yv.mean() - yb.mean(0) / yb.mean())
    vu = float(groups / (groups - 1) * (sums**2).sum() / c.users**2)
    usual = c.effect
    return Clustered(groups, vu, vu + usual.Vseed, vu / usual.Vu if usual.Vu else None)


def _resampled_means(
    yv: NDArray[np.float64],
    yb: NDArray[np.float64],
    paired: bool,
    rng: np.random.Generator,
    resamples: int,
) -> Iterator[NDArray[np.float64]]:
    """Yield means of v and b, (2, chunk) at a time.

    The order of the draws is fixed: users, runs of v, runs of b.
    """
    users = yv.shape[1]
    for begin in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - begin)
        counts = rng.multinomial(users, np.full(users, 1 / users), size).astype(float)
        runs_v = rng.multinomial(len(yv), np.full(len(yv), 1 / len(yv)), size)
        runs_b = runs_v if paired else rng.multinomial(len(yb), np.full(len(yb), 1 / len(yb)), size)
        yield np.array(
            [(counts @ y.T * runs).mean(1) / users for y, runs in ((yv, runs_v), (yb, runs_b))]
        )


def _paired_p(d: NDArray[np.float64]) -> float:
    mean, se = float(d.mean()), float(d.std(ddof=1)) / math.sqrt(d.size)
    if se < ROUNDING:
        return 1.0 if abs(mean) < ROUNDING else 0.0
    return 2 * float(stdtr(d.size - 1, -abs(mean) / se))
