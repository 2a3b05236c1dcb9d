"""Welch's test against scipy's, and its edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_ind

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.welch import welch

numbers = st.lists(st.floats(-100, 100), min_size=2, max_size=12)


@given(numbers, numbers)
def test_the_test_is_that_of_scipy(v, b):
    if min(np.std(v), np.std(b)) < 1e-3:
        return  # next to no variation in an arm: scipy warns
    found, known = welch(v, b), ttest_ind(v, b, equal_var=False)
    interval = known.confidence_interval(0.95)
    assert found.p == pytest.approx(known.pvalue, abs=1e-12) and found.df == pytest.approx(known.df)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.difference == pytest.approx(np.mean(v) - np.mean(b))
    assert (found.runs_v, found.runs_b) == (len(v), len(b))


def test_two_arms_by_hand():
    """Variances 1 and 4, 3 runs: se^2 = 5/3, df = (5/3)^2 / ((1/3)^2/2 + (4/3)^2/2) = 50/17."""
    w = welch([1, 2, 3], [2, 4, 6])
    assert (w.mean_v, w.mean_b, w.difference) == (2, 4, -2)
    assert w.se == pytest.approx((5 / 3) ** 0.5) and w.df == pytest.approx(50 / 17)


def test_an_arm_without_variation_leaves_the_test_of_the_other():
    v, known = [1, 2, 4], ttest_1samp([1, 2, 4], 2)
    assert welch(v, [2, 2, 2]).p == pytest.approx(known.pvalue) and welch(v, [2, 2, 2]).df == 2


def test_equal_arms_without_variation_have_p_1():
    w = welch([0.3, 0.3, 0.3], [0.3, 0.3])
    assert (w.difference, w.low, w.high, w.p, w.se, w.df) == (0, 0, 0, 1, 0, 3)


@pytest.mark.parametrize(
    ("v", "b", "words"),
    [
        ([1], [1, 2], r"two or more in each arm, not shapes \(1,\) and \(2,\)"),
        ([[1, 2]], [1, 2], r"not shapes \(1, 2\)"),
        ([0.2, 0.2], [0.1, 0.1], "the arms differ by 0.1 without any variation between runs"),
    ],
)
def test_arms_that_cannot_be_tested_are_refused(v, b, words):
    with pytest.raises(StatsError, match=words):
        welch(v, b)
