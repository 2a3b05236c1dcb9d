"""Figure 4: accuracy over alpha, and mu by layer and epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from pcrec_core.reporting.figures.style import COLOURS, legend_above, style
from pcrec_core.reporting.names import dataset_name, model_name


def alpha_curves(curve: pd.DataFrame, base: pd.DataFrame) -> Figure:
    """Draw Figure 4: a metric over alpha with 95 % intervals, the base as a line and a band.

    There is one row per data set and model, one column per metric.

    Parameters
    ----------
    curve : DataFrame
        The frame of ``comparisons.curve``.
    base : DataFrame
        The frame of ``comparisons.values``, of the base of every model in ``curve``.
    """
    style()
    curve, base = (
        frame.assign(model=frame["dataset"] + ", " + frame["model"]) for frame in (curve, base)
    )
    models, metrics = curve["model"].unique(), curve["metric"].unique()
    figure, panels = plt.subplots(
        len(models),
        len(metrics),
        figsize=(4.4 * len(metrics), 3.2 * len(models)),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    curves, bases = curve.groupby(["model", "metric"]), base.groupby(["model", "metric"])
    for row, model in zip(panels, models, strict=True):
        for axes, metric in zip(row, metrics, strict=True):
            _alpha_panel(
                axes,
                curves.get_group((model, metric)).sort_values("alpha"),
                bases.get_group((model, metric)).iloc[0],
            )
            dataset, _, name = model.partition(", ")
            title = f"{model_name(name)}, {dataset_name(dataset)}"
            axes.set(title=title, ylabel=f"{metric} on test")
    for axes in panels[-1]:
        axes.set_xlabel("α (0: plain averaging)")
    legend_above(figure)
    plt.close(figure)
    return figure


def _alpha_panel(axes: Axes, curve: pd.DataFrame, base: pd.Series) -> None:
    axes.axhspan(base["low"], base["high"], color=COLOURS["base"], alpha=0.12, linewidth=0)
    axes.axhline(
        base["mean"],
        color=COLOURS["base"],
        linestyle="--",
        label=f"base, {_interval(base['users_only'])}",
    )
    spread = [curve["mean"] - curve["low"], curve["high"] - curve["mean"]]
    users_only = curve["users_only"].all()
    axes.errorbar(
        curve["alpha"],
        curve["mean"],
        yerr=spread,
        fmt="o-",
        color=COLOURS["LE"],
        capsize=3,
        markerfacecolor="white" if users_only else COLOURS["LE"],
        label=f"PCRec, {_interval(users_only)}",
    )


def _interval(users_only: bool) -> str:
    return "95 %, users only" if users_only else "95 %"


def mu_maps(mu: pd.DataFrame) -> Figure:
    """Draw the mu of peer 0, which has the full learning rate, by layer and epoch (Eq. 9).

    There is one row per data set and model, one column per alpha.

    Parameters
    ----------
    mu : DataFrame
        The frame of ``mu.first_mu``.
    """
    style()
    keys = ["dataset", "model"]
    grids = {key: rows.droplevel(keys) for key, rows in mu.groupby(keys, sort=False)}
    sizes = [len(grid.index.unique("layer")) for grid in grids.values()]
    size = (2 + 1.9 * len(mu.columns), 0.26 * sum(sizes) + 1.3 * len(grids))
    figure, panels = plt.subplots(
        len(grids),
        len(mu.columns),
        figsize=size,
        squeeze=False,
        sharex="row",
        sharey="row",
        height_ratios=sizes,
        layout="constrained",
    )
    for row, (key, grid) in zip(panels, grids.items(), strict=True):
        for axes, alpha in zip(row, mu.columns, strict=True):
            mesh = _mu_panel(axes, grid[alpha].unstack("layer")[grid.index.unique("layer")].T)
            axes.set_title(f"α = {alpha:g}", fontsize="medium")
        row[0].invert_yaxis()
        dataset, model = key
        row[0].set_ylabel(f"{dataset_name(dataset)}\n{model_name(model)}", fontsize="small")
    figure.colorbar(mesh, ax=panels, label="μ of peer 0")
    plt.close(figure)
    return figure


def _edges(places: ArrayLike) -> np.ndarray:
    """Return the edges of cells around equally spaced places; a single cell is 1 wide."""
    at = np.asarray(places, dtype=float)
    step = at[1] - at[0] if len(at) > 1 else 1.0
    return np.append(at, at[-1] + step) - step / 2


def _mu_panel(axes: Axes, grid: pd.DataFrame) -> QuadMesh:
    mesh = axes.pcolormesh(
        _edges(grid.columns),
        _edges(np.arange(len(grid))),
        grid,
        cmap="PuOr",
        vmin=0,
        vmax=1,
        rasterized=True,
    )
    axes.set_yticks(np.arange(len(grid)), grid.index)
    axes.set_xlabel("epoch")
    # the last label would meet the first of the next map
    axes.xaxis.set_major_locator(MaxNLocator(2, integer=True, prune="upper"))
    axes.grid(visible=False)
    return mesh
