"""Figure 6: the share of layers with low entropy, from probed runs and from exchanges."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.study.probes import Tensor
from pcrec_core.study.records import DerivedRecord, RunRecord
from pcrec_core.study.replicates import Replicates

#: Largest entropy of ten bins, where Figure 6's axis ends.
MOST = math.log(10)
THRESHOLDS = tuple(np.linspace(0, MOST, 100))
#: The tensors of SASRec that each curve of Figure 6 counts.
KINDS = ("block matrices", "measured layers", "released layers")
_NO_LAYERS = "{} has no {}, so no ratio of them can be shown; leave it out of the models."


def require_blocks(models: Sequence[str]) -> None:
    """Raise ``StatsError`` for a model without block matrices, before anything is trained."""
    if "bpr" in models:
        raise StatsError(_NO_LAYERS.format("bpr", KINDS[0]))


def invalid(
    arms: Sequence[Replicates], kind: str, thresholds: Sequence[float] = THRESHOLDS
) -> pd.DataFrame:
    """Compute the ratio of layers whose entropy is below a threshold (Figure 6).

    Parameters
    ----------
    arms : sequence of Replicates
        Of probed runs.
    kind : {"block matrices", "measured layers", "released layers"}
        The text's fully-connected and self-attention layers, ten in two blocks; all 13 measured
        matrices; or the 15 layers of the released code, by its own bins.
    thresholds : sequence of float
        In nats.

    Returns
    -------
    DataFrame
        One row per arm, run and threshold.

    Raises
    ------
    StatsError
        For a model without such layers, as BPR is without blocks.
    """
    for arm in arms:
        if not entropies(arm.probes[0], kind):
            raise StatsError(_NO_LAYERS.format(arm.model, kind))
    return pd.concat(
        [
            _ratios(arm.model, measured(arm), run.spec.seed, entropies(run, kind), thresholds)
            for arm in arms
            for run in arm.probes
        ],
        ignore_index=True,
    )


def measured(probes: Replicates) -> str:
    """Name the variant whose weights a probe measured."""
    return probes.variant.removeprefix("probed-")


def below(arms: Sequence[Replicates], thresholds: Sequence[float]) -> pd.DataFrame:
    """Compute the ratio of invalid layers at a few thresholds, and the mean and the least H.

    Parameters
    ----------
    arms : sequence of Replicates
        Of probed runs.
    thresholds : sequence of float
        In nats.

    Returns
    -------
    DataFrame
        One row per kind of layers, model and variant, over all probed runs; H in nats.
    """
    rows = []
    for kind in KINDS:
        for arm in arms:
            h = np.array([entropies(run, kind) for run in arm.probes])
            under = {f"under_{threshold:.2f}": (h < threshold).mean() for threshold in thresholds}
            rows.append(
                {
                    "layers": kind,
                    "model": arm.model,
                    "variant": measured(arm),
                    **under,
                    "mean_h": h.mean(),
                    "least_h": h.min(),
                    "runs": len(h),
                }
            )
    return pd.DataFrame(rows)


def invalid_before(
    arms: Sequence[Replicates], kind: str, thresholds: Sequence[float] = THRESHOLDS
) -> pd.DataFrame:
    """Compute the ratio in each peer just before the exchange whose merged model is reported.

    Parameters
    ----------
    arms : sequence of Replicates
        Of PCRec runs.
    kind : {"block matrices", "measured layers"}
        As in ``invalid``: a record holds the entropies that the exchange measured.
    thresholds : sequence of float
        In nats.
    """
    frames = [
        _ratios(
            arm.model,
            f"{arm.variant}, peer {peer} before the merge",
            run.spec.seed,
            layers["h"],
            thresholds,
        )
        for arm in arms
        for run in arm.trained
        for peer, layers in at_the_merge(run, kind).groupby("peer")
    ]
    return pd.concat(frames, ignore_index=True)


def _ratios(
    model: str, variant: str, seed: int, h: Sequence[float], thresholds: Sequence[float]
) -> pd.DataFrame:
    values = np.asarray(h)
    return pd.DataFrame(
        {
            "model": model,
            "variant": variant,
            "seed": seed,
            "layers": len(values),
            "threshold": thresholds,
            "ratio": [(values < threshold).mean() for threshold in thresholds],
        }
    )


def entropies(run: DerivedRecord, kind: str) -> list[float]:
    """Return H, in nats, of the layers of one kind in a probed run, in the model's order."""
    return [
        tensor.h_open if kind == "released layers" else tensor.h
        for name, tensor in run.probe.tensors.items()
        if _counts(name, tensor, kind)
    ]


def in_block(name: str) -> bool:
    """Return whether a measured layer is in a block of SASRec, or is the hidden layer of DNN.

    The others are the tables of items and the softmax.
    """
    return name.startswith(("blocks.", "hidden"))


def _counts(name: str, tensor: Tensor, kind: str) -> bool:
    matrix = tensor.dimensions >= 2
    return {
        "block matrices": matrix and in_block(name),
        "measured layers": matrix,
        "released layers": matrix or name.endswith("attention_norm.weight"),
    }[kind]


def at_the_merge(run: RunRecord, kind: str = "measured layers") -> pd.DataFrame:
    """Return H and mu of the peers' layers just before the exchange whose model is reported.

    One row per peer and layer, for the kinds "block matrices" and "measured layers"; H in nats.
    """
    outcome, names = run.outcome, [layer.name for layer in run.outcome.layers]
    h, mu = outcome.history.measured()
    [at] = np.flatnonzero(outcome.history.exchanges == outcome.chosen.epoch)
    rows = pd.concat(
        [
            pd.DataFrame({"peer": peer, "layer": names, "h": h[at, peer], "mu": mu[at, peer]})
            for peer in range(run.spec.peers)
        ],
        ignore_index=True,
    )
    return rows if kind == "measured layers" else rows[rows["layer"].map(in_block)]
