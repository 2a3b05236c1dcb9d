"""The entropy of one outlier, of trained layers and of merged layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import CYCLE, DASHES, style
from pcrec_core.reporting.names import arm_name, model_name

#: Marker and colour of a model and variant.
Marker = tuple[str, str]


def criterion(outliers: pd.DataFrame, layers: pd.DataFrame, merges: pd.DataFrame) -> Figure:
    """Draw what changes the entropy H: one outlier, the use of a layer, a merge.

    Parameters
    ----------
    outliers : DataFrame
        The frame of ``entropy_simulated.outlier``: H over the size of one outlier.
    layers : DataFrame
        The frame of ``entropy_trained.layers``: H over the loss when half of the layer is pruned.
    merges : DataFrame
        The frame of ``entropy_trained.merges``: H of merged layers over that of the peers.
    """
    style()
    figure = plt.figure(figsize=(9, 7.4), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False).flat
    left, right = above.subplots(1, 2)
    kinds = [kind for kind, _ in layers.groupby(["model", "variant"], sort=False)]
    markers = dict(zip(kinds, zip("os^DvP", CYCLE, strict=True), strict=False))
    _outlier_panel(left, outliers, layers)
    _merges_panel(right, merges, markers)
    models = list(layers.groupby("model", sort=False))
    panels = below.subplots(1, max(1, len(models)), sharey=True, squeeze=False)
    for axes, (model, one) in zip(panels.flat, models, strict=False):
        _layers_panel(axes, str(model), one, markers)
    below.supxlabel(
        "validation NDCG@20 lost without the smaller half of the layer (%)", fontsize="medium"
    )
    panels[0, 0].set_ylabel("H (nats)")
    # no line of the grid shows through
    for axes in (left, right, *panels.flat):
        axes.legend(edgecolor="none", framealpha=1)
    plt.close(figure)
    return figure


def _outlier_panel(axes: Axes, outliers: pd.DataFrame, layers: pd.DataFrame) -> None:
    sizes = outliers.groupby("weights")
    for (size, one), dashes, colour in zip(sizes, DASHES, CYCLE, strict=False):
        label = f"{size:,} Gaussian weights"
        axes.plot(one["outlier"], one["h"], dashes=dashes, color=colour, label=label)
    low, high = layers["outlier"].min(), layers["outlier"].max()
    axes.axvspan(low, high, color="0.9", label="of trained layers")
    axes.set(
        xlabel="the largest weight (standard deviations)",
        ylabel="H (nats)",
        ylim=(0, 3),
        title="one outlier",
    )


def _layers_panel(
    axes: Axes, model: str, layers: pd.DataFrame, markers: Mapping[Any, Marker]
) -> None:
    for variant, one in layers.groupby("variant", sort=False):
        marker, colour = markers[model, variant]
        lost = 100 * one["lost_pruned"]
        name = arm_name(str(variant))
        axes.plot(lost, one["h"], marker, color=colour, markerfacecolor="none", label=name)
    axes.set_title(f"trained layers: use, {model_name(model)}")


def _merges_panel(axes: Axes, merges: pd.DataFrame, markers: Mapping[Any, Marker]) -> None:
    for model, one in merges.groupby("model", sort=False):
        marker, colour = markers[model, "LE"]
        name = model_name(model)
        axes.plot(one["mean"], one["merged"], marker, color=colour, alpha=0.7, label=name)
    on_line = merges["mean"].iloc[0]  # a point far from the layers would stretch the axes
    axes.axline((on_line, on_line), slope=1, color="0.4", linewidth=1)
    axes.set(
        xlabel="H of the peers, mean by μ (nats)",
        ylabel="H of the merged layer (nats)",
        title="trained layers: merging",
    )
