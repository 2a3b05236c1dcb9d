"""PCRec's gain under one change at a time."""

from __future__ import annotations

import math

import pytest
from scipy.stats import norm
from stats_support import comparison_of, plain

from pcrec_core.analysis.claims import one_change
from pcrec_core.analysis.claims.decide import decide
from pcrec_core.analysis.claims.measurement import Evidence
from pcrec_core.analysis.claims.table import table
from pcrec_core.reporting import robustness_tables

MAIN, OTHER = "table3-rr-sasrec-le", "robustness-rrf-sasrec-le"
#: se of the difference: .005.
FOUND = {
    MAIN: Evidence(comparison_of(0.002, 0.003, 40, low=-0.004, high=0.008)),
    OTHER: Evidence(comparison_of(0.012, 0.004, 40, low=0.004, high=0.02)),
    "robustness-rr-dnn-2x-epochs": Evidence(comparison_of(0.09, 0.004, 40, low=0.08, high=0.1)),
    "robustness-rr-bpr-avg": Evidence(
        comparison_of(0.5, 0.004, 40, runs_v=2, few_runs=True, reason="few")
    ),
}
GAINS = one_change.gains(table(decide(FOUND)))


def test_each_change_has_one_row_per_model_that_has_it_after_the_main_result():
    counts = GAINS.groupby("change", sort=False).size()
    assert counts.to_dict() == dict(zip(one_change.CHANGES, (3, 3, 2, 1, 1, 3, 3, 3), strict=True))
    tested = GAINS[GAINS["relative_improvement"].notna()]
    assert [tuple(row) for row in tested[["change", "model", "verdict"]].to_numpy()] == [
        ("no change (the main result)", "sasrec", "ruled out"),
        ("twice the epochs", "dnn", "supported"),
        ("RR-first-half", "sasrec", "supported"),
    ]
    printed = GAINS.drop_duplicates("model").set_index("model")["paper_relative_improvement"]
    assert printed["bpr"] == pytest.approx(0.085142)


def test_two_runs_show_nothing():
    [row] = GAINS[(GAINS["b"] == "avg") & (GAINS["model"] == "bpr")].to_dict("records")[:1]
    assert row["verdict"] == "not tested" and math.isnan(row["relative_improvement"])
    page = plain(robustness_tables.show_gains(GAINS, "gains")._repr_html_())
    assert "+0.2 % [\N{MINUS SIGN}0.4, +0.8]" in page and "+65" not in page


def test_the_halves_differ_by_the_normal_distribution_of_their_difference():
    """z = (0.002 - 0.012) / 0.005 = -2."""
    halves = one_change.halves(GAINS).set_index(["model", "b"])
    assert len(halves) == 6 and halves["p"].notna().sum() == 1
    assert halves.loc[("sasrec", "base"), "p"] == pytest.approx(2 * norm.sf(2))
    page = plain(robustness_tables.show_halves(halves.reset_index(), "halves")._repr_html_())
    assert "+1.2 % [+0.4, +2.0]" in page and "not tested" in page


def test_the_answer_counts_what_is_tested_of_the_changes():
    text = repr(robustness_tables.show_answer(GAINS))
    assert "Of 10 comparisons of PCRec with its base" in text and ", 2 are tested so far" in text
    assert text.endswith("a gain is supported in 2, inconclusive in 0.")
    none = one_change.gains(table(decide({})))
    assert repr(robustness_tables.show_answer(none)).startswith(
        "None of the 10 comparisons of PCRec"
    )
