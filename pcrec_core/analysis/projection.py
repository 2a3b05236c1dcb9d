"""The projection of one comparison to more runs on the same users (:ref:`statistics-power`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pcrec_core.analysis.crossed import Spread, StatsError
from pcrec_core.analysis.effects import Comparison
from pcrec_core.analysis.run_variance import RunVariance


@dataclass(frozen=True)
class Projection:
    """The expected precision with a number of runs per arm.

    Parameters
    ----------
    runs : int
        Runs of each arm.
    half : float
        Half-width of the 95 % interval of RI around no effect.
    mde : float
        The RI that is found with 80 % power.
    spread : Spread
        The projected variances of L.
    """

    runs: int
    half: float
    mde: float
    spread: Spread


def projectable(c: Comparison) -> bool:
    """Return whether the arms have equally many runs, two or more, and means above 0."""
    return not c.users_only and c.runs_v == c.runs_b and c.L is not None


def projected(c: Comparison, of_runs: RunVariance, runs: int) -> Projection:
    """Project a comparison to ``runs`` runs per arm, if the variances are as estimated.

    Vu holds the users' own differences and the noise Ve by run and user; the noise shrinks as
    1 / runs. Both arms are taken to vary equally over runs and to be unpaired, so Vs is twice the
    variance of one run over ``runs``; pairing by seed can only leave less.

    Parameters
    ----------
    c : Comparison
        Of two arms with the same number of runs, two or more.
    of_runs : RunVariance
        Of the runs of both arms.
    runs : int
        Two or more.

    Raises
    ------
    StatsError
        If the arms have one run or different numbers of runs, a mean is 0, or ``runs`` is below 2.
    """
    if not projectable(c) or runs < 2:
        raise StatsError(
            "a projection needs arms with equally many runs, two or more, and means above 0, and at"
            f" least two runs to project to; these have {c.runs_v} and {c.runs_b} runs, to {runs}."
        )
    now = c.effect
    vu = max(now.Vu - now.Ve, 0.0) + now.Ve * c.runs_v / runs
    vs, ve, vseed = (2 * each / runs for each in (of_runs.total, of_runs.noise, of_runs.seed))
    df = (vu + vseed) ** 2 / (vu**2 / (c.users - 1) + vs**2 / 2 / (runs - 1))
    v = Spread(vu, vs, ve, vseed, math.sqrt(vu + vseed), float(np.clip(df, runs - 1, c.users - 1)))
    half = v.width(0.975)
    return Projection(runs, math.expm1(half), math.expm1(half + v.width(0.8)), v)
