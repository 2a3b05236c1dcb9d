"""Arms and their tables, on records made by hand."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from pcrec_core.analysis import comparisons, crossed_t, mu
from pcrec_core.errors import RecordError
from pcrec_core.reporting import entropy_tables, formats, glue, html, settings_tables
from pcrec_core.reporting import tables as report
from pcrec_core.specs.derived import Derived, Trivial
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.study import defaults
from pcrec_core.study.records import Record, run_record
from pcrec_core.study.replicates import Replicates


def record(spec, ranks, **result) -> Record:
    whole = {
        "data": {"fingerprint": "f", "users": len(ranks), "items": 9},
        "ranks": " ".join(map(str, ranks)),
        **result,
    }
    return run_record(spec, whole, {"commit": "c" * 40, "clean": True, "device": "cpu"})


BASE = Replicates("base", (record(defaults.base("ml-100k", "sasrec"), [2, 4, 10, 1]),))
PAIR = Replicates("LE", (record(defaults.pcrec("ml-100k", "sasrec"), [1, 4, 10, 1]),))
#: mu of two exchanges: (exchange, peer, layer).
MU = {"exchanges": [0, 1], "mu": [[[0.9, 0.4], [0.1, 0.6]], [[0.5, 0.2], [0.5, 0.8]]]}
EXCHANGED = Replicates(
    "LE",
    (
        record(
            defaults.pcrec("ml-100k", "bpr"),
            [1, 2],
            epochs=MU,
            chosen={"epoch": 0},
            layers=[["user", "embedding"], ["item", "embedding"]],
        ),
    ),
)


def test_a_comparison_holds_ours_and_the_papers():
    [row] = comparisons.comparisons([(PAIR, BASE)], ["MRR@5"]).to_dict("records")
    ours = (1 + 1 / 4 + 0 + 1) / (1 / 2 + 1 / 4 + 0 + 1) - 1
    papers = 0.1360 / 0.1292 - 1  # Table 3, ML-20M
    assert row["RI"] == pytest.approx(ours) and row["RI paper"] == pytest.approx(papers)
    assert row["DeltaRI"] == pytest.approx(papers - ours)
    assert row["users only"]
    assert row["comparison"] == "LE over base" and row["runs"] == "1, 1"


def test_values_stand_beside_the_papers_where_it_prints_one():
    frame = comparisons.values([BASE], ["HIT@5", "NDCG@5"])
    assert frame["mean"][0] == 0.75 and frame["paper"][0] == 0.2049
    assert np.isnan(frame["paper"][1])


def test_data_the_paper_does_not_have_get_no_paper_value():
    arm = Replicates("base", (record(defaults.base("synthetic", "sasrec"), [1, 2]),))
    assert comparisons.printed_value(arm, "MRR@5") is None


def test_arms_of_other_users_are_refused():
    other = record(defaults.base("ml-100k", "sasrec"), [1, 2, 3, 4])
    other.result["data"]["fingerprint"] = "g"
    with pytest.raises(RecordError, match="differ in data or protocol"):
        comparisons.compare(PAIR, Replicates("base", (other,)), "MRR@5")


def test_dominance_names_the_larger_mu_and_who_holds_it():
    frame = mu.dominance(EXCHANGED)
    assert list(frame["layer"]) == ["user", "user", "item", "item"] and list(frame["epoch"]) == [
        0,
        1,
        0,
        1,
    ]
    assert list(frame["max mu"]) == [0.9, 0.5, 0.6, 0.8] and list(frame["peer"]) == [0, 0, 1, 1]


def test_a_table_sorts_by_value_escapes_text_and_carries_its_csv():
    frame = comparisons.comparisons([(PAIR, BASE)], ["MRR@5"]).assign(model="<sasrec>")
    page = report.show_comparisons(frame, "t3", report.footnote([PAIR, BASE]))._repr_html_()
    assert 'class="sortable"' in page and "&lt;sasrec&gt;" in page and "<sasrec>" not in page
    assert 'download="t3.csv"' in page and "RI%2Clow%2Chigh" in page
    assert "ml-100k 4 users" in page and "covers users only" in page


def test_values_stand_as_in_the_paper_with_the_papers_below():
    three = Replicates(
        "LE",
        tuple(
            record(defaults.pcrec("ml-100k", "sasrec", seed=seed), ranks)
            for seed, ranks in enumerate(([1, 2, 4, 9], [2, 2, 4, 9], [1, 1, 4, 9]))
        ),
    )
    page = report.show_values(
        comparisons.values([BASE, three], ["MRR@5", "NDCG@20"]), "t3", ""
    )._repr_html_()
    first, its_paper, second, _ = re.findall("<tr>(.*?)</tr>", page.split("<tbody>")[1], re.DOTALL)
    assert (
        first.startswith("<td>ml-100k</td><td>sasrec</td><td>base</td>")
        and "]*</td>" in first
        and "SD" not in first
    )
    assert its_paper.startswith("<td>ML-20M</td><td>sasrec</td><td>base, the paper</td>")
    assert its_paper.endswith(">–</td><td>0.1292</td><td>–</td>")
    of_three = r'<td class="lines">0.4375\n\[[\d.]+, [\d.]+\]\nSD\s0.1250</td>'
    assert re.search(of_three, second)  # of 0.4375, 0.3125 and 0.5625


@pytest.mark.parametrize(
    ("form", "x", "text"),
    [
        (formats.percent, 0.053, "+5.3\N{NO-BREAK SPACE}%"),
        (formats.percent, None, "–"),
        (formats.share, 0.361, "36\N{NO-BREAK SPACE}%"),
        (formats.count, 12345, "12,345"),
        (formats.number(3), float("nan"), "–"),
        (formats.number(3), 0.12345, "0.123"),
    ],
)
def test_numbers_are_written_so(form, x, text):
    assert form(x) == text


def test_settings_stand_beside_the_papers_table_2():
    specs = [defaults.base("retailrocket-half", "sasrec"), defaults.base("synthetic", "bpr")]
    page = settings_tables.show_settings(specs)._repr_html_()
    header, *rows = page.split("<tr>")[1:]
    columns = [part.split("</th>")[0] for part in header.split("<th>")[1:]]
    first, second = (
        dict(
            zip(
                columns,
                [p.split(">", 1)[1].split("</td>")[0] for p in row.split("<td")[1:]],
                strict=True,
            )
        )
        for row in rows
    )
    assert (first["d here"], first["d paper"], first["p here"], first["p paper"]) == (
        "64",
        "64",
        "0.3",
        "0.3",
    )
    assert (first["b here"], first["eta here"], first["eta paper"], first["L2 paper"]) == (
        "128",
        "0.001",
        "0.001",
        "–",
    )
    assert (second["d here"], second["d paper"], second["t"], second["b here"]) == (
        "256",
        "–",
        "–",
        "2048",
    )


def test_tried_runs_show_what_validation_said():
    chosen = {"epoch": 3, "valid": {"NDCG@20": 0.08765}}
    page = settings_tables.show_tried(
        [record(defaults.base("ml-100k", "dnn", epochs=7), [1, 2], chosen=chosen)]
    )._repr_html_()
    assert all(f">{text}</td>" in page for text in ("dnn", "base", "7", "4", "0.0877"))


def rows_of_sources(*specs) -> list[list[str]]:
    """The cells of the table of records, head first; the record's name without its identity."""
    page = report.sources([record(spec, [1, 2]) for spec in specs])._repr_html_()
    rows = [
        re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row)
        for row in re.findall("<tr>(.*?)</tr>", page, re.DOTALL)
    ]
    return [[re.sub(r"-\w{12}$", "", cell) for cell in row] for row in rows]


def test_records_of_one_variant_are_told_apart_by_what_is_set_otherwise():
    plain, slow = (
        defaults.base("ml-100k", "sasrec"),
        defaults.base("ml-100k", "sasrec", seed=1, schedule="constant"),
    )
    head, *rows = rows_of_sources(slow, plain, plain, Derived("pruned", (slow,), 0.3))
    assert head == ["record", "set otherwise", "result", "commit", "clean", "device"]
    assert [row[:2] for row in rows] == [
        ["ml-100k/sasrec-base-s0", "–"],
        ["ml-100k/sasrec-base-s1", "schedule constant"],
        ["ml-100k/sasrec-pruned30-base-s1", "schedule constant"],
    ]
    assert "set otherwise" not in rows_of_sources(plain)[0]  # a column of dashes alone says nothing


# --- alpha


def swept(alpha: float, ranks: list[int], model: str = "sasrec") -> Replicates:
    return Replicates(f"LE@{alpha:g}", (record(defaults.pcrec("ml-100k", model, alpha), ranks),))


@pytest.mark.parametrize(
    ("arm", "alpha"), [(PAIR, 30), (swept(12.5, [1]), 12.5), (swept(0, [1]), 0)]
)
def test_alpha_is_that_of_the_cooperation_and_0_for_averaging(arm, alpha):
    assert arm.alpha == alpha


def test_a_curve_is_the_values_of_each_arm_at_its_alpha():
    curve = comparisons.curve([swept(40, [1, 2, 6, 3]), swept(0, [9, 9, 5, 9])], ["MRR@5", "HIT@5"])
    assert (
        list(curve["alpha"]) == [40, 40, 0, 0] and list(curve["metric"]) == ["MRR@5", "HIT@5"] * 2
    )
    assert list(curve["mean"]) == pytest.approx(
        [(1 + 1 / 2 + 0 + 1 / 3) / 4, 3 / 4, (1 / 5) / 4, 1 / 4]
    )
    assert list(curve["variant"]) == ["LE@40", "LE@40", "LE@0", "LE@0"] and list(curve.index) == [
        0,
        1,
        2,
        3,
    ]
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
        columns=["model", "alpha", "max mu", "peer", "epoch"],
    )
    held = held.assign(chosen=5, variant="LE", **{"data set": "ml-100k"})
    shares = mu.shares_held(held)
    assert list(zip(shares["model"], shares["alpha"], strict=True)) == [
        ("sasrec", 30),
        ("dnn", 10),
        ("sasrec", 10),
    ]
    assert list(shares["0.7 or more"]) == [2 / 4, 0, 1]  # 0.7 itself counts
    assert list(shares["0.7 or more, to the chosen epoch"]) == pytest.approx(
        [1 / 3, 0, 1]
    )  # epoch 6 came later
    assert list(shares["median"]) == pytest.approx([(0.69 + 0.7) / 2, 0.5, 0.9])
    assert list(shares["held by peer 0"]) == [3 / 4, 1, 0]


def test_shares_held_of_a_pair_are_those_of_its_exchanges():
    [row] = mu.shares_held(mu.dominance(EXCHANGED)).to_dict("records")
    assert row == {
        "data set": "ml-100k",
        "model": "bpr",
        "variant": "LE",
        "alpha": 20,
        "0.7 or more": 2 / 4,
        "0.7 or more, to the chosen epoch": 1 / 2,
        "median": pytest.approx(0.7),
        "held by peer 0": 2 / 4,
    }


def test_where_nothing_is_exchanged_layer_by_layer_no_mu_is_shown():
    for found in (mu.dominance(), mu.dominance(BASE)):
        assert found.empty
        assert mu.shares_held(found).empty and mu.first_mu(found).empty
        assert (
            "No run here has a mu."
            in entropy_tables.show_shares_held(mu.shares_held(found), "mu", "")._repr_html_()
        )
    assert mu.dominance(BASE, EXCHANGED).equals(mu.dominance(EXCHANGED))


def test_where_nothing_is_compared_pages_say_so():
    nothing = comparisons.comparisons([])
    assert nothing.columns.tolist() == comparisons.comparisons([(PAIR, BASE)]).columns.tolist()
    assert "Nothing is compared here." in report.show_comparisons(nothing, "none", "")._repr_html_()
    assert "<table" not in html.table(pd.DataFrame(columns=["a"]), {}, "none")._repr_html_()
    assert "No run here is a trial" in settings_tables.show_tried([])._repr_html_()


def test_no_interval_of_a_mean_reaches_beyond_1():
    two = Replicates(
        "base",
        tuple(
            record(defaults.base("ml-100k", "sasrec", seed=seed), ranks)
            for seed, ranks in enumerate(([1, 9, 9, 9], [1, 1, 1, 9]))
        ),
    )
    [row] = comparisons.values([two], ["HIT@5"]).to_dict("records")
    assert (
        crossed_t.mean_interval(two.ranks, "HIT@5").high
        > 1
        == row["high"]
        == comparisons.mean_of(two, "HIT@5").high
    )


def test_what_other_pages_say_are_the_numbers_of_the_table():
    said = glue.glue_comparisons(comparisons.comparisons([(PAIR, BASE)], ["MRR@5", "HIT@5"]))
    key = "ml-100k-sasrec-LE-over-base-MRR@5"
    assert said[key].startswith("+28.6\N{NO-BREAK SPACE}% [") and said[key].endswith("]*")
    assert said[f"{key}-paper"] == "+5.3\N{NO-BREAK SPACE}%"
    shares = mu.shares_held(mu.dominance(EXCHANGED)).assign(alpha=[30.0])
    keys = ["mu-ml-100k-bpr-30", "mu-ml-100k-bpr-30-early"]
    assert glue.glue_shares_held(shares) == dict.fromkeys(keys, "50\N{NO-BREAK SPACE}%")


def test_the_map_of_mu_is_peer_0s_whoever_holds_the_larger_one():
    held = mu.first_mu(mu.dominance(EXCHANGED))
    assert held.columns.tolist() == [20] and held.index.unique("layer").tolist() == ["user", "item"]
    assert held[20].tolist() == pytest.approx([0.9, 0.5, 0.4, 0.2])


def test_the_best_alpha_is_table_3s_and_no_other_has_a_value_of_the_paper():
    runs = (record(defaults.pcrec("ml-100k", "sasrec"), [1, 4, 10, 1]),)
    assert (
        comparisons.printed_value(Replicates("LE@30", runs), "MRR@5")
        == comparisons.printed_value(Replicates("LE", runs), "MRR@5")
        == 0.1360
    )
    assert comparisons.printed_value(Replicates("LE@40", runs), "MRR@5") is None


def test_a_baseline_has_no_value_of_the_paper():
    spec = Trivial(Data("ml-100k"), "recency")
    made = run_record(
        spec, {"data": {"fingerprint": "x"}, "ranks": "1 2 9 1", "repeated": "0000"}, {}
    )
    [row] = comparisons.values([Replicates("recency", (made,))], ["HIT@5"]).to_dict("records")
    assert (row["model"], row["paper"], row["mean"], row["users only"]) == (
        "recency",
        None,
        0.75,
        False,
    )


def test_no_column_of_a_comparison_is_dashes_alone():
    frame = comparisons.comparisons([(Replicates("LE@40", PAIR.runs), BASE)], ["MRR@5"])
    header = re.findall("<th>(.*?)</th>", report.show_comparisons(frame, "t", "")._repr_html_())
    assert header == [
        "data set",
        "model",
        "comparison",
        "metric",
        "RI [95 %]",
        "p",
        "MDE",
        "df",
        "runs",
    ]
    frame = comparisons.comparisons([(PAIR, BASE)], ["MRR@5"])
    whole = re.findall("<th>(.*?)</th>", report.show_comparisons(frame, "t", "")._repr_html_())
    assert whole[4:6] == ["RI [95 %]", "RI of the paper"] and {"ΔRI"} < set(whole)


def test_what_runs_contribute_is_shown_and_explained_where_it_is_known():
    def arm(variant: str, spec: RunSpec, *ranks: list[int]) -> Replicates:
        return Replicates(
            variant,
            tuple(record(dataclasses.replace(spec, seed=i), one) for i, one in enumerate(ranks)),
        )

    over = arm("LE", defaults.pcrec("ml-100k", "sasrec"), [1, 4, 10, 1], [1, 2, 9, 2])
    base = arm("base", defaults.base("ml-100k", "sasrec"), [2, 4, 10, 1], [3, 3, 1, 1])
    several, alone = (
        report.show_comparisons(
            comparisons.comparisons([(over, one)], ["MRR@5"]), "t", ""
        )._repr_html_()
        for one in (base, BASE)
    )
    assert "<th>Vseed/V</th>" in several and report.OF_RUNS in several
    assert "<th>Vseed/V</th>" not in alone and report.OF_RUNS not in alone
