"""Strata: their parts make the whole, and z by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from stats_support import comparison_of, simulated

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.analysis.strata import differ, strata

RV, RB = simulated(9, 200, 3, gain=0.2)
REPEATED = np.arange(200) % 3 == 0


def test_a_stratum_is_compared_among_its_users():
    new, repeated = strata(RV, RB, np.where(REPEATED, "repeated", "new"), "MRR@5")
    assert [new.name, repeated.name] == ["new", "repeated"]
    assert [new.users, repeated.users] == [133, 67]
    assert new.share == pytest.approx(133 / 200)
    assert new.comparison == compare(RV[:, ~REPEATED], RB[:, ~REPEATED], "MRR@5")
    gain = repeated.comparison.mean_v - repeated.comparison.mean_b
    assert repeated.part == pytest.approx(0.335 * gain)


@given(st.lists(st.sampled_from("abc"), min_size=200, max_size=200))
def test_parts_and_shares_sum_to_the_whole(kinds):
    found, whole = strata(RV, RB, kinds, "NDCG@20"), compare(RV, RB, "NDCG@20")
    assert sum(s.part for s in found) == pytest.approx(whole.mean_v - whole.mean_b)
    assert sum(s.share for s in found) == pytest.approx(1) and sum(s.users for s in found) == 200


def test_a_kind_of_one_user_has_a_part_and_no_comparison():
    one, rest = strata(RV, RB, np.arange(200) > 0, "MRR@5")
    assert (one.name, one.users, one.comparison) == ("False", 1, None)
    assert rest.comparison.users == 199


def test_a_kind_with_one_user_above_0_has_a_part_and_no_comparison():
    v, b = np.full((2, 50), 30), np.full((2, 50), 30)
    v[:, 0], b[:, 0], v[:, 40], b[0, 41] = 1, 3, 2, 2
    few, more = strata(v, b, np.arange(50) >= 30, "MRR@5", paired=True)
    assert few.comparison is None and few.part == pytest.approx((1 - 1 / 3) / 50)
    assert more.comparison.users == 20


def test_options_reach_the_comparison():
    paired = strata(RV, RB, REPEATED, "MRR@5", paired=True)[0].comparison
    alone = strata(RV, RB[:1], REPEATED, "MRR@5", random_b=False)[0].comparison
    assert paired.paired and not alone.users_only


def test_each_user_needs_a_kind():
    with pytest.raises(StatsError, match="200 and 200 users and 3 kinds"):
        strata(RV, RB, ["new"] * 3, "MRR@5")


def test_difference_of_two_strata_by_hand():
    z, p = differ(comparison_of(0.10, 0.03, 8), comparison_of(-0.02, 0.04, 8))
    assert z == pytest.approx(0.12 / 0.05) and p == pytest.approx(2 * norm.sf(2.4))
    assert differ(comparison_of(-0.02, 0.04, 8), comparison_of(0.10, 0.03, 8)) == pytest.approx(
        (-2.4, p)
    )


def test_no_difference_without_means_or_variation():
    nothing = compare(np.full((3, 40), 9), RB[:, :40], "MRR@5")
    assert nothing.L is None and differ(nothing, comparison_of(0.1, 0.1, 5)) is None
    assert differ(comparison_of(0.1, 0.1, 5), nothing) is None
    assert differ(comparison_of(0, 0.0, 5), comparison_of(0, 0.0, 5)) is None
    assert differ(comparison_of(0, 0.0, 5), comparison_of(0.1, 0.1, 5))[0] == pytest.approx(-1)
