"""Tables of the entropy criterion: of synthetic weights, of trained layers, and of μ."""

from __future__ import annotations

import math

import pandas as pd

from pcrec_core.analysis.entropy_agreement import summarize_agreement
from pcrec_core.metrics import SELECTION
from pcrec_core.reporting.formats import DASH, count, missing, number, percent, points, share
from pcrec_core.reporting.headings import heading
from pcrec_core.reporting.html import Html, table
from pcrec_core.reporting.names import MODELS


def show_shares_held(frame: pd.DataFrame, name: str, note: str) -> Html:
    """Show how unequal the two μ of a layer are, the frame of ``mu.shares_held``."""
    formats = {
        "alpha": "{:g}".format,
        "strong_share": share,
        "strong_share_to_chosen": share,
        "median": number(2),
        "held_by_peer_0": share,
    }
    return table(frame, formats, name, note, empty="No run here has a μ.")


def show_below(frame: pd.DataFrame, name: str) -> Html:
    """Show the share of layers with little entropy, the frame of ``fig6_invalid_layers.below``."""
    under = [column for column in frame.columns if column.startswith("under_")]
    formats = dict.fromkeys(under, share) | dict.fromkeys(["mean_h", "least_h"], number(2))
    note = (
        "Share of the layers of all runs whose entropy is below a threshold, in nats; mean H over"
        " layers and runs, smallest H of any layer. The paper, at 0.5 on ML-20M: about 20 % of"
        " SASRec's layers, under 5 % of PCRec's."
    )
    return table(frame, formats, name, note)


def show_drawn(frame: pd.DataFrame, name: str) -> Html:
    """Show the entropy of synthetic weights, the frame of ``entropy_simulated.drawn``."""
    formats = dict.fromkeys(frame.columns[2:], number(3)) | {"size": count, "larger_mu": number(2)}
    note = (
        "Weights of variance 1, means over pairs of draws; larger μ: of the two at α = 30; H in"
        f" nats, at most ln 10 = {math.log(10):.3f}. The last three columns are the H of the mean"
        " with another draw; with the opposite, which has the largest magnitude where the layer has"
        " its smallest, and random signs; and with the layer's own negative."
    )
    shown = ["h", "larger_mu", "with_another", "with_opposite", "with_negative"]
    return table(frame[[*frame.columns[:2], *shown]], formats, name, note, whole=frame)


def show_outliers(frame: pd.DataFrame, name: str) -> Html:
    """Show the effect of one outlier on H, the frame of ``entropy_simulated.outlier``."""
    formats = {"weights": count, "outlier": number(1), "h": number(3), "l1_share": number(4)}
    note = (
        "Gaussian weights, cut at 3.5 standard deviations; one of them is moved to the size in the"
        " second column, in standard deviations. L1 share: against the same weights without it."
    )
    return table(frame, formats, name, note)


def show_layers(frame: pd.DataFrame, name: str) -> Html:
    """Show entropy and use of trained layers, the frame of ``entropy_trained.layers``."""
    formats = {
        "h": number(3),
        "mean_magnitude": number(4),
        "weights": count,
        "outlier": number(1),
        "lost_pruned": percent,
        "lost_noised": percent,
        "seed": "seed {}".format,
    }
    note = (
        "H in nats; mean |w|: the L1 norm (Eq. 1) over the number of weights; outlier: the largest"
        " weight in standard deviations; lost: the share of validation NDCG@20 that is lost when"
        " half of the matrix is pruned, or when noise with half its standard deviation is added."
    )
    return table(frame, formats, name, note)


def show_correlations(frame: pd.DataFrame, name: str) -> Html:
    """Show what H goes with, the frame of ``entropy_trained.rank_correlations``."""
    note = (
        "Spearman's correlation over the layers of a run. SASRec has 13 measured layers, ten of"
        " them the equally large matrices of its blocks; DNN has three, too few for a conclusion."
    )
    formats = dict.fromkeys(["mean", "least", "largest"], number(2)) | {
        "of": heading,
        "with": heading,
    }
    return table(frame, formats, name, note)


def show_merges(frame: pd.DataFrame, name: str) -> Html:
    """Show how a merge changes H: the frame of ``entropy_trained.merges``, summed up by model."""
    peers = frame[[column for column in frame.columns if column.startswith("peer_")]]
    merged = frame.assign(
        change=frame["merged"] - frame["mean"],
        above=frame["merged"] > peers.max(axis=1),
        below=frame["merged"] < peers.min(axis=1),
    )
    summed = merged.groupby("model", sort=False).agg(
        mean_change_of_h=("change", "mean"),
        sd=("change", "std"),
        layers_above_both_peers=("above", "mean"),
        layers_below_both=("below", "mean"),
        layers=("change", "size"),
    )
    formats = dict.fromkeys(["mean_change_of_h", "sd"], number(4)) | dict.fromkeys(
        summed.columns[2:4], share
    )
    note = (
        "At the reported merge, over layers and runs; the change is from the peers' mean H,"
        " weighted by μ."
    )
    return table(summed.reset_index(), formats, name, note, frame)


def show_first_exchanges(frame: pd.DataFrame, name: str) -> Html:
    """Show H by epoch: the frame of ``entropy_trained.first_exchanges``, summed up by arm."""
    by = ["model", "variant"]
    summed = frame.groupby([*by, "epoch"], sort=False)["h"].mean().unstack().add_prefix("epoch_")
    runs = frame.groupby(by, sort=False)["seed"].nunique().rename("runs")
    shown = summed.join(runs).loc[runs.index].reset_index()
    shown = shown.sort_values("model", key=lambda names: names.map([*MODELS].index), kind="stable")
    note = (
        "H of the block matrices before the merge that follows an epoch, mean over both peers and"
        " the runs; a dash: no merge follows."
    )
    return table(shown, dict.fromkeys(summed.columns, number(3)), name, note, frame)


def show_entropy_vs_accuracy(frame: pd.DataFrame, name: str) -> Html:
    """Show how often the peer whose layer has more H is the better one.

    The frame is that of ``entropy_trained.entropy_vs_accuracy``, summed up by data set and model.
    """
    summed = summarize_agreement(frame)
    shares = list(summed.columns[3:7])
    ends = summed[["least_beyond_chance", "largest_beyond_chance"]].to_numpy(float)
    shown = summed[["dataset", "model", "exchanges", *shares]].assign(
        beyond_chance=[
            DASH if missing(low) else f"{points(low)} to {points(high)}" for low, high in ends
        ],
        runs=summed["runs"],
    )
    note = (
        "Shares of layers and merges in which the peers differ in H and in accuracy, means over"
        f" runs. Better: by {SELECTION} on validation, before the merge. By chance: the agreement"
        " expected if H had nothing to do with accuracy; beyond chance: the difference in points,"
        " in the run where it is smallest and in the one where it is largest."
    )
    return table(shown, dict.fromkeys(shares, share), name, note, frame)


def show_larger(frame: pd.DataFrame, name: str) -> Html:
    """Show how far the shares and μ of pairs by L1 norm are from one half.

    The frame is that of ``entropy_trained.larger``, summed up by model.
    """
    named = frame.rename(columns={"criterion": "share", "mu": "μ"})
    values = named.melt(["model", "seed"], ["share", "μ"], "the_larger")
    by = values.groupby(["model", "the_larger"], sort=False)["value"]
    summed = by.quantile([0.5, 0.95, 1]).unstack()
    summed.columns = ["median", "quantile_95", "largest"]
    note = (
        "Over all layers, merges and runs of layer-wise cooperation by L1 norm (LN); equal peers"
        " have 0.5."
    )
    return table(summed.reset_index(), dict.fromkeys(summed.columns, number(3)), name, note)
