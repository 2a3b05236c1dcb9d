"""The entropy of random weights."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp
from stats_support import cells

from pcrec_core import criteria
from pcrec_core.analysis import entropy_simulated
from pcrec_core.reporting import entropy_tables


@given(hnp.arrays(np.int64, (40,), elements={"min_value": -5, "max_value": 5}))
def test_numpys_histogram_gives_the_entropy_that_an_exchange_measures(w):
    w = 10.0 * w + 5  # no weight near an edge but the largest
    if np.ptp(w):
        measured = criteria.entropy(torch.from_numpy(w)).item()
        assert entropy_simulated.entropy(w) == pytest.approx(measured)


def test_one_outlier_lowers_h_by_the_bins_that_are_left():
    frame = entropy_simulated.outlier([3.6, 1e4], [1000])
    near, far = frame["h"]
    assert far == pytest.approx(entropy_simulated.entropy([0] * 999 + [1])) and near > 1.7
    near, far = frame["l1_share"]  # of about 800 the first adds 3.6 at most, the other 10,000
    assert 0.499 < near < 0.502 and far == pytest.approx(10_800 / 11_600, abs=0.01)
    assert "0.93" in entropy_tables.show_outliers(frame, "criterion-outliers")._repr_html_()


def test_h_depends_on_shape_alone_and_the_l1_share_on_scale_alone():
    frame = entropy_simulated.drawn([4096], 5).set_index("weights")
    assert frame.loc["uniform", "h"] == pytest.approx(math.log(10), abs=0.01)
    assert (frame["h"] - frame["times_1000"]).abs().max() < 1e-9  # no scale changes it
    assert (frame["with_negative"] == 0).all()  # averaged to 0, nothing is left
    assert frame["l1_share"].between(0.4, 0.6).all()
    assert (frame["l1_share_times_1000"] > 0.998).all()
    half = 0.5**0.5  # a Gaussian's norm falls by this when it is averaged with another draw
    averaged = frame.loc["Gaussian", "l1_share_with_another"]
    assert averaged == pytest.approx(half / (1 + half), abs=0.01)
    assert list(frame["h"]) == sorted(frame["h"], reverse=True)  # heavier tails, less entropy


def test_the_largest_of_more_weights_reach_further_and_two_draws_do_not_have_equal_h():
    frame = entropy_simulated.drawn([400, 40_000], 20)
    few, many = (frame[frame["size"] == size].set_index("weights") for size in (400, 40_000))
    assert many.loc["Gaussian", "h"] < few.loc["Gaussian", "h"] - 0.2
    assert many.loc["uniform", "h"] > few.loc["uniform", "h"]
    draws = (np.random.default_rng(seed).standard_normal(400) for seed in range(200))
    h = [entropy_simulated.entropy(w) for w in draws]
    assert few.loc["Gaussian", "sd"] == pytest.approx(np.std(h), rel=0.4)
    mu = [1 / (1 + math.exp(-30 * abs(a - b))) for a, b in zip(h[::2], h[1::2], strict=True)]
    assert few.loc["Gaussian", "larger_mu"] == pytest.approx(np.mean(mu), abs=0.08)
    assert "larger_mu" in entropy_tables.show_drawn(frame, "criterion-drawn")._repr_html_()


def test_the_opposite_of_a_layer_is_large_where_it_is_small():
    w = np.array([3.0, -1.0, 0.5, -2.0])
    turned = entropy_simulated.opposite(w, np.random.default_rng(0))
    assert np.abs(turned).tolist() == [0.5, 2, 3, 1] and set(np.sign(turned)) == {-1, 1}
    frame = entropy_simulated.drawn([4096], 20).set_index("weights")
    change = frame["with_opposite"] - frame["h"]
    assert change["Gaussian"] > 0.05 and change["uniform"] < -0.3  # averaging enlarges H or not


def test_the_table_of_merges_sums_up_all_layers():
    peers = {"peer_0": [1.0, 2.0], "peer_1": [2.0, 2.2], "mean": [1.5, 2.1]}
    frame = pd.DataFrame({"model": "sasrec", **peers, "merged": [2.1, 2.0]})
    found = cells(entropy_tables.show_merges(frame, "criterion-merges"))
    # of 0.6 and -0.1; one of two is above both
    assert found[1:] == ["0.2500", "0.4950", "50 %", "0 %", "2"]
    lower = frame.assign(merged=[0.9, 2.1])
    found = cells(entropy_tables.show_merges(lower, "criterion-merges"))
    assert found[3:5] == ["0 %", "50 %"]
