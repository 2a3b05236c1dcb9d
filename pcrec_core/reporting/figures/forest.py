"""Forest plots: relative improvements with their intervals on one axis, beside the paper's."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import COLOURS, CYCLE, style

#: Where an axis of relative improvements ends, in percent.
LIMIT = 60.0

#: A line's name and its rows, one per data set; a name without rows is a heading.
Line = tuple[str, list[dict[str, Any]]]


def forest(frame: pd.DataFrame, limit: float = LIMIT) -> Figure:
    """Draw relative improvements with 95 % intervals, the paper's as crosses.

    There is one row per model and comparison (and metric, where there are several), one colour per
    data set. A marker is hollow where one arm has one run, so that the interval covers users only;
    a value beyond the axis has a star instead. An arrow marks an interval that is cut at ``limit``.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``comparisons.comparisons``.
    limit : float
        Where the axis ends, in percent.
    """
    shown, several = frame[frame["relative_improvement"].notna()], frame["metric"].nunique() > 1
    compared = shown.groupby(["model", "comparison", "metric"], sort=False)
    lines = [
        (f"{model}: {comparison}{f', {metric}' * several}", rows.to_dict("records"))
        for (model, comparison, metric), rows in compared
    ]
    return _forest(lines, shown, limit)


def effects(frame: pd.DataFrame, limit: float = LIMIT) -> Figure:
    """Draw every measured claim as in ``forest``, with the paper's value for its own claims.

    There is one row per comparison, under its research question; the study's controls come last.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``evidence.decided``.
    limit : float
        Where the axis ends, in percent.
    """
    shown = frame[frame["relative_improvement"].notna()]
    return _forest(_lines(shown), shown, limit)


def _forest(lines: list[Line], shown: pd.DataFrame, limit: float) -> Figure:
    style()
    figure, axes = plt.subplots(figsize=(8.5, 0.28 * len(lines) + 1.4))
    places = np.arange(len(lines))[::-1]
    sets = list(shown["dataset"].unique())
    shifts = np.linspace(0.2, -0.2, len(sets)) if len(sets) > 1 else [0.0]
    for place, (_, rows) in zip(places, lines, strict=True):
        for one in rows:
            which = sets.index(one["dataset"])
            _effect(axes, place + shifts[which], one, CYCLE[which % len(CYCLE)], limit)
    axes.axvline(0, color="0.4", linewidth=1)
    metric = f" in {shown['metric'].iloc[0]}" if shown["metric"].nunique() == 1 else ""
    axes.set(
        xlim=(-limit - 3, limit + 3),
        ylim=(-0.8, len(lines) - 0.2),
        xlabel=f"relative improvement of A over B{metric} (%)",
    )
    axes.grid(visible=False, axis="y")
    ticks = axes.set_yticks(places, [name for name, _ in lines], fontsize="small")
    for tick, (_, rows) in zip(ticks, lines, strict=True):
        tick.label1.set_fontweight("normal" if rows else "bold")
    if sets:
        _legend(axes, sets, shown)
    plt.close(figure)
    return figure


def _legend(axes: Axes, sets: list[str], shown: pd.DataFrame) -> None:
    for name, colour in zip(sets, itertools.cycle(CYCLE), strict=False):
        axes.plot([], [], "o", color=colour, label=f"{name}, 95 %")
    if shown["users_only"].isin([True]).any():
        axes.plot([], [], "o", color="0.4", markerfacecolor="white", label="users only (*)")
    if shown["paper_relative_improvement"].notna().any():
        axes.plot([], [], "x", color=COLOURS["paper"], markeredgewidth=2, label="the paper")
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=4, frameon=False, columnspacing=1.2
    )


def _lines(shown: pd.DataFrame) -> list[Line]:
    """Return each research question as a heading, then its comparisons; controls come last."""
    ordered = shown.sort_values(
        "question", key=lambda q: q.where(q != "controls", "~"), kind="stable"
    )
    lines: list[Line] = []
    for question, claims in ordered.groupby("question", sort=False):
        compared = claims.groupby(["model", "a", "b"], sort=False)
        lines += [
            (question, []),
            *((_compared(*key), one.to_dict("records")) for key, one in compared),
        ]
    return lines


def _effect(axes: Axes, place: float, one: Mapping[str, Any], colour: str, limit: float) -> None:
    users_only = one["users_only"] is True
    ours, low, high, paper = 100 * np.array(
        [
            one[column]
            for column in ("relative_improvement", "low", "high", "paper_relative_improvement")
        ],
        dtype=float,
    )
    axes.plot(np.clip([low, high], -limit, limit), [place, place], color=colour, linewidth=1.6)
    for end in (low, high):
        marker = "<" if end < -limit else ">" if end > limit else "|"
        axes.plot(np.clip(end, -limit, limit), place, marker, color=colour, markersize=5)
    if abs(ours) <= limit:
        inside = "white" if users_only else colour
        axes.plot(ours, place, "o", color=colour, markersize=5, markerfacecolor=inside)
    else:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        _write(axes, f"{ours:+.0f} %{'*' * users_only}", ours, 0.94 * limit, place, bbox=box)
    if abs(paper) <= limit:
        axes.plot(paper, place, "x", color=COLOURS["paper"], markersize=6, markeredgewidth=1.6)
    elif abs(paper) > limit:  # nan is neither
        _write(axes, f"x {paper:+.0f} %", paper, 0.7 * limit, place)


def _write(axes: Axes, text: str, value: float, at: float, place: float, **more: Any) -> None:
    """Write a value beyond the axis at this distance from 0, on the value's side."""
    side = "right" if value > 0 else "left"
    corner = (np.sign(value) * at, place)
    axes.annotate(text, corner, ha=side, va="center", fontsize="xx-small", **more)


def _compared(model: str, a: str, b: str) -> str:
    arms = f"{a} over {b}".replace(":", " ")
    return arms if ":" in a else f"{model}: {arms}"  # or both arms name their own
