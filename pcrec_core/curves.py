"""What Figures 1, 5 and 6 draw, from records, as tidy frames. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.analysis import comparisons
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.metrics import SELECTION
from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates

#: Largest entropy of ten bins, where Figure 6's axis ends.
MOST = math.log(10)
THRESHOLDS = tuple(np.linspace(0, MOST, 100))


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


def require_blocks(models: Sequence[str]) -> None:
    """``StatsError`` for a model that ``invalid`` has no block matrices of, before anything is trained for it."""
    if "bpr" in models:
        raise StatsError(_NO_LAYERS.format("bpr", KINDS[0]))


_NO_LAYERS = "{} has no {}, so no ratio of them can be shown; leave it out of the models."


#: Which tensors of SASRec each curve of Figure 6 counts.
KINDS = ("block matrices", "measured layers", "released layers")


def invalid(
    arms: Sequence[Replicates], kind: str, thresholds: Sequence[float] = THRESHOLDS
) -> pd.DataFrame:
    """Figure 6: the ratio of layers whose entropy is below a threshold; a row an arm, run and threshold.

    Parameters
    ----------
    arms : sequence of Replicates
        Of probed runs.
    kind : {"block matrices", "measured layers", "released layers"}
        The text's fully-connected and self-attention layers, ten in two blocks; all 13 measured matrices; or the 15 layers
        of the released code, by its own bins.
    thresholds : sequence of float
        In nats.

    Raises
    ------
    StatsError
        A model without such layers, as BPR is without blocks.
    """
    for arm in arms:
        if not entropies(arm.runs[0], kind):
            raise StatsError(_NO_LAYERS.format(arm.model, kind))
    return pd.concat(
        [
            _ratios(arm.model, measured(arm), run.spec.seed, entropies(run, kind), thresholds)
            for arm in arms
            for run in arm.runs
        ],
        ignore_index=True,
    )


def measured(probes: Replicates) -> str:
    """The variant whose weights a probe measured."""
    return probes.variant.removeprefix("probed-")


def below(arms: Sequence[Replicates], thresholds: Sequence[float]) -> pd.DataFrame:
    """The ratio at each of a few thresholds, and the mean and the least H, for each kind of layers: over the runs of a model and
    variant, probed."""
    rows = []
    for kind in KINDS:
        for arm in arms:
            h = np.array([entropies(run, kind) for run in arm.runs])
            rows.append(
                {
                    "layers": kind,
                    "model": arm.model,
                    "variant": measured(arm),
                    **{
                        f"under {threshold:.2f}": (h < threshold).mean() for threshold in thresholds
                    },
                    "mean H": h.mean(),
                    "least H": h.min(),
                    "runs": len(h),
                }
            )
    return pd.DataFrame(rows)


def invalid_before(
    arms: Sequence[Replicates], kind: str, thresholds: Sequence[float] = THRESHOLDS
) -> pd.DataFrame:
    """The same ratio in each peer just before the exchange whose merged model is reported; ``arms`` of PCRec runs.

    ``kind`` is one of the first two: a record holds the entropies that the exchange measured.
    """
    frames = [
        _ratios(
            arm.model,
            f"{arm.variant}, peer {peer} before the merge",
            run.spec.seed,
            one["h"],
            thresholds,
        )
        for arm in arms
        for run in arm.runs
        for peer, one in at_the_merge(run, kind).groupby("peer")
    ]
    return pd.concat(frames, ignore_index=True)


def _ratios(
    model: str, variant: str, seed: int, h: Sequence[float], thresholds: Sequence[float]
) -> pd.DataFrame:
    h = np.asarray(h)
    return pd.DataFrame(
        {
            "model": model,
            "variant": variant,
            "seed": seed,
            "layers": len(h),
            "threshold": thresholds,
            "ratio": [(h < threshold).mean() for threshold in thresholds],
        }
    )


def entropies(run: Record, kind: str) -> list[float]:
    """H of the layers that ``kind`` counts, of a probed run, in the model's order."""
    chosen: dict[str, Any] = {
        name: one
        for name, one in run.result["probed"]["tensors"].items()
        if _counts(name, one, kind)
    }
    return [one["h_open" if kind == "released layers" else "h"] for one in chosen.values()]


def in_block(name: str) -> bool:
    """Whether a measured layer is in a block of SASRec, or the hidden layer of DNN: neither a table of items nor the softmax."""
    return name.startswith(("blocks.", "hidden"))


def _counts(name: str, one: Mapping[str, Any], kind: str) -> bool:
    matrix = one["dimensions"] >= 2
    return {
        "block matrices": matrix and in_block(name),
        "measured layers": matrix,
        "released layers": matrix or name.endswith("attention_norm.weight"),
    }[kind]


def at_the_merge(run: Record, kind: str = "measured layers") -> pd.DataFrame:
    """H of the peers' layers, and mu, just before the exchange whose merged model is reported: a row a peer and layer."""
    epochs, names = run.result["epochs"], [name for name, _ in run.result["layers"]]
    at = epochs["exchanges"].index(run.result["chosen"]["epoch"])
    rows = pd.concat(
        [
            pd.DataFrame({"peer": peer, "layer": names, "h": h, "mu": mu})
            for peer, (h, mu) in enumerate(zip(epochs["h"][at], epochs["mu"][at], strict=True))
        ],
        ignore_index=True,
    )
    return rows if kind == "measured layers" else rows[rows["layer"].map(in_block)]
