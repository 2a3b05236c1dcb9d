"""The time of our code as a share of the reference's."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import COLOURS, style


def cost_bars(frame: pd.DataFrame) -> Figure:
    """Draw our time as a share of the reference's, one bar per case.

    The part that no code can avoid is darker, and the target is a mark. The line at the end of a
    bar is the spread over repetitions, of ours or the reference's, whichever is larger.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``cost.measured("benchmarks")``.
    """
    style()
    rows = frame[frame["ratio"].notna()]
    places = np.arange(len(rows))[::-1]
    figure, axes = plt.subplots(figsize=(7.5, 0.5 * len(rows) + 1.4))
    axes.barh(places, 100 / rows["ratio"], color=COLOURS["LE"], alpha=0.45, label="ours")
    axes.errorbar(
        100 / rows["ratio"],
        places,
        xerr=50 * rows["spread"] / rows["ratio"],
        fmt="none",
        color="0.3",
        capsize=3,
        label="the middle half of repetitions",
    )
    axes.barh(
        places,
        100 * rows["floor_seconds"] / rows["reference_seconds"],
        color=COLOURS["base"],
        height=0.5,
        label="of which floor",
    )
    targets = rows["target"].str.extract(r"([\d.]+) x")[0].astype(float)
    axes.plot(
        100 / targets,
        places,
        "x",
        color=COLOURS["paper"],
        markersize=8,
        markeredgewidth=2,
        label="target",
    )
    axes.axvline(100, color="0.4", linewidth=1, label="the reference")
    axes.set_yticks(places, rows["case"])
    axes.set(xlabel="time, as a share of the reference's (%)", xlim=(0, None))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    plt.close(figure)
    return figure


#: The panels of ``ratios``: the cases by the beginning of their name, and what is measured.
_PANELS = {
    "time to train": ("SASRec, ", "training"),
    "peak memory": ("BPR, ", "memory"),
    "time to rank": ("ranking, ", "seconds"),
}


def ratios(modes: pd.DataFrame) -> Figure:
    """Draw time and memory of pairs and ensembles relative to one model, one panel per measure.

    Parameters
    ----------
    modes : DataFrame
        The frame of ``cost.measured("modes")``.
    """
    style()
    full = modes.assign(memory=modes["megabytes"] * modes["processes"])
    figure, panels = plt.subplots(1, len(_PANELS), figsize=(11, 2.3), layout="constrained")
    for axes, (title, (beginning, column)) in zip(panels, _PANELS.items(), strict=True):
        rows = full[full["case"].str.startswith(beginning)]
        relative = rows[column] / rows[column].iloc[0]
        bars = axes.barh(
            rows["case"].str.removeprefix(beginning), relative, color=COLOURS["base"], alpha=0.6
        )
        axes.bar_label(bars, fmt="%.1f", padding=3, fontsize="small")
        axes.invert_yaxis()
        axes.set(title=f"{title} ({beginning.split(',')[0].replace('ranking', 'SASRec')})")
        axes.set_xlim(0, 1.2 * relative.max())
        axes.tick_params(labelsize="small")
        axes.grid(visible=False, axis="y")
    figure.supxlabel("times one model", fontsize="medium")
    plt.close(figure)
    return figure
