"""Softmax cross-entropy over all items without the (positions x items) matrix."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Rows of logits in memory at a time: 128 rows of some thousand items stay in a core's cache.
CHUNK = 128


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, w: Tensor, b: Tensor, target: Tensor) -> Tensor:
        grad_x, grad_w, grad_b = torch.empty_like(x), torch.zeros_like(w), torch.zeros_like(b)
        loss = x.new_zeros(())
        for rows in torch.arange(len(x)).split(CHUNK):
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            x_part, t_part = x[part], target[part].unsqueeze(1)
            logits = torch.addmm(b, x_part, w.t())  # (chunk, items)
            log_z = logits.logsumexp(1, keepdim=True)
            loss += (log_z - logits.gather(1, t_part)).sum()
            p = logits.sub_(log_z).exp_()  # d loss / d logits = softmax - one hot
            p.scatter_add_(1, t_part, torch.full_like(log_z, -1.0))
            torch.mm(p, w, out=grad_x[part])
            grad_w.addmm_(p.t(), x_part)
            grad_b += p.sum(0)
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
