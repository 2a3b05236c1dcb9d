"""What H says of drawn weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp

from pcrec_core import criteria, shape


@given(hnp.arrays(np.int64, (40,), elements={"min_value": -5, "max_value": 5}))
def test_numpys_histogram_gives_the_entropy_that_an_exchange_measures(w):
    w = 10.0 * w + 5  # no weight near an edge but the largest
    if np.ptp(w):
        assert shape.entropy(w) == pytest.approx(criteria.entropy(torch.from_numpy(w)).item())


def test_one_outlier_lowers_h_by_the_bins_that_are_left():
    near, far = shape.outlier([3.6, 1e4], [1000])["H"]
    assert far == pytest.approx(shape.entropy([0] * 999 + [1])) and near > 1.7


def test_h_knows_shape_alone_and_the_l1_share_scale_alone():
    frame = shape.drawn().set_index("weights")
    assert frame.loc["uniform", "H"] == pytest.approx(math.log(10), abs=0.01)
    assert (frame["H"] - frame["times 1000"]).abs().max() < 1e-9  # no scale changes it
    assert (frame["with its negative"] == 0).all()  # averaged to 0, nothing is left
    assert frame["L1 share"].between(0.4, 0.6).all() and (frame["L1 share, times 1000"] > 0.998).all()
    assert list(frame["H"]) == sorted(frame["H"], reverse=True)  # heavier tails, less entropy
