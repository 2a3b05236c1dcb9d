"""Figures draw the numbers they are given."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.text import Text

from pcrec_core.analysis import mu
from pcrec_core.reporting import figures, names

ROW = {
    "dataset": "ml-100k",
    "model": "bpr",
    "comparison": "LE over base",
    "metric": "MRR@5",
    "relative_improvement": 0.04,
    "low": -0.08,
    "high": 0.18,
    "paper_relative_improvement": 0.096,
    "users_only": False,
}
RECENCY = {
    "model": "dnn",
    "comparison": "LE over recency",
    "relative_improvement": -0.02,
    "low": -0.1,
    "high": 0.06,
}
ALONE = {"dataset": "retailrocket-half", "relative_improvement": 0.01, "users_only": True}
FRAME = pd.DataFrame(
    [
        ROW,
        ROW | ALONE | {"paper_relative_improvement": None},
        ROW | RECENCY | {"paper_relative_improvement": None},
        ROW | {"comparison": "LE over nothing", "relative_improvement": None},
    ]
)


def drawn(axes: Axes, marker: str = "") -> list[Line2D]:
    """Return the lines of a panel that have points; those with this marker, if one is given."""
    lines = [line for line in axes.lines if len(line.get_xdata())]
    return [line for line in lines if not marker or line.get_marker() == marker]


def first_x(lines: list[Line2D]) -> list[float]:
    return [float(line.get_xdata()[0]) for line in lines]


def first_y(lines: list[Line2D]) -> list[float]:
    return [float(line.get_ydata()[0]) for line in lines]


def texts(artists: Iterable[Text]) -> list[str]:
    return [artist.get_text() for artist in artists]


def test_a_forest_plot_shows_improvement_interval_and_the_papers_in_percent():
    figure = figures.forest.forest(FRAME)
    half, whole = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["RR-half", "ML-100K"]
    names = ["BPR: PCRec (LE) over base", "DNN: PCRec (LE) over recency"]
    assert texts(half.get_yticklabels()) == names
    assert [first_x(drawn(axes, "o")) for axes in (half, whole)] == [[1], [4, -2]]
    assert [first_y(drawn(axes, "o")) for axes in (half, whole)] == [[1], [1, 0]]
    assert drawn(half, "o")[0].get_markerfacecolor() == "none"
    assert drawn(whole, "o")[0].get_markerfacecolor() == figures.style.COLOURS["LE"]
    spans = [list(line.get_xdata()) for line in drawn(whole, "None") if line.get_color() != "0.4"]
    assert spans == [pytest.approx([-8, 18]), pytest.approx([-10, 6])]
    assert first_x(drawn(whole, "x")) == pytest.approx([9.6])
    assert figure.get_supxlabel() == "relative improvement of A over B, MRR@5 (%)"
    assert half.get_xlim()[1] == whole.get_xlim()[1] == pytest.approx(18 * 1.02 * 1.05)


def test_a_few_far_values_do_not_set_the_axis_of_a_panel():
    near = {"low": -0.02, "high": 0.03, "paper_relative_improvement": None}
    rows = [ROW | near | {"model": str(k)} for k in range(4)]
    [axes] = figures.forest.forest(pd.DataFrame([*rows, ROW | {"high": 20.0}])).axes
    assert axes.get_xlim()[1] == pytest.approx(3 * 4 * 1.05)


def test_a_value_beyond_the_axis_is_written_with_a_star_where_it_covers_users_only():
    beyond = ROW | {"relative_improvement": 1.72, "low": 1.54, "high": 1.92}
    frame = pd.DataFrame([beyond | {"users_only": True}, beyond])
    [axes] = figures.forest.forest(frame).axes
    assert texts(axes.texts) == ["+172 %*", "+172 %"]
    legends = [
        texts(figures.forest.forest(frame[rows]).legends[0].get_texts())
        for rows in (frame["users_only"], ~frame["users_only"])
    ]
    assert legends == [
        ["measured, 95 %", "users only (*)", "the paper"],
        ["measured, 95 %", "the paper"],
    ]


def test_the_steep_first_epochs_of_a_curve_are_below_its_axis():
    rise = pd.DataFrame({"epoch": range(1, 11), "value": [0, 0.1, 0.5, *[0.6] * 5, 0.4, 0.5]})
    limits = figures.fig5_convergence._limits
    assert limits(rise) == pytest.approx((0.39, 0.61))  # without the first two of ten
    low, high = limits(rise[rise["epoch"] == 4])
    assert low < 0.6 < high  # a level line has room, too


def test_more_lines_than_colours_still_differ():
    looks = list(itertools.islice(figures.style.line_styles(), 36))
    assert len(set(looks)) == 36
    assert looks[0] == ("", figures.style.CYCLE[0])
    assert looks[6][1] == figures.style.CYCLE[0]
    point = {"dataset": "x", "model": "dnn", "metric": "MRR@5", "part": "test", "epoch": 1}
    curve = pd.DataFrame([point | {"variant": str(k), "seed": 0, "value": k} for k in range(8)])
    [axes] = figures.fig5_convergence.convergence(curve).axes
    assert first_y([line for line in axes.lines if line.get_label().isdigit()]) == list(range(8))


def test_epochs_are_whole_numbers():
    point = {"dataset": "x", "model": "dnn", "metric": "MRR@5", "part": "test", "variant": "LE"}
    curve = pd.DataFrame([point | {"epoch": epoch, "value": epoch} for epoch in range(1, 5)])
    [axes] = figures.fig5_convergence.convergence(curve).axes
    assert [tick for tick in axes.get_xticks() if 1 <= tick <= 4] == [1, 2, 3, 4]


def test_every_data_set_has_a_panel():
    frame = pd.DataFrame([ROW | {"dataset": str(k)} for k in range(7)])
    panels = figures.forest.forest(frame).axes
    assert [first_x(drawn(axes, "o")) for axes in panels] == [[4]] * 7


def test_a_forest_plot_needs_no_value_of_the_paper():
    none = FRAME.assign(
        **{"paper_relative_improvement": pd.Series([None] * len(FRAME), dtype=object)}
    )
    for frame, rows in ((none, 2), (FRAME[FRAME["relative_improvement"].isna()], 0)):
        axes = figures.forest.forest(frame).axes[0]
        assert len(axes.get_yticklabels()) == rows
        assert drawn(axes, "x") == []


def test_several_metrics_in_a_forest_plot_have_rows_of_their_own():
    figure = figures.forest.forest(pd.DataFrame([ROW, ROW | {"metric": "NDCG@20"}]))
    name = "BPR: PCRec (LE) over base"
    assert texts(figure.axes[0].get_yticklabels()) == [f"{name}, MRR@5", f"{name}, NDCG@20"]
    assert figure.get_supxlabel() == "relative improvement of A over B (%)"


def test_a_figure_has_no_background_so_that_it_suits_light_and_dark_mode():
    figure = figures.forest.forest(FRAME)
    grounds = [figure.get_facecolor(), figure.axes[0].get_facecolor()]
    assert [to_hex(ground, keep_alpha=True)[-2:] for ground in grounds] == ["00", "00"]


# --- Figure 4: a metric over alpha

#: (model, metric): (alpha, mean, low, high) of PCRec; (mean, low, high) of the base.
POINTS = {
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
INTERVAL = ["mean", "low", "high"]
CURVE = pd.DataFrame(
    [(*case, *point, case[0] == "dnn") for case, (points, _) in POINTS.items() for point in points],
    columns=["model", "metric", "alpha", *INTERVAL, "users_only"],
).assign(**{"dataset": "ml-100k"})
BASE = pd.DataFrame(
    [(*case, *interval, False) for case, (_, interval) in reversed(POINTS.items())],
    columns=["model", "metric", *INTERVAL, "users_only"],
).assign(**{"dataset": "ml-100k"})


@pytest.fixture
def panels() -> dict[tuple[str, str], Axes]:
    """Return the panels by model and metric: one row per model, one column per metric."""
    return dict(zip(POINTS, figures.fig4_alpha.alpha_curves(CURVE, BASE).axes, strict=True))


@pytest.mark.parametrize("which", POINTS)
def test_a_panel_shows_pcrec_over_alpha_with_its_intervals(panels, which):
    [(line, _, [bars])] = panels[which].containers
    alphas, means, lows, highs = zip(*sorted(POINTS[which][0]), strict=True)
    assert list(line.get_xdata()) == list(alphas)
    assert list(line.get_ydata()) == list(means)
    spans = [
        ([x for x, _ in segment], sorted(y for _, y in segment)) for segment in bars.get_segments()
    ]
    assert spans == [
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
    # in pixels: the whole panel, whatever the alphas
    whole = pytest.approx((axes.bbox.x0, axes.bbox.x1), abs=2)
    boxes = [artist.get_window_extent() for artist in (line, band)]
    assert [(box.x0, box.x1) for box in boxes] == [whole] * 2
    colour = to_hex(line.get_color())
    assert colour == to_hex(band.get_facecolor())
    assert colour != to_hex(axes.containers[0][0].get_color())


def test_panels_name_model_and_metric(panels):
    for (model, metric), axes in panels.items():
        assert axes.get_title() == f"{names.model_name(model)}, ML-100K"
        assert axes.get_ylabel() == f"{metric} on test"
        assert axes.get_legend() is None
    labels = [axes.get_xlabel() for axes in panels.values()]
    assert labels == ["", ""] + ["α (0: plain averaging)"] * 2


def test_one_legend_names_the_lines_and_the_intervals_of_users_only(panels):
    [legend] = next(iter(panels.values())).figure.legends
    names = sorted(texts(legend.get_texts()))
    assert names == ["PCRec, 95 %", "PCRec, 95 %, users only", "base, 95 %"]
    lines = [panels[model, "MRR@5"].containers[0][0] for model in ("sasrec", "dnn")]
    inside = [line.get_markerfacecolor() for line in lines]
    assert inside[0] != inside[1] == "white"  # one run: its interval covers users only
    [alone] = figures.fig4_alpha.alpha_curves(CURVE.assign(**{"users_only": True}), BASE).legends
    assert texts(alone.get_texts()) == ["base, 95 %", "PCRec, 95 %, users only"]


# --- mu of peer 0

#: mu of peer 0, {(model, alpha): {layer: at epochs 0 and 2}}; layers in no alphabetic order.
MU = {
    ("sasrec", 10.0): {"item": [0.9, 0.2], "blocks.0.query": [0.5, 0.6], "final.norm": [0.3, 1.0]},
    ("sasrec", 40.0): {"item": [0.7, 0.1], "blocks.0.query": [0.0, 0.8], "final.norm": [0.4, 0.55]},
    ("dnn", 10.0): {"user": [0.6, 0.7], "hidden": [0.25, 0.75]},
    ("dnn", 40.0): {"user": [0.8, 0.35], "hidden": [1.0, 0.45]},
}


def held(mu: dict, seed: int = 0) -> pd.DataFrame:
    """Return the frame of ``mu.dominance``: the larger mu and the peer that holds it."""
    return pd.DataFrame(
        [
            {
                "dataset": "ml-100k",
                "model": model,
                "alpha": alpha,
                "seed": seed,
                "epoch": epoch,
                "layer": layer,
                "max_mu": max(m, 1 - m),
                "peer": int(m < 0.5),
            }
            for (model, alpha), layers in mu.items()
            for layer, values in layers.items()
            for epoch, m in zip([0, 2], values, strict=True)
        ]
    )


def mesh(axes: Axes) -> np.ndarray:
    [quadmesh] = axes.collections
    return np.asarray(quadmesh.get_array())


def test_a_map_shows_mu_of_peer_0_by_layer_and_epoch_also_where_peer_1_holds_it():
    *panels, _ = figures.fig4_alpha.mu_maps(mu.first_mu(held(MU))).axes
    assert len(panels) == len(MU)
    for axes, ((_, alpha), layers) in zip(panels, MU.items(), strict=True):
        assert axes.get_title() == f"α = {alpha:g}"
        assert axes.get_xlabel() == "epoch"
        np.testing.assert_allclose(mesh(axes), list(layers.values()))
    assert [axes.get_ylabel() for axes in panels] == ["ML-100K\nSASRec", "", "ML-100K\nDNN", ""]


def test_a_map_has_its_first_layer_at_the_top_and_its_epochs_in_the_middle_of_their_cells():
    *panels, _ = figures.fig4_alpha.mu_maps(mu.first_mu(held(MU))).axes
    for axes, layers in zip(panels[::2], [MU["sasrec", 10.0], MU["dnn", 10.0]], strict=True):
        assert texts(axes.get_yticklabels()) == list(layers)
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
    runs = pd.concat([held(MU), held(other, seed=1), held(MU, seed=2)])
    *panels, _ = figures.fig4_alpha.mu_maps(mu.first_mu(runs)).axes
    first = np.array(list(MU["sasrec", 10.0].values()))
    np.testing.assert_allclose(mesh(panels[0]), (1 + first) / 3)  # (m + 1 - m + m) / 3


def test_every_map_is_in_the_colours_of_one_bar_from_0_to_1():
    *panels, bar = figures.fig4_alpha.mu_maps(mu.first_mu(held(MU))).axes
    meshes = [axes.collections[0] for axes in panels]
    assert {one.get_clim() for one in meshes} == {(0, 1)}
    assert len({one.get_cmap().name for one in meshes}) == 1
    assert (bar.get_ylabel(), bar.get_ylim()) == ("μ of peer 0", (0, 1))


def test_every_measured_claim_has_a_row_and_values_far_off_are_cut():
    claim = {"model": "sasrec", "a": "LE", "b": "base", "question": "RQ1"}
    row = (
        ROW
        | claim
        | {
            "relative_improvement": 0.1,
            "low": -0.9,
            "high": 0.2,
            "paper_relative_improvement": 0.05,
        }
    )
    models = {"model": "sasrec dnn", "a": "sasrec:base", "b": "dnn:base"}
    frame = pd.DataFrame(
        [
            row
            | {
                "question": "controls",
                "b": "avg",
                "users_only": True,
                "paper_relative_improvement": None,
            },
            row,
            row | models | {"relative_improvement": 2.5, "high": 5.0},
            row | {"dataset": "retailrocket-half"},
            row | {"relative_improvement": None, "b": "N"},
            row | {"b": "W", "paper_relative_improvement": 2.87},
        ]
    )
    half, whole = figures.forest.effects(frame).axes
    assert texts(half.get_yticklabels()) == [
        "SASRec: PCRec (LE) over plain averaging",
        "SASRec: PCRec (LE) over base",
        "SASRec base over DNN base",
        "SASRec: PCRec (LE) over parameter-wise (W)",
    ]
    assert texts(whole.texts) == ["+250 %", "x +287 %"]
    assert (half.get_xlim(), whole.get_xlim()) == ((-63, 63), (-63, 63))
    arrows = [line for line in drawn(whole) if line.get_marker() in "<>"]
    assert sorted(first_x(arrows)) == [-60, -60, -60, -60, 60]
    hollow = [line for line in drawn(whole, "o") if line.get_markerfacecolor() == "none"]
    assert first_y(hollow) == [3]
    filled = [line for line in drawn(whole, "o") if line not in hollow]
    assert first_y(filled) == [2, 0]
    # the paper's crosses stand below our points
    assert [first_y(drawn(axes, "x")) for axes in (half, whole)] == [[1.7], [1.7, 0.7]]


def test_levels_have_a_panel_per_data_set_and_metric():
    row = {"dataset": "beauty", "metric": "MRR@5", "mean": 0.2, "low": 0.1, "high": 0.3}
    rows = [
        row | {"model": "dnn", "variant": "LE"},
        row | {"model": "recency", "variant": "recency"},
    ]
    [axes] = figures.levels.levels(pd.DataFrame(rows), ("MRR@5",)).axes
    assert axes.get_title() == "Beauty, MRR@5"
    assert texts(axes.get_yticklabels()) == ["DNN: PCRec (LE)", "recency"]
    assert list(drawn(axes, "o")[0].get_xdata()) == [0.2, 0.2]


def test_chances_are_stacked_to_the_whole():
    shares = {"supported": 0.2, "ruled_out": 0.5, "contradicted": 0.0, "inconclusive": 0.3}
    row = {"dataset": "ml-100k", "model": "bpr", "runs": 3, "truth": "half"} | shares
    [axes] = figures.chances.chances(pd.DataFrame([row])).axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([20, 50, 0, 30])
    assert [bar.get_x() for bar in axes.patches] == pytest.approx([0, 20, 70, 70])
    assert texts(axes.get_yticklabels()) == ["BPR, true gain: half"]


def test_kinds_of_target_have_rows_of_their_own_without_the_papers_value():
    rows = [ROW | {"targets": kind} for kind in ("new", "repeated")]
    [axes] = figures.forest.by_target(pd.DataFrame([*rows, rows[0] | {"metric": "HIT@5"}])).axes
    names = [f"BPR: PCRec (LE) over base, {kind} targets" for kind in ("new", "repeated")]
    assert texts(axes.get_yticklabels()) == names
    assert drawn(axes, "x") == []


# --- The ladder


def test_the_ladder_draws_what_is_tested_and_marks_the_rest():
    rung = {"metric": "MRR@5", "paper_relative_improvement": 0.034}
    frame = pd.DataFrame(
        [
            rung | {"model": model, "rung": number, "what": f"step {number}"} | values
            for model in ("sasrec", "dnn")
            for number, values in enumerate(
                (
                    {"relative_improvement": 0.05, "low": 0.03, "high": 0.07},
                    {"relative_improvement": np.nan, "low": np.nan, "high": np.nan},
                ),
                start=1,
            )
        ]
    )
    left, right = figures.ladder.ladder(frame).axes
    assert [axes.get_title() for axes in (left, right)] == ["SASRec", "DNN"]
    assert first_x(drawn(left, "o")) == [5] and first_y(drawn(left, "o")) == [1]
    assert first_x(
        [line for line in left.lines if line.get_label() == "the paper"]
    ) == pytest.approx([3.4])
    assert [(text.get_text().strip(), text.xy[1]) for text in left.texts] == [("not tested", 2)]
    assert texts(left.get_yticklabels()) == ["1. step 1", "2. step 2"]
    assert left.get_ylim() == (2.5, 0.5)  # the first rung at the top


def test_robustness_has_one_row_per_change_which_a_model_may_lack():
    change = {"metric": "MRR@5", "paper_relative_improvement": 0.03, "low": 0.0, "high": 0.04}
    frame = pd.DataFrame(
        [
            change | {"model": "dnn", "change": "nothing", "relative_improvement": 0.02},
            change | {"model": "bpr", "change": "nothing", "relative_improvement": 0.01},
            change | {"model": "bpr", "change": "an L2", "relative_improvement": None},
        ]
    )
    dnn, bpr = figures.robustness.robustness(frame).axes
    assert first_x(drawn(dnn, "o")) == [2] and first_y(drawn(bpr, "o")) == [0]
    assert texts(dnn.texts) == [] and [text.xy for text in bpr.texts] == [(0, 1)]
    assert texts(dnn.get_yticklabels()) == ["nothing", "an L2"]


def test_levels_are_hollow_where_seen_items_are_hidden_and_have_no_interval_at_a_mean_of_0():
    row = {"dataset": "ml-100k", "metric": "MRR@5", "seen_items": "candidates"}
    hidden = {"model": "bpr", "seen_items": "hidden", "mean": 0.2, "low": 0.1, "high": 0.4}
    none = {"model": "recency", "variant": "recency", "mean": 0.0, "low": None, "high": None}
    arms = [none, hidden | {"variant": "base"}, hidden | {"variant": "LE", "mean": 0.3}]
    [axes] = figures.baselines.levels(pd.DataFrame([row | arm for arm in arms])).axes
    points = drawn(axes, "o")
    assert first_x(points) == [0, 0.2, 0.3] and first_y(points) == [0, 1, 2]
    assert [line.get_markerfacecolor() == "white" for line in points] == [False, True, True]
    assert texts(axes.get_yticklabels()) == ["recency", "BPR base", "BPR PCRec (LE)"]


def test_every_trial_of_the_search_is_drawn_at_its_settings_that_vary():
    row = {"dataset": "ml-100k", "model": "dnn", "epochs": 50, "eta": 0.001, "l2": 1e-5}
    trials = [
        row | {"variant": "base", "validation_ndcg20": 0.03},
        row | {"variant": "base", "validation_ndcg20": 0.04, "epochs": 100},
        row | {"variant": "LE", "validation_ndcg20": 0.05, "epochs": 100},
        row | {"variant": "base", "validation_ndcg20": 0.02, "model": "bpr"},
    ]
    dnn, bpr = figures.search.search(pd.DataFrame(trials)).axes
    assert (dnn.get_title(), bpr.get_title()) == ("DNN, ML-100K", "BPR, ML-100K")
    assert texts(dnn.get_yticklabels()) == ["50 epochs", "100 epochs"]
    assert texts(bpr.get_yticklabels()) == ["the study's settings"]
    points = {line.get_label(): line for line in dnn.lines}
    assert list(points["base"].get_xdata()) == [0.03, 0.04]
    assert list(points["PCRec (LE)"].get_ydata()) == [1]


def test_a_changed_option_stands_beside_the_gain_by_default():
    row = {"line": "loss: all", "metric": "MRR@5", "over_base": 0.1, "over_base_low": -0.1}
    row |= {"over_base_high": 0.3, "over_base_usual": -0.05, "over_base_users_only": True}
    other = row | {"line": "order: once", "over_base": 0.02}
    [axes] = figures.options.options(pd.DataFrame([row, other])).axes
    assert texts(axes.get_yticklabels()) == ["padding in the loss", "one fixed data order"]
    [points] = drawn(axes, "o")
    assert list(points.get_xdata()) == pytest.approx([10, 2])
    assert points.get_markerfacecolor() == "none"
    assert first_x([line for line in axes.lines if line.get_linestyle() == "--"]) == [-5]
    mixed = pd.DataFrame([row, other | {"over_base_users_only": False}])
    filled, hollow = drawn(figures.options.options(mixed).axes[0], "o")
    assert list(filled.get_ydata()) == [1] and filled.get_markerfacecolor() != "none"
    assert list(hollow.get_ydata()) == [0] and hollow.get_markerfacecolor() == "none"


def test_sizes_are_drawn_from_the_top_ours_first_and_then_the_papers():
    columns = ["dataset", "users", "items", "actions"]
    ours = pd.DataFrame([("ml-100k", 943, 1349, 99287)], columns=columns)
    theirs = pd.DataFrame([("ML-20M", 138000, 18000, 20000000)], columns=columns)
    figure = figures.sizes.sizes(ours, theirs)
    users = figure.axes[0]
    assert [label.get_text() for label in users.get_yticklabels()] == [
        "ML-100K",
        "ML-20M, the paper",
    ]
    assert [(first_x([line]), first_y([line])) for line in users.lines] == [
        ([943], [1]),
        ([138000], [0]),
    ]
    assert [axes.get_xscale() for axes in figure.axes] == ["log"] * 3
