"""Entropy and L1 share against values by hand, a naive loop, and their invariances."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pcrec_core import criteria
from pcrec_core.criteria import entropy, l1_share
from pcrec_core.errors import SpecError


def naive_entropy(weights: list[float], bins: int) -> float:
    """Compute Eq. 3 and 4 bin by bin, with the maximum in the last bin."""
    low, high = min(weights), max(weights)
    if low == high:
        return 0.0
    width, total = (high - low) / bins, 0.0
    for j in range(bins):
        last = j == bins - 1
        edge, next_edge = low + j * width, low + (j + 1) * width
        p = sum(edge <= w and (last or w < next_edge) for w in weights) / len(weights)
        total -= p * math.log(p) if p else 0.0
    return total


@pytest.mark.parametrize("bins", [1, 2, 7, 10, 33])
@pytest.mark.parametrize("draw", ["normal", "uniform", "exponential", "standard_cauchy"])
def test_equals_a_naive_loop(draw, bins):
    weights = getattr(np.random.default_rng(bins), draw)(size=(23, 17))
    found = entropy(torch.from_numpy(weights), bins)
    assert found.dtype == torch.float64 and found.shape == ()
    assert found.item() == pytest.approx(naive_entropy(weights.ravel().tolist(), bins), abs=1e-12)


def test_a_layer_of_several_chunks_equals_a_histogram():
    weights = np.random.default_rng(0).normal(size=3 * criteria._CELLS + 1)
    counts, _ = np.histogram(weights, bins=10)
    p = counts / len(weights)
    expected = -(p[p > 0] * np.log(p[p > 0])).sum()
    assert entropy(torch.from_numpy(weights)).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("last_bin", ["closed", "open"])
@pytest.mark.parametrize("cells", [1, 7, 391])
def test_the_size_of_a_chunk_changes_nothing(cells, last_bin, monkeypatch):
    w = torch.from_numpy(np.random.default_rng(0).normal(size=391))
    whole = entropy(w, last_bin=last_bin)
    monkeypatch.setattr(criteria, "_CELLS", cells)
    assert entropy(w, last_bin=last_bin) == whole


def test_an_unknown_kind_of_last_bin_is_refused():
    with pytest.raises(SpecError, match="unknown last_bin 'Closed'; did you mean 'closed'"):
        entropy(torch.arange(3.0), last_bin="Closed")


def test_the_largest_weight_is_counted_in_the_last_bin():
    # 0, 1, .., 10 in ten bins of width 1: the last, closed bin holds 9 and 10, the others one each.
    expected = 9 / 11 * math.log(11) + 2 / 11 * math.log(11 / 2)
    assert entropy(torch.arange(11.0)).item() == pytest.approx(expected, abs=1e-12)


def test_an_inner_edge_belongs_to_the_bin_above_it():
    # Two bins of [0, 4]: both 2 lie on the edge and go up, so 2 of 5 are below and 3 above.
    expected = -(0.4 * math.log(0.4) + 0.6 * math.log(0.6))
    found = entropy(torch.tensor([0.0, 1.0, 2.0, 2.0, 4.0]), bins=2).item()
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.01, -3.5, 1e30, 1e-40])
def test_the_entropy_of_a_constant_layer_is_0(value):
    assert entropy(torch.full((4, 5), value)).item() == 0.0


def test_equal_shares_of_all_bins_give_the_logarithm_of_their_number():
    w = torch.arange(10.0).repeat(7) + 0.5
    assert entropy(w).item() == pytest.approx(math.log(10), abs=1e-12)


def test_one_outlier_forces_the_rest_into_one_bin():
    # 99 weights between -1 and 1, one at 100: all 99 fall in the lowest tenth.
    w = torch.cat([torch.linspace(-1, 1, 99), torch.tensor([100.0])])
    expected = -(0.99 * math.log(0.99) + 0.01 * math.log(0.01))
    assert entropy(w).item() == pytest.approx(expected, abs=1e-12)
    assert entropy(w[:-1]).item() > 2.3  # without it: nearly uniform


# In units of a bin: the ends, and points well inside, which rounding cannot move over an edge.
INSIDE = st.lists(st.integers(0, 9), min_size=1, max_size=40).map(
    lambda js: [0.0, 10.0, *(j + 0.5 for j in js)]
)


@given(INSIDE, st.floats(1e-3, 1e3), st.booleans(), st.floats(-1e3, 1e3))
def test_scale_sign_and_shift_change_nothing(units, scale, turned, shift):
    w = torch.tensor(units, dtype=torch.float64)
    moved = w * (-scale if turned else scale) + shift
    assert entropy(moved).item() == pytest.approx(entropy(w).item(), abs=1e-12)


@given(INSIDE, st.integers(0, 2**31))
def test_only_the_values_matter_and_the_bound_is_the_logarithm_of_the_bins(units, seed):
    w = torch.tensor(units, dtype=torch.float64)
    shuffled = w[torch.randperm(len(w), generator=torch.Generator().manual_seed(seed))]
    assert entropy(shuffled).item() == entropy(w.unsqueeze(1)).item()
    assert 0 <= entropy(w).item() <= math.log(10) + 1e-12


def test_a_weight_with_a_gradient_is_measured_as_it_is_and_left_as_it_is():
    w = torch.nn.Parameter(torch.tensor([[3.0, 0.0], [0.0, 3.0]]))
    found = entropy(w)
    assert found.item() == pytest.approx(math.log(2)) and not found.requires_grad
    assert torch.equal(w, torch.tensor([[3.0, 0.0], [0.0, 3.0]]))


def test_l1_share_by_hand():
    a, b = torch.tensor([[1.0, -2.0], [0.0, 3.0]]), torch.tensor([[-1.0, 0.5], [0.25, -0.25]])
    assert l1_share([a, b]).tolist() == [0.75, 0.25]  # norms 6 and 2
    assert l1_share([a, b, a + a]).tolist() == [0.3, 0.1, 0.6]  # and 12
    assert l1_share([a, b]).dtype == torch.float64


def test_l1_share_of_zeros_is_equal():
    assert l1_share([torch.zeros(3)] * 4).tolist() == [0.25] * 4
    assert l1_share([torch.zeros(3), torch.ones(3)]).tolist() == [0.0, 1.0]


@given(st.integers(2, 5), st.integers(1, 50), st.integers(0, 2**31))
def test_l1_share_equals_a_naive_sum(peers, size, seed):
    ws = np.random.default_rng(seed).normal(size=(peers, size))
    norms = [sum(abs(x) for x in row) for row in ws.tolist()]
    found = l1_share([torch.from_numpy(w) for w in ws]).tolist()
    assert found == pytest.approx([norm / sum(norms) for norm in norms], abs=1e-12)
    assert sum(found) == pytest.approx(1, abs=1e-12)


def test_l1_norms_are_summed_in_float64():
    # 2^24 + 1 is no float32: a sum that loses the last one would give equal shares.
    a, b = torch.tensor([2.0**24, 1.0]), torch.tensor([2.0**24, 0.0])
    assert l1_share([a, b])[0].item() == (2**24 + 1) / (2**25 + 1) > 0.5


# --- the released code's last bin


def naive_open(weights: list[float], bins: int) -> float:
    """Compute the entropy with half-open bins, the largest weight in none, in float64."""
    low, high, total = min(weights), max(weights), 0.0
    edges = [low + j * (high - low) / bins for j in range(bins + 1)]
    for a, b in pairwise(edges):
        p = sum(a <= w < b for w in weights) / len(weights)
        total -= p * math.log(p) if p else 0.0
    return total


def test_an_open_last_bin_leaves_the_largest_weight_out():
    # 0, 1, .., 10 in ten bins of width 1: each holds one of 11; the largest, 10, is in none.
    found = entropy(torch.arange(11.0), last_bin="open").item()
    assert found == pytest.approx(10 / 11 * math.log(11), abs=1e-12)
    # 0, 0, 1, 1: both 1 are the largest and not counted; the zeros are half of all weights.
    found = entropy(torch.tensor([0.0, 0.0, 1.0, 1.0]), last_bin="open").item()
    assert found == pytest.approx(0.5 * math.log(2), abs=1e-12)
    assert entropy(torch.full((3, 3), 2.5), last_bin="open").item() == 0


def test_the_released_edges_are_rounded_as_in_the_released_code():
    """Edges are float32, and each is min + j times the width of a bin."""
    # float32's 0.7 is edge 7; in float64 it would lie below the edge, in a bin of its own.
    seventh = torch.tensor([0, 0.7, 0.75, 1])
    assert entropy(seventh, last_bin="open").item() == pytest.approx(math.log(2), abs=1e-12)
    # Edge 9 is 9 * 0.2 = 1.80000007, where 9 * 2 / 10 is 1.79999995.
    below = torch.tensor([0, 1.7999999523, 1.9, 2])
    assert entropy(below, last_bin="open").item() == pytest.approx(0.75 * math.log(4), abs=1e-12)


@pytest.mark.parametrize("bins", [1, 2, 10, 33])
def test_an_open_last_bin_equals_a_naive_loop(bins):
    weights = np.random.default_rng(bins).normal(size=(23, 17))
    found = entropy(torch.from_numpy(weights), bins, "open").item()
    assert found == pytest.approx(naive_open(weights.ravel().tolist(), bins), abs=1e-12)
    assert found != entropy(torch.from_numpy(weights), bins).item()
