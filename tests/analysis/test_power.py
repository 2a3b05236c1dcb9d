"""The projection to more runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from curves_support import ranked
from stats_support import plain, simulated

from pcrec_core.analysis.claims.paper_uncertainty import Printed, correlation, paper_side
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.analysis.power import _words, expected_words, projected, projections
from pcrec_core.reporting.power_tables import show_projections, show_words

RV, RB = simulated(1, 300, 4)
C = compare(RV, RB, "NDCG@20")


def test_a_projection_to_the_same_number_of_runs_gives_the_same_interval():
    c = compare(RV, RV[:, ::-1], "NDCG@20")  # the arms vary equally by runs
    found = projected(c, 4)
    assert (found.half, found.mde, 0) == pytest.approx((c.high, c.mde, c.L))


def test_more_runs_leave_the_users_differences_and_shrink_the_rest():
    c = compare(RV, simulated(2, 300, 4)[1], "NDCG@20")  # users of other tastes
    of_users = math.expm1(1.968 * math.sqrt(c.Vu - c.Ve))  # t of 299 degrees
    assert projected(c, 10**6).half == pytest.approx(of_users, rel=0.01)
    halves = [projected(c, runs).half for runs in (3, 5, 10, 100)]
    assert halves == sorted(halves, reverse=True)


def test_a_projection_from_few_runs_is_what_many_runs_show():
    """On average: 40 studies of three runs, projected to ten, against studies of ten."""
    few, many = (
        [compare(*simulated(seed, 300, runs), "NDCG@20") for seed in range(40)] for runs in (3, 10)
    )
    three = [projected(c, 10).half for c in few]
    ten = [math.log1p(c.high) - c.L for c in many]
    assert np.median(three) == pytest.approx(np.median(ten), rel=0.15)


@pytest.mark.parametrize(
    ("c", "runs"),
    [(compare(RV[:1], RB[:1], "MRR@5"), 3), (compare(RV[:2], RB, "MRR@5"), 3), (C, 1)],
)
def test_a_comparison_without_equally_many_runs_is_not_projected(c, runs):
    words = "a projection needs arms with equally many runs, two or more"
    with pytest.raises(StatsError, match=words):
        projected(c, runs)


PAIR = ranked("LE", *RV), ranked("base", *RB)


def test_the_verdicts_fall_as_often_as_their_levels_allow():
    frame = expected_words([PAIR], "MRR@5", (4, 1000))
    at = frame.set_index(["runs", "truth"])
    of_nothing = at.loc[(4, "nothing"), ["supported", "contradicted"]].tolist()
    assert of_nothing == pytest.approx([0.025, 0.025], abs=0.006)
    shares = frame[["supported", "contradicted", "ruled_out", "inconclusive"]]
    assert shares.sum(axis=1).tolist() == pytest.approx([1] * 6)
    for runs in (4, 1000):
        assert at.loc[runs, "supported"].is_monotonic_increasing  # nothing, half, the claim
    assert at.loc[(1000, "the claim"), "supported"] > at.loc[(4, "the claim"), "supported"]
    assert "inconclusive" in show_words(frame, "table3-words")._repr_html_()


def test_the_papers_own_uncertainty_is_that_of_the_rule():
    c = compare(RV, RB, "MRR@5")
    printed = Printed("MRR@5", 0.1360, 0.1292, 0.2137, 0.2049, users=138_000)  # Table 3, ML-20M
    noise_of_paper = paper_side(c, printed).Vp
    assert noise_of_paper > paper_side(c, None).Vp
    at = expected_words([PAIR], "MRR@5", [9, 10]).set_index(["truth", "runs"])
    for runs, noise in ((9, noise_of_paper), (10, 0.0)):  # from ten runs on the rule leaves it out
        expected = _words(0.0, projected(c, runs).spread, math.log(0.1360 / 0.1292), noise)
        assert at.loc[("nothing", runs), list(expected)].to_dict() == expected


def test_the_power_at_what_is_found_four_times_in_five():
    """The effect ``mde``, taken for the claim and for the truth, is shown four times in five."""
    p = projected(C, 10)
    e = math.log1p(p.mde)
    assert _words(e, p.spread, e, 0.0)["supported"] == pytest.approx(0.8, abs=0.02)


def test_the_table_has_one_row_per_pair_with_runs_enough():
    one = ranked("LE", RV[0]), ranked("base", RB[0])
    frame = projections([PAIR, one], ["MRR@5"])
    [row], c = frame.to_dict("records"), compare(RV, RB, "MRR@5")
    assert row["half_width_with_5_runs"] == projected(c, 5).half
    assert row["paper_relative_improvement"] == pytest.approx(0.136 / 0.1292 - 1)
    assert row["c"] == correlation(c) and row["rv"] == (c.rv_v + c.rv_b) / 2
    assert 0 < row["run_sd"] < 0.3
    page = show_projections(frame, "table3-projections")._repr_html_()
    assert "half width with 10 runs" in page and "+5.3 %" in plain(page)


def test_a_run_with_a_mean_of_0_leaves_the_relative_variance_undefined():
    base = ranked("base", RB[0], [30] * 300)
    [row] = projections([(ranked("LE", *RV[:2]), base)], ["MRR@5"]).to_dict("records")
    assert row["rv"] is None and row["c"] == 0 and row["run_sd"] > 0
