"""Figures draw the numbers they are given."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from pcrec_core.analysis import mu
from pcrec_core.reporting import figures

ROW = {
    "data set": "ml-100k",
    "model": "bpr",
    "comparison": "LE over base",
    "metric": "MRR@5",
    "RI": 0.04,
    "low": -0.08,
    "high": 0.18,
    "RI paper": 0.096,
    "users only": False,
}
FRAME = pd.DataFrame(
    [
        ROW,
        ROW | {"data set": "retailrocket-half", "RI": 0.01, "users only": True, "RI paper": None},
        ROW
        | {
            "model": "dnn",
            "comparison": "LE over recency",
            "RI": -0.02,
            "low": -0.1,
            "high": 0.06,
            "RI paper": None,
        },
        ROW | {"comparison": "LE over nothing", "RI": None},
    ]
)


def test_a_forest_plot_shows_improvement_interval_and_the_papers_in_percent():
    [axes] = figures.forest.forest(FRAME).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "bpr: LE over base",
        "dnn: LE over recency",
    ]
    drawn = [line for line in axes.lines if len(line.get_xdata())]
    ours = [
        (
            float(line.get_xdata()[0]),
            float(line.get_ydata()[0]),
            line.get_markerfacecolor() == "white",
        )
        for line in drawn
        if line.get_marker() == "o"
    ]
    assert ours == [
        (4, 1.2, False),
        (1, 0.8, True),
        (-2, pytest.approx(0.2), False),
    ]  # a row's data sets side by side
    spans = [
        list(line.get_xdata())
        for line in drawn
        if len(line.get_xdata()) == 2 and line.get_color() != "0.4"
    ]
    assert spans == [pytest.approx([-8, 18]), pytest.approx([-8, 18]), pytest.approx([-10, 6])]
    assert [float(line.get_xdata()[0]) for line in drawn if line.get_marker() == "x"] == [
        pytest.approx(9.6)
    ]
    assert axes.get_xlabel() == "relative improvement of A over B in MRR@5 (%)"


def test_a_value_beyond_the_axis_is_written_with_a_star_where_it_is_of_users_only():
    beyond = pd.DataFrame(
        [
            ROW | {"RI": 1.72, "low": 1.54, "high": 1.92, "users only": only}
            for only in (True, False)
        ]
    )
    [axes] = figures.forest.forest(beyond).axes
    assert [text.get_text() for text in axes.texts] == ["+172 %*", "+172 %"]
    named = {
        only: [
            text.get_text() for text in figures.forest.forest(one).axes[0].get_legend().get_texts()
        ]
        for only, one in beyond.groupby("users only")
    }
    assert named == {
        True: ["ml-100k, 95 %", "users only (*)", "the paper"],
        False: ["ml-100k, 95 %", "the paper"],
    }


def test_the_steep_first_epochs_of_a_curve_are_below_its_axis():
    rise = pd.DataFrame({"epoch": range(1, 11), "value": [0, 0.1, 0.5, *[0.6] * 5, 0.4, 0.5]})
    assert figures.fig5_convergence._limits(rise) == pytest.approx(
        (0.39, 0.61)
    )  # not of the first two of ten
    low, high = figures.fig5_convergence._limits(rise[rise["epoch"] == 4])
    assert low < 0.6 < high  # a level line has room, too


def test_more_lines_than_colours_still_differ_and_more_data_sets_do_not_fail():
    looks = list(itertools.islice(figures.style.line_styles(), 36))
    assert len(set(looks)) == 36
    assert looks[0] == ("", figures.style.CYCLE[0])
    assert looks[6][1] == figures.style.CYCLE[0]
    curve = pd.DataFrame(
        [
            {
                "data set": "x",
                "model": "dnn",
                "variant": str(k),
                "seed": 0,
                "metric": "MRR@5",
                "part": "test",
                "epoch": 1,
                "value": k,
            }
            for k in range(8)
        ]
    )
    assert (
        len(
            [
                line
                for line in figures.fig5_convergence.convergence(curve).axes[0].lines
                if line.get_label().isdigit()
            ]
        )
        == 8
    )
    figures.forest.forest(pd.DataFrame([ROW | {"data set": str(k)} for k in range(7)]))


def test_a_forest_plot_needs_no_value_of_the_paper():
    for frame in (
        FRAME.assign(**{"RI paper": pd.Series([None] * len(FRAME), dtype=object)}),
        FRAME[FRAME["RI"].isna()],
    ):
        [axes] = figures.forest.forest(frame).axes
        assert len(axes.get_yticklabels()) == frame.loc[frame["RI"].notna(), "model"].nunique()
        assert [
            line for line in axes.lines if line.get_marker() == "x" and len(line.get_xdata())
        ] == []


def test_several_metrics_in_a_forest_plot_have_rows_of_their_own():
    [axes] = figures.forest.forest(pd.DataFrame([ROW, ROW | {"metric": "NDCG@20"}])).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "bpr: LE over base, MRR@5",
        "bpr: LE over base, NDCG@20",
    ]
    assert axes.get_xlabel() == "relative improvement of A over B (%)"


def test_a_figure_stands_on_opaque_white_so_that_it_is_readable_in_dark_mode():
    assert to_hex(figures.forest.forest(FRAME).get_facecolor(), keep_alpha=True) == "#ffffffff"


# --- Figure 4: a metric over alpha

POINTS = {  # (model, metric): (alpha, mean, low, high) of PCRec; (mean, low, high) of the base
    ("sasrec", "MRR@5"): (
        [(30, 0.05, 0.04, 0.08), (0, 0.03, 0.02, 0.05), (10, 0.04, 0.01, 0.06)],
        (0.035, 0.025, 0.055),
    ),
    ("sasrec", "HIT@5"): (
        [(0, 0.5, 0.4, 0.7), (10, 0.6, 0.5, 0.8), (30, 0.4, 0.3, 0.6)],
        (0.45, 0.35, 0.65),
    ),
    ("dnn", "MRR@5"): (
        [(10, 0.02, 0.01, 0.04), (30, 0.03, 0.01, 0.07), (0, 0.01, 0.005, 0.02)],
        (0.022, 0.012, 0.032),
    ),
    ("dnn", "HIT@5"): (
        [(0, 0.2, 0.1, 0.3), (30, 0.1, 0.05, 0.15), (10, 0.3, 0.2, 0.5)],
        (0.25, 0.15, 0.35),
    ),
}
CURVE = pd.DataFrame(
    [
        {
            "data set": "ml-100k",
            "model": model,
            "metric": metric,
            "alpha": alpha,
            "mean": mean,
            "low": low,
            "high": high,
            "users only": model == "dnn",
        }
        for (model, metric), (points, _) in POINTS.items()
        for alpha, mean, low, high in points
    ]
)
BASE = pd.DataFrame(
    [
        {
            "data set": "ml-100k",
            "model": model,
            "metric": metric,
            "mean": mean,
            "low": low,
            "high": high,
            "users only": False,
        }
        for (model, metric), (_, (mean, low, high)) in reversed(POINTS.items())
    ]
)


@pytest.fixture
def panels() -> dict[tuple[str, str], Axes]:
    return dict(
        zip(POINTS, figures.fig4_alpha.alpha_curves(CURVE, BASE).axes, strict=True)
    )  # a row a model, a column a metric


@pytest.mark.parametrize("which", POINTS)
def test_a_panel_shows_pcrec_over_alpha_with_its_intervals(panels, which):
    [(line, _, [bars])] = panels[which].containers
    alphas, means, lows, highs = zip(*sorted(POINTS[which][0]), strict=True)
    assert list(line.get_xdata()) == list(alphas)
    assert list(line.get_ydata()) == list(means)
    drawn = [
        ([x for x, _ in segment], sorted(y for _, y in segment)) for segment in bars.get_segments()
    ]
    assert drawn == [
        ([alpha] * 2, pytest.approx([low, high]))
        for alpha, low, high in zip(alphas, lows, highs, strict=True)
    ]


@pytest.mark.parametrize("which", POINTS)
def test_a_panel_shows_the_base_as_a_line_in_its_interval(panels, which):
    axes, (mean, low, high) = panels[which], POINTS[which][1]
    [line] = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert list(line.get_ydata()) == [mean, mean]
    [band] = axes.patches
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((low, high))
    across = [(box.x0, box.x1) for box in (line.get_window_extent(), band.get_window_extent())]
    assert (
        across == [pytest.approx((axes.bbox.x0, axes.bbox.x1), abs=2)] * 2
    )  # pixels: the whole panel, whatever the alphas
    assert (
        to_hex(line.get_color())
        == to_hex(band.get_facecolor())
        != to_hex(axes.containers[0][0].get_color())
    )


def test_panels_say_model_and_metric_and_one_legend_what_is_drawn(panels):
    for (model, metric), axes in panels.items():
        assert axes.get_title() == f"ml-100k, {model}"
        assert axes.get_ylabel() == f"{metric} on test"
    assert [axes.get_xlabel() for axes in panels.values()] == ["", ""] + [
        "alpha (0: plain averaging)"
    ] * 2
    [legend] = next(iter(panels.values())).figure.legends
    assert sorted(text.get_text() for text in legend.get_texts()) == [
        "PCRec, 95 %",
        "PCRec, 95 %, users only",
        "base, 95 %",
    ]
    inside = [
        panels[model, "MRR@5"].containers[0][0].get_markerfacecolor() for model in ("sasrec", "dnn")
    ]
    assert inside[0] != inside[1] == "white"  # of one run: its interval is of users only
    [alone] = figures.fig4_alpha.alpha_curves(CURVE.assign(**{"users only": True}), BASE).legends
    assert [text.get_text() for text in alone.get_texts()] == [
        "base, 95 %",
        "PCRec, 95 %, users only",
    ]
    assert [axes.get_legend() for axes in panels.values()] == [None] * 4


# --- mu of peer 0

#: mu of peer 0: {(model, alpha): {layer: at epoch 0, 2}}, the layers not in the order of the alphabet.
MU = {
    ("sasrec", 10.0): {"item": [0.9, 0.2], "blocks.0.query": [0.5, 0.6], "final.norm": [0.3, 1.0]},
    ("sasrec", 40.0): {"item": [0.7, 0.1], "blocks.0.query": [0.0, 0.8], "final.norm": [0.4, 0.55]},
    ("dnn", 10.0): {"user": [0.6, 0.7], "hidden": [0.25, 0.75]},
    ("dnn", 40.0): {"user": [0.8, 0.35], "hidden": [1.0, 0.45]},
}


def held(mu: dict, seed: int = 0) -> pd.DataFrame:
    """As ``arms.dominance`` gives it: the larger mu and who holds it."""
    return pd.DataFrame(
        [
            {
                "data set": "ml-100k",
                "model": model,
                "alpha": alpha,
                "seed": seed,
                "epoch": epoch,
                "layer": layer,
                "max mu": max(m, 1 - m),
                "peer": int(m < 0.5),
            }
            for (model, alpha), layers in mu.items()
            for layer, values in layers.items()
            for epoch, m in zip([0, 2], values, strict=True)
        ]
    )


def mesh(axes: Axes) -> np.ndarray:
    [drawn] = axes.collections
    return np.asarray(drawn.get_array())


def test_a_map_shows_mu_of_peer_0_by_layer_and_epoch_also_where_peer_1_holds_it():
    *panels, _ = figures.fig4_alpha.mu_maps(mu.first_mu(held(MU))).axes
    assert len(panels) == len(MU)
    for axes, ((_, alpha), layers) in zip(panels, MU.items(), strict=True):
        assert axes.get_title() == f"alpha {alpha:g}"
        assert axes.get_xlabel() == "epoch"
        np.testing.assert_allclose(mesh(axes), list(layers.values()))
    assert [axes.get_ylabel() for axes in panels] == ["ml-100k\nsasrec", "", "ml-100k\ndnn", ""]


def test_a_map_has_its_layers_from_the_first_at_the_top_and_its_epochs_in_the_middle_of_their_cells():
    *panels, _ = figures.fig4_alpha.mu_maps(mu.first_mu(held(MU))).axes
    for axes, layers in zip(panels[::2], [MU["sasrec", 10.0], MU["dnn", 10.0]], strict=True):
        assert [label.get_text() for label in axes.get_yticklabels()] == list(layers)
        assert list(axes.get_yticks()) == list(range(len(layers)))
        assert axes.get_ylim()[0] > axes.get_ylim()[1]
        corners = axes.collections[0].get_coordinates()
        assert list(corners[0, :, 0]) == [0, 2, 4]
        assert list(corners[:, 0, 1]) == [i - 0.5 for i in range(len(layers) + 1)]


def test_a_single_exchange_is_a_column_one_epoch_wide():
    one = held(MU)
    *panels, _ = figures.fig4_alpha.mu_maps(mu.first_mu(one[one["epoch"] == 0])).axes
    assert list(panels[0].collections[0].get_coordinates()[0, :, 0]) == [0.5, 1.5]


def test_a_map_of_several_runs_shows_their_mean():
    other = {
        pair: {layer: [1 - m for m in values] for layer, values in layers.items()}
        for pair, layers in MU.items()
    }
    *panels, _ = figures.fig4_alpha.mu_maps(
        mu.first_mu(pd.concat([held(MU), held(other, seed=1), held(MU, seed=2)]))
    ).axes
    np.testing.assert_allclose(
        mesh(panels[0]), (1 + np.array(list(MU["sasrec", 10.0].values()))) / 3
    )  # (m + 1 - m + m) / 3


def test_every_map_is_in_the_colours_of_one_bar_from_0_to_1():
    *panels, bar = figures.fig4_alpha.mu_maps(mu.first_mu(held(MU))).axes
    drawn = [axes.collections[0] for axes in panels]
    assert {mesh.get_clim() for mesh in drawn} == {(0, 1)}
    assert len({mesh.get_cmap().name for mesh in drawn}) == 1
    assert bar.get_ylabel() == "mu of peer 0"
    assert bar.get_ylim() == (0, 1)


def test_every_measured_comparison_is_a_row_and_what_is_far_off_is_cut():
    row = {
        "data set": "ml-100k",
        "model": "sasrec",
        "a": "LE",
        "b": "base",
        "question": "RQ1",
        "users only": False,
        "metric": "MRR@5",
        "RI": 0.1,
        "low": -0.9,
        "high": 0.2,
        "RI paper": 0.05,
    }
    frame = pd.DataFrame(
        [
            row | {"question": "controls", "b": "avg", "users only": True, "RI paper": None},
            row,
            row
            | {"model": "sasrec dnn", "a": "sasrec:base", "b": "dnn:base", "RI": 2.5, "high": 5.0},
            row | {"data set": "retailrocket-half"},
            row | {"RI": None, "b": "N"},
            row | {"b": "W", "RI paper": 2.87},
        ]
    )
    axes = figures.forest.effects(frame).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "RQ1",
        "sasrec: LE over base",
        "sasrec base over dnn base",
        "sasrec: LE over W",
        "controls",
        "sasrec: LE over avg",
    ]
    assert [text.get_text() for text in axes.texts] == ["+250 %", "x +287 %"]
    assert axes.get_xlim() == (-63, 63)
    drawn = [line for line in axes.lines if len(line.get_xdata())]
    arrows = [line for line in drawn if line.get_marker() in "<>"]
    assert sorted(float(line.get_xdata()[0]) for line in arrows) == [-60, -60, -60, -60, -60, 60]
    assert [
        float(line.get_ydata()[0]) for line in drawn if line.get_markerfacecolor() == "white"
    ] == [0.2]
    ours = {
        line.get_color(): float(line.get_ydata()[0])
        for line in drawn
        if line.get_marker() == "o"
        and float(line.get_xdata()[0]) == 10
        and line.get_markerfacecolor() != "white"
    }
    assert ours == {figures.style.CYCLE[0]: 2.2, figures.style.CYCLE[1]: 3.8}  # of W and of base
    crosses = [float(line.get_ydata()[0]) for line in drawn if line.get_marker() == "x"]
    assert sorted(crosses) == [
        3.2,
        3.8,
        4.2,
    ]  # the paper's, each beside its own data set, in one row
