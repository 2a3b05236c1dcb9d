"""Figure 1: accuracy over the share of pruned weights."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import COLOURS, CYCLE, DASHES, legend_above, style
from pcrec_core.reporting.names import arm_name


def pruning(curve: pd.DataFrame, levels: pd.DataFrame) -> Figure:
    """Draw Figure 1: a metric over the share of pruned weights, fine-tuned or not.

    There is one panel per metric, with 95 % intervals. Markers of one run are hollow: the interval
    covers users only.

    Parameters
    ----------
    curve : DataFrame
        The frame of ``analysis.fig1_pruning.pruned``.
    levels : DataFrame
        The frame of ``comparisons.values`` of models without pruning, drawn as horizontal lines.
    """
    style()
    metrics = curve["metric"].unique()
    figure, panels = plt.subplots(
        1, len(metrics), figsize=(4.8 * len(metrics), 4), squeeze=False, layout="constrained"
    )
    for axes, metric in zip(panels[0], metrics, strict=True):
        _pruning_panel(axes, curve[curve["metric"] == metric])
        rows = levels[levels["metric"] == metric].to_dict("records")
        for dashes, colour, row in zip(DASHES, (COLOURS["base"], "0.3"), rows, strict=False):
            axes.axhline(
                row["mean"],
                color=colour,
                dashes=dashes or (1, 0),
                linewidth=1.4,
                label=arm_name(row["variant"]),
            )
        axes.set(xlabel="weights pruned (%)", ylabel=f"{metric} on test")
    legend_above(figure)
    plt.close(figure)
    return figure


def _pruning_panel(axes: Axes, curve: pd.DataFrame) -> None:
    lines = (
        (False, "pruned", "o", CYCLE[1], -1.2),
        (True, "pruned and fine-tuned", "s", CYCLE[2], 1.2),
    )
    # aside, so that two intervals at one share do not hide each other
    for tuned, name, marker, colour, aside in lines:
        one = curve[curve["fine_tuned"] == tuned]
        ends = [one["mean"] - one["low"], one["high"] - one["mean"]]
        inside = "white" if (one["runs"] == 1).all() else colour
        axes.errorbar(
            100 * one["share"] + aside,
            one["mean"],
            yerr=ends,
            fmt=f"-{marker}",
            color=colour,
            markerfacecolor=inside,
            capsize=3,
            label=name,
        )
