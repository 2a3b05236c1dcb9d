"""PCRec's gain with one protocol option changed at a time."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import COLOURS, legend_above, style
from pcrec_core.reporting.wording import option_name


def options(frame: pd.DataFrame) -> Figure:
    """Draw PCRec over its base with each option, one panel per metric.

    The dashed line is the gain by default. A marker is hollow where the interval covers users only.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``deviations.changed_lines``.
    """
    style()
    metrics, names = list(frame["metric"].unique()), list(frame["line"].unique())
    figure, panels = plt.subplots(
        1,
        len(metrics),
        figsize=(3.2 + 3 * len(metrics), 0.36 * len(names) + 1.5),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, metric in zip(panels[0], metrics, strict=True):
        rows = frame[frame["metric"] == metric].dropna(subset="over_base")
        for hollow, own in rows.groupby(rows["over_base_users_only"].astype(bool)):
            middle, low, high = (
                100 * own[f"over_base{end}"].astype(float) for end in ("", "_low", "_high")
            )
            axes.errorbar(
                middle,
                [names.index(name) for name in own["line"]],
                xerr=[middle - low, high - middle],
                fmt="o",
                color=COLOURS["LE"],
                markerfacecolor="none" if hollow else COLOURS["LE"],
                label="with the option, 95 %" + " (users only)" * bool(hollow),
            )
        axes.axvline(
            100 * rows["over_base_usual"].iloc[0],
            color=COLOURS["base"],
            linestyle="--",
            label="by default",
        )
        axes.axvline(0, color="0.4", linewidth=1)
        axes.set(xlabel=f"PCRec over its base, {metric} (%)")
        axes.grid(visible=False, axis="y")
    panels[0, 0].set_yticks(range(len(names)), map(option_name, names), fontsize="small")
    panels[0, 0].set_ylim(len(names) - 0.4, -0.6)
    legend_above(figure)
    plt.close(figure)
    return figure
