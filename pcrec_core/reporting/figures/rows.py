"""PCRec's gain in several rows, one panel per model, with the paper's value as a line."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import COLOURS, legend_above, style
from pcrec_core.reporting.names import model_name

#: Most characters of a line of a row's name.
_WIDTH = 38


def gains(frame: pd.DataFrame, label: str, line: str) -> Figure:
    """Draw relative improvements with 95 % intervals, one row below the other.

    A row without numbers is marked as not tested; a model that lacks a row shows nothing there.

    Parameters
    ----------
    frame : DataFrame
        One line per model and row: ``model``, ``row`` (its number, from the top), ``name``,
        ``metric``, ``relative_improvement``, ``low``, ``high`` and ``paper_relative_improvement``.
    label : str
        What a point is, for the legend.
    line : str
        What joins the points, as matplotlib takes it: "-", or "" for nothing.
    """
    style()
    models, names = frame.groupby("model", sort=False), frame.drop_duplicates("row")
    figure, panels = plt.subplots(
        1,
        models.ngroups,
        figsize=(3.4 + 2.8 * models.ngroups, 0.62 * len(names) + 1.4),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    for axes, (model, rows) in zip(panels[0], models, strict=True):
        _panel(axes, rows, label, line)
        axes.set(title=model_name(str(model)), xlabel=f"RI of PCRec, {rows['metric'].iloc[0]} (%)")
    wrapped = [textwrap.fill(name, _WIDTH) for name in names["name"]]
    panels[0, 0].set_yticks(names["row"], wrapped, fontsize="small")
    panels[0, 0].set_ylim(names["row"].max() + 0.5, names["row"].min() - 0.5)
    legend_above(figure)
    plt.close(figure)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, label: str, line: str) -> None:
    tested = rows[rows["relative_improvement"].notna()]
    percent = 100 * tested[["relative_improvement", "low", "high"]].astype(float)
    middle = percent["relative_improvement"]
    axes.axvline(0, color="0.4", linewidth=1)
    axes.axvline(
        100 * rows["paper_relative_improvement"].dropna().iloc[0],
        color=COLOURS["paper"],
        linestyle="--",
        linewidth=1.2,
        label="the paper",
    )
    axes.errorbar(
        middle,
        tested["row"],
        xerr=[middle - percent["low"], percent["high"] - middle],
        fmt=f"o{line}",
        color=COLOURS["LE"],
        capsize=3,
        label=label,
    )
    for row in rows.loc[rows["relative_improvement"].isna(), "row"]:
        axes.annotate(
            "not tested  ", (0, row), ha="right", va="center", color="0.4", fontsize="small"
        )
