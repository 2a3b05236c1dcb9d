"""Comparisons of replicates: a variant over its base, beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from pcrec_core.analysis import crossed_t, paper_arms
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import PAIRED_FROM
from pcrec_core.analysis.effect_ratio import delta_ri
from pcrec_core.analysis.effects import Comparison
from pcrec_core.analysis.mean_interval import MeanInterval, mean_interval
from pcrec_core.metrics import METRICS
from pcrec_core.specs.trainings import trainings
from pcrec_core.study import records
from pcrec_core.study.replicates import Replicates, matched

#: The columns of ``comparisons``, also where nothing is compared.
_COLUMNS = (
    "dataset",
    "model",
    "comparison",
    "metric",
    "relative_improvement",
    "low",
    "high",
    "p",
    "df",
    "seed_share",
    "mde",
    "paper_relative_improvement",
    "paper_dataset",
    "delta_relative_improvement",
    "runs_variant",
    "runs_base",
    "users",
    "users_only",
)


def mean_of(arm: Replicates, metric: str) -> MeanInterval:
    """Compute the mean of an arm with its interval, cut at 1, which no metric exceeds."""
    mean = mean_interval(arm.ranks_for(metric), metric, random=arm.random)
    return mean if mean.high is None else replace(mean, high=min(mean.high, 1.0))


def compare(
    variant: Replicates, base: Replicates, metric: str, *, by_seed: bool = True
) -> Comparison:
    """Compare a variant with its base on the same users (:ref:`statistics-interval`).

    Parameters
    ----------
    variant, base : Replicates
        The arms; their runs are compared pair by pair if ``paired`` holds.
    metric : str
        For example ``"MRR@5"``.
    by_seed : bool
        As in ``paired``.

    Raises
    ------
    RecordError
        If the arms are of other data, or of another protocol.
    StatsError
        If only some runs share a training: then the arms are neither paired nor independent.
    """
    records.same_users([*variant.runs, *base.runs])
    return crossed_t.compare(
        variant.ranks_for(metric),
        base.ranks_for(metric),
        metric,
        paired=paired(variant, base, by_seed=by_seed),
        random_v=variant.random,
        random_b=base.random,
    )


def paired(variant: Replicates, base: Replicates, *, by_seed: bool = True) -> bool:
    """Return whether the runs are compared pair by pair (:ref:`statistics-amendment-1`, item 2).

    They are where each run shares a training with the base's of its seed, and, unless ``by_seed``
    is False (the rule before the amendment), where both arms have the same ten seeds or more.

    Raises
    ------
    StatsError
        If only some runs share a training.
    """
    if not variant.shares(base):
        return by_seed and same_seeds(variant, base)
    mine, theirs = ([trainings(run.spec) for run in arm.runs] for arm in (variant, base))
    by_run = zip(mine, theirs, strict=False)
    if len(mine) != len(theirs) or any(a.isdisjoint(b) for a, b in by_run):
        raise StatsError(
            f"{variant.variant} and {base.variant} share trainings, but not run by run;"
            " give both the same seeds."
        )
    return True


def same_seeds(variant: Replicates, base: Replicates) -> bool:
    """Return whether both arms are random and have the same seeds, ten or more."""
    mine, theirs = ([run.spec.seed for run in arm.runs] for arm in (variant, base))
    return variant.random and base.random and mine == theirs and len(mine) >= PAIRED_FROM


def named(over: Replicates, base: Replicates) -> str:
    """Name a comparison: "LE over base"; with two models, "base over bpr base"."""
    other = base.random and over.model != base.model
    return f"{over.variant} over {f'{base.model} ' if other else ''}{base.variant}"


def values(arms: Sequence[Replicates], metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Tabulate each arm: mean, 95 % interval, SD over runs, and the paper's value.

    Returns
    -------
    DataFrame
        One row per arm and metric.
    """
    return pd.DataFrame([_value(arm, metric) for arm in arms for metric in metrics])


def _value(arm: Replicates, metric: str) -> dict[str, object]:
    m = mean_of(arm, metric)
    return {
        "dataset": arm.dataset,
        "model": arm.model,
        "variant": arm.variant,
        "metric": metric,
        "mean": m.mean,
        "low": m.low,
        "high": m.high,
        "run_sd": m.run_sd,
        "runs": m.runs,
        "users": m.users,
        "users_only": m.users_only,
        "paper_value": paper_arms.printed_value(arm, metric),
        "paper_dataset": paper_arms.counterpart(arm),
    }


def comparisons(
    pairs: Sequence[tuple[Replicates, Replicates]], metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Compare each pair (variant, base) and add the paper's numbers.

    A pair is cut to the runs that belong together first, by ``replicates.matched``.

    Returns
    -------
    DataFrame
        One row per pair and metric: the relative improvement with its interval and test
        (:ref:`statistics-interval`), the paper's, and their difference.
    """
    rows = [_comparison(*matched(*pair), metric) for pair in pairs for metric in metrics]
    return pd.DataFrame(rows, columns=None if rows else _COLUMNS)


def _comparison(over: Replicates, base: Replicates, metric: str) -> dict[str, object]:
    c, ri_paper = compare(over, base, metric), paper_arms.paper_improvement(over, base, metric)
    return {
        "dataset": over.dataset,
        "model": over.model,
        "comparison": named(over, base),
        "metric": metric,
        "relative_improvement": c.RI,
        "low": c.low,
        "high": c.high,
        "p": c.p,
        "df": c.df,
        "seed_share": c.seed_share,
        "mde": c.mde,
        "paper_relative_improvement": ri_paper,
        "paper_dataset": paper_arms.counterpart(over),
        "delta_relative_improvement": delta_ri(ri_paper, c.RI),
        "runs_variant": c.runs_v,
        "runs_base": c.runs_b,
        "users": c.users,
        "users_only": c.users_only,
    }


def curve(sweep: Sequence[Replicates], metrics: Sequence[str]) -> pd.DataFrame:
    """Tabulate the ``values`` of cooperating arms with their alpha (Figure 4).

    One row per arm and metric.
    """
    return pd.concat(
        [values([arm], metrics).assign(alpha=arm.alpha) for arm in sweep], ignore_index=True
    )
