"""Levels of accuracy: the mean of every arm by metric, with its interval."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.metrics import PRIMARY, SELECTION
from pcrec_core.reporting.figures.style import COLOURS, style
from pcrec_core.reporting.names import arm_name, dataset_name, model_name


def levels(values: pd.DataFrame, metrics: tuple[str, ...] = (PRIMARY, SELECTION)) -> Figure:
    """Draw means with their 95 % intervals, one row of panels per data set, one column per metric.

    Parameters
    ----------
    values : DataFrame
        The frame of ``comparisons.values``.
    metrics : tuple of str
        The metrics to draw, such as ``("MRR@5",)``.
    """
    style()
    sets = list(values["dataset"].unique())
    arms = values.groupby("dataset", sort=False)[["model", "variant"]].apply(
        lambda rows: len(rows.drop_duplicates())
    )
    figure, grid = plt.subplots(
        len(sets),
        len(metrics),
        figsize=(4.2 * len(metrics), 0.9 * len(sets) + 0.24 * arms.sum()),
        squeeze=False,
        layout="constrained",
        height_ratios=list(arms),
    )
    for row, name in zip(grid, sets, strict=True):
        for axes, metric in zip(row, metrics, strict=True):
            of_panel = (values["dataset"] == name) & (values["metric"] == metric)
            _panel(axes, values[of_panel], labelled=axes is row[0])
            axes.set_title(f"{dataset_name(name)}, {metric}", fontsize="medium")
    plt.close(figure)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, *, labelled: bool) -> None:
    places = np.arange(len(rows))[::-1]
    axes.hlines(places, rows["low"], rows["high"], color=COLOURS["base"], linewidth=1.8)
    axes.plot(rows["mean"], places, "o", color=COLOURS["base"], markersize=5)
    names = [
        arm_name(variant) if model == variant else f"{model_name(model)}: {arm_name(variant)}"
        for model, variant in zip(rows["model"], rows["variant"], strict=True)
    ]
    axes.set_yticks(places, names if labelled else [""] * len(rows), fontsize="small")
    axes.set_xlim(left=0)
    axes.grid(visible=False, axis="y")
