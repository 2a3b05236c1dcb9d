"""The figures, in one style: readable in light and dark mode, safe for colour-blind eyes, intervals shown. No torch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Okabe and Ito's colours: they differ for every kind of colour vision, and in grey.
COLOURS = {"base": "#0072B2", "LE": "#D55E00", "paper": "#000000"}


def style() -> None:
    """The style of every figure: an opaque white ground, which is safe in dark mode."""
    sns.set_theme(context="notebook", style="whitegrid", rc={"figure.facecolor": "white", "savefig.facecolor": "white",
                                                              "figure.dpi": 110, "savefig.bbox": "tight"})


def forest(frame: pd.DataFrame) -> Figure:
    """Relative improvements with 95 % intervals, the paper's as a cross; a row a row of ``arms.comparisons``."""
    style()
    figure, axes = plt.subplots(figsize=(7.5, 0.42 * len(frame) + 1.2))
    rows = np.arange(len(frame))[::-1]
    ours, low, high, paper = (100 * frame[c].astype(float).to_numpy() for c in ("RI", "low", "high", "RI paper"))
    axes.errorbar(ours, rows, xerr=[ours - low, high - ours], fmt="o", color=COLOURS["LE"], capsize=3, label="here, 95 %")
    axes.plot(paper, rows, "x", color=COLOURS["paper"], markersize=8, markeredgewidth=2, label="the paper")
    axes.axvline(0, color="0.4", linewidth=1)
    axes.set_yticks(rows, [f"{r['data set']}, {r['model']}, {r['metric']}" for r in frame.to_dict("records")])
    axes.set_xlabel("relative improvement over the base (%)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    plt.close(figure)
    return figure


def alpha_curves(frame: pd.DataFrame, base: pd.DataFrame) -> Figure:
    """A metric over alpha with 95 % intervals, the base as a line and a band; a panel a metric.

    Parameters
    ----------
    frame : DataFrame
        Columns alpha, metric, mean, low, high.
    base : DataFrame
        The same without alpha.
    """
    style()
    metrics = list(frame["metric"].unique())
    figure, panels = plt.subplots(1, len(metrics), figsize=(4.6 * len(metrics), 3.6), squeeze=False)
    for axes, metric in zip(panels[0], metrics, strict=True):
        _alpha_panel(axes, frame[frame["metric"] == metric], base[base["metric"] == metric].iloc[0], metric)
    panels[0][0].legend(frameon=False)
    figure.tight_layout()
    plt.close(figure)
    return figure


def _alpha_panel(axes: Axes, curve: pd.DataFrame, base: pd.Series, metric: str) -> None:
    axes.axhspan(base["low"], base["high"], color=COLOURS["base"], alpha=0.12, linewidth=0)
    axes.axhline(base["mean"], color=COLOURS["base"], linestyle="--", label="base")
    spread = [curve["mean"] - curve["low"], curve["high"] - curve["mean"]]
    axes.errorbar(curve["alpha"], curve["mean"], yerr=spread, fmt="o-", color=COLOURS["LE"], capsize=3, label="PCRec")
    axes.set_xlabel("alpha (0: plain averaging)")
    axes.set_ylabel(f"{metric} on test (mean over users)")
