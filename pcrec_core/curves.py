"""What Figures 1, 5 and 6 draw, from records, as tidy frames. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.arms import Arm
from pcrec_core.metrics import SELECTION
from pcrec_core.records import Record

#: Largest entropy of ten bins, where Figure 6's axis ends.
MOST = math.log(10)
THRESHOLDS = tuple(np.linspace(0, MOST, 100))


def convergence(arms: Sequence[Arm], metrics: Sequence[str]) -> pd.DataFrame:
    """What can be reported by epoch (Figure 5), of peers that differ the better one: a row an arm, run, epoch and metric.

    On validation; on the test set where the protocol chooses the epoch there. Where it is what an exchange leaves, epochs
    without one have no row.
    """
    return pd.concat([_converging(arm, run, metric) for arm in arms for run in arm.runs for metric in metrics],
                     ignore_index=True)


def _converging(arm: Arm, run: Record, metric: str) -> pd.DataFrame:
    epochs, column = run.result["epochs"], run.spec.evaluates
    part = "test" if "test" in epochs else "validation"
    if part == "test":
        at, values = epochs["tests"], np.max(epochs["test"][metric], axis=0)
    elif column == "merged":
        at, values = epochs["exchanges"], epochs["merged"][metric]
    else:
        values = _chosen_peers(epochs[column], metric)
        at = epochs["exchanges"] if column == "after" else np.arange(len(values))
    return pd.DataFrame({"data set": arm.dataset, "model": arm.model, "variant": arm.variant, "seed": run.spec.seed,
                         "metric": metric, "part": part, "epoch": np.asarray(at) + 1, "value": values})


def _chosen_peers(measured: Mapping[str, Any], metric: str) -> np.ndarray:
    """A metric by epoch, of the peer that selection prefers in that epoch."""
    best = np.argmax(measured[SELECTION], axis=0)
    return np.take_along_axis(np.asarray(measured[metric]), best[None], axis=0)[0]


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


def invalid(arms: Sequence[Arm], kind: str, thresholds: Sequence[float] = THRESHOLDS) -> pd.DataFrame:
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
    return pd.concat([_ratios(arm.model, _measured(arm), run.spec.seed, entropies(run, kind), thresholds)
                      for arm in arms for run in arm.runs], ignore_index=True)


def _measured(probes: Arm) -> str:
    """The variant whose weights a probe measured."""
    return probes.variant.removeprefix("probed-")


def ratios_at(arms: Sequence[Arm], threshold: float) -> pd.DataFrame:
    """The ratio at one threshold, for each kind of layers: mean, least and largest over the runs of a model and variant."""
    found = pd.concat([invalid(arms, kind, [threshold]).assign(layers=kind) for kind in KINDS])
    return found.groupby(["layers", "model", "variant"], sort=False)["ratio"].agg(
        mean="mean", least="min", largest="max", runs="count").reset_index()


def invalid_before(arms: Sequence[Arm], kind: str, thresholds: Sequence[float] = THRESHOLDS) -> pd.DataFrame:
    """The same ratio in each peer just before the exchange whose merged model is reported; ``arms`` of PCRec runs.

    ``kind`` is one of the first two: a record holds the entropies that the exchange measured.
    """
    frames = [_ratios(arm.model, f"{arm.variant}, peer {peer} before the merge", run.spec.seed, one["h"], thresholds)
              for arm in arms for run in arm.runs for peer, one in at_the_merge(run, kind).groupby("peer")]
    return pd.concat(frames, ignore_index=True)


def _ratios(model: str, variant: str, seed: int, h: Sequence[float], thresholds: Sequence[float]) -> pd.DataFrame:
    h = np.asarray(h)
    return pd.DataFrame({"model": model, "variant": variant, "seed": seed, "layers": len(h), "threshold": thresholds,
                         "ratio": [(h < threshold).mean() for threshold in thresholds]})


def entropies(run: Record, kind: str) -> list[float]:
    """H of the layers that ``kind`` counts, of a probed run, in the model's order."""
    chosen: dict[str, Any] = {name: one for name, one in run.result["probed"]["tensors"].items() if _counts(name, one, kind)}
    return [one["h_open" if kind == "released layers" else "h"] for one in chosen.values()]


def _in_block(name: str) -> bool:
    return name.startswith(("blocks.", "hidden"))


def _counts(name: str, one: Mapping[str, Any], kind: str) -> bool:
    matrix = one["dimensions"] >= 2
    return {"block matrices": matrix and _in_block(name), "measured layers": matrix,
            "released layers": matrix or name.endswith("attention_norm.weight")}[kind]


def at_the_merge(run: Record, kind: str = "measured layers") -> pd.DataFrame:
    """H of the peers' layers, and mu, just before the exchange whose merged model is reported: a row a peer and layer."""
    epochs, names = run.result["epochs"], [name for name, _ in run.result["layers"]]
    at = epochs["exchanges"].index(run.result["chosen"]["epoch"])
    rows = pd.concat([pd.DataFrame({"peer": peer, "layer": names, "h": h, "mu": mu})
                      for peer, (h, mu) in enumerate(zip(epochs["h"][at], epochs["mu"][at], strict=True))], ignore_index=True)
    return rows if kind == "measured layers" else rows[rows["layer"].map(_in_block)]


def merges(pairs: Sequence[Arm], probes: Sequence[Arm]) -> pd.DataFrame:
    """What a merge does to the entropy of each layer: a row a run of ``pairs`` and layer, with H of either peer before the
    merge that is reported, their mean with the weights mu, and H of the merged layer, which ``probes`` of the same runs hold."""
    probed = {probe.spec.parents[0]: probe for arm in probes for probe in arm.runs}
    return pd.concat([_merge(arm, run, probed[run.spec]) for arm in pairs for run in arm.runs if run.spec in probed],
                     ignore_index=True)


def _merge(arm: Arm, run: Record, probe: Record) -> pd.DataFrame:
    held = at_the_merge(run)
    names = [name for name, _ in run.result["layers"]]
    peers = held.pivot(index="layer", columns="peer", values="h").loc[names].rename(columns="peer {}".format)
    mean = (held["h"] * held["mu"]).groupby(held["layer"]).sum()
    merged = [probe.result["probed"]["tensors"][f"{name}.weight"]["h"] for name in names]
    return peers.assign(mean=mean, merged=merged, model=arm.model, seed=run.spec.seed).reset_index()


def trusted(pairs: Sequence[Arm]) -> pd.DataFrame:
    """What an exchange could know: by how much peer 0 exceeds peer 1 in H, mean over layers, and in validation NDCG@20, both
    before the exchange. A row a run of ``pairs`` and exchange."""
    return pd.concat([_trusted(arm.model, run) for arm in pairs for run in arm.runs], ignore_index=True)


def _trusted(model: str, run: Record) -> pd.DataFrame:
    epochs = run.result["epochs"]
    h = np.array(epochs["h"]).mean(axis=2)  # (exchange, peer)
    valid = np.array(epochs["own"][SELECTION])[:, epochs["exchanges"]]
    return pd.DataFrame({"model": model, "seed": run.spec.seed, "epoch": epochs["exchanges"], "H": h[:, 0] - h[:, 1],
                         SELECTION: valid[0] - valid[1]})


def larger(pairs: Sequence[Arm]) -> pd.DataFrame:
    """What the criterion says of each layer's two peers at an exchange, the larger one, and the larger mu: a row a run,
    exchange and layer. For L1 pairs (LN) what the criterion says is the share of Eq. 2."""
    return pd.concat([_larger(arm.model, run) for arm in pairs for run in arm.runs], ignore_index=True)


def _larger(model: str, run: Record) -> pd.DataFrame:
    h, mu = (np.array(run.result["epochs"][name]).max(axis=1).ravel() for name in ("h", "mu"))  # of (exchange, peer, layer)
    return pd.DataFrame({"model": model, "seed": run.spec.seed, "criterion": h, "mu": mu})


def layers(probes: Sequence[Arm]) -> pd.DataFrame:
    """What probes say of each measured matrix: H, L1 norm a weight, size, the largest weight in standard deviations, and the
    share of validation NDCG@20 that is lost when half of it is pruned, or when it is noised. A row a run and layer."""
    return pd.DataFrame([{"model": arm.model, "variant": _measured(arm), "seed": probe.spec.seed, **one}
                         for arm in probes for probe in arm.runs for one in _layers(probe.result["probed"])])


def _layers(probed: Mapping[str, Any]) -> list[dict[str, Any]]:
    whole = probed["whole"]
    return [{"layer": name.removesuffix(".weight"), "H": held["h"], "mean |w|": held["l1"] / held["size"],
             "weights": held["size"], "outlier": held["largest"] / held["std"] if held["std"] else math.nan,
             "lost, pruned": 1 - damage["pruned"] / whole, "lost, noised": 1 - damage["noised"] / whole}
            for name, damage in probed["damaged"].items() for held in [probed["tensors"][name]]]


def rank_correlations(frame: pd.DataFrame, of: Sequence[str] = ("H", "mean |w|"),
                      columns: Sequence[str] = ("weights", "outlier", "lost, pruned", "lost, noised")) -> pd.DataFrame:
    """Spearman's correlation of what the criteria measure with the other columns of ``layers`` over the layers of a run: mean,
    least and largest over the runs of a model and variant."""
    keys = ["model", "variant", "of", "with"]
    rows = [{**dict(zip(keys, (*key, what, column), strict=True)), "correlation": run[what].rank().corr(run[column].rank())}
            for (*key, _), run in frame.groupby(["model", "variant", "seed"], sort=False) for what in of for column in columns]
    return pd.DataFrame(rows).groupby(keys, sort=False)["correlation"].agg(
        mean="mean", least="min", largest="max", runs="count").reset_index()
