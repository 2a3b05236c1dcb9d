"""Forest plots: relative improvements with their intervals, one panel per data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.metrics import PRIMARY
from pcrec_core.reporting.figures.style import COLOURS, legend_above, style
from pcrec_core.reporting.names import DATASETS, comparison_name, dataset_name, model_name

#: Where an axis of relative improvements ends at most, in percent.
_LIMIT = 60.0
#: How far the paper's cross stands below our point, in rows, so that both are seen.
_BELOW = 0.3
_COLUMNS = ["relative_improvement", "low", "high", "paper_relative_improvement"]


def forest(frame: pd.DataFrame) -> Figure:
    """Draw relative improvements with 95 % intervals, the paper's as crosses.

    There is one panel per data set, with an axis of its own, and one row per model and comparison
    (and metric, where there are several). A marker is hollow where one arm has one run, so that the
    interval covers users only; a value beyond the axis has a star instead. An arrow marks an
    interval that the end of the axis cuts.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``comparisons.comparisons``.
    """
    shown, several = frame[frame["relative_improvement"].notna()], frame["metric"].nunique() > 1
    metric = f", {shown['metric'].iloc[0]}" if len(shown) and not several else ""
    lines = [
        f"{model_name(row['model'])}: {comparison_name(row['comparison'])}"
        + f", {row['metric']}" * several
        for row in shown.to_dict("records")
    ]
    return _forest(shown.assign(line=lines), metric)


def effects(claims: pd.DataFrame) -> Figure:
    """Draw every measured claim as in ``forest``, with the paper's value for its own claims.

    Parameters
    ----------
    claims : DataFrame
        Rows of the frame of ``evidence.decided``.
    """
    shown = claims[claims["relative_improvement"].notna()]
    lines = [_compared(row) for row in shown.to_dict("records")]
    return _forest(shown.assign(line=lines), ", MRR@5")


def trial(frame: pd.DataFrame) -> Figure:
    """Draw the comparisons of a trial on a user's data, the frame of ``own_data.decided``."""
    return forest(frame.assign(paper_relative_improvement=np.nan))


def by_target(frame: pd.DataFrame) -> Figure:
    """Draw improvements in MRR@5 for new and for repeated targets as in ``forest``.

    ``frame`` is that of ``controls.by_target``, with at least one row.
    """
    shown = frame[frame["metric"] == PRIMARY]
    named = shown["comparison"] + ", " + shown["targets"] + " targets"
    return forest(shown.assign(comparison=named, paper_relative_improvement=np.nan))


def _compared(row: Mapping[str, Any]) -> str:
    pair = comparison_name(f"{row['a']} over {row['b']}")
    return pair if ":" in row["a"] else f"{model_name(row['model'])}: {pair}"


def _forest(shown: pd.DataFrame, metric: str) -> Figure:
    style()
    known = list(DATASETS)
    sets = sorted(
        shown["dataset"].unique(), key=lambda name: known.index(name) if name in known else -1
    )
    lines = list(dict.fromkeys(shown["line"]))
    figure, grid = plt.subplots(
        1,
        max(1, len(sets)),
        figsize=(4 + 2.6 * max(1, len(sets)), 0.28 * len(lines) + 1.4),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, name in zip(grid.flat, sets, strict=False):
        rows = shown[shown["dataset"] == name].to_dict("records")
        end = _end(rows)
        for row in rows:
            _effect(axes, len(lines) - 1 - lines.index(row["line"]), row, end)
        axes.set(xlim=(-1.05 * end, 1.05 * end), title=dataset_name(name))
    for axes in grid.flat:
        axes.axvline(0, color="0.4", linewidth=1)
        axes.grid(visible=False, axis="y")
        axes.set_ylim(-0.8, len(lines) - 0.2)
    figure.supxlabel(f"relative improvement of A over B{metric} (%)", fontsize="medium")
    grid[0, 0].set_yticks(np.arange(len(lines))[::-1], lines, fontsize="small")
    if sets:
        _legend(figure, grid[0, 0], shown)
    plt.close(figure)
    return figure


def _end(rows: list[dict[str, Any]]) -> float:
    """Return where the axis of a panel ends, in percent: a few far values do not set it."""
    values = np.array([[row[c] for c in _COLUMNS] for row in rows], dtype=float)
    reach = 100 * np.nanmax(np.abs(values), axis=1)
    return float(min(_LIMIT, 1.02 * reach.max(), 3 * np.median(reach)))


def _legend(figure: Figure, axes: Axes, shown: pd.DataFrame) -> None:
    axes.plot([], [], "o", color=COLOURS["LE"], label="measured, 95 %")
    if shown["users_only"].isin([True]).any():
        axes.plot([], [], "o", color=COLOURS["LE"], markerfacecolor="none", label="users only (*)")
    if shown["paper_relative_improvement"].notna().any():
        axes.plot([], [], "x", color=COLOURS["paper"], markeredgewidth=2, label="the paper")
    legend_above(figure)


def _effect(axes: Axes, place: float, one: Mapping[str, Any], limit: float) -> None:
    users_only, colour = one["users_only"] is True, COLOURS["LE"]
    ours, low, high, paper = 100 * np.array([one[column] for column in _COLUMNS], dtype=float)
    axes.plot(np.clip([low, high], -limit, limit), [place, place], color=colour, linewidth=1.6)
    for end in (low, high):
        marker = "<" if end < -limit else ">" if end > limit else "|"
        axes.plot(np.clip(end, -limit, limit), place, marker, color=colour, markersize=5)
    if abs(ours) <= limit:
        inside = "none" if users_only else colour
        axes.plot(ours, place, "o", color=colour, markersize=5, markerfacecolor=inside)
    else:
        _write(axes, f"{ours:+.0f} %{'*' * users_only}", ours, 0.94 * limit, place + 0.3)
    if abs(paper) <= limit:
        under = place - _BELOW
        axes.plot(paper, under, "x", color=COLOURS["paper"], markersize=5, markeredgewidth=1.6)
    elif abs(paper) > limit:  # nan is neither
        _write(axes, f"x {paper:+.0f} %", paper, 0.7 * limit, place - _BELOW)


def _write(axes: Axes, text: str, value: float, at: float, place: float) -> None:
    """Write a value beyond the axis at this distance from 0, on the value's side."""
    side = "right" if value > 0 else "left"
    corner = (np.sign(value) * at, place)
    axes.annotate(text, corner, ha=side, va="center", fontsize="xx-small")
