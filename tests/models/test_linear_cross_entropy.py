"""The chunked softmax loss equals ``F.cross_entropy`` after a linear layer, whatever the chunk."""

from __future__ import annotations

import math

import pytest
import support  # noqa: F401  (one thread)
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear
from torch.utils._python_dispatch import TorchDispatchMode

from pcrec_core.models import _linear_cross_entropy
from pcrec_core.models._linear_cross_entropy import chunk_rows, linear_cross_entropy

CPU = torch.device("cpu")
CHUNK = chunk_rows(3, CPU)  # with few items, a chunk has the most rows


def problem(
    rows: int, d: int, items: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(rows)
    sizes = (rows, d), (items, d), (items,)
    x, w, b = (torch.randn(size, generator=draw, dtype=dtype).requires_grad_() for size in sizes)
    return x, w, b, torch.randint(0, items, (rows,), generator=draw)


def check(found: Tensor, expected: Tensor, inputs: tuple, rtol: float, atol: float) -> None:
    """Compare values, and gradients with ten times the relative tolerance."""
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol)
    gradients = (torch.autograd.grad(loss, inputs) for loss in (found, expected))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=10 * rtol, atol=atol)


def test_value_and_gradient_by_hand():
    # Logits ln 1, ln 2 and ln 5: probabilities 1/8, 2/8 and 5/8; the target is the second.
    x = torch.tensor([[1.0]], dtype=torch.float64, requires_grad=True)
    w = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    b = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64).log().requires_grad_()
    loss = linear_cross_entropy(x, w, b, torch.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4), abs=1e-14)
    assert b.grad.tolist() == pytest.approx([1 / 8, 2 / 8 - 1, 5 / 8], abs=1e-14)
    assert w.grad.flatten().tolist() == pytest.approx([1 / 8, 2 / 8 - 1, 5 / 8], abs=1e-14)
    assert x.grad.item() == 0  # w is 0


@pytest.mark.parametrize("rows", [CHUNK + 7, 2 * CHUNK])
def test_the_gradient_is_the_slope_over_more_than_one_chunk(rows):
    *inputs, target = problem(rows, 2, 3, torch.float64)
    assert torch.autograd.gradcheck(lambda x, w, b: linear_cross_entropy(x, w, b, target), inputs)


@pytest.mark.parametrize("rows", [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
def test_equals_cross_entropy_in_value_and_gradient(rows, dtype, tolerance):
    x, w, b, target = problem(rows, 8, 50, dtype)
    found = linear_cross_entropy(x, w, b, target)
    assert found.shape == () and found.dtype == dtype
    expected = cross_entropy(linear(x, w, b), target)
    check(found, expected, (x, w, b), rtol=tolerance, atol=tolerance)


def test_a_chunk_has_fewer_rows_where_there_are_more_items():
    rows = {10: 256, 1_350: 256, 3_417: 256, 33_145: 64, 10**6: 64}
    assert {items: chunk_rows(items, CPU) for items in rows} == rows
    assert chunk_rows(33_145, torch.device("cuda")) == 2024


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_the_size_of_a_chunk_changes_nothing(chunk, monkeypatch):
    x, w, b, target = problem(20, 4, 6, torch.float64)
    expected = linear_cross_entropy(x, w, b, target)
    monkeypatch.setattr(_linear_cross_entropy, "chunk_rows", lambda items, device: chunk)
    check(linear_cross_entropy(x, w, b, target), expected, (x, w, b), rtol=0, atol=1e-14)


def test_operations_after_the_loss_scale_the_gradient():
    x, w, b, target = problem(5, 3, 4, torch.float64)
    gradient = torch.autograd.grad(linear_cross_entropy(x, w, b, target), (x, w, b))
    scaled = torch.autograd.grad(linear_cross_entropy(x, w, b, target) * -2.5 + 1, (x, w, b))
    for one, other in zip(gradient, scaled, strict=True):
        torch.testing.assert_close(one * -2.5, other, rtol=0, atol=1e-14)


def test_huge_logits_do_not_overflow():
    x, w, b, target = problem(4, 2, 3, torch.float32)
    found = linear_cross_entropy(x * 1e4, w, b + 1e5, target)
    expected = cross_entropy(linear(x * 1e4, w, b + 1e5), target)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-2)
    assert all(g.isfinite().all() for g in torch.autograd.grad(found, (x, w, b)))


def test_the_inputs_are_not_changed():
    tensors = problem(CHUNK + 3, 4, 5, torch.float32)
    before = [tensor.detach().clone() for tensor in tensors]
    linear_cross_entropy(*tensors).backward()
    assert all(torch.equal(now, then) for now, then in zip(tensors, before, strict=True))


def test_targets_can_have_any_integer_type():
    x, w, b, target = problem(9, 3, 7, torch.float32)
    losses = [linear_cross_entropy(x, w, b, ids) for ids in (target.int(), target)]
    assert torch.equal(*losses)


def test_a_second_derivative_is_refused_rather_than_wrong():
    x, w, b, target = problem(4, 2, 3, torch.float64)
    loss = linear_cross_entropy(x, w, b, target).square()
    [first] = torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_the_whole_matrix_of_logits_never_exists():
    """No operator returns a tensor with more elements than a chunk of logits."""
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            for tensor in result if isinstance(result, (tuple, list)) else [result]:
                if isinstance(tensor, Tensor):
                    largest = max(largest, tensor.numel())
            return result

    x, w, b, target = problem(4 * CHUNK, 3, 70, torch.float32)
    with Watch():
        linear_cross_entropy(x, w, b, target).backward()
    assert largest == CHUNK * 70 < 4 * CHUNK * 70
