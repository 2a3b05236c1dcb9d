"""Dropout: its rate, scale, mean and random stream."""

from __future__ import annotations

import pytest
import support  # noqa: F401  (one thread)
import torch

from pcrec_core.models._dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_elements_are_dropped_at_the_rate_and_the_others_are_scaled(p):
    torch.manual_seed(0)
    y = Dropout(p)(torch.ones(1000, 1000))
    rate = round(p * 65536) / 65536
    assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / (1 - rate)).item()}
    sd = (p * (1 - p) / 1e6) ** 0.5
    assert abs((y == 0).double().mean().item() - p) < 4 * sd + 1e-5


def test_each_quarter_of_a_word_is_dropped_equally_often():
    """Four elements share a 64-bit draw: none of the four places is favored."""
    torch.manual_seed(1)
    shares = (Dropout(0.5)(torch.ones(400_000, 4)) == 0).double().mean(0)
    assert ((shares - 0.5).abs() < 4 * 0.5 / 400_000**0.5).all()
    together = (Dropout(0.5)(torch.ones(400_000, 4)) == 0).double()
    assert torch.corrcoef(together.t()).fill_diagonal_(0).abs().max() < 0.01


def test_the_gradient_is_dropped_and_scaled_like_the_value():
    torch.manual_seed(2)
    x = torch.ones(50, 7, requires_grad=True)
    y = Dropout(0.3)(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach()) and (y == 0).any()


@pytest.mark.parametrize("shape", [(), (1,), (3,), (5, 3), (0, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_any_shape_and_type_is_kept(shape, dtype):
    y = Dropout(0.5)(torch.ones(shape, dtype=dtype))
    assert y.shape == shape and y.dtype == dtype and set(y.flatten().tolist()) <= {0.0, 2.0}


def test_nothing_is_dropped_or_drawn_at_rate_0_or_in_evaluation():
    torch.manual_seed(3)
    x = torch.rand(9)
    before = torch.get_rng_state()
    assert Dropout(0.0)(x) is x and Dropout(0.7).eval()(x) is x
    assert torch.equal(torch.get_rng_state(), before)


def test_the_draw_comes_from_the_global_stream():
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return Dropout(0.5)(torch.ones(1000))

    assert torch.equal(drawn(4), drawn(4)) and not torch.equal(drawn(4), drawn(5))
