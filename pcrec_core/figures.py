"""The figures, in one style: readable in light and dark mode, safe for colour-blind eyes, intervals shown. No torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike
from pandas.api.typing import SeriesGroupBy

#: Okabe and Ito's colours: they differ for every kind of colour vision, and in grey.
COLOURS = {"base": "#0072B2", "LE": "#D55E00", "paper": "#000000"}

#: Colours and dashes of lines that stand together: each differs by both.
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("", (4, 1.5), (1, 1), (3, 1, 1, 1), (5, 1, 1, 1, 1, 1), (2, 2))


def style() -> None:
    """The style of every figure: an opaque white ground, which is safe in dark mode."""
    sns.set_theme(
        context="notebook",
        style="whitegrid",
        rc={
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.dpi": 110,
            "savefig.bbox": "tight",
        },
    )


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


def _looks() -> Iterator[tuple[str | tuple, str]]:
    """Dashes and colour of one line after the other: after six, the colours come again with other dashes."""
    for turn in itertools.count():
        yield from zip(DASHES[turn % 6 :] + DASHES[: turn % 6], CYCLE, strict=True)


def _mean_of_runs(
    axes: Axes, by: SeriesGroupBy, dashes: str | tuple, colour: str, label: str
) -> Line2D:
    """The mean of the runs at each place as a line, and their range as a band."""
    mean = by.mean()
    alone = "o" if len(mean) == 1 else None  # a line of one point would not be seen
    [line] = axes.plot(
        mean.index,
        mean.to_numpy(),
        dashes=dashes,
        color=colour,
        linewidth=1.6,
        marker=alone,
        label=label,
    )
    axes.fill_between(mean.index, by.min(), by.max(), color=colour, alpha=0.15, linewidth=0)
    return line


def _legend_above(figure: Figure) -> None:
    """The lines of all panels, each named once above them, where no line is hidden; for a constrained layout."""
    named = {
        label: line
        for axes in figure.axes
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=3, frameon=False)


def pruning(curve: pd.DataFrame, levels: pd.DataFrame) -> Figure:
    """Figure 1: a metric over the share of pruned weights, with fine-tuning and without, 95 % intervals, a panel a metric of
    ``curves.pruned``; ``levels`` are models that nothing was pruned of, as ``arms.values`` gives them: lines. Markers of one run
    are hollow: the interval is of users only."""
    style()
    metrics = curve["metric"].unique()
    figure, panels = plt.subplots(
        1, len(metrics), figsize=(4.8 * len(metrics), 4), squeeze=False, layout="constrained"
    )
    for axes, metric in zip(panels[0], metrics, strict=True):
        _pruning_panel(axes, curve[curve["metric"] == metric])
        rows = levels[levels["metric"] == metric].to_dict("records")
        for dashes, colour, row in zip(DASHES, (COLOURS["base"], "0.3"), rows, strict=False):
            axes.axhline(
                row["mean"],
                color=colour,
                dashes=dashes or (1, 0),
                linewidth=1.4,
                label=row["variant"],
            )
        axes.set(xlabel="weights pruned (%)", ylabel=f"{metric} on test")
    _legend_above(figure)
    plt.close(figure)
    return figure


def _pruning_panel(axes: Axes, curve: pd.DataFrame) -> None:
    lines = (
        (False, "pruned", "o", CYCLE[1], -0.5),
        (True, "pruned and fine-tuned", "s", CYCLE[2], 0.5),
    )
    for (
        tuned,
        name,
        marker,
        colour,
        aside,
    ) in lines:  # half a percent aside: two intervals at one share are seen apart
        one = curve[curve["fine-tuned"] == tuned]
        ends = [one["mean"] - one["low"], one["high"] - one["mean"]]
        inside = "white" if (one["runs"] == 1).all() else colour
        axes.errorbar(
            100 * one["share"] + aside,
            one["mean"],
            yerr=ends,
            fmt=f"-{marker}",
            color=colour,
            markerfacecolor=inside,
            capsize=3,
            label=name,
        )


def invalid_layers(curve: pd.DataFrame, mark: float = 0.5) -> Figure:
    """Figure 6: the ratio of layers with less entropy than a threshold; a line a variant, the band is the range of its runs,
    a row a model. ``mark`` is the threshold that the paper's text speaks of."""
    style()
    models, variants = curve["model"].unique(), curve["variant"].unique()
    percent = curve.assign(ratio=100 * curve["ratio"])
    figure, panels = plt.subplots(
        len(models),
        1,
        figsize=(8.6, 2.8 * len(models)),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    for axes, model in zip(panels[:, 0], models, strict=True):
        for place, (variant, (dashes, colour)) in enumerate(zip(variants, _looks(), strict=False)):
            one = percent[(percent["model"] == model) & (percent["variant"] == variant)]
            line = _mean_of_runs(axes, one.groupby("threshold")["ratio"], dashes, colour, variant)
            line.set_zorder(3 - 0.1 * place)  # the first lie on top
        axes.axvline(mark, color="0.4", linewidth=1, label=f"the text's threshold, {mark:g}")
        axes.set_title(model)
    panels[-1][0].set_xlabel("threshold of the entropy (nats)")
    figure.supylabel("layers below the threshold (%)", fontsize="medium")
    _legend_above(figure)
    plt.close(figure)
    return figure


def criterion(outliers: pd.DataFrame, layers: pd.DataFrame, merges: pd.DataFrame) -> Figure:
    """What the entropy measures: H over the reach of one outlier (``criterion.outlier``); H of trained layers over what is lost
    when half of the layer is pruned (``trained.layers``); H of merged layers over that of the peers (``trained.merges``)."""
    style()
    figure, panels = plt.subplot_mosaic(
        [["left", "right"], ["below", "below"]], figsize=(9, 7.4), layout="constrained"
    )
    left, right, below = (panels[place] for place in ("left", "right", "below"))
    for (size, one), dashes, colour in zip(
        outliers.groupby("weights"), DASHES, CYCLE, strict=False
    ):
        left.plot(
            one["outlier"],
            one["H"],
            dashes=dashes,
            color=colour,
            label=f"{size:,} Gaussian weights",
        )
    left.axvspan(
        layers["outlier"].min(), layers["outlier"].max(), color="0.9", label="of trained layers"
    )
    left.set(
        xlabel="the largest weight (standard deviations)",
        ylabel="H (nats)",
        ylim=(0, 2.4),
        title="one outlier",
    )
    kinds = layers.groupby(["model", "variant"], sort=False)
    look = dict(zip([kind for kind, _ in kinds], zip("os^Dv", CYCLE, strict=False), strict=False))
    for kind, one in kinds:
        marker, colour = look[kind]
        below.plot(
            100 * one["lost, pruned"],
            one["H"],
            marker,
            color=colour,
            alpha=0.7,
            label=" ".join(kind),
        )
    below.set(
        xlabel="validation NDCG@20 lost without the smaller half of the layer (%)",
        ylabel="H (nats)",
        title="trained layers: use",
    )
    for model, one in merges.groupby("model", sort=False):
        marker, colour = look[model, "LE"]
        right.plot(one["mean"], one["merged"], marker, color=colour, alpha=0.7, label=f"{model} LE")
    on_line = merges["mean"].iloc[0]  # a point far from the layers would stretch the axes
    right.axline((on_line, on_line), slope=1, color="0.4", linewidth=1)
    right.set(
        xlabel="H of the peers, mean by mu (nats)",
        ylabel="H of the merged layer (nats)",
        title="trained layers: merging",
    )
    for axes in (left, right):
        axes.legend(edgecolor="none", framealpha=1)  # no line of the grid shows through
    figure.legend(
        *below.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    plt.close(figure)
    return figure


def alpha_curves(curve: pd.DataFrame, base: pd.DataFrame) -> Figure:
    """Figure 4: a metric over alpha with 95 % intervals, the base as a line and a band; a row a data set and model, a column a
    metric.

    Parameters
    ----------
    curve : DataFrame
        As ``arms.curve`` gives it.
    base : DataFrame
        As ``arms.values`` gives it, of the base of every model in ``curve``.
    """
    style()
    curve, base = (
        frame.assign(model=frame["data set"] + ", " + frame["model"]) for frame in (curve, base)
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
    ours, theirs = curve.groupby(["model", "metric"]), base.groupby(["model", "metric"])
    for row, model in zip(panels, models, strict=True):
        for axes, metric in zip(row, metrics, strict=True):
            _alpha_panel(
                axes,
                ours.get_group((model, metric)).sort_values("alpha"),
                theirs.get_group((model, metric)).iloc[0],
            )
            axes.set(title=model, ylabel=f"{metric} on test")
    for axes in panels[-1]:
        axes.set_xlabel("alpha (0: plain averaging)")
    _legend_above(figure)
    plt.close(figure)
    return figure


def _alpha_panel(axes: Axes, curve: pd.DataFrame, base: pd.Series) -> None:
    axes.axhspan(base["low"], base["high"], color=COLOURS["base"], alpha=0.12, linewidth=0)
    axes.axhline(
        base["mean"],
        color=COLOURS["base"],
        linestyle="--",
        label=f"base, {_covered(base['users only'])}",
    )
    spread, alone = (
        [curve["mean"] - curve["low"], curve["high"] - curve["mean"]],
        curve["users only"].all(),
    )
    axes.errorbar(
        curve["alpha"],
        curve["mean"],
        yerr=spread,
        fmt="o-",
        color=COLOURS["LE"],
        capsize=3,
        markerfacecolor="white" if alone else COLOURS["LE"],
        label=f"PCRec, {_covered(alone)}",
    )


def _covered(alone: bool) -> str:
    return "95 %, users only" if alone else "95 %"


def mu_maps(mu: pd.DataFrame) -> Figure:
    """mu of peer 0, the one with the full learning rate, by layer and epoch (Eq. 9): a row a model, a column an alpha.

    Parameters
    ----------
    mu : DataFrame
        As ``arms.first_mu`` gives it.
    """
    style()
    grids = {model: rows.droplevel("model") for model, rows in mu.groupby("model", sort=False)}
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
    for row, (model, grid) in zip(panels, grids.items(), strict=True):
        for axes, alpha in zip(row, mu.columns, strict=True):
            mesh = _mu_panel(axes, grid[alpha].unstack("layer")[grid.index.unique("layer")].T)
            axes.set_title(f"alpha {alpha:g}", fontsize="medium")
        row[0].invert_yaxis()
        row[0].set_ylabel(model.replace(", ", "\n"), fontsize="small")
    figure.colorbar(mesh, ax=panels, label="mu of peer 0")
    plt.close(figure)
    return figure


def _edges(places: ArrayLike) -> np.ndarray:
    """Around each of equally spaced places; a single one is 1 wide."""
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
    axes.grid(visible=False)
    return mesh


def cost_bars(frame: pd.DataFrame) -> Figure:
    """Time of ours as a share of the reference's, the part that no code can avoid darker, the target as a mark; the line
    at the end is the spread over repetitions, of ours or the reference's, whichever is larger."""
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
        100 * rows["floor s"] / rows["reference s"],
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
