"""Figure 5: what the epoch is chosen on, by epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import _legend_above, _looks, _mean_of_runs, style


def convergence(curve: pd.DataFrame) -> Figure:
    """Figure 5: what the epoch is chosen on, validation or test, by epoch, a line a variant, the band is the range of its runs;
    a row a data set and model, a column a metric of ``curves.convergence``."""
    style()
    metrics, variants = curve["metric"].unique(), curve["variant"].unique()
    cases = curve.groupby(["data set", "model"], sort=False)
    figure, panels = plt.subplots(
        len(cases),
        len(metrics),
        figsize=(4.6 * len(metrics), 3.3 * len(cases)),
        squeeze=False,
        layout="constrained",
    )
    for row, (case, rows) in zip(panels, cases, strict=True):
        for axes, metric in zip(row, metrics, strict=True):
            one = rows[rows["metric"] == metric]
            for variant, (dashes, colour) in zip(variants, _looks(), strict=False):
                _mean_of_runs(
                    axes,
                    one[one["variant"] == variant].groupby("epoch")["value"],
                    dashes,
                    colour,
                    variant,
                )
            axes.set(
                title=", ".join(case),
                ylabel=f"{metric} on {one['part'].iloc[0]}",
                xlabel="epoch",
                ylim=_late(one),
            )
    _legend_above(figure)
    plt.close(figure)
    return figure


def _late(curve: pd.DataFrame) -> tuple[float, float]:
    """Limits that hold all values but those of the first fifth of the epochs, whose steep rise would press the lines together."""
    low, high = (
        curve.loc[curve["epoch"] > curve["epoch"].max() / 5, "value"].min(),
        curve["value"].max(),
    )
    room = max(0.05 * (high - low), 1e-6)
    return low - room, high + room
