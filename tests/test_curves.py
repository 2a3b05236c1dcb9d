"""What Figures 1, 5 and 6 draw, by hand."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from stats_support import plain

from pcrec_core import criterion, curves, figures, report
from pcrec_core.arms import Arm, values
from pcrec_core.records import Record, run_record
from pcrec_core.variants import variant

DATA = {"fingerprint": "f", "users": 4, "items": 9}


def record(label: str, result: dict, seed: int = 0) -> Record:
    every = {"data": DATA, "ranks": "1 2 9 1", "repeated": "0000"}
    return run_record(variant(label, "ml-100k", "sasrec", seed), every | result, {})


def arm(label: str, *results: dict) -> Arm:
    return Arm(label, tuple(record(label, result, seed) for seed, result in enumerate(results)))


OWN = {"own": {"NDCG@20": [[0.1, 0.3, 0.2], [0.2, 0.1, 0.25]]}}
LE = arm("LE", {"epochs": OWN | {"exchanges": [0, 1, 2], "merged": {"NDCG@20": [0.4, 0.5, 0.45]}}})
E = arm("E", {"epochs": OWN | {"exchanges": [0, 1, 2], "after": {"NDCG@20": [[0.1, 0.2, 0.6], [0.3, 0.1, 0.5]]}}})
W = arm("W", {"epochs": OWN | {"exchanges": [0, 1, 2], "after": {"NDCG@20": [[0.9] * 3, [0.9] * 3]}}})
K2 = arm("LE-k2", {"epochs": OWN | {"exchanges": [1], "merged": {"NDCG@20": [0.5]}}})
BASE = arm("base", {"epochs": {"own": {"NDCG@20": [[0.1, 0.3, 0.2]]}}}, {"epochs": {"own": {"NDCG@20": [[0.2, 0.2, 0.2]]}}})


@pytest.mark.parametrize(("given", "epochs", "expected"), [
    (LE, [1, 2, 3], [0.4, 0.5, 0.45]),  # the merged model
    (E, [1, 2, 3], [0.3, 0.2, 0.6]),  # the better peer after the exchange
    (W, [1, 2, 3], [0.2, 0.3, 0.25]),  # the better peer before it
    (K2, [2], [0.5])])
def test_what_converges(given, epochs, expected):
    curve = curves.convergence([given], ["NDCG@20"])
    assert curve["epoch"].tolist() == epochs and curve["value"].tolist() == expected
    assert set(curve["variant"]) == {given.variant} and set(curve["data set"]) == {"ml-100k"}


def test_of_peers_that_differ_the_one_that_selection_prefers_is_shown_in_every_metric():
    after = {"NDCG@20": [[0.1, 0.3], [0.2, 0.2]], "MRR@5": [[0.9, 0.4], [0.5, 0.8]]}
    given = arm("E", {"epochs": {"exchanges": [0, 1], "after": after}})
    assert curves.convergence([given], ["MRR@5"])["value"].tolist() == [0.5, 0.4]


def test_a_choice_on_the_test_set_converges_there():
    run = variant("LE", "ml-100k", "sasrec", 0, {"protocol": "released"})
    epochs = OWN | {"exchanges": [0, 1], "merged": {"NDCG@20": [0.9, 0.9]}}
    epochs |= {"tests": [0, 1], "test": {"NDCG@20": [[0.1, 0.4], [0.3, 0.2]]}}
    released = Arm("LE", (run_record(run, {"data": DATA, "ranks": "1", "epochs": epochs}, {}),))
    curve = curves.convergence([released], ["NDCG@20"])
    assert curve["value"].tolist() == [0.3, 0.4]
    assert figures.convergence(curve).axes[0].get_ylabel() == "NDCG@20 on test"
    best = Arm("LE", (run_record(run, {"data": DATA, "ranks": "1", "best": {}}, {}),))
    assert "each metric from its best epoch on the test set" in report.footnote([best])
    assert "epoch chosen on validation NDCG@20" in report.footnote([BASE])


def test_runs_stand_apart_and_the_first_epoch_near_the_best_is_found():
    curve = curves.convergence([BASE, LE], ["NDCG@20"])
    found = curves.first_within(curve, 0.9)
    assert found[["variant", "seed", "first epoch", "best"]].to_numpy().tolist() == [
        ["base", 0, 2, 0.3], ["base", 1, 1, 0.2], ["LE", 0, 2, 0.5]]
    axes = figures.convergence(curve).axes[0]
    [base] = [line for line in axes.lines if line.get_label() == "base"]
    assert base.get_ydata() == pytest.approx([0.15, 0.25, 0.2]) and axes.get_xlabel() == "epoch"
    corners = {tuple(corner) for corner in axes.collections[0].get_paths()[0].vertices}  # the range of the base's two runs
    assert {(1, 0.1), (1, 0.2), (2, 0.2), (2, 0.3), (3, 0.2)} <= corners


def test_pruning_over_the_share():
    arms = {label: arm(label, {}) for label in ("pruned30", "pruned0", "pruned30-tuned")}
    curve = curves.pruned(arms, "HIT@5")
    assert curve[["share", "fine-tuned", "mean"]].to_numpy().tolist() == [[0, False, 0.75], [0.3, False, 0.75], [0.3, True, 0.75]]
    dense = dataclasses.replace(arm("base", {}))
    axes = figures.pruning(curve, values([dense], ["HIT@5"])).axes[0]
    assert axes.get_xlabel() == "weights pruned (%)" and axes.get_ylabel() == "HIT@5 on test"
    assert [line.get_ydata()[0] for line in axes.lines if line.get_label() == "base"] == [0.75]
    drawn = [list(bars.lines[0].get_xdata()) for bars in axes.containers]
    assert drawn == [[-0.5, 29.5], [30.5]]  # at 0 and 30 %, and 30 %, the two curves a little apart


def tensor(h: float, dimensions: int = 2, h_open: float = 0.0) -> dict:
    return {"h": h, "h_open": h_open, "dimensions": dimensions}


PROBED = {"probed": {"tensors": {
    "item.weight": tensor(2.0), "blocks.0.query.weight": tensor(0.4, h_open=0.3), "blocks.0.query.bias": tensor(0.1, 1),
    "blocks.0.attention_norm.weight": tensor(0.2, 1, 0.15), "blocks.0.forward_norm.weight": tensor(0.2, 1),
    "blocks.0.outer.weight": tensor(1.0, h_open=0.9), "output.weight": tensor(0.5, h_open=0.5), "output.bias": tensor(0.0, 1)}}}


@pytest.mark.parametrize(("kind", "expected"), [
    ("block matrices", [0.4, 1.0]), ("measured layers", [2.0, 0.4, 1.0, 0.5]), ("released layers", [0.0, 0.3, 0.15, 0.9, 0.5])])
def test_which_layers_a_curve_of_figure_6_counts(kind, expected):
    assert curves.entropies(record("probed-base", PROBED), kind) == expected


def test_the_ratio_of_invalid_layers():
    given = Arm("base", (record("probed-base", PROBED),))
    curve = curves.invalid([given], "measured layers", [0, 0.4, 0.5, 0.6, 3])
    assert curve["ratio"].tolist() == [0, 0, 0.25, 0.5, 1] and set(curve["layers"]) == {4}  # below, not at, the threshold
    whole = curves.invalid([given], "block matrices")
    assert whole["threshold"].max() == pytest.approx(np.log(10)) and whole["ratio"].is_monotonic_increasing
    both = pd.concat([whole, whole.assign(model="dnn", variant="LE")])
    first, last = figures.invalid_layers(both).axes
    assert (first.get_title(), last.get_title()) == ("sasrec", "dnn")  # a row a model, each with its own variants
    assert first.figure.get_supylabel() == "layers below the threshold (%)" and first.lines[0].get_ydata()[-1] == 100
    assert last.get_xlabel() == "threshold of the entropy (nats)"
    assert [text.get_text() for text in first.figure.legends[0].get_texts()] == ["base", "LE"]


H = [[[9.0, 9.0], [9.0, 9.0]], [[1.0, 2.0], [3.0, 0.4]]]  # exchanges, peers, layers
MERGING = {"epochs": {"exchanges": [3, 7], "h": H}, "chosen": {"epoch": 7},
           "layers": [["item", "embedding"], ["blocks.0.query", "middle"]]}
MERGING["epochs"]["mu"] = [[[0.5, 0.5], [0.5, 0.5]], [[0.25, 0.5], [0.75, 0.5]]]


def test_the_ratio_at_a_threshold_by_kind_of_layers():
    frame = curves.ratios_at([arm("probed-base", PROBED, PROBED)], 0.45).set_index("layers")
    assert frame["mean"].to_dict() == {"block matrices": 0.5, "measured layers": 0.25, "released layers": 0.6}
    assert set(frame["runs"]) == {2} and (frame["least"] == frame["largest"]).all()
    assert plain(report.said_ratios(frame.reset_index())["block-matrices-sasrec-base"]) == "50 %"


def test_the_ratio_before_the_merge_is_of_either_peer():
    curve = curves.invalid_before([arm("LE", MERGING)], "block matrices", [0.5, 2.5])
    assert curve["ratio"].tolist() == [0, 1, 1, 1] and set(curve["layers"]) == {1}
    assert curve["variant"].unique().tolist() == ["LE, peer 0 before the merge", "LE, peer 1 before the merge"]
    assert curves.invalid_before([arm("LE", MERGING)], "measured layers", [1.5])["ratio"].tolist() == [0.5, 0.5]


def test_what_a_merge_does_to_each_layer():
    frame = curves.merges([arm("LE", MERGING, MERGING)], [arm("probed-LE", PROBED)])
    columns = ["layer", "peer 0", "peer 1", "mean", "merged", "seed"]
    assert frame[columns].to_numpy().tolist() == [["item", 1, 3, 2.5, 2.0, 0], ["blocks.0.query", 2, 0.4, 1.2, 0.4, 0]]


def test_whether_the_peer_with_more_entropy_is_the_better_one():
    h = [[[1.0, 3.0], [1.5, 2.0]], [[1.0, 1.0], [2.0, 1.0]], [[1.0, 2.0], [0.0, 1.0]], [[1.0, 1.0], [3.0, 1.0]]]
    own = {"NDCG@20": [[0.2, 0.9, 0.1, 0.4, 0.3], [0.1, 0.0, 0.3, 0.2, 0.4]]}
    frame = curves.trusted([arm("LE", {"epochs": {"exchanges": [0, 2, 3, 4], "h": h, "own": own}})])
    assert frame["H"].tolist() == [0.25, -0.5, 1.0, -1.0] and frame["NDCG@20"].tolist() == pytest.approx([0.1, -0.2, 0.2, -0.1])
    page = plain(criterion.show_trusted(frame.assign(**{"NDCG@20": [0.1, 0.2, 0.2, -0.1]}), "t")._repr_html_())
    cells = re.findall("<td[^>]*>(.*?)</td>", page)  # by chance: half of 3 in 4 and half of 1 in 4
    assert cells == ["sasrec", "50 %", "75 %", "75 %", "50 %", "4"]
    correlation = {"model": "sasrec", "variant": "base", "of": "H", "with": "lost, pruned", "mean": -0.567}
    of_both = pd.DataFrame([correlation, correlation | {"of": "mean |w|", "mean": 0.1}])
    said = criterion.said(of_both, frame)  # peer 0 has more H in the first and third, is better there too
    assert {name: plain(text) for name, text in said.items()} == {
        "sasrec-base-lost-pruned": "-0.57", "sasrec-trusted": "100 %", "sasrec-by-chance": "50 %"}


def test_how_far_shares_and_mu_are_from_one_half():
    epochs = {"h": [[[0.4, 0.5], [0.6, 0.5]]], "mu": [[[0.1, 0.5], [0.9, 0.5]]]}
    frame = curves.larger([arm("LN", {"epochs": epochs})])
    assert frame["criterion"].tolist() == [0.6, 0.5] and frame["mu"].tolist() == [0.9, 0.5]
    page = criterion.show_larger(frame, "l")._repr_html_()
    assert re.findall("<td[^>]*>(.*?)</td>", page) == [
        "sasrec", "share", "0.550", "0.595", "0.600", "sasrec", "μ", "0.700", "0.880", "0.900"]


def held(h: float, size: int, largest: float, std: float = 2.0) -> dict:
    return tensor(h) | {"size": size, "largest": largest, "std": std, "l1": h * size}


def test_what_a_layer_holds_and_what_is_lost_without_it():
    tensors = {"item.weight": held(2, 100, 8), "blocks.0.query.weight": held(1, 10, 4), "output.weight": held(0.5, 50, 20)}
    damaged = {"item.weight": {"pruned": 0.1, "noised": 0.2}, "blocks.0.query.weight": {"pruned": 0.3, "noised": 0.1},
               "output.weight": {"pruned": 0.4, "noised": 0.3}}
    probe = arm("probed-base", {"probed": {"tensors": tensors, "damaged": damaged, "whole": 0.4}})
    frame = curves.layers([probe])
    assert frame["layer"].tolist() == ["item", "blocks.0.query", "output"] and frame["outlier"].tolist() == [4, 2, 10]
    assert frame["lost, pruned"].tolist() == pytest.approx([0.75, 0.25, 0]) and frame["H"].tolist() == [2, 1, 0.5]
    both = curves.rank_correlations(frame)
    assert set(both["of"]) == {"H", "mean |w|"} and (frame["mean |w|"] == frame["H"]).all()
    found = both[both["of"] == "H"].set_index("with")["mean"]
    assert found["lost, pruned"] == pytest.approx(1) and found["weights"] == pytest.approx(0.5)
    assert found["outlier"] == pytest.approx(-0.5) and found["lost, noised"] == pytest.approx(0.5)
    merged = pd.DataFrame({"model": ["sasrec"], "mean": [1.5], "merged": [1.6]})
    titles = [axes.get_title() for axes in figures.criterion(criterion.outlier([4, 5]), frame, merged).axes]
    assert titles == ["one outlier", "trained layers: merging", "trained layers: use"]
