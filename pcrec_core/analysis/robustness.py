"""Other ways to an interval or a p, printed beside the crossed t and never deciding (STATISTICS.md, sections 2 and 5).
No torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from pcrec_core.analysis.crossed import ROUNDING, StatsError, check_pair, values
from pcrec_core.analysis.crossed_t import Comparison, compare
from pcrec_core.analysis.welch import Welch, welch

RESAMPLES, _CHUNK = 10_000, 500


@dataclass(frozen=True)
class Bootstrap:
    """95 % percentile interval of RI, from ``kept`` resamples; ``dropped`` ones had a mean of 0. None if all were."""

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
    """Crossed bootstrap: users and the runs of each arm are drawn with replacement at once (STATISTICS.md, section 2).

    Parameters
    ----------
    ranks_v, ranks_b, metric, paired, random_v, random_b
        As in ``stats.compare``. Paired arms have one draw of runs.
    name : str
        What seeds it, from ``key``: equal names give equal resamples.
    resamples : int
        10,000 by convention.
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
    """The name that seeds a bootstrap, ``dataset|A|B|metric|protocol|S|U``; S is the smaller number of runs."""
    return f"{dataset}|{a}|{b}|{metric}|{protocol}|{comparison.fewest_runs}|{comparison.users}"


def run_means(ranks_v: ArrayLike, ranks_b: ArrayLike, metric: str) -> Welch:
    """Welch's test of the run means: other runs, but these users."""
    return welch(
        *(
            values(ranks, metric, True, arm).mean(1)
            for ranks, arm in ((ranks_v, "v"), (ranks_b, "b"))
        )
    )


def significant_pairs(
    ranks_v: ArrayLike, ranks_b: ArrayLike, metric: str, level: float = 0.01
) -> float:
    """Share of all pairs of a run of v and a run of b whose paired t test over users has p < ``level``: how often a paper
    of one run would have called the difference significant, in either direction."""
    yv, yb = values(ranks_v, metric, True, "v"), values(ranks_b, metric, True, "b")
    check_pair(yv, yb, False, True)
    return float(np.mean([_paired_p(one - other) < level for one in yv for other in yb]))


@dataclass(frozen=True)
class Clustered:
    """Variance by users where those with one target item count as a cluster, and V with it instead of Vu.

    ``ratio`` is it over Vu, None if that is 0.
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
    """V with users clustered by target item (STATISTICS.md, section 5): a sensitivity, as the catalogue is fixed.

    With the sums D of a cluster's centred differences, Vu = G / (G - 1) sum(D^2) / U^2 over the G clusters: without two
    users of one target it is the Vu of ``stats.compare``.

    Parameters
    ----------
    ranks_v, ranks_b, metric, paired, random_v, random_b
        As in ``stats.compare``.
    targets : array, shape (users,)
        Each user's target item.
    """
    c = compare(ranks_v, ranks_b, metric, paired=paired, random_v=random_v, random_b=random_b)
    different, cluster = np.unique(np.asarray(targets), return_inverse=True)
    groups = len(different)
    if cluster.size != c.users or groups < 2 or c.L is None:
        raise StatsError(
            f"clusters need a target of each of {c.users} users, two different ones and means above 0;"
            f" there are {cluster.size} targets, {groups} different ones."
        )
    yv, yb = values(ranks_v, metric, random_v, "v"), values(ranks_b, metric, random_b, "b")
    sums = np.bincount(
        cluster, weights=yv.mean(0) / yv.mean() - yb.mean(0) / yb.mean()
    )  # each ratio has mean 1
    vu = float(groups / (groups - 1) * (sums**2).sum() / c.users**2)
    return Clustered(groups, vu, vu + c.Vseed, vu / c.Vu if c.Vu else None)


def _resampled_means(
    yv: NDArray, yb: NDArray, paired: bool, rng: np.random.Generator, resamples: int
) -> Iterator[NDArray]:
    """Means of v and b, (2, chunk) at a time; in this order of draws: users, runs of v, runs of b."""
    users = yv.shape[1]
    for begin in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - begin)
        counts = rng.multinomial(users, np.full(users, 1 / users), size).astype(float)
        runs_v = rng.multinomial(len(yv), np.full(len(yv), 1 / len(yv)), size)
        runs_b = runs_v if paired else rng.multinomial(len(yb), np.full(len(yb), 1 / len(yb)), size)
        yield np.array(
            [(counts @ y.T * runs).mean(1) / users for y, runs in ((yv, runs_v), (yb, runs_b))]
        )


def _paired_p(d: NDArray) -> float:
    mean, se = float(d.mean()), float(d.std(ddof=1)) / math.sqrt(d.size)
    if se < ROUNDING:
        return 1.0 if abs(mean) < ROUNDING else 0.0
    return 2 * float(stdtr(d.size - 1, -abs(mean) / se))
