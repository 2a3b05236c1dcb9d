"""Figure 1: accuracy over the share of pruned weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pcrec_core.analysis import comparisons
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.specs.derived import Derived
from pcrec_core.study.replicates import Replicates


def pruned(arms: Mapping[str, Replicates], metrics: Sequence[str]) -> pd.DataFrame:
    """Compute test metrics over the share of pruned weights, with fine-tuning and without.

    Parameters
    ----------
    arms : mapping
        Pruned arms by their labels: ``pruned30``, ``pruned30-tuned``, ...
    metrics : sequence of str
        For example ``["MRR@5"]``.

    Returns
    -------
    DataFrame
        One row per arm and metric: the mean with its interval.

    Raises
    ------
    StatsError
        If an arm is not pruned.
    """
    rows = []
    for label, arm in arms.items():
        share = _share(arm)
        for metric in metrics:
            mean = comparisons.mean_of(arm, metric)
            rows.append(
                {
                    "share": share,
                    "fine_tuned": label.endswith("-tuned"),
                    "metric": metric,
                    "mean": mean.mean,
                    "low": mean.low,
                    "high": mean.high,
                    "runs": mean.runs,
                }
            )
    return pd.DataFrame(rows).sort_values(
        ["metric", "fine_tuned", "share"], kind="stable", ignore_index=True
    )


def _share(arm: Replicates) -> float:
    spec = arm.runs[0].spec
    if not isinstance(spec, Derived) or spec.share is None:
        raise StatsError(f"{arm.variant} is not pruned, so it has no share of pruned weights.")
    return spec.share
