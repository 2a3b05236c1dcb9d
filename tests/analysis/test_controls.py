"""What stands beside the crossed t on the pages on controls and deviations, on records made by hand."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from stats_support import plain, simulated

from pcrec_core.analysis import controls, deviations, robustness
from pcrec_core.analysis.comparisons import comparisons
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.reporting import control_tables, deviation_tables, formats, glue
from pcrec_core.reporting import tables as report
from pcrec_core.reporting.formats import percent
from pcrec_core.study.records import Record, run_record
from pcrec_core.study.replicates import Replicates, matched
from pcrec_core.study.variants import variant


def record(
    label: str,
    ranks: Sequence[int],
    seed: int = 0,
    repeated: str = "",
    given: dict | None = None,
    **result: Any,
) -> Record:
    whole = {
        "data": {"fingerprint": "f", "users": len(ranks), "items": 99},
        "ranks": " ".join(map(str, ranks)),
        "repeated": repeated or "0" * len(ranks),
    }
    return run_record(variant(label, "ml-100k", "sasrec", seed, given), whole | result, {})


def arm(label: str, *runs: Sequence[int], repeated: str = "") -> Replicates:
    return Replicates(
        label, tuple(record(label, ranks, seed, repeated) for seed, ranks in enumerate(runs))
    )


def test_new_and_repeated_targets_stand_apart_and_their_parts_make_the_gain():
    repeated = "0110"
    over, base = (
        arm("LE", [1, 2, 4, 9], repeated=repeated),
        arm("base", [2, 4, 4, 5], repeated=repeated),
    )
    new, again = controls.by_target([(over, base)], ["MRR@5"]).to_dict("records")
    assert (new["targets"], new["users"], new["share"]) == ("new", 2, 0.5) and again[
        "targets"
    ] == "repeated"
    assert new["mean"] == (1 + 0) / 2 and new["mean of base"] == (1 / 2 + 1 / 5) / 2
    assert again["RI"] == pytest.approx((1 / 2 + 1 / 4) / (1 / 4 + 1 / 4) - 1)
    assert new["part of the gain"] + again["part of the gain"] == pytest.approx((1.75 - 1.2) / 4)
    page = control_tables.show_by_target(
        controls.by_target([(over, base)], ["MRR@5"]), "targets"
    )._repr_html_()
    assert "repeated" in page and "+50.0 % [" in plain(page)


def test_where_nothing_repeats_nothing_is_said_of_kinds():
    frame = controls.by_target([(arm("LE", [1, 2]), arm("base", [2, 1]))], ["HIT@5"])
    assert (
        frame.empty
        and "on a data set that has both kinds"
        in control_tables.show_by_target(frame, "targets")._repr_html_()
    )


RV, RB = simulated(3, 120, 3, gain=0.1)


def test_other_ways_to_an_interval_are_those_of_the_checks():
    groups = np.arange(120) // 3
    pair = arm("LE", *RV.tolist()), arm("base", *RB.tolist())
    [row] = controls.sensitivity([pair], {"ml-100k": groups}, resamples=500).to_dict("records")
    c = compare(RV, RB, "MRR@5")
    again = robustness.bootstrap(
        RV, RB, "MRR@5", name="ml-100k|LE|base|MRR@5|controlled|3|120", resamples=500
    )
    assert (row["RI"], row["p"], row["bootstrap low"], row["bootstrap high"]) == (
        c.RI,
        c.p,
        again.low,
        again.high,
    )
    assert row["p over runs"] == robustness.run_means(RV, RB, "MRR@5").p
    assert row["single runs with p < .01"] == robustness.significant_pairs(RV, RB, "MRR@5")
    assert row["clustered / Vu"] == robustness.clustered(RV, RB, groups, "MRR@5").ratio
    page = control_tables.show_sensitivity(
        controls.sensitivity([pair], {"ml-100k": groups}, resamples=500), "s"
    )._repr_html_()
    assert f"{report.percent(c.RI)} [{report.percent(c.low)}, {report.percent(c.high)}]" in page
    assert (
        f"[{report.percent(again.low)}, {report.percent(again.high)}]" in page
        and "In MRR@5. The crossed t decides." in page
    )


def test_one_run_has_no_test_over_runs_and_data_without_groups_no_clusters():
    pair = arm("LE", RV[0].tolist()), arm("base", RB[0].tolist())
    [row] = controls.sensitivity([pair], {}, resamples=50).to_dict("records")
    assert row["p over runs"] is None and row["clustered / Vu"] is None and row["users only"]


def test_arms_that_share_a_training_are_cut_to_their_common_seeds():
    base = arm("base", [1, 2, 3], [2, 2, 2], [3, 2, 1])
    swa = Replicates("ema", (record("ema", [1, 1, 3]),))  # an average of the base's own training
    over, cut = matched(swa, base)
    assert over is not swa and len(cut.runs) == 1 and cut.runs[0].spec.seed == 0
    assert matched(arm("LE", [1, 2, 3]), base)[1] is base  # other trainings: all runs
    [row] = comparisons([(swa, base)], ["MRR@5"]).to_dict("records")
    assert row["runs"] == "1, 1" and row["RI"] == pytest.approx(
        (2 + 1 / 3) / (1 + 1 / 2 + 1 / 3) - 1
    )


def test_what_a_line_changes_of_base_and_pcrec():
    usual = arm("LE", [1, 2, 4]), arm("base", [2, 2, 4])
    rules = {"rules": {"loss": "all"}}
    changed = (
        Replicates("LE", (record("LE", [1, 1, 4], given=rules),)),
        Replicates("base", (record("base", [4, 2, 4], given=rules),)),
    )
    alone = (
        Replicates("LE", (record("LE", [4, 4, 4], given={"rules": {"last_bin": "open"}}),)),
        usual[1],
    )
    both, one = deviations.changed_lines({"loss": changed, "last_bin": alone}, usual).to_dict(
        "records"
    )
    assert both["PCRec"] == pytest.approx(2.25 / 1.75 - 1) and both["base"] == pytest.approx(
        1 / 1.25 - 1
    )
    assert both["change"] == pytest.approx(2.25 / 1 / (1.75 / 1.25) - 1)
    assert both["over base"] == pytest.approx(2.25 / 1 - 1) and both[
        "over base, usual"
    ] == pytest.approx(1.75 / 1.25 - 1)
    assert np.isnan(one["base"]) and one["PCRec"] == pytest.approx(0.75 / 1.75 - 1)
    page = deviation_tables.show_changed_lines(
        deviations.changed_lines({"loss": changed}, usual), "lines", ""
    )._repr_html_()
    assert re.search(r"\+28\.6 % \[[^<]*\]\*<", plain(page))  # one run an arm: users only
    base = changed[1].runs[0]
    other = dataclasses.replace(base, result=base.result | {"data": {"fingerprint": "of its own"}})
    own = Replicates("LE", (other,)), Replicates("base", (other,))
    [row] = deviations.changed_lines({"data": own}, usual).to_dict("records")
    assert row["base"] is None and row["over base"] == 0  # its users are others


def test_what_another_seed_alone_changes():
    base = arm("base", [1, 1], [2, 2], [1, 2])  # means of 1/rank: 1, 0.5, 0.75
    over = arm("LE", [1, 1], [1, 2])  # 1, 0.75
    assert plain(deviation_tables.seed_alone(over, base)) == (
        "Standard deviation of a change by another seed alone, of LE, base and LE over base (2 and 3 runs): "
        "MRR@5 28.6 %, 47.1 % and 55.1 %."
    )  # sqrt(2) 0.177 / 0.875, sqrt(2) 0.25 / 0.75, and the root of both squares
    assert deviation_tables.seed_alone(arm("LE", [1, 2]), base) == ""


def test_two_that_never_exchange_stand_one_by_one():
    own = {"NDCG@20": [[0.1, 0.3], [0.2, 0.31]]}
    apart = Replicates(
        "apart-best",
        (record("apart-best", [2, 2, 4], epochs={"own": own}, chosen={"epoch": 1, "peer": 1}),),
    )
    over, base = arm("LE", [1, 2, 4]), arm("base", [4, 2, 4], [1, 1, 1])
    frame = controls.independent_peers([(over, base, apart)])
    assert frame[["peer", "best", "reported"]].to_numpy().tolist() == [
        [0, 0.3, False],
        [1, 0.31, True],
    ]
    assert frame["RI"].tolist() == pytest.approx(
        [1.75 / 1 - 1, 1.75 / 1.25 - 1]
    )  # the base of seed 0, and the reported one
    assert frame["users only"].all()
    said = glue.glue_never_met(frame)
    assert said["ml-100k-sasrec-apart-1"] == "0.31000" and plain(
        said["LE-over-ml-100k-sasrec-apart-0"]
    ).startswith("+75.0 % [")
    page = plain(control_tables.show_never_met(frame, "apart")._repr_html_())
    assert said["ml-100k-sasrec-apart-1"] in page and ">yes<" in page and "+40.0 %" in page
    lacking = controls.independent_peers(
        [
            (
                over,
                arm("base", [1, 1, 1]),
                Replicates(
                    "apart-best",
                    (
                        record(
                            "apart-best",
                            [2, 2, 4],
                            5,
                            epochs={"own": own},
                            chosen={"epoch": 1, "peer": 1},
                        ),
                    ),
                ),
            )
        ]
    )
    assert (
        glue.glue_never_met(lacking)["LE-over-ml-100k-sasrec-apart-0"] == formats.DASH
    )  # the base has no run of that seed
    nothing = controls.independent_peers([])
    assert glue.glue_never_met(nothing) == {}
    assert "is shown of apart-best" in control_tables.show_never_met(nothing, "a")._repr_html_()


def with_test(label: str, own: list, test: list, tests: list[int], **more: Any) -> Replicates:
    epochs = {"own": {"NDCG@20": own}, "tests": tests, "test": {"MRR@5": test}, **more}
    return Replicates(
        label, (record(label, [1], given={"rules": {"choice": "test"}}, epochs=epochs),)
    )


def test_what_choosing_on_test_adds():
    base = with_test(
        "base", [[0.1, 0.3, 0.3, 0.2]], [[0.10, 0.20, 0.16, 0.25]], [0, 1, 2, 3]
    )  # of equals the earlier: epoch 1
    merged = {"exchanges": [0, 1, 2], "merged": {"NDCG@20": [0.1, 0.2, 0.5]}}
    over = with_test(
        "LE", [[0.9] * 3, [0.9] * 3], [[0.3, 0.2, 0.24]], [0, 1, 2], **merged
    )  # what an exchange leaves decides
    [row] = deviations.choosing({"x": (over, base)}, ["MRR@5"]).to_dict("records")
    assert row["gain"] == pytest.approx(math.log(0.3 / 0.24)) and row[
        "gain of base"
    ] == pytest.approx(math.log(0.25 / 0.2))
    assert row["RI, best on test"] == pytest.approx(0.3 / 0.25 - 1) and row[
        "RI, chosen on validation"
    ] == pytest.approx(0.2)
    frame = deviations.choosing({"x y": (over, base)}, ["MRR@5"])
    assert glue.glue_choosing(frame) == {
        "x-y-choosing-MRR@5-best": percent(0.2),
        "x-y-choosing-MRR@5-valid": percent(0.2),
    }
    assert "22.3" in deviation_tables.show_choosing(frame, "c")._repr_html_()


def test_of_peers_before_an_exchange_the_better_one_is_picked():
    own = [[0.1, 0.2], [0.4, 0.1]]
    released = {"protocol": "released"}
    epochs = {
        "own": {"NDCG@20": own},
        "tests": [0, 1],
        "test": {"MRR@5": [[0.1, 0.2], [0.15, 0.3]]},
    }
    over = Replicates("LE", (record("LE", [1], given=released, epochs=epochs),))
    [row] = deviations.choosing({"x": (over, over)}, ["MRR@5"]).to_dict("records")
    assert row["gain"] == pytest.approx(math.log(0.3 / 0.15))  # peer 1 in epoch 0 on validation
