"""What more runs would show."""

from __future__ import annotations

import math

import numpy as np
import pytest
from stats_support import plain, simulated

from pcrec_core.analysis.claims.paper_uncertainty import Printed, correlation, paper_side
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.analysis.power import _words, expected_words, projected, projections
from pcrec_core.reporting.power_tables import show_projections, show_words
from pcrec_core.study.records import run_record
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import variant

RV, RB = simulated(1, 300, 4)
C = compare(RV, RB, "NDCG@20")


def test_as_many_runs_as_there_are_give_the_interval_there_is():
    c = compare(RV, RV[:, ::-1], "NDCG@20")  # the arms' runs differ equally, as is supposed
    found = projected(c, 4)
    assert (
        found.half == pytest.approx(c.high)
        and found.mde == pytest.approx(c.mde)
        and c.L == pytest.approx(0)
    )


def test_more_runs_leave_the_users_differences_and_shrink_the_rest():
    c = compare(RV, simulated(2, 300, 4)[1], "NDCG@20")  # users of other tastes
    assert projected(c, 10**6).half == pytest.approx(
        math.expm1(1.968 * math.sqrt(c.Vu - c.Ve)), rel=0.01
    )  # t of 299 degrees
    halves = [projected(c, runs).half for runs in (3, 5, 10, 100)]
    assert halves == sorted(halves, reverse=True)


def test_what_is_projected_from_few_runs_is_what_many_show():
    """On average: 40 studies of three runs, projected to ten, against studies of ten."""
    three = [projected(compare(*simulated(seed, 300, 3), "NDCG@20"), 10).half for seed in range(40)]
    ten = [
        math.log1p(c.high) - c.L
        for seed in range(40)
        for c in [compare(*simulated(seed, 300, 10), "NDCG@20")]
    ]
    assert np.median(three) == pytest.approx(np.median(ten), rel=0.15)


@pytest.mark.parametrize(
    ("c", "runs"),
    [(compare(RV[:1], RB[:1], "MRR@5"), 3), (compare(RV[:2], RB, "MRR@5"), 3), (C, 1)],
)
def test_what_cannot_be_projected_is_refused(c, runs):
    with pytest.raises(
        StatsError, match="a projection needs arms with equally many runs, two or more"
    ):
        projected(c, runs)


def arm(label: str, ranks: np.ndarray, model: str = "sasrec") -> Replicates:
    result = {"data": {"fingerprint": "f", "users": ranks.shape[1], "items": 99}}
    specs = [variant(label, "ml-100k", model, seed) for seed in range(len(ranks))]
    return Replicates(
        label,
        tuple(
            run_record(spec, result | {"ranks": " ".join(map(str, row))}, {})
            for spec, row in zip(specs, ranks, strict=True)
        ),
    )


def test_words_fall_as_often_as_their_levels_say():
    frame = expected_words([(arm("LE", RV), arm("base", RB))], "MRR@5", (4, 1000))
    at = frame.set_index(["runs", "true is"])
    assert at.loc[(4, "nothing"), ["supported", "contradicted"]].tolist() == pytest.approx(
        [0.025, 0.025], abs=0.006
    )
    shares = frame[["supported", "contradicted", "ruled out", "inconclusive"]]
    assert shares.sum(axis=1).tolist() == pytest.approx([1] * 6)
    for runs in (4, 1000):
        assert at.loc[runs, "supported"].is_monotonic_increasing  # nothing, half, the claim
    assert at.loc[(1000, "the claim"), "supported"] > at.loc[(4, "the claim"), "supported"]
    assert "inconclusive" in show_words(frame, "table3-words")._repr_html_()


def test_the_papers_own_uncertainty_is_that_of_the_rule():
    c, pair = compare(RV, RB, "MRR@5"), (arm("LE", RV), arm("base", RB))
    printed = Printed("MRR@5", 0.1360, 0.1292, 0.2137, 0.2049, users=138_000)  # Table 3, ML-20M
    Vp = paper_side(c, printed).Vp
    assert Vp > paper_side(c, None).Vp
    at = expected_words([pair], "MRR@5", [9, 10]).set_index(["true is", "runs"])
    for runs, noise in ((9, Vp), (10, 0.0)):  # from ten runs on the rule leaves it out
        expected = _words(0.0, projected(c, runs).spread, math.log(0.1360 / 0.1292), noise)
        assert at.loc[("nothing", runs), list(expected)].to_dict() == expected


def test_the_power_at_what_is_found_four_times_in_five():
    """The effect that ``mde`` names, taken for the claim and for the truth, is seen four times in five."""
    p = projected(C, 10)
    assert _words(math.log1p(p.mde), p.spread, math.log1p(p.mde), 0.0)[
        "supported"
    ] == pytest.approx(0.8, abs=0.02)


def test_the_table_has_a_row_a_pair_with_runs_enough():
    one = arm("LE", RV[:1]), arm("base", RB[:1])
    frame = projections([(arm("LE", RV), arm("base", RB)), one], ["MRR@5"])
    assert (
        len(frame) == 1
        and frame["+- with 5 runs"][0] == projected(compare(RV, RB, "MRR@5"), 5).half
    )
    assert frame["RI of the paper"][0] == pytest.approx(0.136 / 0.1292 - 1)
    assert frame["c"][0] == correlation(compare(RV, RB, "MRR@5")) and 0 < frame["run SD"][0] < 0.3
    page = show_projections(frame, "table3-projections")._repr_html_()
    assert "± with 10 runs" in page and "+5.3 %" in plain(page)
