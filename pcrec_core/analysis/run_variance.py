"""How much the runs of an arm differ, pooled over arms (:ref:`statistics-power`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrec_core.analysis.crossed import StatsError, by_runs, values
from pcrec_core.study.replicates import Replicates


@dataclass(frozen=True)
class RunVariance:
    """Relative variance of the mean of one run, estimated from several arms.

    Parameters
    ----------
    total : float
        Over the runs of an arm, as observed.
    noise : float
        The part of it that is noise by run and user.
    df : int
        Degrees of freedom of ``total``.
    """

    total: float
    noise: float
    df: int

    @property
    def seed(self) -> float:
        """The part by runs alone, 0 where runs differ no more than users do by chance."""
        return max(0.0, self.total - self.noise)

    @property
    def sd(self) -> float:
        """The run SD: the square root of ``seed``."""
        return math.sqrt(self.seed)


def pooled(arms: Sequence[NDArray[np.float64]]) -> RunVariance:
    """Pool the variance of runs over arms: the mean, weighted by each arm's runs less 1.

    Each arm is divided by its own mean first, so that arms of different accuracy count alike.

    Parameters
    ----------
    arms : sequence of array, each (runs, users)
        Metric values. An arm with one run or a mean of 0 has no relative variance of runs and is
        left out.

    Raises
    ------
    StatsError
        If no arm has two runs and a mean above 0.
    """
    relative = [y / y.mean() for y in arms if len(y) > 1 and y.mean() > 0]
    if not relative:
        raise StatsError("the variance of runs needs an arm with two runs or more; none has.")
    weights = [len(z) - 1 for z in relative]
    of_one = [len(z) * np.array(by_runs(z)[:2]) for z in relative]
    total, noise = np.average(of_one, axis=0, weights=weights)
    return RunVariance(float(total), float(noise), sum(weights))


def pooled_over(arms: Sequence[Replicates], metric: str) -> RunVariance:
    """Pool the variance of runs over the replicates of one model on one data set.

    Raises
    ------
    StatsError
        If no arm has two runs and a mean above 0.
    """
    return pooled([values(arm.ranks_for(metric), metric, True, arm.variant) for arm in arms])
