"""Figure 1: accuracy over the share of pruned weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pcrec_core.analysis import comparisons
from pcrec_core.study.replicates import Replicates


def pruned(arms: Mapping[str, Replicates], metrics: Sequence[str]) -> pd.DataFrame:
    """Figure 1: metrics on test with their intervals over the share of pruned weights, with fine-tuning and without.

    ``arms`` by their labels, ``pruned30``, ``pruned30-tuned``, ...
    """
    rows = []
    for label, arm in arms.items():
        for metric in metrics:
            mean = comparisons.mean_of(arm, metric)
            rows.append(
                {
                    "share": arm.runs[0].spec.share,
                    "fine-tuned": label.endswith("-tuned"),
                    "metric": metric,
                    "mean": mean.mean,
                    "low": mean.low,
                    "high": mean.high,
                    "runs": mean.runs,
                }
            )
    return pd.DataFrame(rows).sort_values(
        ["metric", "fine-tuned", "share"], kind="stable", ignore_index=True
    )
