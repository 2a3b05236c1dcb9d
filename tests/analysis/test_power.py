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
from pcrec_core.analysis.power import _verdict_shares, expected_verdicts, projections
from pcrec_core.analysis.projection import projected
from pcrec_core.analysis.run_variance import RunVariance, pooled, pooled_over
from pcrec_core.reporting.power_tables import show_chances, show_projections

RV, RB = simulated(1, 300, 4)
C = compare(RV, RB, "NDCG@20")
PAIR = ranked("LE", *RV), ranked("base", *RB)


def of(*ranks: np.ndarray) -> RunVariance:
    return pooled_over([ranked("base", *one) for one in ranks], "NDCG@20")


def test_the_variance_of_runs_is_pooled_over_arms_by_their_degrees_of_freedom():
    """Relative means of runs are 2/3 and 4/3, variance 2/9, in one arm, and 1 in the other two.

    The noise of one run is 0 in the first arm and 0.01 in the second.
    """
    two, three = np.array([[1.0, 3], [3, 5]]), np.array([[1.1, 0.9], [0.9, 1.1], [1, 1]])
    both = pooled(
        [two, three, np.ones((1, 2)), np.zeros((3, 2))]
    )  # the last two have no variance of runs
    assert (both.total, both.noise) == pytest.approx(((2 / 9 + 2 * 0) / 3, 2 * 0.01 / 3))
    assert (both.df, both.sd) == (3, pytest.approx(math.sqrt(2 / 27 - 0.02 / 3)))
    assert pooled([three]).sd == 0  # runs that differ less than their users do by chance
    with pytest.raises(StatsError, match="needs an arm with two runs or more"):
        pooled([two[:1]])


def test_a_projection_uses_the_variance_pooled_over_arms():
    """Two arms that happen to vary little are projected with the runs of all arms."""
    calm = np.repeat(RB[:1], 4, axis=0)
    wild = simulated(3, 300, 4, run_sd=0.5)[0]
    of_all = ranked("avg", *wild), ranked("avg", *wild, model="dnn")
    pair = ranked("LE", *calm), ranked("base", *calm)
    [alone], [row] = (
        projections([pair], arms, ["MRR@5"]).to_dict("records") for arms in ([], of_all)
    )
    assert (alone["run_sd"], alone["run_sd_df"], row["run_sd_df"]) == (0, 6, 9)
    assert row["run_sd"] == pooled_over([*pair, of_all[0]], "MRR@5").sd > 0
    assert row["half_width_with_5_runs"] > alone["half_width_with_5_runs"]


def test_a_projection_to_the_same_number_of_runs_gives_the_same_interval():
    c = compare(RV, RV[:, ::-1], "NDCG@20")  # the arms vary equally by runs
    found = projected(c, of(RV, RV[:, ::-1]), 4)
    assert (found.half, found.mde, 0) == pytest.approx((c.high, c.mde, c.L))


def test_more_runs_leave_the_users_differences_and_shrink_the_rest():
    other = simulated(2, 300, 4)[1]  # users of other tastes
    c, of_runs = compare(RV, other, "NDCG@20"), of(RV, other)
    of_users = math.expm1(1.968 * math.sqrt(c.Vu - c.Ve))  # t of 299 degrees
    assert projected(c, of_runs, 10**6).half == pytest.approx(of_users, rel=0.01)
    halves = [projected(c, of_runs, runs).half for runs in (3, 5, 10, 100)]
    assert halves == sorted(halves, reverse=True)


def test_a_projection_from_few_runs_is_what_many_runs_show():
    """On average: 40 studies of three runs, projected to ten, against studies of ten."""
    few, many = ([simulated(seed, 300, runs) for seed in range(40)] for runs in (3, 10))
    three = [projected(compare(*arms, "NDCG@20"), of(*arms), 10).half for arms in few]
    ten = [math.log1p(c.high) - c.L for c in (compare(*arms, "NDCG@20") for arms in many)]
    assert np.median(three) == pytest.approx(np.median(ten), rel=0.15)


@pytest.mark.parametrize(
    ("c", "runs"),
    [(compare(RV[:1], RB[:1], "MRR@5"), 3), (compare(RV[:2], RB, "MRR@5"), 3), (C, 1)],
)
def test_a_comparison_without_equally_many_runs_is_not_projected(c, runs):
    words = "a projection needs arms with equally many runs, two or more"
    with pytest.raises(StatsError, match=words):
        projected(c, of(RV, RB), runs)


def test_verdicts_are_given_as_often_as_their_levels_allow():
    frame = expected_verdicts([PAIR], [], "MRR@5", (4, 1000))
    at = frame.set_index(["runs", "truth"])
    of_nothing = at.loc[(4, "nothing"), ["supported", "contradicted"]].tolist()
    assert of_nothing == pytest.approx([0.025, 0.025], abs=0.006)
    shares = frame[["supported", "contradicted", "ruled_out", "inconclusive"]]
    assert shares.sum(axis=1).tolist() == pytest.approx([1] * 6)
    for runs in (4, 1000):
        assert at.loc[runs, "supported"].is_monotonic_increasing  # nothing, half, the claim
    assert at.loc[(1000, "the claim"), "supported"] > at.loc[(4, "the claim"), "supported"]
    assert "inconclusive" in show_chances(frame, "table3-chances")._repr_html_()


def test_the_papers_own_uncertainty_is_that_of_the_rule():
    c = compare(RV, RB, "MRR@5")
    printed = Printed("MRR@5", 0.1360, 0.1292, 0.2137, 0.2049, users=138_000)  # Table 3, ML-20M
    of_runs = pooled_over(PAIR, "MRR@5")
    assert 2 * of_runs.seed == pytest.approx(c.runs_v * c.Vseed)  # no other arm
    noise_of_paper = paper_side(c, printed).Vp
    assert noise_of_paper > paper_side(c, None).Vp
    at = expected_verdicts([PAIR], [], "MRR@5", [9, 10]).set_index(["truth", "runs"])
    for runs, noise in ((9, noise_of_paper), (10, 0.0)):  # from ten runs on the rule leaves it out
        spread = projected(c, of_runs, runs).spread
        expected = _verdict_shares(0.0, spread, math.log(0.1360 / 0.1292), noise)
        assert at.loc[("nothing", runs), list(expected)].to_dict() == expected


def test_the_power_at_the_minimum_detectable_effect():
    """The effect ``mde``, taken for the claim and for the truth, is found four times in five."""
    p = projected(C, of(RV, RB), 10)
    e = math.log1p(p.mde)
    assert _verdict_shares(e, p.spread, e, 0.0)["supported"] == pytest.approx(0.8, abs=0.02)


def test_the_table_has_one_row_per_pair_with_enough_runs():
    one = ranked("LE", RV[0]), ranked("base", RB[0])
    frame = projections([PAIR, one], [], ["MRR@5"])
    [row], c = frame.to_dict("records"), compare(RV, RB, "MRR@5")
    assert row["half_width_with_5_runs"] == projected(c, pooled_over(PAIR, "MRR@5"), 5).half
    assert row["paper_relative_improvement"] == pytest.approx(0.136 / 0.1292 - 1)
    assert row["c"] == correlation(c) and row["rv"] == (c.rv_v + c.rv_b) / 2
    assert 0 < row["run_sd"] < 0.3
    page = show_projections(frame, "table3-projections")._repr_html_()
    assert "half width with 10 runs" in page and "+5.3 %" in plain(page)


def test_a_run_with_a_mean_of_0_leaves_the_relative_variance_undefined():
    base = ranked("base", RB[0], [30] * 300)
    [row] = projections([(ranked("LE", *RV[:2]), base)], [], ["MRR@5"]).to_dict("records")
    assert row["rv"] is None and row["c"] == 0 and row["run_sd"] > 0
    nothing = ranked("base", [30] * 300, [30] * 300)
    assert projections([(ranked("LE", *RV[:2]), nothing)], [], ["MRR@5"]).empty
