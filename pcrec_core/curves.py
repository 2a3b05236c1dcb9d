"""What Figures 1, 5 and 6 draw, from records, as tidy frames. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.arms import Arm
from pcrec_core.records import Record

#: Largest entropy of ten bins, where Figure 6's axis ends.
MOST = math.log(10)


def convergence(arms: Sequence[Arm], metrics: Sequence[str]) -> pd.DataFrame:
    """What can be reported by epoch (Figure 5), of peers that differ the better one: a row an arm, run, epoch and metric.

    On validation; on the test set where the protocol chooses the epoch there. Where it is what an exchange leaves, epochs
    without one have no row.
    """
    return pd.concat([_converging(arm, run, metric) for arm in arms for run in arm.runs for metric in metrics],
                     ignore_index=True)


def _converging(arm: Arm, run: Record, metric: str) -> pd.DataFrame:
    epochs, column = run.result["epochs"], run.spec.evaluates
    if "test" in epochs:
        at, values = epochs["tests"], np.max(epochs["test"][metric], axis=0)
    elif column == "merged":
        at, values = epochs["exchanges"], epochs["merged"][metric]
    else:
        values = np.max(epochs[column][metric], axis=0)
        at = epochs["exchanges"] if column == "after" else np.arange(len(values))
    return pd.DataFrame({"data set": arm.dataset, "model": arm.model, "variant": arm.variant, "seed": run.spec.seed,
                         "metric": metric, "epoch": np.asarray(at) + 1, "value": values})


def first_within(curve: pd.DataFrame, share: float = 0.99) -> pd.DataFrame:
    """How fast each variant converges: its best value, and the first epoch that reaches ``share`` of it.

    A row a data set, model, variant, metric and run of ``convergence``.
    """
    keys = ["data set", "model", "metric", "variant", "seed"]
    best = curve.groupby(keys, sort=False)["value"].transform("max")
    reached = curve[curve["value"] >= share * best].groupby(keys, sort=False)["epoch"].min()
    return reached.to_frame("first epoch").assign(best=curve.groupby(keys, sort=False)["value"].max()).reset_index()


def pruned(arms: Mapping[str, Arm], metric: str) -> pd.DataFrame:
    """Figure 1: a metric on test with its interval over the share of pruned weights, with fine-tuning and without.

    ``arms`` by their labels, ``pruned30``, ``pruned30-tuned``, ...
    """
    rows = []
    for label, arm in arms.items():
        mean = arm.mean(metric)
        rows.append({"share": arm.runs[0].spec.share, "fine-tuned": label.endswith("-tuned"), "metric": metric, "mean": mean.mean,
                     "low": mean.low, "high": mean.high, "runs": mean.runs})
    return pd.DataFrame(rows).sort_values(["fine-tuned", "share"], kind="stable", ignore_index=True)


#: Which tensors of SASRec each curve of Figure 6 counts.
KINDS = ("block matrices", "measured layers", "released layers")


def invalid(arms: Sequence[Arm], kind: str, thresholds: Sequence[float] = tuple(np.linspace(0, MOST, 100))) -> pd.DataFrame:
    """Figure 6: the ratio of layers whose entropy is below a threshold; a row an arm, run and threshold.

    Parameters
    ----------
    arms : sequence of Arm
        Of probed runs.
    kind : {"block matrices", "measured layers", "released layers"}
        The text's fully-connected and self-attention layers, ten in two blocks; all 13 measured matrices; or the 15 layers
        of the released code, by its own bins.
    thresholds : sequence of float
        In nats.
    """
    frames = []
    for arm in arms:
        for run in arm.runs:
            h = np.array(entropies(run, kind))
            ratio = [(h < threshold).mean() for threshold in thresholds]
            frames.append(pd.DataFrame({"model": arm.model, "variant": arm.variant, "seed": run.spec.seed, "layers": len(h),
                                        "threshold": thresholds, "ratio": ratio}))
    return pd.concat(frames, ignore_index=True)


def entropies(run: Record, kind: str) -> list[float]:
    """H of the layers that ``kind`` counts, of a probed run, in the model's order."""
    chosen: dict[str, Any] = {name: one for name, one in run.result["probed"]["tensors"].items() if _counts(name, one, kind)}
    return [one["h_open" if kind == "released layers" else "h"] for one in chosen.values()]


def _counts(name: str, one: Mapping[str, Any], kind: str) -> bool:
    matrix, in_block = one["dimensions"] >= 2, name.startswith(("blocks.", "hidden."))
    return {"block matrices": matrix and in_block, "measured layers": matrix,
            "released layers": matrix or name.endswith("attention_norm.weight")}[kind]


def merged_entropy(probe: Record) -> float:
    """Mean entropy of the measured layers of the merged model that a run of PCRec reports, from its probe."""
    return float(np.mean(entropies(probe, "measured layers")))


def peers_entropy(run: Record) -> float:
    """Mean entropy of the same layers in its peers, just before that merge."""
    epochs = run.result["epochs"]
    return float(np.mean(epochs["h"][epochs["exchanges"].index(run.result["chosen"]["epoch"])]))
