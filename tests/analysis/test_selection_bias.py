"""What choosing the epoch on test adds, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import ttest_ind

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.selection_bias import chosen, selection_bias

#: Two runs of two peers over three epochs, and the (epoch, peer) that validation picks.
TESTS = [[[0.10, 0.20, 0.16], [0.12, 0.10, 0.25]], [[0.10, 0.30, 0.20], [0.10, 0.10, 0.10]]]
CHOICES = [(2, 0), (1, 0)]


def test_the_best_over_epochs_and_peers_against_the_choice():
    arm = chosen(TESTS, CHOICES)
    assert arm.best.tolist() == [0.25, 0.30] and arm.valid.tolist() == [0.16, 0.30]
    assert arm.gain == pytest.approx([math.log(0.25 / 0.16), 0])


def test_the_selection_bias_is_the_difference_of_the_gains():
    v = chosen(TESTS, CHOICES)
    b = chosen([[[0.10, 0.11]], [[0.10, 0.10]], [[0.2, 0.1]]], [(0, 0), (1, 0), (0, 0)])
    found = selection_bias(v, b)
    assert found.gain_v == pytest.approx(math.log(0.25 / 0.16) / 2)
    assert found.gain_b == pytest.approx(math.log(1.1) / 3)
    assert found.difference.p == pytest.approx(ttest_ind(v.gain, b.gain, equal_var=False).pvalue)
    assert found.difference.difference == pytest.approx(found.gain_v - found.gain_b)
    assert found.RI_best == pytest.approx((0.55 / 2) / (0.41 / 3) - 1)
    assert found.RI_valid == pytest.approx((0.46 / 2) / (0.40 / 3) - 1)


def test_one_run_has_gains_and_no_test():
    one = chosen(TESTS[:1], CHOICES[:1])
    found = selection_bias(one, chosen(TESTS, CHOICES))
    assert found.difference is None and found.gain_v == pytest.approx(math.log(0.25 / 0.16))


@given(
    hnp.arrays(float, (3, 2, 5), elements=st.floats(0.01, 1)),
    st.tuples(st.integers(0, 4), st.integers(0, 1)),
)
def test_choosing_on_test_never_loses(tests, choice):
    assert (chosen(tests, [choice] * 3).gain >= 0).all()


@pytest.mark.parametrize(
    ("tests", "choices", "words"),
    [
        (TESTS, CHOICES[:1], "test values of 2 runs and 1 choices"),
        ([], [], "test values of 0 runs"),
        (TESTS, [(2, 0), (3, 0)], r"run 1 has .* shape \(2, 3\), .* without the chosen epoch 3"),
        (TESTS, [(0, 2), (0, 0)], "without the chosen epoch 0 of peer 2"),
        (TESTS, [(-1, 0), (0, 0)], "the chosen epoch -1"),
        ([[0.1, 0.2]], [(0, 0)], r"run 0 has test values of shape \(2,\)"),
        ([np.array([[0.0, 0.2]])], [(0, 0)], "the test value at the choice of run 0 is 0"),
    ],
)
def test_tests_and_choices_that_do_not_fit_are_refused(tests, choices, words):
    with pytest.raises(StatsError, match=words):
        chosen(tests, choices)
