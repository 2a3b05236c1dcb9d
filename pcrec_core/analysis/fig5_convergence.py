"""Figure 5: what the epoch is chosen on, by epoch, and how soon each variant gets near its best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.metrics import SELECTION
from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates


def convergence(arms: Sequence[Replicates], metrics: Sequence[str]) -> pd.DataFrame:
    """What can be reported by epoch (Figure 5), of peers that differ the better one: a row an arm, run, epoch and metric.

    On validation; on the test set where the protocol chooses the epoch there. Where it is what an exchange leaves, epochs
    without one have no row. What is derived from runs, such as an ensemble, has no epochs.
    """
    runs = [(arm, run) for arm in arms for run in arm.runs if run.kind == "run"]
    return pd.concat(
        [_converging(arm, run, metric) for arm, run in runs for metric in metrics],
        ignore_index=True,
    )


def _converging(arm: Replicates, run: Record, metric: str) -> pd.DataFrame:
    epochs, column = run.result["epochs"], run.spec.evaluates
    part = "test" if "test" in epochs else "validation"
    if part == "test":
        at, values = epochs["tests"], np.max(epochs["test"][metric], axis=0)
    elif column == "merged":
        at, values = epochs["exchanges"], epochs["merged"][metric]
    else:
        values = _chosen_peers(epochs[column], metric)
        at = epochs["exchanges"] if column == "after" else np.arange(len(values))
    return pd.DataFrame(
        {
            "data set": arm.dataset,
            "model": arm.model,
            "variant": arm.variant,
            "seed": run.spec.seed,
            "peers": run.spec.peers,
            "metric": metric,
            "part": part,
            "epoch": np.asarray(at) + 1,
            "value": values,
        }
    )


def _chosen_peers(measured: Mapping[str, Any], metric: str) -> np.ndarray:
    """A metric by epoch, of the peer that selection prefers in that epoch."""
    best = np.argmax(measured[SELECTION], axis=0)
    return np.take_along_axis(np.asarray(measured[metric]), best[None], axis=0)[0]


def first_within(curve: pd.DataFrame, share: float = 0.99) -> pd.DataFrame:
    """How soon each run of ``convergence`` comes near its own best value, and near the base's: a row a data set, model, metric,
    variant and run.

    ``own`` is the first epoch with ``share`` of the run's best, ``base's`` the first with ``share`` of what the base's runs
    reach on average, missing if there is none, and ``trained`` the epochs that all peers together have been trained for by then.
    """
    case, keys = (
        ["data set", "model", "metric"],
        ["data set", "model", "metric", "variant", "seed", "peers"],
    )
    best = curve.groupby(keys, sort=False)["value"].max()
    usual = best[best.index.get_level_values("variant") == "base"].groupby(case).mean()
    levels = {
        "own": curve.groupby(keys)["value"].transform("max"),
        "base's": curve.join(usual.rename("usual"), on=case)["usual"],
    }
    first = {
        name: curve[curve["value"] >= share * level].groupby(keys)["epoch"].min()
        for name, level in levels.items()
    }
    found = best.to_frame("best").assign(**first).reset_index()
    return found.assign(trained=found["base's"] * found["peers"]).drop(columns="peers")
