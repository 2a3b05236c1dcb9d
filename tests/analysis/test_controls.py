"""Frames and tables of the pages on controls and deviations, on records made by hand."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from curves_support import ranked
from stats_support import cells, plain, simulated

from pcrec_core.analysis import alternative_tests, controls, deviations
from pcrec_core.analysis.comparisons import comparisons
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.errors import RecordError
from pcrec_core.reporting import control_tables, deviation_tables, formats
from pcrec_core.reporting.formats import percent, points, with_interval
from pcrec_core.study.replicates import Replicates, matched


def test_new_and_repeated_targets_stand_apart_and_their_parts_make_the_gain():
    over = ranked("LE", [1, 2, 4, 9], repeated="0110")
    base = ranked("base", [2, 4, 4, 5], repeated="0110")
    frame = controls.by_target([(over, base)], ["MRR@5"])
    new, again = frame.to_dict("records")
    assert (new["targets"], new["users"], new["share"]) == ("new", 2, 0.5)
    assert again["targets"] == "repeated"
    assert new["mean_variant"] == (1 + 0) / 2 and new["mean_base"] == (1 / 2 + 1 / 5) / 2
    assert again["relative_improvement"] == pytest.approx((1 / 2 + 1 / 4) / (1 / 4 + 1 / 4) - 1)
    assert new["part_of_gain"] + again["part_of_gain"] == pytest.approx((1.75 - 1.2) / 4)
    page = control_tables.show_by_target(frame, "targets")._repr_html_()
    assert "repeated" in page and "+50.0 % [" in plain(page)


def test_where_no_target_repeats_a_sentence_stands_for_the_table():
    frame = controls.by_target([(ranked("LE", [1, 2]), ranked("base", [2, 1]))], ["HIT@5"])
    page = control_tables.show_by_target(frame, "targets")._repr_html_()
    assert frame.empty and "No data set here has both kinds" in page


RV, RB = simulated(3, 120, 3, gain=0.1)


def test_the_sensitivity_analysis_holds_the_robustness_checks():
    groups = np.arange(120) // 3
    pair = ranked("LE", *RV), ranked("base", *RB)
    frame = controls.sensitivity([pair], {"ml-100k": groups}, resamples=500)
    [row] = frame.to_dict("records")
    c, name = compare(RV, RB, "MRR@5"), "ml-100k|LE|base|MRR@5|controlled|3|120"
    again = alternative_tests.bootstrap(RV, RB, "MRR@5", name=name, resamples=500)
    assert (row["relative_improvement"], row["p"]) == (c.RI, c.p)
    assert (row["bootstrap_low"], row["bootstrap_high"]) == (again.low, again.high)
    assert row["p_over_runs"] == alternative_tests.run_means(RV, RB, "MRR@5").p
    assert row["significant_single_runs"] == alternative_tests.significant_pairs(RV, RB, "MRR@5")
    assert (
        row["clustered_variance_ratio"]
        == alternative_tests.clustered(RV, RB, groups, "MRR@5").ratio
    )
    page = control_tables.show_sensitivity(frame, "s")._repr_html_()
    assert with_interval(percent, c.RI, c.low, c.high) in page
    assert f"[{points(again.low)}, {points(again.high)}]" in page
    assert "In MRR@5. The crossed t decides." in page


def test_one_run_has_no_test_over_runs_and_data_without_groups_no_clusters():
    pair = ranked("LE", RV[0]), ranked("base", RB[0])
    [row] = controls.sensitivity([pair], {}, resamples=50).to_dict("records")
    assert (
        row["p_over_runs"] is None and row["clustered_variance_ratio"] is None and row["users_only"]
    )


def test_arms_that_share_a_training_are_cut_to_their_common_seeds():
    base = ranked("base", [1, 2, 3], [2, 2, 2], [3, 2, 1])
    ema = ranked("ema", [1, 1, 3])  # an average of the base's own training
    over, cut = matched(ema, base)
    assert over is not ema and len(cut.runs) == 1 and cut.runs[0].spec.seed == 0
    assert matched(ranked("LE", [1, 2, 3]), base)[1] is base  # other trainings: all runs
    [row] = comparisons([(ema, base)], ["MRR@5"]).to_dict("records")
    assert row["runs_variant"] == row["runs_base"] == 1
    assert row["relative_improvement"] == pytest.approx((2 + 1 / 3) / (1 + 1 / 2 + 1 / 3) - 1)


def test_a_changed_line_changes_the_base_pcrec_and_the_improvement():
    usual = ranked("LE", [1, 2, 4]), ranked("base", [2, 2, 4])
    options = {"options": {"loss": "all"}}
    changed = ranked("LE", [1, 1, 4], given=options), ranked("base", [4, 2, 4], given=options)
    alone = ranked("LE", [4, 4, 4], given={"options": {"last_bin": "open"}}), usual[1]
    frame = deviations.changed_lines({"loss": changed, "last_bin": alone}, usual)
    both, one = frame.to_dict("records")
    assert both["pcrec"] == pytest.approx(2.25 / 1.75 - 1)
    assert both["base"] == pytest.approx(1 / 1.25 - 1)
    assert both["change"] == pytest.approx(2.25 / 1 / (1.75 / 1.25) - 1)
    assert both["over_base"] == pytest.approx(2.25 / 1 - 1)
    assert both["over_base_usual"] == pytest.approx(1.75 / 1.25 - 1)
    assert np.isnan(one["base"]) and one["pcrec"] == pytest.approx(0.75 / 1.75 - 1)
    page = deviation_tables.show_changed_lines(frame[:1], "lines", "")._repr_html_()
    assert re.search(r"\+28\.6 % \[[^<]*\]\*<", plain(page))  # one run per arm: users only


def test_a_changed_line_with_data_of_its_own_is_compared_within_them_alone():
    usual = ranked("LE", [1, 2, 4]), ranked("base", [2, 2, 4])
    own = ranked("LE", [4, 2, 4]), ranked("base", [4, 2, 4])
    for arm in own:
        arm.runs[0].result["data"]["fingerprint"] = "of its own"
    [row] = deviations.changed_lines({"data": own}, usual).to_dict("records")
    assert row["base"] is None and row["over_base"] == 0


def test_the_change_by_another_seed_alone_is_the_sd_of_a_difference_of_runs():
    base = ranked("base", [1, 1], [2, 2], [1, 2])  # means of 1/rank: 1, 0.5, 0.75
    over = ranked("LE", [1, 1], [1, 2])  # 1, 0.75
    # sqrt(2) 0.177 / 0.875, sqrt(2) 0.25 / 0.75, and the root of both squares
    assert plain(deviation_tables.seed_alone(over, base)) == (
        "Standard deviation of a change by another seed alone, of PCRec (LE), base and PCRec (LE)"
        " over base (2 and 3 runs): MRR@5 28.6 %, 47.1 % and 55.1 %."
    )
    assert deviation_tables.seed_alone(ranked("LE", [1, 2]), base) == ""


APART = {
    "epochs": {"own": {"NDCG@20": [[0.1, 0.3], [0.2, 0.31]]}},
    "chosen": {"epoch": 1, "peer": 1},
}


def test_two_peers_that_never_exchange_are_compared_one_by_one():
    over, base = ranked("LE", [1, 2, 4]), ranked("base", [4, 2, 4], [1, 1, 1])
    frame = controls.independent_peers([(over, base, ranked("apart-best", [2, 2, 4], **APART))])
    peers = [[0, 0.3, False], [1, 0.31, True]]
    assert frame[["peer", "best_on_validation", "reported"]].to_numpy().tolist() == peers
    # over the base of seed 0, and over the reported peer
    assert frame["relative_improvement"].tolist() == pytest.approx([1.75 / 1 - 1, 1.75 / 1.25 - 1])
    assert frame["users_only"].all()
    page = plain(control_tables.show_independent_peers(frame, "apart")._repr_html_())
    assert all(text in page for text in ("0.31000", ">yes<", "+75.0 % [", "+40.0 % ["))


def test_a_peer_without_a_run_of_the_base_is_not_compared():
    apart = ranked("apart-best", [2, 2, 4], seeds=[5], **APART)
    trio = ranked("LE", [1, 2, 4]), ranked("base", [1, 1, 1]), apart
    frame = controls.independent_peers([trio])
    assert frame["relative_improvement"].isna().tolist() == [True, False]
    shown = control_tables.show_independent_peers(frame, "a")
    assert formats.DASH in cells(shown)
    nothing = control_tables.show_independent_peers(controls.independent_peers([]), "a")
    assert "is not among the arms here" in nothing._repr_html_()


def with_test_metrics(
    label: str, own: list, test: list, given: dict | None = None, **more: Any
) -> Replicates:
    tests = list(range(len(test[0])))
    epochs = {"own": {"NDCG@20": own}, "tests": tests, "test": {"MRR@5": test}, **more}
    return ranked(label, [1], given=given or {"options": {"choice": "test"}}, epochs=epochs)


def test_choosing_on_test_adds_to_each_arm():
    # Of equals validation picks the earlier: epoch 1.
    base = with_test_metrics("base", [[0.1, 0.3, 0.3, 0.2]], [[0.10, 0.20, 0.16, 0.25]])
    # The model that an exchange leaves decides.
    merged = {"exchanges": [0, 1, 2], "merged": {"NDCG@20": [0.1, 0.2, 0.5]}}
    over = with_test_metrics("LE", [[0.9] * 3, [0.9] * 3], [[0.3, 0.2, 0.24]], **merged)
    frame = deviations.choosing({"x y": (over, base)}, ["MRR@5"])
    [row] = frame.to_dict("records")
    assert row["gain_variant"] == pytest.approx(math.log(0.3 / 0.24))
    assert row["gain_base"] == pytest.approx(math.log(0.25 / 0.2))
    assert row["relative_improvement_test"] == pytest.approx(0.3 / 0.25 - 1)
    assert row["relative_improvement_validation"] == pytest.approx(0.24 / 0.2 - 1)
    shown = cells(deviation_tables.show_choosing(frame, "c"))
    assert shown.count(plain(percent(0.2))) == 2 and any("22.3" in text for text in shown)


def test_of_peers_before_an_exchange_the_better_one_is_picked():
    test = [[0.1, 0.2], [0.15, 0.3]]
    over = with_test_metrics("LE", [[0.1, 0.2], [0.4, 0.1]], test, {"protocol": "released"})
    [row] = deviations.choosing({"x": (over, over)}, ["MRR@5"]).to_dict("records")
    assert row["gain_variant"] == pytest.approx(
        math.log(0.3 / 0.15)
    )  # peer 1 in epoch 0 on validation


def test_choosing_on_test_is_measured_for_trained_runs_only():
    ensemble = ranked("M2", [1, 2])
    with pytest.raises(RecordError, match="is a record of kind 'derived', not a trained run"):
        deviations.choosing({"x": (ensemble, ensemble)})
