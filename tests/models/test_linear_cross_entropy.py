"""The chunked softmax loss is ``F.cross_entropy`` after a linear layer: value, gradient, and every size of a chunk."""

from __future__ import annotations

import math

import pytest
import support  # noqa: F401  (one thread)
import torch
import torch.nn.functional as F
from torch import Tensor

from pcrec_core.models import _linear_cross_entropy
from pcrec_core.models._linear_cross_entropy import chunk_rows, linear_cross_entropy

CPU = torch.device("cpu")
CHUNK = chunk_rows(3, CPU)  # of a few items: the most rows


def problem(
    rows: int, d: int, items: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(rows)
    sizes = (rows, d), (items, d), (items,)
    x, w, b = (torch.randn(size, generator=draw, dtype=dtype).requires_grad_() for size in sizes)
    return x, w, b, torch.randint(0, items, (rows,), generator=draw)


def gradients(found: Tensor, expected: Tensor, *inputs: Tensor) -> zip:
    return zip(
        torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True
    )


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
def test_gradcheck_in_float64_over_more_than_a_chunk(rows):
    *inputs, target = problem(rows, 2, 3, torch.float64)
    assert torch.autograd.gradcheck(lambda x, w, b: linear_cross_entropy(x, w, b, target), inputs)


@pytest.mark.parametrize("rows", [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
def test_equals_cross_entropy_in_value_and_gradient(rows, dtype, tolerance):
    x, w, b, target = problem(rows, 8, 50, dtype)
    found = linear_cross_entropy(x, w, b, target)
    expected = F.cross_entropy(F.linear(x, w, b), target)
    assert found.shape == () and found.dtype == dtype
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    for ours, theirs in gradients(found, expected, x, w, b):
        torch.testing.assert_close(ours, theirs, rtol=10 * tolerance, atol=tolerance)


def test_a_chunk_has_fewer_rows_where_there_are_more_items():
    assert [chunk_rows(items, CPU) for items in (10, 1_350, 3_417, 33_145, 10**6)] == [
        256,
        256,
        256,
        64,
        64,
    ]
    assert chunk_rows(33_145, torch.device("cuda")) == 2024


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_the_size_of_a_chunk_changes_nothing(chunk, monkeypatch):
    x, w, b, target = problem(20, 4, 6, torch.float64)
    expected = linear_cross_entropy(x, w, b, target)
    monkeypatch.setattr(_linear_cross_entropy, "chunk_rows", lambda items, device: chunk)
    found = linear_cross_entropy(x, w, b, target)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)
    for ours, theirs in gradients(found, expected, x, w, b):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


def test_what_comes_after_the_loss_scales_the_gradient():
    x, w, b, target = problem(5, 3, 4, torch.float64)
    gradient = torch.autograd.grad(linear_cross_entropy(x, w, b, target), (x, w, b))
    scaled = torch.autograd.grad(linear_cross_entropy(x, w, b, target) * -2.5 + 1, (x, w, b))
    for one, other in zip(gradient, scaled, strict=True):
        torch.testing.assert_close(one * -2.5, other, rtol=0, atol=1e-14)


def test_huge_logits_overflow_nothing():
    x, w, b, target = problem(4, 2, 3, torch.float32)
    found = linear_cross_entropy(x * 1e4, w, b + 1e5, target)
    expected = F.cross_entropy(F.linear(x * 1e4, w, b + 1e5), target)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-2)
    assert all(g.isfinite().all() for g in torch.autograd.grad(found, (x, w, b)))


def test_the_inputs_stay_as_they_are():
    tensors = problem(CHUNK + 3, 4, 5, torch.float32)
    before = [tensor.detach().clone() for tensor in tensors]
    linear_cross_entropy(*tensors).backward()
    assert all(torch.equal(now, then) for now, then in zip(tensors, before, strict=True))


def test_targets_of_any_integer_type_are_ids():
    x, w, b, target = problem(9, 3, 7, torch.float32)
    assert torch.equal(
        linear_cross_entropy(x, w, b, target.int()), linear_cross_entropy(x, w, b, target)
    )


def test_a_second_derivative_is_refused_rather_than_wrong():
    x, w, b, target = problem(4, 2, 3, torch.float64)
    [first] = torch.autograd.grad(
        linear_cross_entropy(x, w, b, target).square(), x, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_the_whole_matrix_of_logits_is_never_made():
    """No tensor that the operators make has more cells than a chunk of logits (and w, x and their gradients)."""
    from torch.utils._python_dispatch import TorchDispatchMode

    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            made = function(*args, **(kwargs or {}))
            for tensor in made if isinstance(made, (tuple, list)) else [made]:
                if isinstance(tensor, Tensor):
                    largest = max(largest, tensor.numel())
            return made

    x, w, b, target = problem(4 * CHUNK, 3, 70, torch.float32)
    with Watch():
        linear_cross_entropy(x, w, b, target).backward()
    assert largest == CHUNK * 70 < 4 * CHUNK * 70
