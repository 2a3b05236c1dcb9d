"""The hyper-parameter search: what every trial reached on validation."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import COLOURS, legend_above, style
from pcrec_core.reporting.formats import general
from pcrec_core.reporting.names import arm_name, dataset_name, model_name

_MARKERS = {"base": "o", "LE": "D"}


def search(trials: pd.DataFrame) -> Figure:
    """Draw the validation NDCG@20 of every trial, one row of panels per model.

    A panel has one row per combination of settings; a setting that is the same in the whole panel
    is not written.

    Parameters
    ----------
    trials : DataFrame
        The frame of ``settings_tables.trials``, with at least one row.
    """
    style()
    models, sets = (list(trials[name].unique()) for name in ("model", "dataset"))
    lines = trials.assign(line=_lines(trials))
    heights = [
        lines[lines["model"] == model].groupby("dataset")["line"].nunique().max()
        for model in models
    ]
    figure, grid = plt.subplots(
        len(models),
        len(sets),
        figsize=(5.2 * len(sets), 0.32 * sum(heights) + 1.1 * len(models)),
        height_ratios=[height + 2 for height in heights],
        squeeze=False,
        layout="constrained",
    )
    for panels, model in zip(grid, models, strict=True):
        for axes, name in zip(panels, sets, strict=True):
            rows = lines[(lines["model"] == model) & (lines["dataset"] == name)]
            _panel(axes, rows)
            axes.set_title(f"{model_name(model)}, {dataset_name(name)}", fontsize="medium")
    figure.supxlabel("NDCG@20 on validation, best epoch", fontsize="medium")
    legend_above(figure)
    plt.close(figure)
    return figure


def _lines(trials: pd.DataFrame) -> pd.Series:
    """Name the settings of each trial that differ between those of its data set and model."""
    written = {"epochs": "{} epochs", "eta": "η {}", "l2": "L2 {}"}
    names = pd.Series("", trials.index)
    for _, rows in trials.groupby(["dataset", "model"]):
        varied = [setting for setting in written if rows[setting].nunique() > 1]
        for place, row in rows[varied].iterrows():
            parts = [written[setting].format(general(value)) for setting, value in row.items()]
            names[place] = ", ".join(parts) or "the study's settings"
    return names


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    names = list(dict.fromkeys(rows["line"]))
    for variant, marker in _MARKERS.items():
        own = rows[rows["variant"] == variant]
        axes.plot(
            own["validation_ndcg20"],
            [names.index(line) for line in own["line"]],
            marker,
            color=COLOURS[variant],
            markerfacecolor="none" if variant == "LE" else COLOURS[variant],
            label=arm_name(variant),
        )
    axes.set_yticks(range(len(names)), names, fontsize="small")
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="x", labelsize="small")
