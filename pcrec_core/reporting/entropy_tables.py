"""Tables of what the entropy criterion measures, of drawn weights and of trained layers."""

from __future__ import annotations

import math

import pandas as pd

from pcrec_core.analysis.entropy_trained import _summed
from pcrec_core.metrics import SELECTION
from pcrec_core.reporting.formats import (
    count,
    number,
    percent,
    points,
    share,
)
from pcrec_core.reporting.html import Html, table


def show_shares_held(frame: pd.DataFrame, name: str, note: str) -> Html:
    """The frame of ``arms.shares_held``."""
    return table(
        frame,
        {
            "alpha": "{:g}".format,
            "0.7 or more": share,
            "0.7 or more, to the chosen epoch": share,
            "median": number(2),
            "held by peer 0": share,
        },
        name,
        note,
        empty="No run here has a mu.",
    )


def show_below(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``curves.below``."""
    under = [column for column in frame.columns if column.startswith("under ")]
    return table(
        frame,
        dict.fromkeys(under, share) | dict.fromkeys(["mean H", "least H"], number(2)),
        name,
        "Share of the layers of all runs whose entropy is under a threshold, in nats; mean H over layers and runs, least"
        " H of any layer. The paper, at 0.5 on ML-20M: SASRec about 20 %, PCRec under 5 %.",
    )


def show_drawn(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``drawn``."""
    formats = dict.fromkeys(frame.columns[2:], number(3)) | {"size": count, "larger mu": number(2)}
    return table(
        frame,
        formats,
        name,
        f"Weights of variance 1, means over pairs of draws; SD: of H over draws; larger mu: of the two at alpha"
        f" 30; H in nats, at most ln 10 = {math.log(10):.3f}. With its opposite: the same magnitudes the other way"
        " round, the largest where the smallest was, and signs that are drawn.",
    )


def show_outliers(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``outlier``."""
    return table(
        frame,
        {"weights": count, "outlier": number(1), "H": number(3), "L1 share": number(4)},
        name,
        "Gaussian weights cut at 3.5 standard deviations, one of which is as many standard deviations large as said;"
        " their share beside the same weights without it.",
    )


def show_layers(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.layers``."""
    formats = {
        "H": number(3),
        "mean |w|": number(4),
        "weights": count,
        "outlier": number(1),
        "lost, pruned": percent,
        "lost, noised": percent,
    }
    return table(
        frame,
        formats,
        name,
        "H in nats; mean |w|: the L1 norm (Eq. 1) over the number of weights; outlier: the"
        " largest weight in standard deviations; lost: the share of"
        " validation NDCG@20 that is lost when half of the matrix is pruned, or when noise of half its standard"
        " deviation is added.",
    )


def show_correlations(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.rank_correlations``."""
    return table(
        frame,
        dict.fromkeys(["mean", "least", "largest"], number(2)),
        name,
        "Spearman's correlation over the layers of a run, of a SASRec 13 measured ones, ten of them matrices of one size"
        " in its blocks; DNN has three, so its values say little.",
    )


def show_merges(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.merges``, summed up by model: how H changes, and how many merged layers have more than both peers,
    or less."""
    peers = frame[[column for column in frame.columns if column.startswith("peer ")]]
    told = frame.assign(
        change=frame["merged"] - frame["mean"],
        above=frame["merged"] > peers.max(axis=1),
        below=frame["merged"] < peers.min(axis=1),
    )
    summed = told.groupby("model", sort=False).agg(
        **{
            "mean change of H": ("change", "mean"),
            "SD": ("change", "std"),
            "layers above both peers": ("above", "mean"),
            "layers below both": ("below", "mean"),
            "layers": ("change", "size"),
        }
    )
    formats = dict.fromkeys(["mean change of H", "SD"], number(4)) | dict.fromkeys(
        summed.columns[2:4], share
    )
    return table(
        summed.reset_index(),
        formats,
        name,
        "At the exchange that is reported, over layers and runs; the change is from the mean of the peers' H with the"
        " weights mu.",
        frame,
    )


def show_strangers(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``first_exchanges``, summed up by model and variant: H by epoch."""
    by = ["model", "variant"]
    summed = frame.groupby([*by, "epoch"], sort=False)["H"].mean().unstack().add_prefix("epoch ")
    runs = frame.groupby(by, sort=False)["seed"].nunique().rename("runs")
    shown = summed.join(runs).loc[runs.index].reset_index()
    return table(
        shown,
        dict.fromkeys(summed.columns, number(3)),
        name,
        "H of the block matrices before the exchange that follows an epoch, mean over both peers and the runs; a dash:"
        " no exchange follows.",
        frame,
    )


def show_trusted(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``entropy_vs_accuracy``, summed up by data set and model: how often the peer whose layer has more H is the
    better one."""
    summed = _summed(frame)
    formats = dict.fromkeys(summed.columns[3:7], share) | dict.fromkeys(summed.columns[7:9], points)
    return table(
        summed,
        formats,
        name,
        f"Shares of layers and exchanges in which neither H nor accuracy is equal, means over runs. Better: by"
        f" validation {SELECTION}, before the exchange. By chance: if who has more H had nothing to do with who is"
        " better; beyond chance: the difference, in points, in the run where it is least, and largest.",
        frame,
    )


def show_larger(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.larger`` of L1 pairs, summed up by model: how far shares and mu are from one half."""
    said = frame.rename(columns={"criterion": "share", "mu": "μ"}).melt(
        ["model", "seed"], ["share", "μ"], "the larger"
    )
    summed = (
        said.groupby(["model", "the larger"], sort=False)["value"]
        .quantile([0.5, 0.95, 1])
        .unstack()
    )
    summed.columns = ["median", "95 % are below", "largest"]
    return table(
        summed.reset_index(),
        dict.fromkeys(summed.columns, number(3)),
        name,
        "Over all layers, exchanges and runs of layer-wise cooperation by L1 norm (LN); equal peers have one half.",
    )
