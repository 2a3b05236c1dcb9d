"""Amendment 1: the claims that it registered and its changes of the rule, by hand."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from curves_support import ranked
from records_support import record_with
from scipy.stats import t, ttest_rel
from stats_support import comparison_of, plain, simulated

from pcrec_core.analysis import comparisons, crossed_t, paper
from pcrec_core.analysis.claims import ladder, looks
from pcrec_core.analysis.claims.decide import decide
from pcrec_core.analysis.claims.evidence import gather
from pcrec_core.analysis.claims.measurement import Evidence
from pcrec_core.analysis.claims.outcomes import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_TESTED,
    RULED_OUT,
    SUPPORTED,
)
from pcrec_core.analysis.claims.planned_records import reader
from pcrec_core.analysis.claims.registry import registry
from pcrec_core.analysis.claims.table import RUNS, table
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.paired_runs import paired_runs
from pcrec_core.reporting import amendment_tables, claim_tables
from pcrec_core.study import plans
from pcrec_core.study.records import Record, Store
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import variant

ALL = paper.claims()
NEW = ALL[ALL.amendment]
LE, E_LE = "table3-rr-sasrec-le", 0.033555
LADDER = "ladder-rr-sasrec"
#: Tested claims of the family table3/retailrocket-half.
FAMILY = 6


def near(value: float):
    return pytest.approx(value, abs=1e-6)


# --- the registered claims


def test_the_families_of_the_amendment_are_new_and_hold_new_claims_only():
    original = set(ALL[~ALL.amendment].family)
    assert set(NEW.family).isdisjoint(original) and len(NEW) == 32
    assert NEW.groupby("family").size().to_dict() == {
        "ladder/retailrocket-half": 2,
        "robustness/retailrocket-half": 8,
        "robustness/retailrocket-first-half": 6,
        **{
            f"{artifact}/{name}": 2
            for artifact in ("table3", "controls")
            for name in ("retailrocket", "ml-1m", "beauty", "video-games")
        },
    }


@pytest.mark.parametrize("claim", list(NEW.itertuples()), ids=lambda claim: claim.Index)
def test_the_sizes_follow_from_the_printed_values(claim):
    """LE over base in MRR@5: the counterpart's, or the smallest of three; half for a control."""
    if claim.kind == "by seed":
        assert math.isnan(claim.e) and math.isnan(claim.theta) and math.isnan(claim.ri_paper)
        return
    printed = claim.paper_dataset
    names = [printed] if printed else ["Retailrocket", "ML-20M", "QQBrowser"]
    values = [
        [paper.value(name, claim.model, arm, "MRR@5") for arm in ("LE", "base")] for name in names
    ]
    ri = min(paper.improvement(*pair) for pair in values)
    control = claim.b == "avg"
    assert claim.e == near(math.log1p(ri) / (2 if control else 1))
    assert claim.theta == near(math.log1p(ri) / 2)
    ours = math.nan if control or not printed else ri
    assert claim.ri_paper == pytest.approx(ours, abs=1e-6, nan_ok=True)


def test_arms_of_the_amendment_are_variants():
    for claim in registry().values():
        if claim.amendment and not claim.b.endswith("own-l2") and "own-eta" not in claim.a:
            a, b = (variant(label, claim.dataset, claim.model) for label in (claim.a, claim.b))
            assert a != b


# --- item 2: ten equal seeds are paired


def paired(v: Replicates, b: Replicates, **options: bool) -> bool:
    return comparisons.compare(v, b, "MRR@5", **options).paired


def test_ten_equal_seeds_are_paired_and_nine_or_others_are_not():
    v, b = simulated(5, 200, 10, gain=0.1)
    over, base = ranked("LE", *v), ranked("base", *b)
    assert crossed_t.PAIRED_FROM == 10 and paired(over, base)
    assert not paired(ranked("LE", *v[:9]), ranked("base", *b[:9]))
    assert not paired(over, ranked("base", *b, seeds=range(1, 11)))
    assert not paired(over, ranked("base", *b[:3]))
    assert not paired(over, base, by_seed=False)


def test_pairing_takes_out_what_equal_seeds_share():
    """By hand, Vs of the paired arms is that of the differences' run means."""
    v, b = simulated(6, 300, 10, run_sd=0.0)
    both = np.exp(0.3 * np.random.default_rng(0).standard_normal((10, 1)))
    v, b = (np.maximum(1, np.rint(ranks * both)).astype(int) for ranks in (v, b))
    arms = ranked("LE", *v), ranked("base", *b)
    together, apart = (
        comparisons.compare(*arms, "MRR@5", by_seed=by_seed) for by_seed in (True, False)
    )
    yv, yb = (np.where(ranks <= 5, 1 / ranks, 0) for ranks in (v, b))
    by_run = (yv / yv.mean() - yb / yb.mean()).mean(1)
    assert together.Vs == pytest.approx(by_run.var(ddof=1) / 10)
    assert (together.L, together.Vu) == (apart.L, apart.Vu) and together.Vs < apart.Vs / 5


# --- items 1 and 3: ruled out asks for the claimed size alone


def family_p(effect: float, se: float, df: float, of_paper: float = 0.0) -> float:
    return min(1.0, FAMILY * t.cdf((effect - E_LE) / math.sqrt(se**2 + of_paper), df))


def test_at_ten_runs_the_papers_uncertainty_no_longer_counts():
    """(0.002 - 0.033555) / 0.0105 = -3.005: p 0.0074 with df 9, times six 0.0445."""
    c = comparison_of(
        0.002, 0.0105, 9, runs_v=10, runs_b=10, Vu=1.0
    )  # no correlation: Vp is largest
    new, old = decide({LE: Evidence(c)})[LE], decide({LE: Evidence(c)}, original=True)[LE]
    assert new.adjusted.p_not == near(family_p(0.002, 0.0105, 9)) == near(0.044490)
    assert old.adjusted.p_not == near(family_p(0.002, 0.0105, 9, old.side.Vp))
    assert old.adjusted.p_not > 0.05  # with the paper's variance
    assert (new.verdict, old.verdict, new.amended, old.amended) == (
        RULED_OUT,
        INCONCLUSIVE,
        True,
        False,
    )


def test_three_runs_of_a_claim_registered_before_keep_the_original_rule():
    c = comparison_of(0.002, 0.0105, 9, Vu=1.0)
    found = decide({LE: Evidence(c)})[LE]
    assert not found.amended
    assert found.adjusted.p_not == near(family_p(0.002, 0.0105, 9, found.side.Vp))
    # The amendment asks for ten runs in both arms.
    assert decide({LE: Evidence(replace(c, runs_v=10))})[LE].amended is False


def test_claims_of_the_amendment_take_its_rule_from_three_runs_on():
    name = "robustness-rr-sasrec-2x-epochs"
    c = comparison_of(0.002, 0.01, 40, Vu=1.0)
    found = decide({name: Evidence(c)})[name]
    assert found.amended and found.verdict == RULED_OUT
    assert found.adjusted.p_not == near(8 * t.cdf((0.002 - E_LE) / 0.01, 40))
    # The printed values of LE and base stand beside it.
    assert found.side.e33 == near(1.52 * math.sqrt(6.631264 / 47_000))


def test_the_dagger_marks_a_claim_within_the_noise_of_the_papers_run():
    """Without Vp p_not is far below .05; with it, unadjusted, the mark depends on Vseed."""
    inside, outside = (
        decide({LE: Evidence(comparison_of(0.0, 0.004, 9, runs_v=10, runs_b=10, Vseed=Vseed))})[LE]
        for Vseed in (1e-4, 0.0)
    )
    assert inside.verdict == outside.verdict == RULED_OUT
    with_noise = [
        t.cdf((0.0 - E_LE) / math.sqrt(0.004**2 + v.side.Vp), 9) for v in (inside, outside)
    ]
    assert with_noise[0] > 0.05 > with_noise[1]
    assert (inside.in_noise, outside.in_noise) == (True, False)
    supported = decide({LE: Evidence(comparison_of(0.05, 0.001, 9, runs_v=10, runs_b=10))})[LE]
    assert supported.verdict == SUPPORTED and not supported.in_noise


def test_the_effect_ratio_of_a_control_is_printed():
    name = "controls-rr-dnn-avg"
    assert decide({name: Evidence(comparison_of(0.01, 0.002, 8))})[name].er.value == near(
        0.01 / 0.017295
    )


def test_a_row_names_its_rule_and_has_what_a_recomputation_needs():
    c = comparison_of(0.002, 0.0105, 9, runs_v=10, runs_b=10, Vu=1.0, paired=True)
    row = table(decide({LE: Evidence(c)})).loc[LE]
    found = [row[name] for name in ("rule", "log_ratio", "se", "df", "paired")]
    assert found == ["amendment 1", 0.002, 0.0105, 9, True]
    assert row["holm_p_not"] == near(0.044490) and row["holm_p_for"] == 1
    assert not row["in_paper_noise"]
    assert table(decide({})).loc["fig6-ml-half", "rule"] == ""


@pytest.mark.parametrize(
    ("runs_v", "runs_b", "users_only", "rule"),
    [
        (10, 10, False, "amendment 1"),
        (10, 1, False, "amendment 1"),  # the one run is of a baseline without randomness
        (10, 1, True, "original"),  # the one run is of a random arm: too few to be tested
        (10, 9, False, "original"),
    ],
)
def test_the_amendment_needs_ten_runs_in_every_random_arm(runs_v, runs_b, users_only, rule):
    c = comparison_of(0.002, 0.01, 9, runs_v=runs_v, runs_b=runs_b, users_only=users_only)
    assert table(decide({LE: Evidence(c)})).loc[LE, "rule"] == rule


# --- item 6: the ladder's one claim, over seeds


def test_the_paired_test_over_seeds_is_that_of_scipy():
    v, b = np.random.default_rng(3).normal(0.04, 0.02, (2, 5))
    found = paired_runs(v, b)
    expected = ttest_rel(v, b, alternative="greater")
    assert (found.p, found.df) == (pytest.approx(expected.pvalue), expected.df)
    low, high = ttest_rel(v, b).confidence_interval()
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_the_paired_test_refuses_arms_without_pairs():
    for v, b in (([1.0], [2.0]), ([1.0, 2.0], [1.0]), ([[1.0, 2.0]], [[1.0, 2.0]])):
        with pytest.raises(StatsError, match="one number per seed in both arms"):
            paired_runs(v, b)
    assert paired_runs([0.2, 0.3], [0.1, 0.2]).reason.startswith("fewer than 3 seeds (2)")
    assert paired_runs([0.2, 0.2, 0.2], [0.1, 0.1, 0.1]).reason == "no variation at all"


@pytest.mark.parametrize(
    ("v", "expected"),
    [
        ([0.06, 0.05, 0.07, 0.06, 0.05], SUPPORTED),
        ([0.01, 0.03, 0.02, 0.05, 0.00], INCONCLUSIVE),
        ([-0.06, -0.05, -0.07, -0.06, -0.05], CONTRADICTED),
        ([0.06, 0.05], NOT_TESTED),
    ],
)
def test_the_ladder_is_decided_over_seeds(v, expected):
    base = [0.02, 0.01, 0.02, 0.02, 0.02]
    found = decide({LADDER: Evidence(paired_runs(v, base[: len(v)]))})
    assert found[LADDER].verdict == expected and found["ladder-rr-dnn"].verdict == NOT_TESTED


@pytest.mark.parametrize(
    ("v", "least", "most", "expected"),
    [
        ([0.03, 0.02, 0.04, 0.01], 0.025, 0.05, SUPPORTED),  # above the level of other claims
        ([0.03, 0.02, 0.06, 0.01], 0.05, 0.1, INCONCLUSIVE),
    ],
)
def test_holm_counts_both_models_and_the_level_is_5_percent_one_sided(v, least, most, expected):
    """Twice p is .030 or .069: t is 3.87 or 2.78 with df 3."""
    pairs = paired_runs(v, [0.0, 0.0, 0.0, 0.0])
    verdict = decide({LADDER: Evidence(pairs)})[LADDER]
    assert verdict.adjusted.p_for == pytest.approx(2 * pairs.p)
    assert least < 2 * pairs.p < most and verdict.verdict == expected


def ladder_record(label: str, seed: int, on_test: str, by_validation: str) -> Record:
    best = {"value": 0.0, "epoch": 3, "peer": 0, "ranks": on_test}
    result = {
        "ranks": "9 9 9 9",
        "best": dict.fromkeys(("MRR@5", "HIT@5", "NDCG@20"), best),
        "by_validation": {"epoch": 1, "peer": 0, "ranks": by_validation},
    }
    return record_with(variant(label, "retailrocket-half", "sasrec", seed), result, {})


def test_the_rungs_read_both_choices_of_one_training(tmp_path):
    """Four times the MRR@5 of LE is 1.75 on test and 0.75 by validation, of the base 0.5 and 0.25.

    Of the base with the cosine it is 1 and 0.5: rung 1 is 1.75 / 0.5 - 1, rung 2 1.75 / 1 - 1, rung
    3 0.75 / 0.25 - 1 and rung 4 0.75 / 0.5 - 1.
    """
    store = Store(tmp_path)
    for seed in range(3):
        store.put(ladder_record("ladder-LE", seed, "1 2 4 9", "2 4 9 9"))
        store.put(ladder_record("ladder-base", seed, "2 9 9 9", "4 9 9 9"))
        store.put(ladder_record("ladder-base-cosine", seed, "1 9 9 9", "2 9 9 9"))
    claim, read = registry()[LADDER], reader(store)
    found = [ladder.improvements(rung, claim, read, "MRR@5") for rung in ladder.RUNGS[:4]]
    assert [rung[0] for rung in found] == [near(2.5), near(0.75), near(2.0), near(0.5)]
    assert all(list(rung) == [0, 1, 2] for rung in found)
    given = gather(read, "MRR@5")[LADDER]
    # Five seeds are planned; L is rung 1 less rung 4, 2.5 less 0.5.
    assert given.missing == 2 and near(2.0) == given.found.L


def test_the_ladder_is_climbed_with_an_interval_over_users_and_runs(tmp_path):
    """Rung 1: PCRec's MRR@5 is .4375, .25 and .25, the base's .125; HIT@5 .75, .5, .5 and .25."""
    store = Store(tmp_path)
    for seed, on_test in enumerate(("1 2 4 9", "2 2 9 9", "2 2 9 9")):
        store.put(ladder_record("ladder-LE", seed, on_test, "2 4 9 9"))
        store.put(ladder_record("ladder-base", seed, "2 9 9 9", "4 9 9 9"))
    frame = ladder.climbed(reader(store)).set_index(["metric", "model", "rung"])
    over, base = [[1, 2, 4, 9], [2, 2, 9, 9], [2, 2, 9, 9]], [[2, 9, 9, 9]] * 3
    for metric, gain, printed in (("MRR@5", 1.5, 0.034125), ("HIT@5", 4 / 3, 0.029347)):
        first, c = frame.loc[(metric, "sasrec", 1)], crossed_t.compare(over, base, metric)
        assert tuple(first[["low", "high"]]) == (c.low, c.high) and not c.paired
        assert first["relative_improvement"] == near(gain) and first["seeds"] == 3
        assert first["paper_relative_improvement"] == near(printed)
    assert frame["relative_improvement"].notna().sum() == 4  # rungs 1 and 3 need no cosine
    page = plain(amendment_tables.show_ladder(frame.reset_index(), "ladder")._repr_html_())
    assert page.count("not tested") >= 20 and "HIT@5" in page
    assert "+150.0 % [\N{MINUS SIGN}75.5, +2454.4]" in page
    assert "+133.3 % [\N{MINUS SIGN}84.0, +3298.8]" in page


def test_ten_seeds_of_a_rung_are_paired(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "seeds", lambda *_: tuple(range(10)))
    store, draw = Store(tmp_path), np.random.default_rng(0)
    ranks = draw.integers(1, 8, (2, 10, 4))
    for label, arm in zip(("ladder-LE", "ladder-base"), ranks, strict=True):
        for seed, row in enumerate(arm):
            store.put(ladder_record(label, seed, " ".join(map(str, row)), "2 4 9 9"))
    frame = ladder.climbed(reader(store)).set_index(["metric", "model", "rung"])
    first = frame.loc[("MRR@5", "sasrec", 1)]
    c = crossed_t.compare(*ranks, "MRR@5", paired=True)
    assert (first["seeds"], first["low"], first["high"]) == (10, c.low, c.high)


# --- item 7: the verdicts then and now


def test_the_verdicts_at_three_runs_stand_beside_those_of_both_rules_now():
    c = comparison_of(0.002, 0.0105, 9, runs_v=10, runs_b=10, Vu=1.0)
    new, old = (decide({LE: Evidence(c)}, original=rule) for rule in (False, True))
    frame = table(new).assign(original_verdict=[verdict.verdict for verdict in old.values()])
    found = looks.since_three_runs(frame).set_index("id")
    assert len(found) == 206 and not set(NEW.index) & set(found.index)
    row = found.loc[LE]
    assert list(row[list(looks.COLUMNS)]) == [INCONCLUSIVE, INCONCLUSIVE, RULED_OUT]
    assert list(row[["runs_variant_then", "runs_base_then", *RUNS]]) == [3, 3, 10, 10]
    counts = looks.by_family(found.reset_index())
    of_family = counts[counts["family"] == "table3/retailrocket-half"].set_index("outcome")
    assert of_family.loc[RULED_OUT].tolist()[1:] == [4, 0, 2]  # with the claim of every model
    assert of_family[list(looks.COLUMNS)].sum().tolist() == [7, 7, 7]
    page = amendment_tables.show_looks(found.reset_index(), "looks")._repr_html_()
    assert "For 4 the two rules differ" in page  # with three claims that join others
    assert "10 and 10" in page
    same = found.reset_index().assign(verdict="x", original_verdict="x", verdict_then="x")
    text = "All 206 claims have the same verdict"
    assert text in amendment_tables.show_looks(same, "looks")._repr_html_()
    families = amendment_tables.show_families(counts, "families")._repr_html_()
    assert "2 ruled out, 5 not tested" in re.sub("<[^>]+>", "", families)


def test_the_sentence_of_a_claim_over_seeds_is_in_points():
    pairs = paired_runs([0.06, 0.05, 0.07, 0.06, 0.05], [0.02, 0.01, 0.02, 0.02, 0.02])
    frame = table(decide({LADDER: Evidence(pairs)})).loc[[LADDER]]
    text = plain(repr(claim_tables.sentences(frame)))
    assert "supported. Improvement +5.8 % under the released practices, +1.8 % under equal" in text
    assert "difference +4.0 [+3.1, +4.9] points (95 %; paired over seeds" in text
