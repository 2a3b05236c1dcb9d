"""The frames and drawings of Figures 1, 5 and 6, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from curves_support import MERGING, PROBED, arm, record, tensor
from records_support import record_with
from stats_support import cells

from pcrec_core.analysis import fig1_pruning, fig5_convergence, fig6_invalid_layers
from pcrec_core.analysis.comparisons import values
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.reporting import entropy_tables, figures
from pcrec_core.reporting import tables as report
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import variant

OWN = {"own": {"NDCG@20": [[0.1, 0.3, 0.2], [0.2, 0.1, 0.25]]}}


def exchanging(label: str, part: str, values: list, exchanges: list[int]) -> Replicates:
    epochs = OWN | {"exchanges": exchanges, part: {"NDCG@20": values}}
    return arm(label, {"epochs": epochs})


LE = exchanging("LE", "merged", [0.4, 0.5, 0.45], [0, 1, 2])
E = exchanging("E", "after", [[0.1, 0.2, 0.6], [0.3, 0.1, 0.5]], [0, 1, 2])
W = exchanging("W", "after", [[0.9] * 3, [0.9] * 3], [0, 1, 2])
K2 = exchanging("LE-k2", "merged", [0.5], [1])
BASE = arm(
    "base",
    *({"epochs": {"own": {"NDCG@20": [own]}}} for own in ([0.1, 0.3, 0.2], [0.2, 0.2, 0.2])),
)


@pytest.mark.parametrize(
    ("given", "epochs", "expected"),
    [
        (LE, [1, 2, 3], [0.4, 0.5, 0.45]),  # the merged model
        (E, [1, 2, 3], [0.3, 0.2, 0.6]),  # the better peer after the exchange
        (W, [1, 2, 3], [0.2, 0.3, 0.25]),  # the better peer before it
        (K2, [2], [0.5]),
    ],
)
def test_the_value_that_can_be_reported_converges(given, epochs, expected):
    curve = fig5_convergence.convergence([given], ["NDCG@20"])
    assert curve["epoch"].tolist() == epochs and curve["value"].tolist() == expected
    assert set(curve["variant"]) == {given.variant} and set(curve["dataset"]) == {"ml-100k"}


def test_the_peer_that_selection_prefers_is_shown_in_every_metric():
    after = {"NDCG@20": [[0.1, 0.3], [0.2, 0.2]], "MRR@5": [[0.9, 0.4], [0.5, 0.8]]}
    epochs = {"own": {"NDCG@20": [[0.0, 0.0]] * 2}, "exchanges": [0, 1], "after": after}
    given = arm("E", {"epochs": epochs})
    assert fig5_convergence.convergence([given], ["MRR@5"])["value"].tolist() == [0.5, 0.4]


def test_a_choice_on_the_test_set_converges_there():
    run = variant("LE", "ml-100k", "sasrec", 0, {"protocol": "released"})
    epochs = OWN | {"exchanges": [0, 1], "merged": {"NDCG@20": [0.9, 0.9]}}
    epochs |= {"tests": [0, 1], "test": {"NDCG@20": [[0.1, 0.4], [0.3, 0.2]]}}
    released = Replicates("LE", (record_with(run, {"epochs": epochs}),))
    curve = fig5_convergence.convergence([released], ["NDCG@20"])
    assert curve["value"].tolist() == [0.3, 0.4]
    assert figures.fig5_convergence.convergence(curve).axes[0].get_ylabel() == "NDCG@20 on test"
    assert "each metric from its best epoch on the test set" in report.footnote([released])
    assert "epoch chosen on validation NDCG@20" in report.footnote([BASE])


def test_runs_stand_apart_and_the_first_epoch_near_the_best_is_found():
    curve = fig5_convergence.convergence([BASE, LE], ["NDCG@20"])
    found = fig5_convergence.first_within(curve, 0.9)
    rows = list(zip(found["variant"], found["epoch_near_own"], found["best"], strict=True))
    assert rows == [("base", 2, 0.3), ("base", 1, 0.2), ("LE", 2, 0.5)]
    # The base's runs reach 0.25 on average, so 0.225 is near enough; its second run never does.
    assert found["epoch_near_base"].fillna(0).tolist() == [2, 0, 1]
    assert found["epochs_trained"].fillna(0).tolist() == [2, 0, 2]
    alone = fig5_convergence.first_within(curve[curve["variant"] == "LE"])
    assert alone["epoch_near_own"].tolist() == [2]
    assert alone["epoch_near_base"].isna().all()  # no base to compare with
    axes = figures.fig5_convergence.convergence(curve).axes[0]
    [base] = [line for line in axes.lines if line.get_label() == "base"]
    assert base.get_ydata() == pytest.approx([0.15, 0.25, 0.2]) and axes.get_xlabel() == "epoch"
    # all values of three epochs, with a twentieth around them
    assert axes.get_ylim() == pytest.approx((0.08, 0.52))
    # the range of the base's two runs
    corners = {tuple(corner) for corner in axes.collections[0].get_paths()[0].vertices}
    assert {(1, 0.1), (1, 0.2), (2, 0.2), (2, 0.3), (3, 0.2)} <= corners


def test_pruning_over_the_share():
    arms = {label: arm(label, {}) for label in ("pruned30", "pruned0", "pruned30-tuned")}
    curve = fig1_pruning.pruned(arms, ["HIT@5", "MRR@5"])
    columns = ["metric", "share", "fine_tuned", "mean"]
    assert curve[columns].to_numpy().tolist() == [
        [metric, share, tuned, mean]
        for metric, mean in (("HIT@5", 0.75), ("MRR@5", 0.625))
        for share, tuned in ((0, False), (0.3, False), (0.3, True))
    ]
    levels = values([arm("base", {}), arm("half", {})], ["HIT@5", "MRR@5"])
    figure = figures.fig1_pruning.pruning(curve, levels)
    for axes, metric, level in zip(figure.axes, ("HIT@5", "MRR@5"), (0.75, 0.625), strict=True):
        assert axes.get_xlabel() == "weights pruned (%)"
        assert axes.get_ylabel() == f"{metric} on test"
        names = ("base", "half the dimension")
        lines = [line for line in axes.lines if line.get_label() in names]
        assert [line.get_ydata()[0] for line in lines] == [level, level]
        # at 0 and 30 %, and 30 %, the two curves a little apart
        drawn = [list(bars.lines[0].get_xdata()) for bars in axes.containers]
        assert drawn == [[-1.2, 28.8], [31.2]]


def test_only_pruned_arms_have_a_share_of_pruned_weights():
    with pytest.raises(StatsError, match="base is not pruned"):
        fig1_pruning.pruned({"base": BASE}, ["MRR@5"])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("block matrices", [0.4, 1.0]),
        ("measured layers", [2.0, 0.4, 1.0, 0.5]),
        ("released layers", [0.0, 0.3, 0.15, 0.9, 0.5]),
    ],
)
def test_a_curve_of_figure_6_counts_the_layers_of_its_kind(kind, expected):
    assert fig6_invalid_layers.entropies(record("probed-base", PROBED), kind) == expected


def test_the_ratio_of_invalid_layers():
    given = Replicates("base", (record("probed-base", PROBED),))
    curve = fig6_invalid_layers.invalid([given], "measured layers", [0, 0.4, 0.5, 0.6, 3])
    # below, not at, the threshold
    assert curve["ratio"].tolist() == [0, 0, 0.25, 0.5, 1] and set(curve["layers"]) == {4}
    whole = fig6_invalid_layers.invalid([given], "block matrices")
    assert whole["threshold"].max() == pytest.approx(np.log(10))
    assert whole["ratio"].is_monotonic_increasing
    both = pd.concat([whole, whole.assign(model="dnn", variant="LE")])
    first, last = figures.fig6_invalid_layers.invalid_layers(both).axes
    # one panel per model, each with its own variants
    assert (first.get_title(), last.get_title()) == ("SASRec", "DNN")
    assert first.figure.get_supylabel() == "layers below the threshold (%)"
    assert first.lines[0].get_ydata()[-1] == 100
    assert last.get_xlabel() == "threshold of the entropy (nats)"
    legend = [text.get_text() for text in first.figure.legends[0].get_texts()]
    assert legend == ["base", "PCRec (LE)", "the text's threshold, 0.5"]


def test_a_model_without_blocks_has_no_ratio_of_their_matrices():
    fig6_invalid_layers.require_blocks(["sasrec", "dnn"])
    words = "has no block matrices, so no ratio of them can be shown; leave it out"
    with pytest.raises(StatsError, match=f"bpr {words}"):
        fig6_invalid_layers.require_blocks(["dnn", "bpr"])
    tensors = {"item.weight": tensor(2.0), "user.weight": tensor(1.0)}
    flat = arm("probed-base", {"probed": {"tensors": tensors}})
    assert len(fig6_invalid_layers.invalid([flat], "measured layers", [1.5])) == 1
    with pytest.raises(StatsError, match=f"sasrec {words}"):
        fig6_invalid_layers.invalid([flat], "block matrices")


def test_the_ratios_at_a_few_thresholds_by_kind_of_layers():
    tensors = PROBED["probed"]["tensors"]
    doubled = {name: one | {"h": 2 * one["h"]} for name, one in tensors.items()}
    probes = arm("probed-base", PROBED, {"probed": {"tensors": doubled}})
    frame = fig6_invalid_layers.below([probes], [0.45, 3])
    assert frame["layers"].tolist() == ["block matrices", "measured layers", "released layers"]
    assert frame["under_0.45"].tolist() == [0.25, 0.125, 0.6]
    assert frame["under_3.00"].tolist() == [1, 7 / 8, 1]
    assert set(frame["runs"]) == {2} and set(frame["variant"]) == {"base"}
    assert frame["mean_h"][0] == pytest.approx(1.05)
    assert frame["least_h"].tolist() == [0.4, 0.4, 0.0]
    assert "25 %" in cells(entropy_tables.show_below(frame, "f"))


def test_the_ratio_before_the_merge_is_of_either_peer():
    pairs = [arm("LE", MERGING)]
    curve = fig6_invalid_layers.invalid_before(pairs, "block matrices", [0.5, 2.5])
    assert curve["ratio"].tolist() == [0, 1, 1, 1] and set(curve["layers"]) == {1}
    names = [f"LE, peer {peer} before the merge" for peer in (0, 1)]
    assert curve["variant"].unique().tolist() == names
    whole = fig6_invalid_layers.invalid_before(pairs, "measured layers", [1.5])
    assert whole["ratio"].tolist() == [0.5, 0.5]
