"""BPR matrix factorization (Rendle et al., UAI 2009) as the paper's authors released it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from pcrec_core.layers import Layer
from pcrec_core.models._tables import item_scores, lookup


class _PairwiseLoss(torch.autograd.Function):
    """Loss of a batch whose gradient, in closed form, takes a third of autograd's passes."""

    @staticmethod
    def forward(ctx: Any, user: Tensor, items: Tensor, l2: float) -> Tensor:
        difference = items[:, 0] - items[:, 1]
        margin = (user * difference).sum(1)
        slope = -torch.sigmoid(-margin).unsqueeze(1)  # derivative of -log sigmoid
        grad_user = difference.mul_(slope).add_(user, alpha=2 * l2)
        grad_items = items * (2 * l2)
        pull = user * slope
        grad_items[:, 0] += pull
        grad_items[:, 1] -= pull
        ctx.save_for_backward(grad_user, grad_items)
        return l2 * (_squares(user) + _squares(items)) - functional.logsigmoid(margin).sum()

    @staticmethod
    @once_differentiable  # the stored gradient has no derivative of its own
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return *(g * grad for g in ctx.saved_tensors), None


def _pairwise_loss(user: Tensor, items: Tensor, l2: float) -> Tensor:
    loss: Tensor = _PairwiseLoss.apply(user, items, l2)  # type: ignore[no-untyped-call] # torch's
    return loss


def _squares(x: Tensor) -> Tensor:
    return torch.dot(x.flatten(), x.flatten())


class BPR(nn.Module):
    """Bayesian personalized ranking: the score is the inner product of two embeddings.

    Embeddings are drawn from a normal distribution with mean 0 and standard deviation 0.01; there
    are no biases.

    Parameters
    ----------
    n_users, n_items : int
        Numbers of users (rows 0..n_users - 1) and items (ids 1..n_items; id 0 is padding).
    d : int
        Embedding dimension.
    l2 : float
        Factor of the squared norms of the three embeddings that a row uses.
    """

    def __init__(self, n_users: int, n_items: int, d: int, l2: float = 0.0) -> None:
        super().__init__()
        self.user = nn.Embedding(n_users, d)
        self.item = nn.Embedding(n_items + 1, d)
        self.l2 = l2
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.01)

    def loss(self, rows: Tensor) -> Tensor:
        """Sum -log sigmoid(score of the item - score of the negative) + L2 penalty over the rows.

        Parameters
        ----------
        rows : Tensor
            User, item and negative of each row, integers (batch, 3).

        Returns
        -------
        Tensor
            The sum, a scalar in nats.
        """
        user, items = lookup(self.user, rows[:, 0]), lookup(self.item, rows[:, 1:])
        return _pairwise_loss(user, items, self.l2)

    def scores(self, users: Tensor, inputs: Tensor, out: Tensor | None = None) -> Tensor:
        """Return the scores of all items, (batch, n + 1), for ``users`` (batch,).

        ``inputs`` is not used. ``out`` is an optional buffer, (n + 1, batch).
        """
        return item_scores(self.user(users), self.item.weight, out=out)


def layers(model: BPR) -> list[Layer]:
    """Return the two layers: the embeddings of users and of items."""
    return [Layer("user", "embedding", "user.weight"), Layer("item", "embedding", "item.weight")]
