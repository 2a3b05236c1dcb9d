"""The accuracy of every model beside rankings without training."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import COLOURS, CYCLE, legend_above, style
from pcrec_core.reporting.names import arm_name, dataset_name

#: Colour and legend of a variant; every other one is a ranking without training.
_KINDS = {"base": (COLOURS["base"], "base"), "LE": (COLOURS["LE"], "PCRec")}
_UNTRAINED = (CYCLE[2], "without training")


def levels(frame: pd.DataFrame) -> Figure:
    """Draw means with 95 % intervals: one row of panels per data set, one column per metric.

    A marker is hollow where a user's seen items are hidden from the candidates.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``baselines.values``.
    """
    style()
    sets, metrics = frame.groupby("dataset", sort=False), list(frame["metric"].unique())
    arms = max(len(rows) for _, rows in frame.groupby(["dataset", "metric"]))
    figure, panels = plt.subplots(
        sets.ngroups,
        len(metrics),
        figsize=(1.6 + 3.2 * len(metrics), sets.ngroups * (0.3 * arms + 0.9) + 0.4),
        squeeze=False,
        sharey="row",
        layout="constrained",
    )
    for row, (dataset, rows) in zip(panels, sets, strict=True):
        for axes, metric in zip(row, metrics, strict=True):
            _panel(axes, rows[rows["metric"] == metric])
            axes.set(title=dataset_name(str(dataset)), xlabel=metric)
    legend_above(figure)
    plt.close(figure)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    numbers = rows.astype(
        dict.fromkeys(("mean", "low", "high"), float)
    )  # no interval of a mean of 0
    for place, row in enumerate(numbers.to_dict("records")):
        colour, label = _KINDS.get(row["variant"], _UNTRAINED)
        hidden = row["seen_items"] == "hidden"
        axes.errorbar(
            row["mean"],
            place,
            xerr=[[row["mean"] - row["low"]], [row["high"] - row["mean"]]],
            fmt="o",
            color=colour,
            markerfacecolor="white" if hidden else colour,
            capsize=3,
            label=f"{label}{', seen items hidden' * hidden}",
        )
    names = [
        row.model if row.model == row.variant else arm_name(f"{row.model}:{row.variant}")
        for row in rows.itertuples()
    ]
    axes.set_yticks(np.arange(len(rows)), names, fontsize="small")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=0)
