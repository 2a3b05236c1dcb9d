"""The mean of one arm with its 95 % interval (:ref:`statistics-interval`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from pcrec_core.analysis.crossed import spread, values


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
