"""Comparisons of replicates, mu, and their tables, on records made by hand."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from records_support import record_with
from stats_support import cells

from pcrec_core.analysis import comparisons, mu, paper_arms
from pcrec_core.analysis.mean_interval import mean_interval
from pcrec_core.errors import RecordError
from pcrec_core.reporting import entropy_tables, formats, html, settings_tables
from pcrec_core.reporting import tables as report
from pcrec_core.reporting.formats import DASH
from pcrec_core.reporting.html import Html
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import defaults
from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates


def record(spec, ranks, **result) -> Record:
    whole = {"ranks": " ".join(map(str, ranks)), **result}
    return record_with(spec, whole, {"commit": "c" * 40, "clean": True, "device": "cpu"})


def replicates(label: str, spec: RunSpec, *runs: list[int], **result) -> Replicates:
    specs = (dataclasses.replace(spec, seed=seed) for seed in range(len(runs)))
    records = (record(one, ranks, **result) for one, ranks in zip(specs, runs, strict=True))
    return Replicates(label, tuple(records))


SASREC, PCREC = defaults.base("ml-100k", "sasrec"), defaults.pcrec("ml-100k", "sasrec")
BASE = replicates("base", SASREC, [2, 4, 10, 1])
PAIR = replicates("LE", PCREC, [1, 4, 10, 1])
#: mu of two exchanges: (exchange, peer, layer).
MU = {"exchanges": [0, 1], "mu": [[[0.9, 0.4], [0.1, 0.6]], [[0.5, 0.2], [0.5, 0.8]]]}
EXCHANGED = replicates(
    "LE",
    defaults.pcrec("ml-100k", "bpr"),
    [1, 2],
    epochs=MU,
    chosen={"epoch": 0},
    layers=[["user", "embedding"], ["item", "embedding"]],
)


def shown(*pairs: tuple[Replicates, Replicates]) -> Html:
    return report.show_comparisons(comparisons.comparisons(pairs, ["MRR@5"]), "t", "")


def test_a_comparison_holds_ours_and_the_papers():
    [row] = comparisons.comparisons([(PAIR, BASE)], ["MRR@5"]).to_dict("records")
    ours = (1 + 1 / 4 + 0 + 1) / (1 / 2 + 1 / 4 + 0 + 1) - 1
    papers = 0.1360 / 0.1292 - 1  # Table 3, ML-20M
    assert row["relative_improvement"] == pytest.approx(ours) and row[
        "paper_relative_improvement"
    ] == pytest.approx(papers)
    assert row["delta_relative_improvement"] == pytest.approx(papers - ours)
    assert row["users_only"] and row["comparison"] == "LE over base"
    assert (row["runs_variant"], row["runs_base"]) == (1, 1)


def test_values_stand_beside_the_papers_where_it_prints_one():
    frame = comparisons.values([BASE], ["HIT@5", "NDCG@5"])
    assert frame["mean"][0] == 0.75 and frame["paper_value"][0] == 0.2049
    assert np.isnan(frame["paper_value"][1])


def test_data_the_paper_does_not_have_get_no_paper_value():
    arm = replicates("base", defaults.base("synthetic", "sasrec"), [1, 2])
    assert paper_arms.printed_value(arm, "MRR@5") is None


def test_arms_of_other_users_are_refused():
    other = replicates("base", SASREC, [1, 2, 3, 4], data={"fingerprint": "g"})
    with pytest.raises(RecordError, match="differ in data or protocol"):
        comparisons.compare(PAIR, other, "MRR@5")


def test_dominance_names_the_larger_mu_and_who_holds_it():
    frame = mu.dominance(EXCHANGED)
    assert list(frame["layer"]) == ["user", "user", "item", "item"]
    assert list(frame["epoch"]) == [0, 1, 0, 1]
    assert list(frame["max_mu"]) == [0.9, 0.5, 0.6, 0.8] and list(frame["peer"]) == [0, 0, 1, 1]


def test_a_table_sorts_by_value_escapes_text_and_carries_its_csv():
    frame = comparisons.comparisons([(PAIR, BASE)], ["MRR@5"]).assign(model="<sasrec>")
    page = report.show_comparisons(frame, "t3", report.footnote([PAIR, BASE]))._repr_html_()
    assert 'class="sortable"' in page and "&lt;sasrec&gt;" in page and "<sasrec>" not in page
    assert 'download="t3.csv"' in page and "relative_improvement%2Clow%2Chigh" in page
    assert "ML-100K 4 users" in page and "covers users only" in page


def test_values_stand_as_in_the_paper_with_the_papers_below():
    three = replicates("LE", PCREC, [1, 2, 4, 9], [2, 2, 4, 9], [1, 1, 4, 9])
    frame = comparisons.values([BASE, three], ["MRR@5", "NDCG@20"])
    page = report.show_values(frame, "t3", "")._repr_html_()
    first, its_paper, second, _ = re.findall("<tr>(.*?)</tr>", page.split("<tbody>")[1], re.DOTALL)
    assert first.startswith("<td>ML-100K</td><td>SASRec</td><td>base</td>")
    assert "]*</td>" in first and "SD" not in first
    assert its_paper.startswith("<td>ML-20M</td><td>SASRec</td><td>base, the paper</td>")
    assert its_paper.endswith(f">{DASH}</td><td>0.1292</td><td>{DASH}</td>")
    of_three = r'<td class="lines">0.4375\n\[[\d.]+,\s[\d.]+\]\nSD\s0.1250</td>'
    assert re.search(of_three, second)  # of 0.4375, 0.3125 and 0.5625


@pytest.mark.parametrize(
    ("form", "x", "text"),
    [
        (formats.percent, 0.053, "+5.3\N{NO-BREAK SPACE}%"),
        (formats.percent, -0.053, "\N{MINUS SIGN}5.3\N{NO-BREAK SPACE}%"),
        (formats.percent, None, DASH),
        (formats.share, 0.361, "36\N{NO-BREAK SPACE}%"),
        (formats.count, 12345, "12,345"),
        (formats.number(3), float("nan"), DASH),
        (formats.number(3), 0.12345, "0.123"),
    ],
)
def test_numbers_are_written_with_signs_units_and_dashes(form, x, text):
    assert form(x) == text


def test_settings_stand_beside_the_papers_table_2():
    specs = [defaults.base("retailrocket-half", "sasrec"), defaults.base("synthetic", "bpr")]
    page = settings_tables.show_settings(specs)
    sasrec, bpr = "RR-half SASRec 50 10 64 0.001 0 (–) 0.3", "synthetic BPR 20 – 256 (–) 0.001 (–)"
    assert " ".join(cells(page)).startswith(f"{sasrec} {bpr}")
    fold = page._repr_html_().partition("Show all 15 columns")[2]
    assert re.findall("<th[^>]*>([bd] [^<]*)<", fold) == ["b here", "b paper", "d here", "d paper"]
    [longer] = cells(settings_tables.show_settings([defaults.base("ml-100k", "sasrec")]))[1:2]
    assert "50 (100)" in longer  # t of the paper's Table 1


def test_leading_columns_that_repeat_head_groups_and_all_columns_are_one_fold_away():
    frame = pd.DataFrame(
        {"dataset": list("bbaa"), "model": list("xyxy"), "n": [1, 2, 3, 4], "m": [5, 6, 7, 8]}
    )
    page = html.table(frame.drop(columns="m"), {}, "t", whole=frame)._repr_html_()
    shown, _, fold = page.partition("Show all 4 columns")
    for part, columns in ((shown, 2), (fold, 3)):
        heads = re.findall(rf'<tbody><tr><th scope="rowgroup" colspan="{columns}">(.)</th>', part)
        assert heads == ["b", "a"] and part.count('scope="col"') == columns
    assert "<td>8</td>" not in shown and ">8</td>" in fold and fold.count("t.csv") == 2
    mixed = html.table(frame.iloc[[0, 2, 1, 3]], {}, "t")._repr_html_()
    assert "rowgroup" not in mixed  # a group is one run of rows


def test_a_table_that_is_too_wide_states_in_its_note_what_is_the_same_in_every_row():
    frame = pd.DataFrame({"p": [0.5, 0.25], "runs": [3, 3], "n": [7, 7]})
    frame = frame.assign(**{name: [1, 2] for name in "abcde"})
    page = html.table(frame, {"runs": formats.number(1)}, "t", "Welch.")._repr_html_()
    assert page.count('scope="col"') == 7 and "<small>Welch. In every row: runs 3.0.<" in page
    assert "p%2Cruns%2Cn%2Ca%2Cb" in page  # the CSV has every column
    assert html.table(frame.drop(columns="a"), {}, "t")._repr_html_().count('scope="col"') == 7


def test_tried_runs_show_their_epochs_and_validation():
    chosen = {"epoch": 3, "valid": {"NDCG@20": 0.08765}}
    tried = record(defaults.base("ml-100k", "dnn", epochs=7), [1, 2], chosen=chosen)
    page = settings_tables.show_tried([tried])
    assert {"7", "4", "0.0877"} <= set(cells(page))
    assert ">ML-100K · DNN · base</th>" in page._repr_html_()


def rows_of(page: Html) -> list[list[str]]:
    columns, flat = len(cells(page, "th")), cells(page)
    return [flat[i : i + columns] for i in range(0, len(flat), columns)]


def test_the_table_of_records_distinguishes_those_of_one_variant_by_their_settings():
    slow = defaults.base("ml-100k", "sasrec", seed=1, schedule="constant")
    specs = (slow, SASREC, SASREC, Derived("pruned", (slow,), 0.3))
    page = report.sources([record(spec, [1, 2]) for spec in specs])
    head = ["record", "differs in", "result", "commit", "clean", "device"]
    assert cells(page, "th") == head
    assert [[re.sub(r"-\w{12}$", "", row[0]), row[1]] for row in rows_of(page)] == [
        ["ml-100k/sasrec-base-s0", DASH],
        ["ml-100k/sasrec-base-s1", "schedule constant"],
        ["ml-100k/sasrec-pruned30-base-s1", "schedule constant"],
    ]
    # A column of dashes alone is left out.
    assert "differs in" not in cells(report.sources([record(SASREC, [1, 2])]), "th")


# --- alpha


def swept(alpha: float, ranks: list[int], model: str = "sasrec") -> Replicates:
    return replicates(f"LE@{alpha:g}", defaults.pcrec("ml-100k", model, alpha), ranks)


@pytest.mark.parametrize(
    ("arm", "alpha"), [(PAIR, 30), (swept(12.5, [1]), 12.5), (swept(0, [1]), 0)]
)
def test_alpha_is_that_of_the_cooperation_and_0_for_averaging(arm, alpha):
    assert arm.alpha == alpha


def test_a_curve_is_the_values_of_each_arm_at_its_alpha():
    curve = comparisons.curve([swept(40, [1, 2, 6, 3]), swept(0, [9, 9, 5, 9])], ["MRR@5", "HIT@5"])
    assert list(curve["alpha"]) == [40, 40, 0, 0] and list(curve.index) == [0, 1, 2, 3]
    assert list(curve["metric"]) == ["MRR@5", "HIT@5"] * 2
    means = [(1 + 1 / 2 + 0 + 1 / 3) / 4, 3 / 4, (1 / 5) / 4, 1 / 4]
    assert list(curve["mean"]) == pytest.approx(means)
    assert list(curve["variant"]) == ["LE@40", "LE@40", "LE@0", "LE@0"]
    assert all(curve["low"] < curve["mean"]) and all(curve["mean"] < curve["high"])


def test_shares_held_count_exchanges_of_layers_by_model_and_alpha():
    held = pd.DataFrame(
        [
            ("sasrec", 30.0, 0.7, 0, 4),
            ("sasrec", 30.0, 0.69, 1, 5),
            ("sasrec", 30.0, 0.9, 0, 6),
            ("sasrec", 30.0, 0.6, 0, 3),
            ("dnn", 10.0, 0.5, 0, 5),
            ("sasrec", 10.0, 1.0, 1, 5),
            ("sasrec", 10.0, 0.8, 1, 5),
        ],
        columns=["model", "alpha", "max_mu", "peer", "epoch"],
    )
    held = held.assign(chosen=5, variant="LE", **{"dataset": "ml-100k"})
    shares = mu.shares_held(held)
    assert list(shares["model"]) == ["sasrec", "dnn", "sasrec"]
    assert list(shares["alpha"]) == [30, 10, 10]
    assert list(shares["strong_share"]) == [2 / 4, 0, 1]  # 0.7 itself counts
    # Epoch 6 came after the chosen one.
    assert list(shares["strong_share_to_chosen"]) == pytest.approx([1 / 3, 0, 1])
    assert list(shares["median"]) == pytest.approx([(0.69 + 0.7) / 2, 0.5, 0.9])
    assert list(shares["held_by_peer_0"]) == [3 / 4, 1, 0]


def test_shares_held_of_a_pair_are_those_of_its_exchanges():
    [row] = mu.shares_held(mu.dominance(EXCHANGED)).to_dict("records")
    key = {"dataset": "ml-100k", "model": "bpr", "variant": "LE", "alpha": 20}
    shares = {"strong_share": 2 / 4, "strong_share_to_chosen": 1 / 2}
    assert row == key | shares | {"median": pytest.approx(0.7), "held_by_peer_0": 2 / 4}


def test_where_nothing_is_exchanged_layer_by_layer_no_mu_is_shown():
    for found in (mu.dominance(), mu.dominance(BASE)):
        assert found.empty
        shares = mu.shares_held(found)
        assert shares.empty and mu.first_mu(found).empty
        page = entropy_tables.show_shares_held(shares, "mu", "")._repr_html_()
        assert "No run here has a μ." in page
    assert mu.dominance(BASE, EXCHANGED).equals(mu.dominance(EXCHANGED))


def test_where_nothing_is_compared_a_sentence_stands_for_the_table():
    nothing = comparisons.comparisons([])
    assert nothing.columns.tolist() == comparisons.comparisons([(PAIR, BASE)]).columns.tolist()
    assert "Nothing is compared here." in report.show_comparisons(nothing, "none", "")._repr_html_()
    assert "<table" not in html.table(pd.DataFrame(columns=["a"]), {}, "none")._repr_html_()
    assert "No run here is a trial" in settings_tables.show_tried([])._repr_html_()


def test_no_interval_of_a_mean_reaches_beyond_1():
    two = replicates("base", SASREC, [1, 9, 9, 9], [1, 1, 1, 9])
    [row] = comparisons.values([two], ["HIT@5"]).to_dict("records")
    assert mean_interval(two.ranks_for("HIT@5"), "HIT@5").high > 1
    assert row["high"] == comparisons.mean_of(two, "HIT@5").high == 1


def test_the_map_of_mu_is_that_of_peer_0_whoever_holds_the_larger_one():
    held = mu.first_mu(mu.dominance(EXCHANGED))
    assert held.columns.tolist() == [20] and held.index.unique("layer").tolist() == ["user", "item"]
    assert held[20].tolist() == pytest.approx([0.9, 0.5, 0.4, 0.2])


def test_the_best_alpha_is_table_3s_and_no_other_has_a_value_of_the_paper():
    at_30, at_40 = (Replicates(label, PAIR.runs) for label in ("LE@30", "LE@40"))
    papers = [paper_arms.printed_value(arm, "MRR@5") for arm in (at_30, PAIR, at_40)]
    assert papers == [0.1360, 0.1360, None]


def test_a_baseline_has_no_value_of_the_paper():
    made = record(Trivial(Data("ml-100k"), "recency"), [1, 2, 9, 1], repeated="0000")
    [row] = comparisons.values([Replicates("recency", (made,))], ["HIT@5"]).to_dict("records")
    found = [row[name] for name in ("model", "paper_value", "mean", "users_only")]
    assert found == ["recency", None, 0.75, False]


def test_no_column_of_a_comparison_has_only_dashes():
    header = cells(shown((Replicates("LE@40", PAIR.runs), BASE)), "th")
    assert header == ["data set", "comparison", "metric", "RI [95 %]", "p", "MDE"]
    whole = cells(shown((PAIR, BASE)), "th")
    assert whole[3:5] == ["RI [95 %]", "RI of the paper"]


def test_an_interval_stands_on_one_line_with_its_unit_once():
    form = formats.with_interval(formats.percent, -0.006, -0.041, 0.029, users_only=True)
    assert re.sub(r"\s", " ", form) == "\N{MINUS SIGN}0.6 % [\N{MINUS SIGN}4.1, +2.9]*"
    assert " " not in form
