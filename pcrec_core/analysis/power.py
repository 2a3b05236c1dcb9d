"""What more runs on the same users would show: half-widths, detectable effects, verdicts.

The variance of users is that of a comparison; the variance of runs is pooled over all arms of its
model and data set, since two arms of three runs estimate it too poorly
(:ref:`statistics-power`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

# The t distribution of scipy.stats, without the second that importing scipy.stats takes.
from scipy.special import stdtr

from pcrec_core.analysis import comparisons, paper_arms
from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.claims.paper_uncertainty import correlation, paper_side
from pcrec_core.analysis.claims.printed_values import printed
from pcrec_core.analysis.crossed import Spread
from pcrec_core.analysis.crossed_t import PAIRED_FROM
from pcrec_core.analysis.effects import Comparison
from pcrec_core.analysis.projection import projectable, projected
from pcrec_core.analysis.run_variance import pooled_over
from pcrec_core.study.replicates import Replicates

#: Simulated studies of ``expected_verdicts``.
STUDIES = 10_000
#: The trained arms of a model over which the variance of runs is pooled, where they have runs.
POOLED = ("base", "LE", "avg", "LN", "N", "base-constant", "LE-constant")


def projections(
    pairs: Sequence[tuple[Replicates, Replicates]],
    arms: Sequence[Replicates],
    metrics: Sequence[str],
    runs: Sequence[int] = (3, 5, 10),
) -> pd.DataFrame:
    """Tabulate the measured variances of pairs (variant, base), and what more runs would show.

    Parameters
    ----------
    pairs : sequence of (variant, base)
        The comparisons to project.
    arms : sequence of Replicates
        The variance of runs is pooled over those of a pair's model and data set, and the pair.
    metrics : sequence of str
        For example ``["MRR@5"]``.
    runs : sequence of int
        Numbers of runs per arm to project to.

    Returns
    -------
    DataFrame
        One row per pair and metric: c, the correlation of a user's values in the arms; rv, their
        relative variance; the pooled SD of runs with its degrees of freedom; half-widths with each
        number of ``runs`` per arm; the RI found with 80 % power with the last of them, and the
        paper's RI. A pair with one run per arm, with unequal numbers of runs, or with a mean of 0
        has no row.
    """
    return pd.DataFrame(
        [
            _projection(c, pair, _alike(pair, arms), runs)
            for pair in pairs
            for metric in metrics
            if projectable(c := comparisons.compare(*pair, metric))
        ]
    )


def _projection(
    c: Comparison,
    pair: tuple[Replicates, Replicates],
    alike: list[Replicates],
    runs: Sequence[int],
) -> dict[str, object]:
    (over, base), metric, of_runs = pair, c.metric, pooled_over(alike, c.metric)
    by_runs = [projected(c, of_runs, many) for many in runs]
    return _key(over, metric) | {
        "users": c.users,
        "c": correlation(c),
        "rv": None if c.rv_v is None or c.rv_b is None else (c.rv_v + c.rv_b) / 2,
        "run_sd": of_runs.sd,
        "run_sd_df": of_runs.df,
        **{f"half_width_with_{p.runs}_runs": p.half for p in by_runs},
        f"found_with_{runs[-1]}_runs": by_runs[-1].mde,
        "paper_relative_improvement": paper_arms.paper_improvement(over, base, metric),
    }


def _alike(pair: tuple[Replicates, Replicates], arms: Sequence[Replicates]) -> list[Replicates]:
    """Return the arms of the pair's data set and model, each once, the pair's own among them."""
    over, base = pair
    known = {over.variant: over, base.variant: base}
    others = (one for one in arms if (one.dataset, one.model) == (over.dataset, over.model))
    return list(({one.variant: one for one in others} | known).values())


def _key(arm: Replicates, metric: str) -> dict[str, object]:
    return {"dataset": arm.dataset, "model": arm.model, "metric": metric}


def expected_verdicts(
    pairs: Sequence[tuple[Replicates, Replicates]],
    arms: Sequence[Replicates],
    metric: str,
    runs: Sequence[int] = (3, 10),
) -> pd.DataFrame:
    """Simulate how often a single claim of the paper's improvement would get each verdict.

    L is drawn from a normal distribution around the true value with the projected variance, which
    each simulated study estimates anew. The parameters are those of ``projections``.

    Returns
    -------
    DataFrame
        One row per pair (variant, base) whose improvement the paper prints, number of runs and
        truth (nothing, half of the claim, or the claim), with the share of simulated studies that
        get each verdict.
    """
    return pd.DataFrame(
        [row for pair in pairs for row in _expected(pair, _alike(pair, arms), metric, runs)]
    )


def _expected(
    pair: tuple[Replicates, Replicates], alike: list[Replicates], metric: str, runs: Sequence[int]
) -> Iterator[dict[str, object]]:
    over, base = pair
    claimed, data = paper_arms.paper_improvement(over, base, metric), paper_arms.counterpart(over)
    if claimed is None or data is None:
        return
    c, e = comparisons.compare(over, base, metric), math.log1p(claimed)
    if not projectable(c):
        return
    of_runs = pooled_over(alike, metric)
    names = paper_arms.name_in_paper(over), paper_arms.name_in_paper(base)
    # paper_side takes S Vseed as the variance of one run per arm
    as_pooled = replace(c, Vseed=2 * of_runs.seed / c.fewest_runs)
    of_paper = paper_side(as_pooled, printed(metric, data, *names)).Vp
    for many in runs:
        spread = projected(c, of_runs, many).spread
        # The rule counts the uncertainty of the paper's run below ten runs only.
        noise = 0.0 if many >= PAIRED_FROM else of_paper
        for truth, name in ((0.0, "nothing"), (e / 2, "half"), (e, "the claim")):
            shares = _verdict_shares(truth, spread, e, noise)
            yield {**_key(over, metric), "runs": many, "truth": name, **shares}


def _verdict_shares(truth: float, v: Spread, e: float, Vp: float) -> dict[str, float]:
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
