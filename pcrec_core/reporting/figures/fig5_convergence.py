"""Figure 5: the metrics that the epoch is chosen on, by epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import legend_above, line_styles, mean_of_runs, style
from pcrec_core.reporting.names import arm_name, dataset_name, model_name


def convergence(curve: pd.DataFrame) -> Figure:
    """Draw Figure 5: a metric by epoch, on validation or test, whichever the epoch is chosen on.

    There is one row per data set and model, one column per metric, and one line per variant with
    the range of its runs as a band.

    Parameters
    ----------
    curve : DataFrame
        The frame of ``analysis.fig5_convergence.convergence``.
    """
    style()
    metrics, variants = curve["metric"].unique(), curve["variant"].unique()
    cases = curve.groupby(["dataset", "model"], sort=False)
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
            for variant, (dashes, colour) in zip(variants, line_styles(), strict=False):
                runs = one[one["variant"] == variant].groupby("epoch")["value"]
                mean_of_runs(axes, runs, dashes, colour, arm_name(variant))
            ylabel = f"{metric} on {one['part'].iloc[0]}"
            title = f"{model_name(case[1])}, {dataset_name(case[0])}"
            axes.set(title=title, ylabel=ylabel, xlabel="epoch", ylim=_limits(one))
            axes.locator_params("x", integer=True)
    legend_above(figure)
    plt.close(figure)
    return figure


def _limits(curve: pd.DataFrame) -> tuple[float, float]:
    """Return limits that need not hold the low values of the first fifth of the epochs.

    Their steep rise would press the later lines together.
    """
    late = curve["epoch"] > curve["epoch"].max() / 5
    low, high = curve.loc[late, "value"].min(), curve["value"].max()
    room = max(0.05 * (high - low), 1e-6)
    return low - room, high + room
