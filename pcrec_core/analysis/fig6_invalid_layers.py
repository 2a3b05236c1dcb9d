"""What Figures 1, 5 and 6 draw, from records, as tidy frames. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates

#: Largest entropy of ten bins, where Figure 6's axis ends.
MOST = math.log(10)
THRESHOLDS = tuple(np.linspace(0, MOST, 100))


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
