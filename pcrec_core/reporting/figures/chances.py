"""The chances of each verdict as stacked bars, by number of runs and true gain."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.analysis.claims.outcomes import CONTRADICTED, INCONCLUSIVE, RULED_OUT, SUPPORTED
from pcrec_core.reporting.figures.style import legend_above, style
from pcrec_core.reporting.names import dataset_name, model_name

#: Column, colour and hatching of each verdict, in the order of the bars.
_BARS = {
    SUPPORTED: (SUPPORTED, "#009E73", ""),
    RULED_OUT: ("ruled_out", "#E69F00", "//"),
    CONTRADICTED: (CONTRADICTED, "#D55E00", "xx"),
    INCONCLUSIVE: (INCONCLUSIVE, "#BBBBBB", ""),
}


def chances(frame: pd.DataFrame) -> Figure:
    """Draw the chance of each verdict, one panel per data set and number of runs.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``power.expected_verdicts``, with at least one row.
    """
    style()
    sets, runs = frame["dataset"].unique(), frame["runs"].unique()
    height = 0.9 + 0.24 * frame.groupby(["dataset", "runs"]).size().max()
    figure, grid = plt.subplots(
        len(sets),
        len(runs),
        figsize=(4.4 * len(runs), height * len(sets)),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for row, name in zip(grid, sets, strict=True):
        for axes, many in zip(row, runs, strict=True):
            panel = frame[(frame["dataset"] == name) & (frame["runs"] == many)]
            _panel(axes, panel, labelled=axes is row[0])
            axes.set_title(f"{dataset_name(name)}, {many} runs per arm", fontsize="medium")
    legend_above(figure)
    plt.close(figure)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, *, labelled: bool) -> None:
    places, left = np.arange(len(rows))[::-1], np.zeros(len(rows))
    for label, (column, colour, hatch) in _BARS.items():
        share = 100 * rows[column].to_numpy(dtype=float)
        axes.barh(places, share, left=left, color=colour, hatch=hatch, label=label)
        left += share
    names = [
        f"{model_name(model)}, true gain: {truth}"
        for model, truth in zip(rows["model"], rows["truth"], strict=True)
    ]
    axes.set_yticks(places, names if labelled else [""] * len(rows), fontsize="small")
    axes.set(xlim=(0, 100), xlabel="studies (%)")
    axes.grid(visible=False, axis="y")
