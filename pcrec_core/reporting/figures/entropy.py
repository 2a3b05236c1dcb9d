"""What the entropy measures: one outlier, trained layers, merged layers."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import CYCLE, DASHES, style


def criterion(outliers: pd.DataFrame, layers: pd.DataFrame, merges: pd.DataFrame) -> Figure:
    """What the entropy measures: H over the reach of one outlier (``criterion.outlier``); H of trained layers over what is lost
    when half of the layer is pruned (``trained.layers``); H of merged layers over that of the peers (``trained.merges``)."""
    style()
    figure, panels = plt.subplot_mosaic(
        [["left", "right"], ["below", "below"]], figsize=(9, 7.4), layout="constrained"
    )
    left, right, below = (panels[place] for place in ("left", "right", "below"))
    for (size, one), dashes, colour in zip(
        outliers.groupby("weights"), DASHES, CYCLE, strict=False
    ):
        left.plot(
            one["outlier"],
            one["H"],
            dashes=dashes,
            color=colour,
            label=f"{size:,} Gaussian weights",
        )
    left.axvspan(
        layers["outlier"].min(), layers["outlier"].max(), color="0.9", label="of trained layers"
    )
    left.set(
        xlabel="the largest weight (standard deviations)",
        ylabel="H (nats)",
        ylim=(0, 2.4),
        title="one outlier",
    )
    kinds = layers.groupby(["model", "variant"], sort=False)
    look = dict(zip([kind for kind, _ in kinds], zip("os^Dv", CYCLE, strict=False), strict=False))
    for kind, one in kinds:
        marker, colour = look[kind]
        below.plot(
            100 * one["lost, pruned"],
            one["H"],
            marker,
            color=colour,
            alpha=0.7,
            label=" ".join(kind),
        )
    below.set(
        xlabel="validation NDCG@20 lost without the smaller half of the layer (%)",
        ylabel="H (nats)",
        title="trained layers: use",
    )
    for model, one in merges.groupby("model", sort=False):
        marker, colour = look[model, "LE"]
        right.plot(one["mean"], one["merged"], marker, color=colour, alpha=0.7, label=f"{model} LE")
    on_line = merges["mean"].iloc[0]  # a point far from the layers would stretch the axes
    right.axline((on_line, on_line), slope=1, color="0.4", linewidth=1)
    right.set(
        xlabel="H of the peers, mean by mu (nats)",
        ylabel="H of the merged layer (nats)",
        title="trained layers: merging",
    )
    for axes in (left, right):
        axes.legend(edgecolor="none", framealpha=1)  # no line of the grid shows through
    figure.legend(
        *below.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    plt.close(figure)
    return figure
