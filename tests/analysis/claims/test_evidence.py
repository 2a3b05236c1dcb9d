"""Claims decided from records: which runs stand on which side, and what is missing."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest
from scipy.stats import ttest_rel
from stats_support import plain

from pcrec_core.analysis import paper
from pcrec_core.analysis.claims import run_level
from pcrec_core.analysis.claims.evidence import decided, gather, of_family
from pcrec_core.analysis.claims.measurement import Evidence
from pcrec_core.analysis.claims.planned_records import reader
from pcrec_core.reporting import claims as shown
from pcrec_core.reporting import glue
from pcrec_core.reporting.claim_formats import format_compound
from pcrec_core.reporting.described import described
from pcrec_core.reporting.formats import improvement
from pcrec_core.specs.derived import Trivial
from pcrec_core.specs.run import Data
from pcrec_core.study import plans
from pcrec_core.study.records import Store, run_record
from pcrec_core.study.variants import variant

USERS = 400


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def put(
    store: Store,
    label: str,
    better: float = 0.0,
    seeds: tuple[int, ...] = (),
    model: str = "sasrec",
    dataset: str = "ml-100k",
) -> None:
    """Records with ranks around 6, lower by a share ``better``, alike in all arms but for a little noise by run."""
    users = np.random.default_rng(0).integers(1, 12, USERS)
    for seed in seeds or plans.seeds(label, model, dataset):
        spec = variant(label, dataset, model, seed)
        draw = np.random.default_rng(zlib.crc32(f"{label}{seed}".encode()))
        moved = np.where(draw.random(USERS) < better, np.maximum(users - 1, 1), users)
        ranks = np.where(draw.random(USERS) < 0.05, moved + 1, moved)
        result = {
            "data": {"fingerprint": dataset, "users": USERS, "items": 50},
            "ranks": " ".join(map(str, ranks)),
            "repeated": "0" * USERS,
            "epochs": {"exchanges": [0], "mu": [[[0.8], [0.2]]]},
            "chosen": {"epoch": 0},
            "layers": [["item", "embedding"]],
        }
        store.put(run_record(spec, result, {}))


def one(store: Store, name: str) -> Evidence:
    return gather(reader(store), "MRR@5")[name]


def test_without_records_no_claim_is_tested_and_all_are_there(store):
    frame = decided(store)
    assert len(frame) == len(paper.claims()) and frame["RI"].isna().all()
    assert set(frame["word"]) == {"not tested", ""}
    assert set(frame.loc[frame["word"] == "", "kind"]) == {"run-level", "described"}
    assert (
        shown.sentences(of_family(frame, "table3", ["ml-100k"]))._repr_html_().count("<li>") == 2
    )  # one compound, six missing
    assert "No claim of the paper" in repr(
        shown.sentences(of_family(frame, "table3", ["synthetic"]))
    )


def test_a_clear_difference_of_three_runs_is_supported(store):
    put(store, "base")
    put(store, "LE", 0.9)
    frame = decided(store)
    row = frame.loc["table3-ml-sasrec-le"]
    assert (
        row["word"] == "supported"
        and row["RI"] > 0.2
        and row["runs"] == "3, 3"
        and row["reason"] == ""
    )
    assert row["Holm p"] < 0.05 and row["NDCG@20"] == "(supported)"
    said = shown.sentences(of_family(frame, "table3", ["ml-100k"]))
    text = plain(repr(said))
    assert "PCRec with two SASRec is more accurate than one SASRec (ml-100k): supported" in text
    assert (
        "; 400 users; runs 3, 3); the paper +5.3 %." in text and "%, +" in text
    )  # no word without interval, users and runs
    stands_open, folded = said._repr_html_().split(
        "<details><summary>Claims that are inconclusive or not tested: 1<"
    )
    assert ": supported: larger. LE over base" in stands_open and "runs so far: 5" in stands_open
    assert (
        folded.count("<li>") == 1
        and "PCRec is more accurate than its base for every model" in folded
    )
    said = glue.glue_claims(frame)
    assert (
        said["table3-ml-sasrec-le-word"] == "supported"
        and f"{100 * row['RI']:+.1f}" in said["table3-ml-sasrec-le-RI"]
    )
    assert (
        "table3-claims.csv"
        in shown.claims(of_family(frame, "table3", ["ml-100k"]), "table3-claims")._repr_html_()
    )


def test_what_explains_a_gain_stands_beside_it_and_what_is_decided_has_a_headline(store):
    put(store, "base")
    put(store, "LE", 0.9)
    put(store, "avg", 0.9)
    frame = decided(store)
    page = shown.explanations(frame, "verdict-controls")
    text = plain(page._repr_html_())
    assert (
        "<td>sasrec</td><td>PCRec over averaging</td>" in text
        and ">supported: +" in text
        and "ML-20M +5.3 %" in text
    )
    assert "PCRec over recency" not in text  # no run of it
    assert (
        repr(page) == "verdict-controls: 2 rows" and ">retailrocket-half</th>" not in text
    )  # it has no runs yet
    lines = shown.headlines(frame, "verdict-headlines")
    text = lines._repr_html_()
    assert (
        repr(lines) == "verdict-headlines: 1 rows"
        and "PCRec with two SASRec is more accurate" in text
    )
    assert (
        ", runs 3, 3</td>" in text and "Users: ml-100k 400; * users only" in text
    )  # no word without what it rests on


def test_a_run_that_is_planned_and_missing_leaves_no_word(store):
    put(store, "base")
    put(store, "LE", 0.9, seeds=(0, 1))
    found = one(store, "table3-ml-sasrec-le")
    assert found.missing == 1 and found.found.runs_v == 2
    assert decided(store).loc["table3-ml-sasrec-le", "reason"].startswith("a run is missing")
    assert one(store, "table3-ml-dnn-le") == Evidence(None, missing=6)


def test_arms_that_share_a_training_are_cut_to_their_common_seeds_and_paired(store):
    put(store, "base")
    put(store, "M2", 0.5)
    put(store, "M3", 0.5)
    m2, m3 = one(store, "table4-ml-sasrec-m2"), one(store, "table4-ml-sasrec-m3")
    assert plans.seeds("M2", "sasrec", "ml-100k") == (0,) and plans.seeds(
        "base", "sasrec", "ml-100k"
    ) == (0, 1, 2)
    assert (m2.found.runs_v, m2.found.runs_b, m2.found.paired, m2.missing) == (1, 1, True, 0)
    assert m3.found.paired
    put(store, "LE", 0.5)
    le = one(store, "table4-ml-sasrec-le-m2")
    assert (le.found.runs_v, le.found.runs_b, le.found.paired) == (3, 1, False)


def test_arms_that_share_a_training_wait_for_a_missing_run_and_stop_nothing(store):
    for seed in range(3):
        put(store, "base", seeds=(seed,), dataset="retailrocket-half")
    put(store, "M2", 0.5, seeds=(0, 2), dataset="retailrocket-half")
    found = one(store, "table4-rr-sasrec-m2")
    assert (found.missing, found.found.runs_v, found.found.runs_b, found.found.paired) == (
        1,
        2,
        2,
        True,
    )
    assert decided(store).loc["table4-rr-sasrec-m2", "reason"].startswith("a run is missing")


def test_a_random_alpha_is_the_mean_over_the_others_seed_by_seed(store):
    put(store, "LE@30", 0.9)
    for alpha in (10, 20, 40):
        put(store, f"LE@{alpha}", alpha / 100)
    assert one(store, "fig4-ml-sasrec-proper").found is None  # one alpha is missing
    put(store, "LE@50", 0.5)
    found = one(store, "fig4-ml-sasrec-proper").found
    means = [
        gather(reader(store), "MRR@5")[f"fig4-ml-sasrec-a30-a{alpha}"].found.mean_b
        for alpha in (10, 20, 40, 50)
    ]
    assert found.mean_b == pytest.approx(np.mean(means)) and (found.runs_v, found.runs_b) == (3, 1)


def test_models_beside_each_other_and_a_baseline_without_seeds(store):
    put(store, "base")
    put(store, "base", model="dnn")
    put(store, "LE", 0.5)
    ranks = " ".join(["9"] * (USERS - 60) + ["1"] * 60)
    spec = Trivial(Data("ml-100k"), "popularity")
    store.put(
        run_record(
            spec,
            {
                "data": {"fingerprint": "ml-100k", "users": USERS},
                "ranks": ranks,
                "repeated": "0" * USERS,
            },
            {},
        )
    )
    found = one(store, "table3-ml-sasrec-dnn").found
    assert (found.runs_v, found.runs_b) == (3, 3)
    popularity = one(store, "controls-ml-sasrec-popularity").found
    assert (popularity.runs_v, popularity.runs_b, popularity.reason) == (3, 1, "")


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
    store.put(
        run_record(
            variant(f"probed-{label}", "ml-100k", "sasrec", seed),
            {"probed": {"tensors": tensors}},
            {},
        )
    )


def exchange(store: Store, seed: int, peers: list[list[float]]) -> None:
    """A run of PCRec whose second exchange is reported: H of both peers' layers just before it."""
    epochs = {"exchanges": [0, 1], "h": [[[9.0] * 4] * 2, peers], "mu": [[[0.5] * 4] * 2] * 2}
    layers = [[name, "middle"] for name in NAMES]
    store.put(
        run_record(
            variant("LE", "ml-100k", "sasrec", seed),
            {"epochs": epochs, "chosen": {"epoch": 1}, "layers": layers},
            {},
        )
    )


def test_claims_about_runs_are_tested_over_runs(store):
    whole = [2.0, 2, 2, 2]
    for seed, (base, pair) in enumerate(
        [([0.1, 0.2, 2, 2], [0.1, 2, 2, 2]), ([0.1, 2, 2, 2], whole), ([0.1] * 4, whole)]
    ):
        probe(store, "base", seed, base)
        probe(store, "LE", seed, pair)
        exchange(
            store, seed, [[1.9, 1.0, 1.0, 1.9 + seed / 200], [1.9, 1.5, 1.5, 1.9]]
        )  # the first and the last are equal
    found = {name: given.found for name, given in run_level.tested(reader(store)).items()}
    half = found["fig6-ml-half"]
    assert (half.mean_v, half.mean_b) == (
        pytest.approx((0.25 + 0 + 0) / 3),
        pytest.approx((0.5 + 0.25 + 1) / 3),
    )
    merged = found["criterion-ml-averaging"]
    assert merged.mean_b == pytest.approx(
        np.mean([1.9, 1.90125, 1.9025])
    ) and merged.mean_v == pytest.approx(np.mean([(0.1 + 2) / 2, 2, 2]))
    paired = ttest_rel([1.05, 2, 2], [1.9, 1.90125, 1.9025]).confidence_interval()
    assert described(run_level.described(reader(store))["criterion-ml-averaging"]) == (
        f"run by run, as the merged layers are made of the peers' own, -0.2179 [{paired.low:+.4f}, {paired.high:+.4f}];"
        " of layers whose peers' entropies differ by at most 0.02 nats"
    )
    text = repr(shown.sentences(of_family(decided(store), "fig6", ["ml-100k"])))
    assert (
        "LE 0.083, base 0.583, difference -0.500 [" in text
        and "Welch's test over runs, p " in text
        and "runs 3, 3)" in text
    )
    assert "Claims without runs" not in text


def test_always_is_decided_where_it_holds_least(store):
    """PCRec has fewer invalid layers below 1, and more between 1 and 2 where one run of the base has them all valid."""
    pairs = [
        ([0.5, 0.5, 0.5, 2.1], [1.5, 1.5, 1.5, 2.1]),
        ([0.5, 2.1, 2.1, 2.1], [1.5, 1.5, 1.5, 2.1]),
    ]
    for seed, (base, pair) in enumerate(pairs):
        probe(store, "base", seed, base)
        probe(store, "LE", seed, pair)
    found = run_level.tested(reader(store))["fig6-ml-always"].found
    assert (found.mean_v, found.mean_b) == (0.75, 0.5)
    text = described(run_level.described(reader(store))["fig6-ml-always"])
    assert text.startswith(
        "smaller at 43, larger at 26 of the 69 thresholds where runs differ; compared at 1.51"
    )


def test_runs_that_do_not_differ_are_described_without_a_test(store):
    for seed in range(3):
        probe(store, "base", seed, [0.1, 0.2, 2, 2])
        probe(store, "LE", seed, [0.1, 2, 2, 2])
    assert "fig6-ml-half" not in run_level.tested(reader(store))
    text = repr(shown.sentences(of_family(decided(store), "fig6", ["ml-100k"])))
    assert "LE 0.250, base 0.500 in every run, so no test can be made (runs 3, 3)." in text


def test_a_missing_probe_shifts_no_other(store):
    for seed in range(3):
        exchange(store, seed, [[1.0 + seed] * 4] * 2)
        if seed > 0:
            probe(store, "LE", seed, [2.0 + seed / 10] * 4)
    found = run_level.tested(reader(store))["criterion-ml-averaging"]
    assert (found.found.mean_v, found.found.mean_b, found.missing) == (pytest.approx(2.15), 2.5, 1)


def test_equal_changes_in_all_runs_allow_no_paired_test(store):
    for seed in range(2):
        exchange(store, seed, [[1.0 + seed] * 4] * 2)
        probe(store, "LE", seed, [1.5 + seed] * 4)
    assert described(run_level.described(reader(store))["criterion-ml-averaging"]).startswith(
        "of layers whose peers'"
    )


def test_claims_about_runs_wait_for_two_of_them(store):
    probe(store, "base", 0, [1.0] * 4)
    probe(store, "LE", 0, [1.0] * 4)
    assert run_level.tested(reader(store)) == {}


def test_what_gets_no_word_is_described_or_named_as_unmeasured(store):
    frame = decided(store)
    cost = frame[frame["family"].str.startswith("cost/")]
    assert len(cost) == 3 and cost["measured"].all()  # from the committed measurements
    text = repr(shown.sentences(of_family(frame, "cost", ["ml-100k"])))
    assert (
        "Trained in series PCRec takes the time of two models and the memory of one (ml-100k): SASRec's pair trains in"
        in text
    )
    assert (
        not frame.loc["fig4-ml-sasrec-mu", "measured"]
        and "RQ5" in shown.questions(frame, "q")._repr_html_()
    )
    for alpha in (30, 40):
        spec = variant(f"LE@{alpha}", "ml-100k", "sasrec")
        epochs = {"exchanges": [0], "mu": [[[0.9, 0.4], [0.1, 0.6]]]}
        layers = [["item", "embedding"], ["a", "middle"]]
        store.put(
            run_record(spec, {"epochs": epochs, "chosen": {"epoch": 0}, "layers": layers}, {})
        )
    text = plain(described(run_level.described(reader(store))["fig4-ml-sasrec-mu"]))
    assert (
        text.count(
            "the larger mu of a layer is 0.7 or more in 50 % of all layers and exchanges, its median 0.75"
        )
        == 2
    )
    assert text.startswith("at alpha 30 ") and "peer 0 holds it in 50 %" in text


def test_what_was_changed_after_evidence_existed_stands_beside_what_is_now(store):
    put(store, "base", model="dnn")
    put(store, "LE", 0.9, model="dnn")
    frame = decided(store)
    page = plain(shown.changes(frame, "changes")._repr_html_())
    now = plain(improvement(frame.loc["table3-ml-dnn-le"]))
    assert (
        "+25.2 % [-8.1 %, +70.5 %]" in page
        and page.count(now) == 2
        and now.startswith("+")
        and "e1d1f5c" in page
    )
    rows = [re.findall("<td[^>]*>(.*?)</td>", row) for row in page.split("<tr>")[2:]]
    none, missing = "inconclusive", "not tested (a run is missing)"
    assert [(row[7], row[9]) for row in rows] == [  # SASRec has no runs here, nor has the half
        ("–", missing),
        ("–", "supported: larger"),
        (none, "supported: larger"),
        ("supported", missing),
        (none, missing),
        ("–", missing),
    ]
    assert "-12.7 % [-15.3 %, -10.1 %]*" in page  # one run in an arm: users only


def test_a_joined_claim_says_which_member_decides_it_and_what_is_not_measured(store):
    put(store, "base")
    put(store, "LE", 0.9)
    frame = decided(store)
    member = frame.loc["table3-ml-sasrec-le"].to_dict()
    assert member["word"] == "supported"
    one, other = frame.loc["table4-ml-sasrec-always", "rows of members"]
    assert (one["a"], other["a"], other["measured"]) == ("LE", "LN", False)
    joined = frame.loc["table4-ml-sasrec-always"].to_dict()
    assert format_compound(joined) == "not tested"  # LN has no runs
    joined["word"] = "supported"
    assert (
        format_compound(joined)
        == f"supported; by LE over base: {improvement(member)}; 1 of 2 not measured"
    )
    frame.at["table4-ml-sasrec-always", "word"] = "supported"
    text = repr(
        shown.sentences(of_family(frame, "table4", ["ml-100k"]))
    )  # a page with LN's family, not LE's
    assert f"(ml-100k): supported; by LE over base: {improvement(member)}; 1 of 2" in text


def test_a_claim_that_joins_several_models_names_the_model_of_each_member(store):
    for model in ("sasrec", "dnn", "bpr"):
        put(store, "base", model=model)
        put(store, "LE", 0.9, model=model)
    joined = decided(store).loc["table3-ml-le"].to_dict()
    sasrec, dnn, bpr = (improvement(member) for member in joined["rows of members"])
    assert joined["word"] == "supported"
    members = f"sasrec LE over base: {sasrec}, dnn LE over base: {dnn}, bpr LE over base: {bpr}"
    assert format_compound(joined) == f"supported; by {members}"


def test_claims_about_base_models_and_trivial_baselines_are_counted_apart(store):
    put(store, "base")
    put(store, "base", 0.9, model="dnn")
    page = shown.questions(decided(store), "q")._repr_html_()
    rows = {text.split("</td>")[0]: text for text in page.split("<tr><td")[1:]}
    counts = {name.split(">")[1]: row.split("</td>")[1] for name, row in rows.items()}
    assert counts["RQ1: is PCRec better than its base?"].endswith(
        "3 not tested"
    )  # the joined one is not counted
    assert "contradicted" in counts["RQ1: the base models beside each other"]
    assert counts["controls of this study: is PCRec better than ranking without a model?"].endswith(
        "3 not tested"
    )
