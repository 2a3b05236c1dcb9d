"""What more runs would show on the same users, projected from the variances of a comparison.

The half-width of the interval and the effect that is found (:ref:`statistics-power`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

# The t distribution of scipy.stats, without the second that importing scipy.stats takes.
from scipy.special import stdtr

from pcrec_core.analysis import comparisons
from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.claims.paper_uncertainty import correlation, paper_side
from pcrec_core.analysis.claims.printed_values import printed
from pcrec_core.analysis.crossed import Spread, StatsError
from pcrec_core.analysis.crossed_t import PAIRED_FROM
from pcrec_core.analysis.effects import Comparison
from pcrec_core.study.replicates import Replicates

#: Simulated studies of ``expected_words``.
STUDIES = 10_000


@dataclass(frozen=True)
class Projection:
    """What a number of runs per arm is expected to show.

    Parameters
    ----------
    runs : int
        Of each arm.
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


def projected(c: Comparison, runs: int) -> Projection:
    """Project a comparison to ``runs`` runs per arm, if variances stay as they were estimated.

    Vu holds the users' own differences and the noise Ve by run and user; the noise and Vseed shrink
    as 1 / runs. The arms are taken to contribute equally to the variance by runs.

    Parameters
    ----------
    c : Comparison
        Of two arms with the same number of runs, two or more.
    runs : int
        Two or more.

    Raises
    ------
    StatsError
        If the arms have one run or different numbers of runs, a mean is 0, or ``runs`` is below 2.
    """
    if c.users_only or c.runs_v != c.runs_b or c.L is None or runs < 2:
        raise StatsError(
            "a projection needs arms with equally many runs, two or more, and means above 0, and at"
            f" least two runs to project to; these have {c.runs_v} and {c.runs_b} runs, to {runs}."
        )
    now, fewer = c.effect, c.runs_v / runs
    vu = max(now.Vu - now.Ve, 0.0) + now.Ve * fewer
    vs, ve, vseed = now.Vs * fewer, now.Ve * fewer, now.Vseed * fewer
    arms = 1 if c.paired else 2
    df = (vu + vseed) ** 2 / (vu**2 / (c.users - 1) + vs**2 / arms / (runs - 1))
    v = Spread(vu, vs, ve, vseed, math.sqrt(vu + vseed), float(np.clip(df, runs - 1, c.users - 1)))
    half = v.width(0.975)
    return Projection(runs, math.expm1(half), math.expm1(half + v.width(0.8)), v)


def projections(
    pairs: Sequence[tuple[Replicates, Replicates]],
    metrics: Sequence[str],
    runs: Sequence[int] = (3, 5, 10),
) -> pd.DataFrame:
    """Tabulate the measured variances of pairs (variant, base), and what more runs would show.

    Returns
    -------
    DataFrame
        One row per pair and metric: c, the correlation of a user's values in the arms; rv, their
        relative variance; the SD of runs; half-widths with each number of ``runs`` per arm; the RI
        that the last of them finds, and the paper's. Pairs that have one run per arm, or different
        numbers of runs, have no row.
    """
    return pd.DataFrame(
        [
            _projection(over, base, metric, runs)
            for over, base in _projectable(pairs)
            for metric in metrics
        ]
    )


def _projection(
    over: Replicates, base: Replicates, metric: str, runs: Sequence[int]
) -> dict[str, object]:
    c = comparisons.compare(over, base, metric)
    by_runs = [projected(c, many) for many in runs]
    return _key(over, metric) | {
        "users": c.users,
        "c": correlation(c),
        "rv": None if c.rv_v is None or c.rv_b is None else (c.rv_v + c.rv_b) / 2,
        "run_sd": math.sqrt(c.runs_v * c.effect.Vseed / 2),
        **{f"half_width_with_{p.runs}_runs": p.half for p in by_runs},
        f"found_with_{runs[-1]}_runs": by_runs[-1].mde,
        "paper_relative_improvement": comparisons.paper_improvement(over, base, metric),
    }


def _projectable(
    pairs: Sequence[tuple[Replicates, Replicates]],
) -> list[tuple[Replicates, Replicates]]:
    return [pair for pair in pairs if len(pair[0].runs) == len(pair[1].runs) > 1]


def _key(arm: Replicates, metric: str) -> dict[str, object]:
    return {"dataset": arm.dataset, "model": arm.model, "metric": metric}


def expected_words(
    pairs: Sequence[tuple[Replicates, Replicates]], metric: str, runs: Sequence[int] = (3, 10)
) -> pd.DataFrame:
    """Simulate how often a single claim of the paper's improvement would get each verdict.

    L is normal around the truth with the projected variance, which is itself estimated.

    Returns
    -------
    DataFrame
        One row per pair (variant, base) whose improvement the paper prints, number of runs and
        truth (nothing, half of the claim, or the claim), with the share of simulated studies that
        get each verdict.
    """
    return pd.DataFrame(
        [row for over, base in _projectable(pairs) for row in _expected(over, base, metric, runs)]
    )


def _expected(
    over: Replicates, base: Replicates, metric: str, runs: Sequence[int]
) -> Iterator[dict[str, object]]:
    claimed, data = comparisons.paper_improvement(over, base, metric), comparisons.counterpart(over)
    if claimed is None or data is None:
        return
    c, e = comparisons.compare(over, base, metric), math.log1p(claimed)
    names = comparisons.name_in_paper(over), comparisons.name_in_paper(base)
    of_paper = paper_side(c, printed(metric, data, *names)).Vp
    for many in runs:
        spread = projected(c, many).spread
        # The rule counts the uncertainty of the paper's run below ten runs only.
        noise = 0.0 if many >= PAIRED_FROM else of_paper
        for truth, name in ((0.0, "nothing"), (e / 2, "half"), (e, "the claim")):
            shares = _words(truth, spread, e, noise)
            yield {**_key(over, metric), "runs": many, "truth": name, **shares}


def _words(truth: float, v: Spread, e: float, Vp: float) -> dict[str, float]:
    """Simulate the verdicts of a claim of kind better, alone in its family.

    The rule is that of :ref:`statistics-verdicts`.
    """
    draw = np.random.default_rng(0)
    V = v.se**2 * draw.chisquare(v.df, STUDIES) / v.df
    L = truth + v.se * draw.standard_normal(STUDIES)
    supported, contradicted = (stdtr(v.df, sign * L / np.sqrt(V)) <= 0.025 for sign in (-1, 1))
    ruled_out = (stdtr(v.df, (L - e) / np.sqrt(V + Vp)) <= 0.05) & ~supported & ~contradicted
    return {
        outcomes.SUPPORTED: supported.mean(),
        outcomes.CONTRADICTED: contradicted.mean(),
        "ruled_out": ruled_out.mean(),
        outcomes.INCONCLUSIVE: (~(supported | contradicted | ruled_out)).mean(),
    }
