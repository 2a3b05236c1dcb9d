"""Metrics from ranks against values by hand and a naive loop over a ranked list."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcrec_core.metrics import METRICS, MetricError, parse, value_by_user


def test_values_derived_by_hand():
    ranks = [1, 2, 3, 5, 6, 20, 21]
    np.testing.assert_allclose(value_by_user(ranks, "MRR@5"), [1, 1 / 2, 1 / 3, 1 / 5, 0, 0, 0])
    np.testing.assert_array_equal(value_by_user(ranks, "HIT@5"), [1, 1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(value_by_user(ranks, "HIT@20"), [1, 1, 1, 1, 1, 1, 0])
    # log2 of 2, 3, 4, 6, 7, 21
    expected = [1, 0.6309297536, 0.5, 0.3868528072, 0.3562071871, 0.2276702487, 0]
    np.testing.assert_allclose(value_by_user(ranks, "NDCG@20"), expected, atol=1e-9)


def naive(rank: int, kind: str, n: int) -> float:
    """Compute the metric of a list with one relevant item, relative to the ideal list's gain."""
    relevance = [int(place == rank) for place in range(1, n + 1)]
    if kind == "HIT":
        return float(any(relevance))
    if kind == "MRR":
        return sum(r / place for place, r in enumerate(relevance, start=1))
    gain = sum(r / math.log2(place + 1) for place, r in enumerate(relevance, start=1))
    return gain / (1 / math.log2(2))


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=30),
    st.sampled_from(["MRR", "HIT", "NDCG"]),
    st.integers(1, 40),
)
def test_equals_the_definition(ranks, kind, n):
    expected = [naive(rank, kind, n) for rank in ranks]
    np.testing.assert_allclose(value_by_user(ranks, f"{kind}@{n}"), expected, atol=1e-14)


@given(st.lists(st.integers(1, 10**9), min_size=1), st.sampled_from(METRICS))
def test_a_better_rank_is_never_worth_less(ranks, name):
    values = value_by_user(np.sort(ranks), name)
    assert (np.diff(values) <= 0).all() and values.min() >= 0 and values.max() <= 1


def test_shape_is_kept_and_small_integers_do_not_overflow():
    ranks = np.array([[255, 1], [4, 255]], dtype=np.uint8)
    values = value_by_user(ranks, "NDCG@300")
    assert values.shape == (2, 2) and values.dtype == np.float64
    np.testing.assert_allclose(values, [[1 / 8, 1], [1 / math.log2(5), 1 / 8]])


def test_no_users_give_no_values():
    assert value_by_user(np.empty((3, 0), dtype=int), "MRR@5").shape == (3, 0)


@pytest.mark.parametrize(
    "names", ["MRQ@5 MRR@5", "ndcg@20 NDCG@20", "HITS@20 HIT@20", "MRR@05 MRR@5", "HIT5 HIT@5"]
)
def test_an_unknown_name_is_refused_with_the_nearest(names):
    typed, meant = names.split()
    with pytest.raises(MetricError, match=f"unknown metric '{typed}'; did you mean '{meant}'?"):
        parse(typed)


@pytest.mark.parametrize("name", ["MRR@0", "MRR@-1", "MRR", "MRR@5 ", "MRR@5\n", "", "AUC"])
def test_a_name_without_a_cut_off_of_1_or_more_is_refused(name):
    with pytest.raises(MetricError, match="any other N of 1 or more"):
        parse(name)


def test_a_rank_below_1_is_refused_with_its_place():
    with pytest.raises(MetricError, match="the one at index 1, 2 is 0"):
        value_by_user([[1, 2, 3], [4, 5, 0]], "MRR@5")


@pytest.mark.parametrize("ranks", [[1.0, 2.5], [float("nan")], [True, False], ["1"]])
def test_ranks_that_are_no_whole_numbers_are_refused(ranks):
    with pytest.raises(MetricError, match="ranks must be whole numbers"):
        value_by_user(ranks, "HIT@5")


def test_reading_metrics_and_statistics_needs_no_torch():
    code = (
        "import sys, pcrec_core.metrics, pcrec_core.analysis.paper\n"
        "from pcrec_core.analysis.crossed_t import compare\n"
        "print(compare([[1, 2]], [[2, 2]], 'MRR@5').mean_v, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0.75 False\n"
