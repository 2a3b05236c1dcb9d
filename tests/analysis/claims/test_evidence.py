"""Claims decided from records: the runs on each side, and the missing ones."""

from __future__ import annotations

import html
import re
import zlib
from typing import Any

import numpy as np
import pytest
from records_support import record_with
from scipy.stats import ttest_rel
from stats_support import plain

from pcrec_core.analysis import paper
from pcrec_core.analysis.claims import run_level
from pcrec_core.analysis.claims.evidence import decided, gather, of_family
from pcrec_core.analysis.claims.measurement import Evidence
from pcrec_core.analysis.claims.planned_records import reader
from pcrec_core.analysis.claims.registry import registry
from pcrec_core.reporting import claim_tables
from pcrec_core.reporting.claim_formats import format_compound, format_verdict
from pcrec_core.reporting.described import described
from pcrec_core.reporting.formats import (
    DASH,
    improvement,
    percent,
    probability,
    signed,
    with_interval,
)
from pcrec_core.reporting.names import model_name
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import plans
from pcrec_core.study.records import Store
from pcrec_core.study.variants import variant

USERS = 400


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def ranked(ranks: Any, dataset: str = "ml-100k") -> dict[str, Any]:
    """The part of a result that every ranking has."""
    return {
        "data": {"fingerprint": dataset, "users": USERS, "items": 50},
        "ranks": " ".join(map(str, ranks)),
        "repeated": "0" * USERS,
    }


def put(
    store: Store,
    label: str,
    better: float = 0.0,
    seeds: tuple[int, ...] = (),
    model: str = "sasrec",
    dataset: str = "ml-100k",
) -> None:
    """Store records with ranks around 6, lower for a share ``better`` of the users.

    Arms differ otherwise only by a little noise per run.
    """
    users = np.random.default_rng(0).integers(1, 12, USERS)
    for seed in seeds or plans.seeds(label, model, dataset):
        draw = np.random.default_rng(zlib.crc32(f"{label}{seed}".encode()))
        moved = np.where(draw.random(USERS) < better, np.maximum(users - 1, 1), users)
        ranks = np.where(draw.random(USERS) < 0.05, moved + 1, moved)
        pair = {
            "epochs": {"exchanges": [0], "mu": [[[0.8], [0.2]]]},
            "chosen": {"epoch": 0},
            "layers": [["item", "embedding"]],
        }
        spec = variant(label, dataset, model, seed)
        exchanges = isinstance(spec, RunSpec) and spec.cooperation is not None
        given = ranked(ranks, dataset) | (pair if exchanges else {})
        store.put(record_with(spec, given))


def one(store: Store, name: str) -> Evidence:
    return gather(reader(store), "MRR@5")[name]


def sentences(store: Store, artifact: str) -> str:
    return plain(repr(claim_tables.sentences(of_family(decided(store), artifact, ["ml-100k"]))))


def test_without_records_no_claim_is_tested_and_every_claim_is_listed(store):
    frame = decided(store)
    assert len(frame) == len(paper.claims())
    assert frame["relative_improvement"].isna().all()
    assert set(frame["verdict"]) == {"not tested", ""}
    assert set(frame.loc[frame["verdict"] == "", "kind"]) == {"run-level", "described"}
    page = claim_tables.sentences(of_family(frame, "table3", ["ml-100k"]))._repr_html_()
    assert page.count("<li>") == 2  # the compound claim, and the number of missing ones
    none = claim_tables.sentences(of_family(frame, "table3", ["synthetic"]))
    assert "No claim of the paper" in repr(none)


def test_a_clear_difference_of_three_runs_is_supported(store):
    put(store, "base")
    put(store, "LE", 0.9)
    frame = decided(store)
    row = frame.loc["table3-ml-sasrec-le"]
    assert list(row[["verdict", "runs_variant", "runs_base"]]) == ["supported", 3, 3]
    assert row["relative_improvement"] > 0.2
    assert row["holm_p"] < 0.05
    assert (row["seeds_variant"], row["seeds_base"], row["level"]) == ("0 1 2", "0 1 2", 0.025)
    assert row["supporting_verdict"] == "supported"


def test_a_comparison_of_which_one_arm_hides_seen_items_is_marked(store):
    for model in ("sasrec", "dnn", "bpr"):
        put(store, "base", 0.9 * (model == "sasrec"), model=model)
    frame = decided(store)
    rows = frame.loc[["table3-ml-sasrec-dnn", "table3-ml-sasrec-bpr"]]
    assert list(rows["same_candidates"]) == [True, False]
    assert frame.loc["table3-ml-sasrec-le", "same_candidates"] is None  # PCRec has no runs here
    alike, unequal = map(format_verdict, rows.to_dict("records"))
    assert alike.startswith("supported") and "candidates" not in alike
    assert unequal.startswith("supported (unequal candidates)")
    shown, both = (
        plain(claim_tables.claims(some, "claims")._repr_html_()) for some in (rows[:1], rows)
    )
    assert "nequal candidates" not in shown
    assert both.count("(unequal candidates)") == 1
    assert "Unequal candidates: only one of the two arms ranks items that a user has seen." in both


def test_a_verdict_is_shown_with_its_interval_users_and_runs(store):
    put(store, "base")
    put(store, "LE", 0.9)
    rows = of_family(decided(store), "table3", ["ml-100k"])
    page = claim_tables.sentences(rows)
    text = plain(repr(page))
    claim = "PCRec with two SASRec models is more accurate than one SASRec model"
    assert f"{claim} (ML-100K): supported" in text
    assert "; 400 users; runs 3 and 3); the paper +5.3 %." in text
    fold = "<details><summary>Claims that are inconclusive or not tested: 1<"
    listed, folded = page._repr_html_().split(fold)
    assert ": supported: larger than claimed. PCRec (LE) over base" in listed
    assert "5 more claims without runs so far." in listed
    assert folded.count("<li>") == 1
    assert "PCRec is more accurate than its base for every model" in folded
    assert "table3-claims.csv" in claim_tables.claims(rows, "table3-claims")._repr_html_()


def test_a_gain_stands_beside_its_explanations_and_decided_claims_have_a_headline(store):
    put(store, "base")
    put(store, "LE", 0.9)
    put(store, "avg", 0.9)
    frame = decided(store)
    page = claim_tables.matrix(frame, "verdict-matrix")
    assert repr(page) == "verdict-matrix: 2 rows"
    text = plain(page._repr_html_())
    assert '<th scope="col">ML-100K</th>' in text and "RR-half" not in text  # it has no runs yet
    row = frame.loc["table3-ml-sasrec-le"]
    verdict, gain = '<span class="verdict supported">supported</span>', row["relative_improvement"]
    adjusted = probability(row["holm_p"])
    assert f'<td>PCRec (LE) over base</td><td>SASRec</td><td class="lines">{verdict}' in text
    assert f"{plain(percent(gain))}, p {html.escape(adjusted)}</td>" in text
    assert "recency" not in text.split("</table>")[0]  # it has no run
    lines = claim_tables.headlines(frame, "verdict-headlines")
    assert repr(lines) == "verdict-headlines: 1 rows"
    for part in (
        "PCRec with two SASRec models is more accurate",
        ", runs 3 and 3</td>",
        "Users: ML-100K 400; * the interval covers users only",
    ):
        assert part in lines._repr_html_()


def test_a_missing_planned_run_leaves_no_verdict(store):
    put(store, "base")
    put(store, "LE", 0.9, seeds=(0, 1))
    given = one(store, "table3-ml-sasrec-le")
    assert (given.missing, given.found.runs_v) == (1, 2)
    assert decided(store).loc["table3-ml-sasrec-le", "reason"].startswith("a run is missing")
    assert one(store, "table3-ml-dnn-le") == Evidence(None, missing=6)


def test_arms_that_share_a_training_are_cut_to_their_common_seeds_and_paired(store):
    put(store, "base")
    put(store, "M2", 0.5)
    put(store, "M3", 0.5)
    assert plans.seeds("M2", "sasrec", "ml-100k") == (0,)
    assert plans.seeds("base", "sasrec", "ml-100k") == (0, 1, 2)
    m2 = one(store, "table4-ml-sasrec-m2")
    assert (m2.found.runs_v, m2.found.runs_b, m2.found.paired, m2.missing) == (1, 1, True, 0)
    assert one(store, "table4-ml-sasrec-m3").found.paired
    put(store, "LE", 0.5)
    le = one(store, "table4-ml-sasrec-le-m2").found
    assert (le.runs_v, le.runs_b, le.paired) == (3, 1, False)


def test_arms_that_share_a_training_wait_for_a_missing_run_and_stop_nothing(store):
    put(store, "base", seeds=(0, 1, 2), dataset="retailrocket-half")
    put(store, "M2", 0.5, seeds=(0, 2), dataset="retailrocket-half")
    m2 = one(store, "table4-rr-sasrec-m2")
    assert (m2.missing, m2.found.runs_v, m2.found.runs_b, m2.found.paired) == (1, 2, 2, True)
    assert decided(store).loc["table4-rr-sasrec-m2", "reason"].startswith("a run is missing")


def test_a_random_alpha_is_the_mean_over_the_others_seed_by_seed(store):
    put(store, "LE@30", 0.9)
    for alpha in (10, 20, 40):
        put(store, f"LE@{alpha}", alpha / 100)
    assert one(store, "fig4-ml-sasrec-proper").found is None  # one alpha is missing
    put(store, "LE@50", 0.5)
    found = one(store, "fig4-ml-sasrec-proper").found
    others = [one(store, f"fig4-ml-sasrec-a30-a{alpha}").found for alpha in (10, 20, 40, 50)]
    assert found.mean_b == pytest.approx(np.mean([other.mean_b for other in others]))
    assert (found.runs_v, found.runs_b) == (3, 1)


def test_a_model_is_compared_with_another_model_and_with_a_baseline_without_seeds(store):
    put(store, "base")
    put(store, "base", model="dnn")
    put(store, "LE", 0.5)
    spec = Trivial(Data("ml-100k"), "popularity")
    store.put(record_with(spec, ranked([9] * (USERS - 60) + [1] * 60), {}))
    dnn = one(store, "table3-ml-sasrec-dnn").found
    assert (dnn.runs_v, dnn.runs_b) == (3, 3)
    given = one(store, "controls-ml-sasrec-popularity")
    assert (given.found.runs_v, given.found.runs_b, given.found.reason) == (3, 1, "")
    assert given.seeds == ((0, 1, 2), ())


def test_a_record_is_read_once(store, monkeypatch):
    put(store, "base")
    read = []
    get = Store.get
    monkeypatch.setattr(Store, "get", lambda self, name: read.append(name) or get(self, name))
    decided(store)
    assert len(read) == len(set(read)) > 100


NAMES = [f"blocks.0.{k}" for k in range(4)]


def probe(store: Store, label: str, seed: int, h: list[float]) -> None:
    tensors = {
        f"{name}.weight": {"h": value, "h_open": value, "dimensions": 2}
        for name, value in zip(NAMES, h, strict=True)
    }
    spec = variant(f"probed-{label}", "ml-100k", "sasrec", seed)
    store.put(record_with(spec, {"probed": {"tensors": tensors}}, {}))


def exchange(store: Store, seed: int, peers: list[list[float]]) -> None:
    """Store a run of PCRec whose second exchange is reported, with H of both peers before it."""
    epochs = {"exchanges": [0, 1], "h": [[[9.0] * 4] * 2, peers], "mu": [[[0.5] * 4] * 2] * 2}
    layers = [[name, "middle"] for name in NAMES]
    result = {"epochs": epochs, "chosen": {"epoch": 1}, "layers": layers}
    store.put(record_with(variant("LE", "ml-100k", "sasrec", seed), result, {}))


def facts(store: Store, name: str) -> str:
    return plain(described(run_level.described(reader(store))[name]))


def test_claims_about_runs_are_tested_over_runs(store):
    whole = [2.0, 2, 2, 2]
    base = [[0.1, 0.2, 2, 2], [0.1, 2, 2, 2], [0.1] * 4]
    pair = [[0.1, 2, 2, 2], whole, whole]
    for seed in range(3):
        probe(store, "base", seed, base[seed])
        probe(store, "LE", seed, pair[seed])
        # the entropies of the first and the last layer are equal in both peers
        exchange(store, seed, [[1.9, 1.0, 1.0, 1.9 + seed / 200], [1.9, 1.5, 1.5, 1.9]])
    tested = run_level.tested(reader(store))
    assert {given.seeds for given in tested.values()} == {((0, 1, 2), (0, 1, 2))}
    found = {name: given.found for name, given in tested.items()}
    half, merged = found["fig6-ml-half"], found["criterion-ml-averaging"]
    assert half.mean_v == pytest.approx((0.25 + 0 + 0) / 3)
    assert half.mean_b == pytest.approx((0.5 + 0.25 + 1) / 3)
    assert merged.mean_v == pytest.approx(np.mean([(0.1 + 2) / 2, 2, 2]))
    assert merged.mean_b == pytest.approx(np.mean([1.9, 1.90125, 1.9025]))
    paired = ttest_rel([1.05, 2, 2], [1.9, 1.90125, 1.9025]).confidence_interval()
    assert facts(store, "criterion-ml-averaging") == (
        "within each run, since merged layers are computed from the peers' own, "
        f"{plain(with_interval(signed, -0.2179, paired.low, paired.high))}; only layers whose"
        " peers' entropies differ by at most 0.02 nats"
    )
    text = sentences(store, "fig6")
    assert "PCRec (LE) 0.083, base 0.583, difference \N{MINUS SIGN}0.5000 [" in text
    assert "Welch's test over runs, p " in text
    assert "runs 3 and 3)" in text
    assert "Claims without runs" not in text


def test_always_is_decided_where_it_holds_least(store):
    """PCRec has fewer invalid layers below 1, but more between 1 and 2.

    There one run of the base has only valid ones.
    """
    probe(store, "base", 0, [0.5, 0.5, 0.5, 2.1])
    probe(store, "base", 1, [0.5, 2.1, 2.1, 2.1])
    for seed in range(2):
        probe(store, "LE", seed, [1.5, 1.5, 1.5, 2.1])
    found = run_level.tested(reader(store))["fig6-ml-always"].found
    assert (found.mean_v, found.mean_b) == (0.75, 0.5)
    assert facts(store, "fig6-ml-always").startswith(
        "smaller at 43 and larger at 26 of the 69 thresholds where runs differ; tested at 1.51"
    )


def test_thresholds_of_single_runs_are_counted_and_not_tested(store):
    probe(store, "base", 0, [0.5, 0.5, 0.5, 2.1])
    probe(store, "LE", 0, [1.5, 1.5, 1.5, 2.1])
    stated = facts(store, "fig6-ml-always")
    assert "thresholds where runs differ" in stated and "tested at" not in stated


def test_runs_that_do_not_differ_are_described_without_a_test(store):
    for seed in range(3):
        probe(store, "base", seed, [0.1, 0.2, 2, 2])
        probe(store, "LE", seed, [0.1, 2, 2, 2])
    assert "fig6-ml-half" not in run_level.tested(reader(store))
    expected = "PCRec (LE) 0.250, base 0.500 in every run, so there is nothing to test (runs 3 and"
    assert expected in sentences(store, "fig6")


def test_a_missing_probe_shifts_no_other(store):
    for seed in range(3):
        exchange(store, seed, [[1.0 + seed] * 4] * 2)
        if seed > 0:
            probe(store, "LE", seed, [2.0 + seed / 10] * 4)
    given = run_level.tested(reader(store))["criterion-ml-averaging"]
    assert (given.found.mean_v, given.found.mean_b, given.missing) == (pytest.approx(2.15), 2.5, 1)


def test_equal_changes_in_all_runs_allow_no_paired_test(store):
    for seed in range(2):
        exchange(store, seed, [[1.0 + seed] * 4] * 2)
        probe(store, "LE", seed, [1.5 + seed] * 4)
    assert facts(store, "criterion-ml-averaging").startswith("only layers whose peers'")


def test_claims_about_runs_wait_for_two_of_them(store):
    probe(store, "base", 0, [1.0] * 4)
    probe(store, "LE", 0, [1.0] * 4)
    assert run_level.tested(reader(store)) == {}


def test_claims_without_a_verdict_are_described_or_named_as_unmeasured(store):
    frame = decided(store)
    cost = frame[frame["family"].str.startswith("cost/")]
    assert list(cost["measured"]) == [True] * 3  # by the committed measurements
    assert (
        "Trained in turn, PCRec takes the time of two models and the memory of one (ML-100K):"
        " a pair of SASRec trains in"
    ) in sentences(store, "cost")
    assert not frame.loc["fig4-ml-sasrec-mu", "measured"]
    assert "RQ5" in claim_tables.questions(frame, "q")._repr_html_()
    result = {
        "epochs": {"exchanges": [0], "mu": [[[0.9, 0.4], [0.1, 0.6]]]},
        "chosen": {"epoch": 0},
        "layers": [["item", "embedding"], ["a", "middle"]],
    }
    for alpha in (30, 40):
        store.put(record_with(variant(f"LE@{alpha}", "ml-100k", "sasrec"), result, {}))
    text = facts(store, "fig4-ml-sasrec-mu")
    share = "the larger μ of a layer is 0.7 or more in 50 % of all layers and merges"
    assert text.startswith("at α = 30 ")
    assert text.count(f"{share}; its median is 0.75") == 2
    assert "it belongs to peer 0 in 50 %" in text


def test_changed_choices_show_the_improvement_before_and_now(store):
    put(store, "base", model="dnn")
    put(store, "LE", 0.9, model="dnn")
    frame = decided(store)
    page = plain(claim_tables.changes(frame, "changes")._repr_html_())
    now = plain(improvement(frame.loc["table3-ml-dnn-le"]))
    assert now.startswith("+")
    assert page.count(now) == 4  # two rows, in the table and in its fold
    assert "+25.2 % [\N{MINUS SIGN}8.1, +70.5]" in page
    assert (
        "\N{MINUS SIGN}12.7 % [\N{MINUS SIGN}15.3, \N{MINUS SIGN}10.1]*" in page
    )  # one run in an arm: users only
    assert "e1d1f5c" in page
    bare, more = re.sub("</?span[^>]*>", "", page).split("<details")
    assert "2026-11-27, DNN's" in bare or "2026-11-27, DNN&#x27;s" in bare
    rows = [re.findall("<td[^>]*>(.*?)</td>", row) for row in more.split("<tr>")[2:]]
    none, missing = "inconclusive", "not tested"
    assert [(row[7], row[9]) for row in rows] == [  # neither SASRec nor the half has runs here
        (DASH, missing),
        (DASH, "supported"),
        (none, "supported"),
        ("supported", missing),
        (none, missing),
        (DASH, missing),
    ]


def test_a_compound_claim_names_the_deciding_members_and_counts_the_unmeasured_ones(store):
    put(store, "base")
    put(store, "LE", 0.9)
    frame = decided(store)
    le, ln = frame.loc["table4-ml-sasrec-always", "member_rows"]
    assert (le["a"], le["verdict"], ln["a"], ln["measured"]) == ("LE", "supported", "LN", False)
    compound = frame.loc["table4-ml-sasrec-always"].to_dict()
    assert format_compound(compound) == "not tested"  # LN has no runs
    expected = f"supported, because of PCRec (LE) over base: {improvement(le)}; 1 of 2 not measured"
    assert format_compound(compound | {"verdict": "supported"}) == expected
    frame.at["table4-ml-sasrec-always", "verdict"] = "supported"
    # a page with the family of LN, not that of LE
    assert f"(ML-100K): {expected}." in repr(
        claim_tables.sentences(of_family(frame, "table4", ["ml-100k"]))
    )


def test_a_compound_claim_about_several_models_names_the_model_of_each_member(store):
    for model in ("sasrec", "dnn", "bpr"):
        put(store, "base", model=model)
        put(store, "LE", 0.9, model=model)
    compound = decided(store).loc["table3-ml-le"].to_dict()
    assert compound["verdict"] == "supported"
    members = [
        f"{model_name(member['model'])} PCRec (LE) over base: {improvement(member)}"
        for member in compound["member_rows"]
    ]
    assert [member.split()[0] for member in members] == ["SASRec", "DNN", "BPR"]
    assert format_compound(compound) == f"supported, because of {', '.join(members)}"


def test_claims_about_base_models_and_trivial_baselines_are_counted_apart(store):
    put(store, "base")
    put(store, "base", 0.9, model="dnn")
    frame = decided(store)
    page = claim_tables.questions(frame, "q")._repr_html_()
    header = re.findall(r'<th scope="col">([^<]*)</th>', page)[1:]
    rows = [re.findall(r">([^<>]*)</td>", row) for row in page.split("<tr>")[2:]]
    counts = {row[0]: dict(zip(header, map(int, row[1:]), strict=True)) for row in rows}
    trivial = "controls of this study: is PCRec better than ranking without a model?"
    assert counts[f"{trivial} (6 claims)"]["not tested"] == 6
    [bases] = [name for name in counts if name.startswith("RQ1: the base models against each")]
    assert counts[bases]["contradicted"] == 1
    assert f"all ({len(frame)} claims)" in counts and len(frame) == len(registry())
    assert all(name.endswith(f" ({sum(row.values())} claims)") for name, row in counts.items())
