"""The paper's numbers, typed again from its tables, and the claims recomputed from them."""

from __future__ import annotations

import hashlib
import math

import pytest

from pcrec_core import paths
from pcrec_core.analysis import paper
from pcrec_core.analysis.effect_ratio import effect_ratio
from pcrec_core.datasets import SOURCES

#: The claims were committed before the first record, those of Amendment 1 before the first run of
#: theirs. A change after that belongs on the page `deviations`.
CLAIMS_SHA256 = "e670cc805394f4e8fd5f3c0e4b4c112f273079ea5158dcd868740ca5ac910396"
AMENDED_SHA256 = "d52298f3001b07ccaf79ac287d20d8dba56b2315ce5495060071357916f3ca2e"
ALL_CLAIMS = paper.claims()
CLAIMS = ALL_CLAIMS[~ALL_CLAIMS.amendment].drop(columns="amendment")
TESTED = ("better", "at least", "no better")
COMPOUND = ("all", "best")
LN101 = math.log(1.01)
#: The numbers of claims.csv have 6 decimals.
ROUNDED = 5.1e-7


# --- the tables


@pytest.mark.parametrize(
    ("number", "rows"), [(1, 3), (2, 3 * 3), (3, 3 * 6 * 4), (4, 2 * 12 * 2), (5, 2 * 8 * 2)]
)
def test_every_cell_of_a_table_is_one_row(number, rows):
    table = paper.table(number)
    keys = [name for name in ("dataset", "model", "variant", "metric") if name in table.columns]
    assert len(table) == rows and not table.duplicated(keys).any()


def test_data_sets_of_table_1():
    found = paper.table(1).set_index("dataset").loc["ML-20M"]
    assert found.to_dict() == {"users": 138_000, "items": 18_000, "actions": 20_000_000, "t": 100}
    lengths = paper.table(1).set_index("dataset")["t"].to_dict()
    assert lengths == {"Retailrocket": 10, "QQBrowser": 50, "ML-20M": 100}


def test_hyper_parameters_of_table_2_with_a_dash_as_a_gap():
    table = paper.table(2).set_index(["dataset", "model"]).fillna("-")
    columns, sasrec, dnn = ["b", "d", "eta", "l2", "p"], "128 64 1e-3 - 0.3", "128 256 1e-4 1e-6 -"
    for key, row in ((("Retailrocket", "SASRec"), sasrec), (("ML-20M", "DNN"), dnn)):
        assert " ".join(map(str, table.loc[key, columns])) == row
    assert table.loc[("QQBrowser", "BPR"), "b"] == 2048
    assert table.loc[("ML-20M", "BPR"), "l2"] == "0"


#: MRR@5 on Retailrocket and ML-20M, by hand from Tables 3, 4 and 5.
MRR5 = """
bpr     base 0.0599 0.0250   LE 0.0650 0.0274
dnn     base 0.1648 0.0334   LE 0.1706 0.0364   LN 0.1686 0.0355   W  0.1665 0.0351
dnn     N    0.1639 0.0325   M2 0.1693 0.0355   SD 0.1663 0.0338   DS 0.1681 0.0352
sasrec  base 0.2022 0.1292   LE 0.2091 0.1360   LN 0.2078 0.1343   W  0.2071 0.1338
sasrec  N    0.1994 0.1283   M2 0.2076 0.1357   SD 0.2059 0.1317   DS 0.2071 0.1341
"""
CELLS = [
    (dataset, model, cells[i], float(cells[i + column]))
    for model, *cells in (line.split() for line in MRR5.strip().splitlines())
    for i in range(0, len(cells), 3)
    for column, dataset in ((1, "Retailrocket"), (2, "ML-20M"))
]


@pytest.mark.parametrize(("dataset", "model", "variant", "printed"), CELLS)
def test_printed_values_of_mrr_at_5_which_decides(dataset, model, variant, printed):
    assert paper.value(dataset, model, variant, "MRR@5") == printed


#: Single values of the other metrics and of QQBrowser.
OTHERS = """
QQBrowser    bpr    LE   HIT@20 0.1041
QQBrowser    dnn    base MRR@20 0.0165
QQBrowser    sasrec LE   MRR@5  0.0195
Retailrocket dnn    LE   HIT@20 0.2900
ML-20M       sasrec LE   HIT@20 0.3710
ML-20M       bpr    base HIT@5  0.0483
Retailrocket sasrec N    HIT@5  0.3147
ML-20M       dnn    M2   HIT@5  0.0661
ML-20M       dnn    SD   HIT@5  0.0628
Retailrocket sasrec DS   HIT@5  0.3218
"""


@pytest.mark.parametrize("line", OTHERS.strip().splitlines())
def test_other_printed_values(line):
    *key, printed = line.split()
    assert paper.value(*key) == float(printed)


@pytest.mark.parametrize("number", [4, 5])
def test_numbers_that_two_tables_print_are_equal(number):
    """The base, and PCRec as Table 3 has it (LE of Table 4, DD of Table 5)."""
    keys = ["dataset", "model", "variant", "metric"]
    both = paper.table(3).merge(paper.table(number), on=keys)
    assert len(both) == 2 * 2 * 2 * 2 and (both.value_x == both.value_y).all()
    assert set(both.variant) == {"base", "LE"}


def test_a_hit_is_worth_at_most_1_and_more_at_20():
    index = ["dataset", "model", "variant"]
    wide = paper.table(3).pivot(index=index, columns="metric", values="value")
    assert (wide["MRR@5"] < wide["HIT@5"]).all() and (wide["MRR@20"] < wide["HIT@20"]).all()
    assert (wide["MRR@5"] < wide["MRR@20"]).all() and (wide["HIT@5"] < wide["HIT@20"]).all()


def test_a_value_that_is_not_printed_is_none():
    assert paper.value("ML-20M", "sasrec", "LE", "NDCG@20") is None
    assert paper.value("QQBrowser", "sasrec", "LN", "MRR@5") is None
    assert paper.improvement(paper.value("ML-20M", "bpr", "SD", "MRR@5"), 0.0125) is None


@pytest.mark.parametrize(
    ("dataset", "model", "metric", "percent"),
    [
        ("Retailrocket", "sasrec", "MRR@5", 3.4),
        ("Retailrocket", "dnn", "MRR@5", 3.5),
        ("Retailrocket", "bpr", "MRR@5", 8.5),
        ("ML-20M", "sasrec", "MRR@5", 5.3),
        ("ML-20M", "dnn", "MRR@5", 9.0),
        ("ML-20M", "bpr", "MRR@5", 9.6),
        ("QQBrowser", "bpr", "HIT@5", 11.4),
    ],
)
def test_relative_improvements_are_those_that_the_text_names(dataset, model, metric, percent):
    """Section 5.1 names about 5, 8 to 10, and 11 %."""
    over, base = (paper.value(dataset, model, variant, metric) for variant in ("LE", "base"))
    assert 100 * paper.improvement(over, base) == pytest.approx(percent, abs=0.05)


def test_where_the_text_and_the_tables_differ_the_page_has_the_tables():
    page = (paths.ROOT / "notebooks" / "deviations.ipynb").read_text(encoding="utf-8")
    gains = [
        ("Retailrocket", "bpr", "LE", "bpr", "MRR@5", "+8.5 %"),
        ("ML-20M", "bpr", "LE", "bpr", "MRR@5", "+9.6 %"),
        ("Retailrocket", "sasrec", "base", "dnn", "MRR@5", "22.7 %"),
        ("Retailrocket", "sasrec", "base", "dnn", "HIT@5", "51.8 %"),
    ]
    for dataset, model, variant, other, metric, shown in gains:
        printed = (
            paper.value(dataset, model, variant, metric),
            paper.value(dataset, other, "base", metric),
        )
        assert f"{100 * paper.improvement(*printed):.1f} %" == shown.removeprefix("+")
        assert shown in page
    assert paper.value("ML-20M", "dnn", "SD", "HIT@5") == 0.0628 and "(0.0628)" in page


def test_unknown_names_are_refused():
    with pytest.raises(paper.PaperError, match=r"'ML20M'; did you mean 'ML-20M'\?"):
        paper.value("ML20M", "sasrec", "LE", "MRR@5")
    with pytest.raises(paper.PaperError, match="Tables 1 to 5, not 6"):
        paper.table(6)


# --- the registry of claims


def test_the_claims_are_those_fixed_before_the_evidence():
    lines = (paths.paper() / "claims.csv").read_bytes().splitlines(keepends=True)
    original, whole = (hashlib.sha256(b"".join(part)).hexdigest() for part in (lines[:217], lines))
    assert original == CLAIMS_SHA256, "fixed before the evidence; a change belongs on deviations"
    assert whole == AMENDED_SHA256, "the claims of Amendment 1 were fixed before their first run"
    assert (len(CLAIMS), len(ALL_CLAIMS)) == (216, 248)


COLUMNS = (
    "family dataset paper_dataset model a b kind metric ri_paper e theta members where sentence rq"
)


def test_controls_are_where_the_study_describes_them():
    """The pinned file names a document in 48 rows; the registry has the study's controls."""
    named = ALL_CLAIMS[ALL_CLAIMS["where"] == "the study's controls"]
    assert len(named) == 48 and named.family.str.startswith("controls/").all()
    assert not ALL_CLAIMS["where"].str.contains(".md", regex=False).any()


def test_columns_ids_and_kinds_are_legal():
    assert list(CLAIMS.columns) == COLUMNS.split()
    assert CLAIMS.index.is_unique and CLAIMS.sentence.str.len().between(20, 120).all()
    assert (CLAIMS["where"] != "").all()
    assert set(CLAIMS.kind) == {*TESTED, *COMPOUND, "run-level", "described"}
    assert set(CLAIMS.rq) == {"", "RQ1", "RQ2", "RQ3", "RQ4", "RQ5"}
    assert set(CLAIMS[CLAIMS.kind.isin(TESTED + COMPOUND)].metric) == {"MRR@5"}
    names = {"sasrec", "dnn", "bpr"}
    assert all(set(model.split()) <= names for model in CLAIMS.model if model != "all")


def test_a_family_is_an_artifact_on_one_of_our_data_sets():
    artifact = CLAIMS.family.str.split("/", expand=True)
    names = "fig1 table3 table4 table5 fig4 fig5 fig6 criterion cost controls"
    assert set(artifact[0]) == set(names.split())
    assert (artifact[1] == CLAIMS.dataset).all()
    pairs = {("ml-100k", "ML-20M"), ("retailrocket-half", "Retailrocket")}
    assert set(zip(CLAIMS.dataset, CLAIMS.paper_dataset, strict=True)) == pairs
    short = CLAIMS.dataset.map({"ml-100k": "ml", "retailrocket-half": "rr"})
    prefixes = artifact[0] + "-" + short + "-"
    assert all(map(str.startswith, CLAIMS.index, prefixes))
    assert (CLAIMS.paper_dataset == CLAIMS.dataset.map(paper.COUNTERPART)).all()


def test_every_retailrocket_is_confronted_with_the_papers_and_the_amazon_sets_with_none():
    by_counterpart: dict[str | None, set[str]] = {}
    for name in SOURCES:
        by_counterpart.setdefault(paper.COUNTERPART.get(name), set()).add(name)
    parts = {f"retailrocket{part}" for part in ("", "-half", "-first-half", "-events")}
    assert by_counterpart["Retailrocket"] == parts
    assert by_counterpart[None] == {"beauty", "video-games", "csv", "synthetic"}


def test_both_data_sets_carry_the_same_claims_but_for_those_of_one():
    ml, rr = (
        {i.replace(f"-{s}-", "-") for i in CLAIMS.index if f"-{s}-" in i} for s in ("ml", "rr")
    )
    assert rr < ml
    assert {i.split("-")[0] for i in ml - rr} == {"fig1", "fig6", "criterion", "cost", "fig5"}
    assert [i for i in ml - rr if i.startswith("fig5")] == ["fig5-sasrec-e-le"]


#: a and b of a tested claim: the variants of the README, "model:base" where models differ.
VARIANTS = """
base LE LN W N M2 M3 SD DS E M S LE@10 LE@20 LE@30 LE@40 LE@50 LE@random shuffled pruned10
pruned30-tuned half sasrec:base dnn:base bpr:base
"""
#: Controls 1, 2 and 5, which DNN has too (protocols-controls), with the arms of all.
OF_BOTH = "base LE avg apart-best apart-ensemble base-constant LE-constant"
CONTROLS = f"""
{OF_BOTH} permuted random base-2x-epochs base-batch-256 ema swa LE-k2 LE-k5 LE-once base-half-eta
LE-same-start popularity transitions recency
"""


def test_tested_claims_name_known_variants_and_each_once():
    tested = CLAIMS[CLAIMS.kind.isin(TESTED)]
    controls = tested.family.str.startswith("controls/")
    assert set(tested[~controls].a) | set(tested[~controls].b) == set(VARIANTS.split())
    assert set(tested[controls].a) | set(tested[controls].b) == set(CONTROLS.split())
    # A claim belongs to its first artifact.
    assert not tested.duplicated(["dataset", "model", "a", "b", "kind"]).any()
    assert (tested.a != tested.b).all()


def test_members_are_tested_claims_of_the_same_data_set():
    compound = CLAIMS[CLAIMS.kind.isin(COMPOUND)]
    assert (CLAIMS.members != "").equals(CLAIMS.kind.isin(COMPOUND))
    for claim in compound.itertuples():
        members = CLAIMS.loc[claim.members.split()]
        assert len(members) >= 2 and members.index.is_unique
        assert set(members.kind) == {"better"} and set(members.dataset) == {claim.dataset}
        assert claim.model == "all" or set(members.model) == {claim.model}
        if claim.kind == "best":
            assert members.b.is_unique and len(set(members.a)) == 1


def test_the_best_alpha_is_that_of_table_3_and_beats_each_other_one():
    for dataset in ("ml", "rr"):
        for model, best in (("sasrec", 30), ("dnn", 40)):
            members = CLAIMS.loc[CLAIMS.loc[f"fig4-{dataset}-{model}-best", "members"].split()]
            assert set(members.a) == {f"LE@{best}"}
            others = {10, 20, 30, 40, 50} - {best}
            assert set(members.b) == {f"LE@{alpha}" for alpha in others}


# --- numbers of the claims, recomputed


def printed(claim, variant: str) -> float | None:
    model, name = variant.split(":") if ":" in variant else (claim.model, variant)
    return paper.value(claim.paper_dataset, model, name, "MRR@5")


def gain(claim) -> float:
    """Compute the paper's log gain of LE over the base."""
    return math.log(printed(claim, "LE") / printed(claim, "base"))


def expected(claim) -> tuple[float | None, float, float]:
    """Recompute ri_paper, e and theta (statistics-paper, statistics-verdicts)."""
    if claim.family.startswith("controls/"):
        return None, gain(claim) / 2, gain(claim) / 2
    a, b = printed(claim, claim.a), printed(claim, claim.b)
    ri = None if a is None or b is None else a / b - 1
    e = LN101 if ri is None else math.log1p(ri)
    if claim.kind == "better":
        return ri, e, e / 2
    against_pcrec = claim.kind == "at least" and claim.family.startswith(("table4/", "fig5/"))
    return ri, e, gain(claim) / 2 if against_pcrec else LN101


@pytest.mark.parametrize(
    "claim", list(CLAIMS[CLAIMS.kind.isin(TESTED)].itertuples()), ids=lambda claim: claim.Index
)
def test_ri_e_and_theta_follow_from_the_printed_values(claim):
    ri, e, theta = expected(claim)
    found = claim.ri_paper, claim.e, claim.theta
    numbers = math.nan if ri is None else ri, e, theta
    assert found == pytest.approx(numbers, rel=0, abs=ROUNDED, nan_ok=True)
    assert e > 0 and theta > 0  # the claimed winner is a


def test_a_worked_row_by_hand():
    """ln(0.1360 / 0.1292) = 0.051293, and half of it, which is the whole of a control."""
    row = CLAIMS.loc["table3-ml-sasrec-le"]
    assert (row.ri_paper, row.e, row.theta) == (0.052632, 0.051293, 0.025647)
    control = CLAIMS.loc["controls-ml-sasrec-avg"]
    assert (control.a, control.b, control.e, control.theta) == ("LE", "avg", 0.025647, 0.025647)
    noise = CLAIMS.loc["table4-rr-dnn-n"]
    assert (noise.a, noise.b, noise.ri_paper) == ("base", "N", 0.005491)  # 0.1648 / 0.1639


def test_claims_without_a_test_have_no_size():
    rest = CLAIMS[~CLAIMS.kind.isin(TESTED)]
    assert rest[["ri_paper", "e", "theta"]].isna().all(axis=None)
    assert CLAIMS[CLAIMS.kind.isin(TESTED)][["e", "theta"]].notna().all(axis=None)


def test_a_claim_of_a_figure_is_large_enough_for_an_effect_ratio():
    assert effect_ratio(0.02, CLAIMS.loc["fig5-ml-sasrec-e", "e"]) == pytest.approx(2.01, abs=0.001)
    assert effect_ratio(0.02, CLAIMS.loc["table4-rr-sasrec-ln-w", "e"]) is None


def test_the_sceptics_controls_are_there_for_both_models():
    """SASRec has all of them, DNN 1, 2 and 5 only (protocols-controls)."""
    controls = CLAIMS[CLAIMS.family == "controls/ml-100k"]
    against = {model: set(pair.a) | set(pair.b) for model, pair in controls.groupby("model")}
    assert against == {"sasrec": set(CONTROLS.split()), "dnn": set(OF_BOTH.split())}


def test_the_readme_names_every_kind_of_claim_and_every_file():
    text = (paths.paper() / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in paths.paper().iterdir() if path.suffix == ".csv"}
    assert all(f"`{name}`" in text for name in {*files, *ALL_CLAIMS.kind, *CLAIMS.columns})
