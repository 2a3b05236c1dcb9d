"""The figures, in one style: readable in light and dark mode, safe for colour-blind eyes, intervals shown. No torch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

#: Okabe and Ito's colours: they differ for every kind of colour vision, and in grey.
COLOURS = {"LE": "#D55E00", "paper": "#000000"}


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
