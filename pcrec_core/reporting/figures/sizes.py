"""The sizes of data sets, ours and the paper's (Table 1)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import COLOURS, legend_above, style
from pcrec_core.reporting.names import dataset_name

_COUNTS = ("users", "items", "actions")


def sizes(ours: pd.DataFrame, printed: pd.DataFrame) -> Figure:
    """Draw users, items and actions of our data sets (dots) and of the paper's (crosses).

    Parameters
    ----------
    ours, printed : DataFrame
        One row per data set: ``dataset``, ``users``, ``items`` and ``actions``.
    """
    style()
    names = [
        *map(dataset_name, ours["dataset"]),
        *(f"{name}, the paper" for name in printed["dataset"]),
    ]
    places = range(len(names))[::-1]
    figure, panels = plt.subplots(
        1,
        len(_COUNTS),
        figsize=(9, 0.3 * len(names) + 1.3),
        sharey=True,
        layout="constrained",
    )
    for axes, counted in zip(panels, _COUNTS, strict=True):
        axes.plot(ours[counted], places[: len(ours)], "o", color=COLOURS["LE"], label="ours")
        axes.plot(
            printed[counted], places[len(ours) :], "x", color=COLOURS["paper"], label="the paper"
        )
        axes.set(xscale="log", xlabel=f"{counted} (logarithmic)")
    panels[0].set_yticks(places, names, fontsize="small")
    legend_above(figure)
    plt.close(figure)
    return figure
