"""The entropy of trained layers, and what exchanges measured of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.analysis.fig6_invalid_layers import at_the_merge, in_block, measured
from pcrec_core.metrics import SELECTION
from pcrec_core.study.probes import Probe
from pcrec_core.study.records import DerivedRecord, RunRecord
from pcrec_core.study.replicates import Replicates


def merges(pairs: Sequence[Replicates], probes: Sequence[Replicates]) -> pd.DataFrame:
    """Gather the entropy of each layer before and after the merge that is reported.

    Parameters
    ----------
    pairs : sequence of Replicates
        PCRec runs; those without a probe have no row.
    probes : sequence of Replicates
        Probes of the same runs.

    Returns
    -------
    DataFrame
        One row per run and layer: H of either peer before the merge, their mean with the weights
        mu, and H of the merged layer.
    """
    probed = {probe.spec.parents[0]: probe for arm in probes for probe in arm.probes}
    frames = [
        _merge(arm.model, run, probed[run.spec])
        for arm in pairs
        for run in arm.trained
        if run.spec in probed
    ]
    return pd.concat(frames, ignore_index=True)


def _merge(model: str, run: RunRecord, probe: DerivedRecord) -> pd.DataFrame:
    held = at_the_merge(run)
    names = [layer.name for layer in run.outcome.layers]
    peers = held.pivot(index="layer", columns="peer", values="h").loc[names]
    peers = peers.rename(columns="peer_{}".format)
    mean = (held["h"] * held["mu"]).groupby(held["layer"]).sum()
    merged = [probe.probe.tensors[f"{name}.weight"].h for name in names]
    return peers.assign(mean=mean, merged=merged, model=model, seed=run.spec.seed).reset_index()


def entropy_vs_accuracy(pairs: Sequence[Replicates]) -> pd.DataFrame:
    """Compute by how much peer 0 exceeds peer 1 in a layer's H, and in validation NDCG@20.

    One row per run of ``pairs``, exchange and layer, both differences before the exchange; with the
    epoch that is reported.
    """
    return pd.concat(
        [_entropy_vs_accuracy(arm, run) for arm in pairs for run in arm.trained], ignore_index=True
    )


def _entropy_vs_accuracy(arm: Replicates, run: RunRecord) -> pd.DataFrame:
    history, layers = run.outcome.history, len(run.outcome.layers)
    h, _ = history.measured()
    at = history.evaluated_exchanges
    h = h[np.isin(history.exchanges, at)]
    valid = history.own[SELECTION][:, np.isin(history.evaluated, at)]
    return pd.DataFrame(
        {
            "dataset": arm.dataset,
            "model": arm.model,
            "seed": run.spec.seed,
            "epoch": np.repeat(at, layers),
            "reported": run.outcome.chosen.epoch,
            "h": (h[:, 0] - h[:, 1]).ravel(),
            "validation": np.repeat(valid[0] - valid[1], layers),
        }
    )


def first_exchanges(pairs: Sequence[Replicates], epochs: int = 5) -> pd.DataFrame:
    """Compute H of the block matrices before the exchanges of the first epochs, over both peers.

    Before their first exchange the peers share nothing; afterwards both go on from one model.

    Returns
    -------
    DataFrame
        One row per run and exchange: the epoch, from 1, and the mean H. A model without blocks or
        hidden layers has no row.
    """
    rows = [
        {
            "model": arm.model,
            "variant": arm.variant,
            "seed": run.spec.seed,
            "epoch": epoch + 1,
            "h": h,
        }
        for arm in pairs
        for run in arm.trained
        for epoch, h in _in_blocks(run)
        if epoch < epochs
    ]
    return pd.DataFrame(rows, columns=["model", "variant", "seed", "epoch", "h"])


def _in_blocks(run: RunRecord) -> list[tuple[int, float]]:
    """Compute the mean H of the block matrices before each exchange, with its epoch, from 0."""
    outcome = run.outcome
    blocks = [place for place, layer in enumerate(outcome.layers) if in_block(layer.name)]
    if not blocks:
        return []
    h, _ = outcome.history.measured()
    exchanges = zip(outcome.history.exchanges.tolist(), h, strict=True)
    return [(epoch, float(each[:, blocks].mean())) for epoch, each in exchanges]


def larger(pairs: Sequence[Replicates]) -> pd.DataFrame:
    """Gather the larger value of the criterion of each layer's two peers, and the larger mu.

    One row per run, exchange and layer. For L1 pairs (LN) the criterion is the share of Eq. 2.
    """
    return pd.concat(
        [_larger(arm.model, run) for arm in pairs for run in arm.trained], ignore_index=True
    )


def _larger(model: str, run: RunRecord) -> pd.DataFrame:
    # h and mu are of shape (exchange, peer, layer)
    h, mu = (each.max(axis=1).ravel() for each in run.outcome.history.measured())
    return pd.DataFrame({"model": model, "seed": run.spec.seed, "criterion": h, "mu": mu})


def layers(probes: Sequence[Replicates]) -> pd.DataFrame:
    """Tabulate what probes measured of each matrix.

    Returns
    -------
    DataFrame
        One row per run and layer: H, L1 norm per weight, size, the largest weight in standard
        deviations, and the share of validation NDCG@20 that is lost when half of the layer is
        pruned, or when it is noised.
    """
    return pd.DataFrame(
        [
            {"model": arm.model, "variant": measured(arm), "seed": probe.spec.seed, **layer}
            for arm in probes
            for probe in arm.probes
            for layer in _layers(probe.probe)
        ]
    )


def _layers(probe: Probe) -> list[dict[str, Any]]:
    return [
        {
            "layer": name.removesuffix(".weight"),
            "h": held.h,
            "mean_magnitude": held.l1 / held.size,
            "weights": held.size,
            "outlier": held.largest / held.std if held.std else math.nan,
            "lost_pruned": 1 - damage.pruned / probe.whole,
            "lost_noised": 1 - damage.noised / probe.whole,
        }
        for name, damage in probe.damaged.items()
        for held in [probe.tensors[name]]
    ]


def rank_correlations(
    frame: pd.DataFrame,
    of: Sequence[str] = ("h", "mean_magnitude"),
    columns: Sequence[str] = ("weights", "outlier", "lost_pruned", "lost_noised"),
) -> pd.DataFrame:
    """Compute Spearman's correlation of the criteria with other columns, over the layers of a run.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``layers``.
    of, columns : sequence of str
        Each column of ``of`` is correlated with each of ``columns``.

    Returns
    -------
    DataFrame
        One row per kind of layers (all of them, or the block matrices alone, where there are
        three), model, variant and pair of columns: mean, least and largest over the runs.
    """
    keys = ["layers", "model", "variant", "of", "with"]
    kinds = {"measured layers": frame, "block matrices": frame[frame["layer"].map(in_block)]}
    rows = [
        (kind, *key, criterion, column, run[criterion].rank().corr(run[column].rank()))
        for kind, layers in kinds.items()
        for (*key, _), run in layers.groupby(["model", "variant", "seed"], sort=False)
        if len(run) >= 3
        for criterion in of
        for column in columns
        if run[column].nunique() > 1
    ]
    return (
        pd.DataFrame(rows, columns=[*keys, "correlation"])
        .groupby(keys, sort=False)["correlation"]
        .agg(mean="mean", least="min", largest="max", runs="count")
        .reset_index()
    )
