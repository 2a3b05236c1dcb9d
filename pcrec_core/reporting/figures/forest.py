"""Forest plots: relative improvements with their intervals on one axis, beside the paper's."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import COLOURS, CYCLE, style

#: Where an axis of relative improvements ends, in percent.
LIMIT = 60.0


def forest(frame: pd.DataFrame, limit: float = LIMIT) -> Figure:
    """Relative improvements with 95 % intervals, on one axis, in the colour of their data set, the paper's as a cross; a row a
    model and comparison of ``arms.comparisons``, and a metric where there are several.

    A marker is hollow (a value beyond the axis has a star) where one arm has one run, so that the interval is of users only; what
    lies beyond ``limit`` percent is cut, and an arrow says so.
    """
    shown, several = frame[frame["RI"].notna()], frame["metric"].nunique() > 1
    compared = shown.groupby(["model", "comparison", "metric"], sort=False)
    lines = [
        (f"{model}: {what}{f', {metric}' * several}", rows.to_dict("records"))
        for (model, what, metric), rows in compared
    ]
    return _forest(lines, shown, limit)


def effects(frame: pd.DataFrame, limit: float = LIMIT) -> Figure:
    """Every claim that was measured, as in ``forest``: a row a comparison of ``evidence.decided``, by research question, the
    study's controls last, and the paper's value for the paper's own claims."""
    shown = frame[frame["RI"].notna()]
    return _forest(_lines(shown), shown, limit)


def _forest(lines: list[tuple[str, list[dict]]], shown: pd.DataFrame, limit: float) -> Figure:
    """A line a name with its rows, one a data set; a name without rows is a heading."""
    style()
    figure, axes = plt.subplots(figsize=(8.5, 0.28 * len(lines) + 1.4))
    places = np.arange(len(lines))[::-1]
    sets = list(shown["data set"].unique())
    shifts = np.linspace(0.2, -0.2, len(sets)) if len(sets) > 1 else [0.0]
    for place, (_, rows) in zip(places, lines, strict=True):
        for one in rows:
            which = sets.index(one["data set"])
            _effect(axes, place + shifts[which], one, CYCLE[which % len(CYCLE)], limit)
    axes.axvline(0, color="0.4", linewidth=1)
    metric = f" in {shown['metric'].iloc[0]}" if shown["metric"].nunique() == 1 else ""
    axes.set(
        xlim=(-limit - 3, limit + 3),
        ylim=(-0.8, len(lines) - 0.2),
        xlabel=f"relative improvement of A over B{metric} (%)",
    )
    axes.grid(visible=False, axis="y")
    for tick, (_, rows) in zip(
        axes.set_yticks(places, [name for name, _ in lines], fontsize="small"), lines, strict=True
    ):
        tick.label1.set_fontweight("normal" if rows else "bold")
    for name, colour in zip(sets, itertools.cycle(CYCLE), strict=False):
        axes.plot([], [], "o", color=colour, label=f"{name}, 95 %")
    if shown["users only"].isin([True]).any():
        axes.plot([], [], "o", color="0.4", markerfacecolor="white", label="users only (*)")
    if shown["RI paper"].notna().any():
        axes.plot([], [], "x", color=COLOURS["paper"], markeredgewidth=2, label="the paper")
    if sets:
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=4, frameon=False, columnspacing=1.2
        )
    plt.close(figure)
    return figure


def _lines(shown: pd.DataFrame) -> list[tuple[str, list[dict]]]:
    """From above: a research question, then each of its comparisons with its rows, one a data set; controls last."""
    ordered = shown.sort_values(
        "question", key=lambda q: q.where(q != "controls", "~"), kind="stable"
    )
    lines: list[tuple[str, list[dict]]] = []
    for question, claims in ordered.groupby("question", sort=False):
        compared = claims.groupby(["model", "a", "b"], sort=False)
        lines += [
            (question, []),
            *((_compared(*key), one.to_dict("records")) for key, one in compared),
        ]
    return lines


def _effect(axes: Axes, place: float, one: dict, colour: str, limit: float) -> None:
    ours, low, high, paper = 100 * np.array(
        [one[column] for column in ("RI", "low", "high", "RI paper")], dtype=float
    )
    axes.plot(np.clip([low, high], -limit, limit), [place, place], color=colour, linewidth=1.6)
    for end in (low, high):
        marker = "<" if end < -limit else ">" if end > limit else "|"
        axes.plot(np.clip(end, -limit, limit), place, marker, color=colour, markersize=5)
    if abs(ours) <= limit:
        axes.plot(
            ours,
            place,
            "o",
            color=colour,
            markersize=5,
            markerfacecolor="white" if one["users only"] is True else colour,
        )
    else:
        said = f"{ours:+.0f} %{'*' if one['users only'] is True else ''}"
        axes.annotate(
            said,
            (np.sign(ours) * 0.94 * limit, place),
            ha="right" if ours > 0 else "left",
            va="center",
            fontsize="xx-small",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    if abs(paper) <= limit:
        axes.plot(paper, place, "x", color=COLOURS["paper"], markersize=6, markeredgewidth=1.6)
    elif abs(paper) > limit:  # nan is neither
        axes.annotate(
            f"x {paper:+.0f} %",
            (np.sign(paper) * 0.7 * limit, place),
            va="center",
            fontsize="xx-small",
            ha="right" if paper > 0 else "left",
        )


def _compared(model: str, a: str, b: str) -> str:
    arms = f"{a} over {b}".replace(":", " ")
    return arms if ":" in a else f"{model}: {arms}"  # or both arms name their own
