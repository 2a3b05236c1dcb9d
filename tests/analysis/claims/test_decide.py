"""Claims decided by family: from the committed registry and from parts of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from stats_support import comparison_of, simulated

from pcrec_core.analysis import paper
from pcrec_core.analysis.claims.decide import decide
from pcrec_core.analysis.claims.measurement import Evidence
from pcrec_core.analysis.claims.outcomes import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_TESTED,
    RULED_OUT,
    SUPPORTED,
)
from pcrec_core.analysis.claims.paper_uncertainty import Printed, fieller, paper_side
from pcrec_core.analysis.claims.sides import holm, sides
from pcrec_core.analysis.claims.table import headlines, table
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.analysis.welch import welch

CLAIMS = paper.claims()
LE = "table3-rr-sasrec-le"
#: So large that no family of this study is too large for it.
SURE = Evidence(comparison_of(0.5, 0.001, 8))
NIL = Evidence(comparison_of(0.0, 0.0005, 8))
REVERSE = Evidence(comparison_of(-0.5, 0.001, 8))


def verdict_of(verdicts, name):
    return verdicts[name].verdict


# --- the family


def test_without_evidence_no_claim_is_tested_and_each_has_a_verdict():
    verdicts = decide({})
    assert list(verdicts) == list(CLAIMS.index)
    tested = CLAIMS.kind.isin(["better", "at least", "no better", "by seed"])
    assert {v.verdict for v in verdicts.values()} == {NOT_TESTED, ""}
    assert [v.verdict == "" for v in verdicts.values()] == list(
        CLAIMS.kind.isin(["run-level", "described"])
    )
    assert [v.reason for v in verdicts.values()] == [
        "a run is missing" if each else "" for each in tested
    ]


def test_missing_claims_count_in_the_size_of_their_family_and_of_no_other():
    c = comparison_of(0.05, 0.02, 8)
    p = sides("better", c, e=1, theta=1).p_for
    size = int((CLAIMS[CLAIMS.family == "table3/retailrocket-half"].kind == "better").sum())
    assert size == 6
    found = decide({LE: Evidence(c), "table4-rr-sasrec-ln": SURE})[LE].adjusted
    assert found.p_for == pytest.approx(6 * p)
    assert found.printed == pytest.approx(12 * p)


def test_two_claims_of_a_family_are_adjusted_together():
    a, b = comparison_of(0.05, 0.02, 8), comparison_of(0.08, 0.02, 8)
    verdicts = decide({LE: Evidence(a), "table3-rr-dnn-le": Evidence(b)})
    p = [sides("better", c, e=1, theta=1).p_for for c in (a, b)]
    expected = holm([*p, 1, 1, 1, 1])[:2]
    assert [verdicts[name].adjusted.p_for for name in (LE, "table3-rr-dnn-le")] == pytest.approx(
        expected
    )


def test_the_four_verdicts_on_a_claim():
    verdicts = {
        e: verdict_of(decide({LE: e}), LE)
        for e in (SURE, NIL, REVERSE, Evidence(comparison_of(0.03, 0.03, 8)))
    }
    assert list(verdicts.values()) == [SUPPORTED, RULED_OUT, CONTRADICTED, INCONCLUSIVE]


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (replace(SURE, protocol="released"), "the protocol is released, not controlled"),
        (replace(SURE, missing=1), "a run is missing"),
        (Evidence(None), "a run is missing"),
        (
            Evidence(
                comparison_of(
                    0.5, 0.001, 8, few_runs=True, reason="fewer than 3 runs in an arm (2)"
                )
            ),
            "fewer than 3 runs in an arm (2)",
        ),
        (
            Evidence(comparison_of(0.5, 0.001, 8, reason="no variation at all"), "paper", 2),
            "a run is missing; the protocol is paper, not controlled; no variation at all",
        ),
    ],
)
def test_a_claim_that_lacks_runs_is_not_tested(evidence, reason):
    verdict = decide({LE: evidence})[LE]
    assert (verdict.verdict, verdict.reason, verdict.grade) == (NOT_TESTED, reason, "")
    assert verdict.adjusted.printed == 1
    assert not verdict.below_e33


def test_enough_runs_and_too_few_users_above_0_are_inconclusive():
    few = Evidence(
        comparison_of(
            0.5, 0.001, 8, reason="fewer than 30 users with a value above 0 in an arm (12)"
        )
    )
    verdict = decide({LE: few})[LE]
    assert (verdict.verdict, verdict.adjusted.printed) == (INCONCLUSIVE, 1)


def test_a_claim_that_cannot_be_decided_still_shows_its_numbers():
    verdict = decide({LE: replace(SURE, protocol="paper")})[LE]
    assert verdict.found.L == 0.5
    assert verdict.er.value == pytest.approx(0.5 / CLAIMS.loc[LE, "e"])


def test_a_mean_of_0_and_equal_arms_leave_dashes():
    ranks = simulated(1, 60, 3)[0]
    zero = decide({LE: Evidence(compare(np.full((3, 60), 9), ranks, "MRR@5"))})[LE]
    equal = decide({LE: Evidence(compare(ranks, ranks, "MRR@5", paired=True))})[LE]
    assert (zero.side, zero.er, zero.verdict) == (None, None, INCONCLUSIVE)
    assert (equal.reason, equal.verdict, equal.er.value) == ("no variation at all", INCONCLUSIVE, 0)


# --- beside the paper


def test_the_papers_side_is_that_of_the_printed_values():
    c = comparison_of(0.03, 0.008, 6)
    verdict = decide({LE: Evidence(c)})[LE]
    side = paper_side(c, Printed("MRR@5", 0.2091, 0.2022, 0.3262, 0.3169, 47_000))
    assert verdict.side == side
    assert verdict.er == fieller(c, CLAIMS.loc[LE, "e"], side.Vp)


def test_models_of_an_arm_are_named_before_the_colon():
    name = "table3-rr-sasrec-dnn"
    assert (CLAIMS.loc[name, "a"], CLAIMS.loc[name, "b"]) == ("sasrec:base", "dnn:base")
    c = comparison_of(0.2, 0.01, 8)
    expected = Printed(
        "MRR@5", 0.2022, 0.1648, 0.3169, paper.value("Retailrocket", "dnn", "base", "HIT@5"), 47_000
    )
    assert decide({name: Evidence(c)})[name].side == paper_side(c, expected)


@pytest.mark.parametrize(
    "name",
    ["fig5-rr-sasrec-e", "controls-rr-sasrec-avg", "table4-rr-sasrec-m3", "fig4-rr-sasrec-a30-a10"],
)
def test_claims_without_printed_values_have_the_variance_of_runs(name):
    verdict = decide({name: Evidence(comparison_of(0.02, 0.01, 8, Vseed=1e-6))})[name]
    assert verdict.side.Vp == pytest.approx(3e-6)
    assert verdict.side.e33 is None
    assert (verdict.er is None) == (
        name == "table4-rr-sasrec-m3"
    )  # a margin; of a control it is printed too


def test_our_upper_limit_may_lie_below_the_effect_that_the_paper_could_find():
    """The e33 of claim LE is 0.018 at c = 0: comparisons by hand have no correlation."""
    small, large = (
        decide({LE: Evidence(comparison_of(L, 0.001, 8, Vu=1.0))})[LE] for L in (0.01, 0.03)
    )
    assert small.side.e33 == pytest.approx(1.52 * math.sqrt(6.631264 / 47_000), abs=1e-6)
    assert small.below_e33
    assert not large.below_e33
    assert not decide({LE: Evidence(small.found, "released")})[LE].below_e33


# --- compound claims


def test_always_takes_the_verdicts_of_members_in_other_families():
    name, members = "table4-rr-sasrec-always", [LE, "table4-rr-sasrec-ln"]
    assert CLAIMS.loc[name, "members"].split() == members
    assert verdict_of(decide(dict.fromkeys(members, SURE)), name) == SUPPORTED
    assert verdict_of(decide({LE: SURE}), name) == NOT_TESTED
    assert verdict_of(decide({LE: NIL, members[1]: SURE}), name) == RULED_OUT
    assert verdict_of(decide({LE: REVERSE, members[1]: SURE}), name) == CONTRADICTED


def test_best_is_better_than_each_other_one():
    name = "fig4-ml-sasrec-best"
    members = CLAIMS.loc[name, "members"].split()
    assert len(members) == 4
    assert verdict_of(decide(dict.fromkeys(members, SURE)), name) == SUPPORTED
    assert verdict_of(decide(dict.fromkeys(members[1:], SURE)), name) == NOT_TESTED
    assert (
        verdict_of(decide(dict.fromkeys(members, SURE) | {members[0]: REVERSE}), name)
        == CONTRADICTED
    )


# --- claims about runs


def test_a_claim_about_runs_shows_its_test_and_has_no_verdict():
    ratios = welch([0.04, 0.05, 0.03], [0.2, 0.22, 0.19])
    verdicts = decide({"fig6-ml-half": Evidence(ratios)})
    assert verdicts["fig6-ml-half"].found == ratios
    assert verdict_of(verdicts, "fig6-ml-half") == ""
    row = table(verdicts).loc["fig6-ml-half"]
    assert (row["difference"], row["p"], row["low"]) == (ratios.difference, ratios.p, ratios.low)
    assert row["metric"] == "invalid ratio at 0.5"
    assert pd.isna(row["holm_p"])


# --- NDCG@20, in brackets


def test_ndcg_has_the_same_rule_and_e_and_stands_in_brackets():
    def both(kind):
        return decide({LE: Evidence(comparison_of(0.5, 0.001, 8, metric=kind, Vseed=1e-9))})

    primary, supporting = both("MRR@5"), both("NDCG@20")
    assert supporting[LE].side.Vp == pytest.approx(3e-9)
    assert supporting[LE].verdict == SUPPORTED
    assert supporting[LE].er.value == primary[LE].er.value
    frame = table(primary, supporting)
    assert frame.loc[LE, "verdict"] == SUPPORTED
    assert frame.loc[LE, "supporting_verdict"] == "supported"
    assert frame.loc["cost-ml-serial", "supporting_verdict"] == ""
    assert pd.isna(
        table(supporting).loc[LE, "paper_relative_improvement"]
    )  # the paper prints no NDCG


# --- tables


def test_a_row_has_the_numbers_of_its_comparison_and_its_claim():
    c = compare(*simulated(3, 400, 4, gain=0.3), "MRR@5")
    verdict = decide({LE: Evidence(c)})[LE]
    row, claim = table({LE: verdict}).loc[LE], CLAIMS.loc[LE]
    expected = {
        "relative_improvement": c.RI,
        "low": c.low,
        "high": c.high,
        "p": c.p,
        "df": c.df,
        "seed_share": c.seed_share,
        "mde": c.mde,
        "users": 400,
        "runs_variant": 4,
        "runs_base": 4,
        "holm_p": verdict.adjusted.printed,
        "paper_relative_improvement": claim["ri_paper"],
        "delta_relative_improvement": pytest.approx(claim["ri_paper"] - c.RI),
        "e": claim["e"],
        "theta": claim["theta"],
        "e33": verdict.side.e33,
        "dataset": "retailrocket-half",
        "a": "LE",
        "b": "base",
    }
    assert row[list(expected)].to_dict() == expected


def test_headlines_join_the_data_sets():
    both = headlines(table(decide({LE: SURE, "table3-ml-sasrec-le": NIL, "table3-rr-dnn-le": NIL})))
    both = both[both["artifact"] == "table3"].set_index(["model", "a", "b"])["headline"]
    assert (
        both["sasrec", "LE", "base"]
        == "differs: ruled out on ml-100k, supported on retailrocket-half"
    )
    assert both["dnn", "LE", "base"] == RULED_OUT
    assert both["all", "LE", "base"] == RULED_OUT


def test_a_claim_has_one_headline_whatever_its_data_sets():
    lines = headlines(table(decide({})))
    decided = CLAIMS[~CLAIMS.kind.isin(["run-level", "described"])]
    decided = decided.assign(artifact=decided.family.str.partition("/")[0])
    keys = ["artifact", "model", "a", "b", "sentence"]
    assert len(lines) == len(decided[keys].drop_duplicates())
    assert lines[list(CLAIMS.dataset.unique())].notna().sum().sum() == len(decided)


# --- refusals


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        ({"table3-rr-sasrec": SURE}, "evidence for 'table3-rr-sasrec', which is no claim"),
        (
            {LE: Evidence(comparison_of(0.5, 0.001, 8, metric="HIT@5"))},
            "verdicts come from MRR@5, or in brackets from NDCG@20, not from HIT@5",
        ),
        (
            {
                LE: SURE,
                "table3-rr-dnn-le": Evidence(comparison_of(0.5, 0.001, 8, metric="NDCG@20")),
            },
            "not from MRR@5, NDCG@20",
        ),
        ({"fig6-ml-half": SURE}, "kind 'run-level': it cannot be decided from a Comparison"),
        ({"table3-rr-le": SURE}, "a claim of kind 'all': it cannot be decided from a Comparison"),
    ],
)
def test_evidence_that_does_not_fit_is_refused(evidence, message):
    with pytest.raises(StatsError, match=message):
        decide(evidence)


def test_a_part_of_the_registry_needs_the_families_of_its_members():
    family = CLAIMS.family
    assert (
        verdict_of(decide({LE: SURE}, CLAIMS[family == "table3/retailrocket-half"]), LE)
        == SUPPORTED
    )
    with pytest.raises(
        StatsError, match="table4-rr-sasrec-always has the member 'table3-rr-sasrec-le'"
    ):
        decide({}, CLAIMS[family == "table4/retailrocket-half"])
