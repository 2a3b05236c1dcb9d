"""What trained layers hold, and what exchanges measured of them: the frames of the page on the criterion. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.analysis.fig6_invalid_layers import at_the_merge, in_block, measured
from pcrec_core.metrics import SELECTION
from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates


def merges(pairs: Sequence[Replicates], probes: Sequence[Replicates]) -> pd.DataFrame:
    """What a merge does to the entropy of each layer: a row a run of ``pairs`` and layer, with H of either peer before the
    merge that is reported, their mean with the weights mu, and H of the merged layer, which ``probes`` of the same runs hold."""
    probed = {probe.spec.parents[0]: probe for arm in probes for probe in arm.runs}
    return pd.concat(
        [
            _merge(arm, run, probed[run.spec])
            for arm in pairs
            for run in arm.runs
            if run.spec in probed
        ],
        ignore_index=True,
    )


def _merge(arm: Replicates, run: Record, probe: Record) -> pd.DataFrame:
    held = at_the_merge(run)
    names = [name for name, _ in run.result["layers"]]
    peers = (
        held.pivot(index="layer", columns="peer", values="h")
        .loc[names]
        .rename(columns="peer {}".format)
    )
    mean = (held["h"] * held["mu"]).groupby(held["layer"]).sum()
    merged = [probe.result["probed"]["tensors"][f"{name}.weight"]["h"] for name in names]
    return peers.assign(mean=mean, merged=merged, model=arm.model, seed=run.spec.seed).reset_index()


def trusted(pairs: Sequence[Replicates]) -> pd.DataFrame:
    """What an exchange trusts: by how much peer 0 exceeds peer 1 in a layer's H, and in validation NDCG@20, both before the
    exchange; and the epoch that is reported. A row a run of ``pairs``, exchange and layer."""
    return pd.concat([_trusted(arm, run) for arm in pairs for run in arm.runs], ignore_index=True)


def _trusted(arm: Replicates, run: Record) -> pd.DataFrame:
    epochs, layers = run.result["epochs"], len(run.result["layers"])
    h = np.array(epochs["h"])  # (exchange, peer, layer)
    valid = np.array(epochs["own"][SELECTION])[:, epochs["exchanges"]]
    return pd.DataFrame(
        {
            "data set": arm.dataset,
            "model": arm.model,
            "seed": run.spec.seed,
            "epoch": np.repeat(epochs["exchanges"], layers),
            "reported": run.result["chosen"]["epoch"],
            "H": (h[:, 0] - h[:, 1]).ravel(),
            SELECTION: np.repeat(valid[0] - valid[1], layers),
        }
    )


def strangers(pairs: Sequence[Replicates], epochs: int = 5) -> pd.DataFrame:
    """H of the block matrices before the exchanges of the first epochs, the mean of both peers: a row a run and exchange.

    At their first exchange peers are strangers to each other; afterwards both go on from one model. Epochs count from 1. A model
    without blocks or hidden layers has no row.
    """
    rows = []
    for arm in pairs:
        for run in arm.runs:
            within = [
                place for place, (name, _) in enumerate(run.result["layers"]) if in_block(name)
            ]
            for epoch, h in zip(
                run.result["epochs"]["exchanges"], run.result["epochs"]["h"], strict=True
            ):
                if within and epoch < epochs:
                    rows.append(
                        {
                            "model": arm.model,
                            "variant": arm.variant,
                            "seed": run.spec.seed,
                            "epoch": epoch + 1,
                            "H": np.array(h)[:, within].mean(),
                        }
                    )
    return pd.DataFrame(rows, columns=["model", "variant", "seed", "epoch", "H"])


def larger(pairs: Sequence[Replicates]) -> pd.DataFrame:
    """What the criterion says of each layer's two peers at an exchange, the larger one, and the larger mu: a row a run,
    exchange and layer. For L1 pairs (LN) what the criterion says is the share of Eq. 2."""
    return pd.concat(
        [_larger(arm.model, run) for arm in pairs for run in arm.runs], ignore_index=True
    )


def _larger(model: str, run: Record) -> pd.DataFrame:
    h, mu = (
        np.array(run.result["epochs"][name]).max(axis=1).ravel() for name in ("h", "mu")
    )  # of (exchange, peer, layer)
    return pd.DataFrame({"model": model, "seed": run.spec.seed, "criterion": h, "mu": mu})


def layers(probes: Sequence[Replicates]) -> pd.DataFrame:
    """What probes say of each measured matrix: H, L1 norm a weight, size, the largest weight in standard deviations, and the
    share of validation NDCG@20 that is lost when half of it is pruned, or when it is noised. A row a run and layer."""
    return pd.DataFrame(
        [
            {"model": arm.model, "variant": measured(arm), "seed": probe.spec.seed, **one}
            for arm in probes
            for probe in arm.runs
            for one in _layers(probe.result["probed"])
        ]
    )


def _layers(probed: Mapping[str, Any]) -> list[dict[str, Any]]:
    whole = probed["whole"]
    return [
        {
            "layer": name.removesuffix(".weight"),
            "H": held["h"],
            "mean |w|": held["l1"] / held["size"],
            "weights": held["size"],
            "outlier": held["largest"] / held["std"] if held["std"] else math.nan,
            "lost, pruned": 1 - damage["pruned"] / whole,
            "lost, noised": 1 - damage["noised"] / whole,
        }
        for name, damage in probed["damaged"].items()
        for held in [probed["tensors"][name]]
    ]


def rank_correlations(
    frame: pd.DataFrame,
    of: Sequence[str] = ("H", "mean |w|"),
    columns: Sequence[str] = ("weights", "outlier", "lost, pruned", "lost, noised"),
) -> pd.DataFrame:
    """Spearman's correlation of what the criteria measure with the other columns of ``layers`` over the layers of a run, all of
    them or the block matrices alone, where there are three: mean, least and largest over the runs of a model and variant."""
    keys = ["layers", "model", "variant", "of", "with"]
    kinds = {"measured layers": frame, "block matrices": frame[frame["layer"].map(in_block)]}
    rows = [
        {
            **dict(zip(keys, (kind, *key, what, column), strict=True)),
            "correlation": run[what].rank().corr(run[column].rank()),
        }
        for kind, rows in kinds.items()
        for (*key, _), run in rows.groupby(["model", "variant", "seed"], sort=False)
        if len(run) >= 3
        for what in of
        for column in columns
        if run[column].nunique() > 1
    ]
    return (
        pd.DataFrame(rows, columns=[*keys, "correlation"])
        .groupby(keys, sort=False)["correlation"]
        .agg(mean="mean", least="min", largest="max", runs="count")
        .reset_index()
    )


#: Which exchanges each row of ``show_trusted`` counts.
_WHICH: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "the first": lambda frame: frame["epoch"] == frame.groupby("seed")["epoch"].transform("min"),
    "up to the reported": lambda frame: frame["epoch"] <= frame["reported"],
    "all": lambda frame: frame["epoch"] >= 0,
}


def summarize_agreement(frame: pd.DataFrame) -> pd.DataFrame:
    decided = frame[(frame["H"] != 0) & (frame[SELECTION] != 0)]
    summed = pd.DataFrame(
        [
            {
                "data set": dataset,
                "model": model,
                "exchanges": which,
                **_agreement(one[chosen(one)]),
            }
            for (dataset, model), one in decided.groupby(["data set", "model"], sort=False)
            for which, chosen in _WHICH.items()
        ]
    )
    # in one exchange the better peer is the same for all layers, so chance would be what is seen
    return summed.mask(
        (summed["exchanges"] == "the first").to_numpy()[:, None]
        & summed.columns.str.contains("chance")
    )


def _agreement(frame: pd.DataFrame) -> dict[str, float]:
    runs = frame.assign(
        more=frame["H"] > 0,
        better=frame[SELECTION] > 0,
        agree=(frame["H"] > 0) == (frame[SELECTION] > 0),
    )
    more, better, agree = (
        runs.groupby("seed")[column].mean() for column in ("more", "better", "agree")
    )
    chance = more * better + (1 - more) * (1 - better)
    return {
        "peer 0 has more H": more.mean(),
        "peer 0 is better": better.mean(),
        "the one with more H is better": agree.mean(),
        "by chance": chance.mean(),
        "least beyond chance": (agree - chance).min(),
        "largest beyond chance": (agree - chance).max(),
        "runs": len(agree),
    }
