"""Softmax cross-entropy over all items without the (positions x items) matrix."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pcrec_core.models._tables import item_scores

#: Logits in memory at a time. On a CPU they stay near the core's cache; on a GPU large products are the fast ones.
CELLS = {"cpu": 2**21, "cuda": 2**26}
FEWEST_ROWS, MOST_ROWS = 64, {"cpu": 256, "cuda": 2**14}


def chunk_rows(items: int, device: torch.device) -> int:
    """Rows of logits in memory at a time."""
    return max(FEWEST_ROWS, min(MOST_ROWS[device.type], CELLS[device.type] // items))


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, w: Tensor, b: Tensor, target: Tensor) -> Tensor:
        # d loss / d logits = e / z - one hot, with e = exp(logits - top) and z its sum over items. e is never divided: the
        # small sides of the two products are, and the one hot part is left for the end.
        rows = chunk_rows(len(w), x.device)
        buffer = x.new_empty(len(w) * min(rows, len(x)))
        grad_x, grad_w, grad_b = torch.empty_like(x), torch.zeros_like(w), torch.zeros_like(b)
        loss = x.new_zeros(())
        for x_part, t_part, grad_part in zip(
            x.split(rows), target.split(rows), grad_x.split(rows), strict=True
        ):
            out = buffer[: len(w) * len(x_part)].view(len(w), len(x_part))
            logits = item_scores(x_part, w, b, out)  # (chunk, items)
            mine = logits.gather(1, t_part.unsqueeze(1))
            top = logits.amax(1, keepdim=True)
            e = logits.sub_(top).exp_()
            z = e.sum(1, keepdim=True)
            loss += (top + z.log() - mine).sum()
            torch.mm(e, w, out=grad_part).div_(z)
            grad_w.addmm_(e.t(), x_part / z)
            grad_b.addmv_(e.t(), z.reciprocal().squeeze(1))
        grad_x -= w[target]
        grad_w.index_add_(0, target, x, alpha=-1)
        grad_b.index_add_(0, target, b.new_ones(len(x)), alpha=-1)
        ctx.save_for_backward(grad_x, grad_w, grad_b)
        ctx.rows = len(x)
        return loss / len(x)

    @staticmethod
    @once_differentiable  # the kept gradient knows nothing of its own derivative
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        return *(g * (grad / ctx.rows) for g in ctx.saved_tensors), None


def linear_cross_entropy(x: Tensor, w: Tensor, b: Tensor, target: Tensor) -> Tensor:
    """``F.cross_entropy(F.linear(x, w, b), target)``, in chunks of rows, with the gradient taken in the forward pass.

    Parameters
    ----------
    x : Tensor
        (rows, d) representations.
    w, b : Tensor
        (items, d) and (items,): the output layer.
    target : Tensor
        (rows,) integer ids of the true items.

    Returns
    -------
    Tensor
        The mean loss over the rows, a scalar in nats; differentiable once.
    """
    return _LinearCrossEntropy.apply(x, w, b, target.long())
