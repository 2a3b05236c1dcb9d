"""The sentences of the front page, from frames of claims made by hand."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from curves_support import ranked
from stats_support import plain

from pcrec_core.analysis.claims.run_level import Fact
from pcrec_core.reporting import figures, findings, names, summary
from pcrec_core.reporting.formats import percent

CLAIM = {
    "family": "table3/x",
    "a": "LE",
    "b": "base",
    "kind": "better",
    "measured": True,
    "verdict": "inconclusive",
    "users": 900.0,
    "users_only": False,
    "runs_variant": 3,
    "runs_base": 3,
    "metric": "MRR@5",
    "relative_improvement": 0.04,
    "low": -0.08,
    "high": 0.18,
    "se": 0.06,
    "holm_p": 1.0,
    "level": 0.025,
    "paper_relative_improvement": 0.096,
}


def claim(dataset: str, model: str, verdict: str, **more: Any) -> dict[str, Any]:
    return CLAIM | {"dataset": dataset, "model": model, "verdict": verdict} | more


MAIN = pd.DataFrame(
    [
        claim("ml-100k", "bpr", "inconclusive"),
        claim("ml-100k", "dnn", "supported"),
        claim("retailrocket-half", "bpr", "ruled out"),
        claim("retailrocket-half", "sasrec", "contradicted"),
        claim("retailrocket-half", "dnn", "ruled out"),
        claim("beauty", "dnn", "not tested", measured=False, relative_improvement=None),
    ]
)
AVERAGING = pd.DataFrame(
    [
        claim("ml-100k", "dnn", "supported", b="avg", se=0.2),
        claim("ml-100k", "sasrec", "inconclusive", b="avg", se=0.01, relative_improvement=-0.007),
        claim("ml-100k", "bpr", "not tested", b="avg", se=0.001),
    ]
)


def test_the_answer_names_what_is_shown_worse_excluded_and_left():
    assert summary.answer(MAIN) == (
        "In MRR@5, PCRec is shown to beat its base model in 1 (DNN on ML-100K) of the 5 tests"
        " (SASRec, DNN and BPR on RR-half and DNN and BPR on ML-100K). It is worse for SASRec on"
        " RR-half; a gain as large as claimed is excluded for DNN and BPR on RR-half; the result is"
        " inconclusive for 1. 1 further test has no runs yet, on Beauty."
    )


def test_each_model_and_data_set_has_a_sentence():
    found = summary.one_by_one(summary.gains(MAIN))
    interval = "+4.0 % [\N{MINUS SIGN}8.0, +18.0], the paper +9.6 %"
    assert [plain(sentence) for sentence in found] == [
        f"SASRec on RR-half: {interval}; contradicted, runs 3 and 3.",
        f"DNN on RR-half: {interval}; ruled out, runs 3 and 3.",
        f"BPR on RR-half: {interval}; ruled out, runs 3 and 3.",
        f"DNN on ML-100K: {interval}; supported, runs 3 and 3.",
        f"BPR on ML-100K: {interval}; inconclusive, runs 3 and 3.",
    ]


def test_without_a_tested_comparison_the_answer_is_that_there_is_none():
    alone = MAIN[MAIN["verdict"] == "not tested"]
    assert summary.answer(alone) == "PCRec has not been tested against its base so far."
    won = summary.answer(MAIN[MAIN["verdict"] == "supported"])
    assert won.endswith("in 1 (DNN on ML-100K) of the 1 test (DNN on ML-100K).")


def test_every_claim_counts_once():
    without = [claim("x", "dnn", "", kind="described"), claim("x", "dnn", "", measured=False)]
    frame = pd.concat([MAIN, AVERAGING, pd.DataFrame(without)])
    assert summary.fates(frame).value_counts().sum() == len(frame)
    assert summary.coverage(frame) == (
        "The study registers 11 claims, 216 of them before the first run, and has tested 7:"
        " 2 supported, 2 ruled out, 1 contradicted and 2 inconclusive. Of the others, 2 are not"
        " tested, 1 is measured without a verdict and 1 is not measured (1 of those not tested has"
        " too few runs)."
    )


def test_a_page_counts_its_own_claims():
    assert summary.fared(AVERAGING) == (
        "Claims on this page: 1 supported, 1 inconclusive and 1 not tested."
        f" The 2 tested improvements in MRR@5 lie between {percent(-0.007)} and {percent(0.04)}."
    )
    alone = AVERAGING[AVERAGING["verdict"] == "not tested"]
    assert summary.fared(alone).startswith("None of the 1 claims on this page has been tested")
    assert summary.fared(AVERAGING[:0]) == ""


def test_a_comparison_counts_tests_and_gives_the_most_precise_one():
    assert findings.compared(AVERAGING, "avg") == (
        f"Supported in 1 of 2 tests; the most precise gives {percent(-0.007)} for SASRec on ML-100K"
        " (inconclusive)."
    )
    alone = findings.compared(AVERAGING[AVERAGING["verdict"] == "supported"], "avg")
    assert re.fullmatch(r"The one test gives \+4\.0\s% for \w+ on ML-100K \(supported\)\.", alone)
    untested = findings.compared(AVERAGING[AVERAGING["verdict"] == "not tested"], "avg")
    assert untested == (
        "Not tested, for lack of runs; the most precise comparison gives +4.0\xa0% for BPR on"
        " ML-100K."
    )
    assert findings.compared(AVERAGING, "M2", "at least") == "Not measured so far."


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((Fact("constant", {"value_a": 0.0, "value_b": 0.0}),), "0 % of the layers are invalid in"),
        ((), "4 % of layers are invalid, 21 % in the base (SASRec on ML-100K)"),
    ],
)
def test_the_mechanism_is_a_comparison_of_two_shares(facts: tuple[Fact, ...], expected: str):
    means = {"mean_variant": 0.04, "mean_base": 0.21}
    row = pd.Series({"described": facts, "model": "sasrec", "dataset": "ml-100k"} | means)
    sentence = plain(findings.mechanism(row))
    assert sentence.startswith(f"At the paper's threshold of 0.5, {expected}")


def test_thresholds_are_counted_where_they_were_tested():
    numbers = {"thresholds": 23, "smaller": 8, "larger": 13, "at": 1.86}
    stated = findings.thresholds(pd.Series({"described": (Fact("thresholds", numbers),)}))
    assert stated.endswith("runs differ, PCRec's share is smaller at 8 and larger at 13.")
    assert findings.thresholds(pd.Series({"described": ()})) == ""


def test_variants_that_beat_their_base_are_named():
    won = [claim("ml-100k", model, "supported", a="M2") for model in ("sasrec", "dnn")]
    frame = pd.DataFrame([*won, claim("ml-100k", "bpr", "inconclusive")])
    assert findings.over_base(frame) == (
        "Shown to beat their base: ensemble of two (M2) for SASRec and DNN on ML-100K; no other"
        " variant."
    )
    assert findings.over_base(frame[2:]) == "No variant is shown to beat its base."


def test_the_ranking_without_a_model_that_beats_most_bases_is_named():
    rows = [
        ("beauty", "dnn", "base", "MRR@5", 0.1),
        ("beauty", "sasrec", "base", "MRR@5", 0.15),
        ("beauty", "recency", "recency", "MRR@5", 0.2),
        ("beauty", "popularity", "popularity", "MRR@5", 0.12),
        ("beauty", "dnn", "base", "HIT@20", 0.5),
        ("beauty", "sasrec", "base", "HIT@20", 0.3),
        ("beauty", "recency", "recency", "HIT@20", 0.4),
    ]
    values = pd.DataFrame(rows, columns=["dataset", "model", "variant", "metric", "mean"])
    assert findings.credibility(values) == (
        "On Beauty recency without a model beats 2 of 2 base models in MRR@5 (0.200 against at most"
        " 0.150); in HIT@20 it beats 1 of 2."
    )


def test_what_the_released_code_adds_comes_from_the_ladder_or_from_its_schedule_alone():
    halves, thirds, quarters = (ranked("LE", [n] * 8) for n in (2, 3, 4))
    arms = {"LE": halves, "base": thirds, "base-constant": quarters}
    alone = findings.schedule_alone([arms])
    assert plain(alone) == (
        "With the schedule alone, PCRec's gain on ML-100K is +100.0 % instead of +50.0 % for"
        " SASRec."
    )
    rungs = pd.DataFrame(
        [
            {"dataset": "retailrocket-half", "metric": "MRR@5", "model": model, "rung": rung}
            | {"relative_improvement": gain}
            for model, gains in {"sasrec": (0.06, 0.01), "dnn": (0.02, None)}.items()
            for rung, gain in zip((1, 4), gains, strict=True)
        ]
    )
    assert findings.released(rungs, alone).endswith(
        "schedule: with both, PCRec's gain on RR-half is +6.0\xa0% instead of +1.0\xa0% for SASRec."
    )
    without = findings.released(rungs[rungs["model"] == "dnn"], alone)
    assert without.endswith(f"runs that measure both are missing. {alone}")
    modes = {"cost-serial": "2.0", "cost-parallel": "1.2", "cost-ensemble-2": "1.9"}
    modes |= {"cost-serial-peak": "1.8", "cost-parallel-peak": "2.4"}
    assert "as one model (1.2 in parallel) and 1.8 times its memory (2.4);" in (
        findings.price(modes)
    )


def test_the_gain_by_kind_of_target_is_marked_as_exploratory():
    row = {"dataset": "beauty", "model": "bpr", "metric": "MRR@5", "low": -0.1, "high": 0.3}
    row |= {"targets": "new", "relative_improvement": 0.155, "users_only": False, "p_of_z": 0.001}
    differing = findings.by_target(pd.DataFrame([row, row | {"metric": "HIT@5"}]))
    assert differing.startswith("Exploratory: new and repeated targets differ in their gain")
    assert differing.count("for new targets") == 1 and "BPR on Beauty: +15.5" in differing
    alike = findings.by_target(pd.DataFrame([row | {"p_of_z": 0.4}]))
    assert alike.startswith("Exploratory: in no model")
    none = findings.by_target(pd.DataFrame([]))
    assert none == "No data set here has both new and repeated targets."


def test_names_are_those_of_a_reader():
    assert names.dataset_name("retailrocket-half") == "RR-half"
    assert names.comparison_name("base over bpr base") == "base over BPR base"
    assert names.listed(["a"]) == "a"


def test_the_headline_has_a_panel_per_data_set_and_the_verdict_at_the_end_of_each_row():
    nominal = claim("retailrocket-half", "bpr", "inconclusive", low=0.01, holm_p=0.06)
    figure = figures.headline.headline(
        summary.gains(pd.DataFrame([*MAIN.to_dict("records")[:2], nominal]))
    )
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == [
        "RR-half (900 users)",
        "ML-100K (900 users)",
    ]
    assert [text.get_text() for text in second.get_yticklabels()] == ["DNN", "BPR"]
    assert [text.get_text() for text in first.texts] == ["? inconclusive (nominal)\nruns 3 and 3"]
    assert [text.get_text() for text in second.texts] == [
        "✓ supported\nruns 3 and 3",
        "? inconclusive\nruns 3 and 3",
    ]
    crosses = [line for line in first.lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[pytest.approx(9.6)]]
