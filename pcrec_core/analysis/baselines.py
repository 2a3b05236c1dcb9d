"""Trained models beside rankings without training, which shows whether they are credible."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pcrec_core.analysis import comparisons
from pcrec_core.metrics import METRICS, PRIMARY
from pcrec_core.study.replicates import Replicates

_COLUMNS = [
    *("dataset", "model", "metric", "mean", "best", "mean_of_best"),
    *("relative_improvement", "low", "high", "users_only", "runs"),
]


def hides_seen(arm: Replicates) -> bool:
    """Return whether an arm's candidates leave out the items of a user's training history.

    Popularity and BPR leave them out where a data set cannot repeat an item, or where the option
    ``hidden`` asks for it (:ref:`protocols-table`).
    """
    run = arm.runs[0]
    asked = getattr(getattr(run.spec, "options", None), "hidden", "") == "seen"
    return arm.model in ("popularity", "bpr") and (asked or not run.outcome.repeated.any())


def values(arms: Sequence[Replicates], metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Tabulate the arms as ``comparisons.values`` does, and what becomes of seen items.

    One row per arm and metric; the column ``seen_items`` is "hidden" or "candidates".
    """
    frames = [
        comparisons.values([arm], metrics).assign(
            seen_items="hidden" if hides_seen(arm) else "candidates"
        )
        for arm in arms
    ]
    return pd.concat(frames, ignore_index=True)


def over_best(
    bases: Sequence[Replicates], trivial: Sequence[Replicates], metric: str = PRIMARY
) -> pd.DataFrame:
    """Compare each base model with the best comparable ranking without training.

    Two rankings are comparable if they are on the same data set and both hide seen items, or both
    rank them. A base without a comparable ranking is left out.

    Returns
    -------
    DataFrame
        One row per base: both means, the baseline's name, and the relative improvement over it
        with its 95 % interval.
    """
    rows = []
    for base in bases:
        best = best_comparable(base, trivial, metric)
        if best is not None:
            rows.append(_over_best(base, best, metric))
    return pd.DataFrame(rows, columns=_COLUMNS)


def best_comparable(
    base: Replicates, trivial: Sequence[Replicates], metric: str
) -> Replicates | None:
    """Return the most accurate ranking without training that is comparable with the base."""
    known = [arm for arm in trivial if comparable(arm, base)]
    return max(known, key=lambda arm: comparisons.mean_of(arm, metric).mean, default=None)


def comparable(a: Replicates, b: Replicates) -> bool:
    """Return whether two arms are on one data set and both hide seen items, or both rank them."""
    return a.dataset == b.dataset and hides_seen(a) == hides_seen(b)


def _over_best(base: Replicates, best: Replicates, metric: str) -> dict[str, object]:
    c = comparisons.compare(base, best, metric)
    return {
        "dataset": base.dataset,
        "model": base.model,
        "metric": metric,
        "mean": c.mean_v,
        "best": best.variant,
        "mean_of_best": c.mean_b,
        "relative_improvement": c.RI,
        "low": c.low,
        "high": c.high,
        "users_only": c.users_only,
        "runs": c.runs_v,
    }
