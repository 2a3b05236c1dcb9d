"""The headline figure: PCRec's gain over its base, one panel per data set, with the verdicts."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.reporting.claim_formats import is_nominal
from pcrec_core.reporting.figures.style import COLOURS, VERDICT_SIGNS, style
from pcrec_core.reporting.formats import runs_of_both
from pcrec_core.reporting.names import dataset_name, model_name

_COLUMNS = 2


def headline(rows: pd.DataFrame) -> Figure:
    """Draw relative improvements with 95 % intervals, the paper's value as a cross.

    There is one panel per data set, with an axis of its own, and one row per model; the verdict
    and the number of runs stand at the end of each row. A marker is hollow where the interval
    covers users only; "nominal" marks one that excludes 0 while the adjusted p does not.

    Parameters
    ----------
    rows : DataFrame
        The claims to draw, in their order; one without runs is left out.
    """
    style()
    shown = rows[rows["relative_improvement"].notna()]
    panels = [(str(name), panel) for name, panel in shown.groupby("dataset", sort=False)]
    lines, columns = max(1, math.ceil(len(panels) / _COLUMNS)), min(_COLUMNS, max(1, len(panels)))
    figure, grid = plt.subplots(
        lines, columns, figsize=(4.9 * columns, 1.9 * lines), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (name, panel) in zip(grid.flat, panels, strict=False):
        _panel(axes, name, panel.to_dict("records"))
    plt.close(figure)
    return figure


def _panel(axes: Axes, name: str, rows: list[dict[str, Any]]) -> None:
    places = np.arange(len(rows))[::-1]
    axes.axvline(0, color="0.4", linewidth=1)
    for place, row in zip(places, rows, strict=True):
        _row(axes, place, row)
    axes.set_yticks(places, [model_name(row["model"]) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(visible=False, axis="y")
    axes.set_title(f"{dataset_name(name)} ({rows[0]['users']:,.0f} users)", fontsize="medium")
    axes.set_xlabel(f"gain in {rows[0]['metric']} (%)", fontsize="small")


def _row(axes: Axes, place: float, row: dict[str, Any]) -> None:
    ours, low, high, paper = 100 * np.array(
        [row[c] for c in ("relative_improvement", "low", "high", "paper_relative_improvement")],
        dtype=float,
    )
    colour, sign = VERDICT_SIGNS[row["verdict"]]
    inside = "none" if row["users_only"] is True else COLOURS["LE"]
    axes.plot([low, high], [place, place], color=COLOURS["LE"], linewidth=2)
    axes.plot(ours, place, "o", color=COLOURS["LE"], markersize=6, markerfacecolor=inside)
    if not np.isnan(paper):
        axes.plot(paper, place, "x", color=COLOURS["paper"], markersize=7, markeredgewidth=2)
    axes.annotate(
        f"{sign} {row['verdict']}{' (nominal)' * is_nominal(row)}\nruns {runs_of_both(row)}",
        (1.02, place),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize="small",
        color=colour,
    )
