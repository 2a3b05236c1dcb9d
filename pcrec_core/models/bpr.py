"""BPR matrix factorisation (Rendle et al., UAI 2009) as the paper's authors released it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pcrec_core.layers import Layer
from pcrec_core.models._tables import item_scores, lookup


class _PairwiseLoss(torch.autograd.Function):
    """The loss of a batch with its gradient, which is short enough to write down: a third of autograd's passes."""

    @staticmethod
    def forward(ctx, user: Tensor, items: Tensor, l2: float) -> Tensor:
        difference = items[:, 0] - items[:, 1]
        margin = (user * difference).sum(1)
        slope = -torch.sigmoid(-margin).unsqueeze(1)  # of -log sigmoid
        grad_user = difference.mul_(slope).add_(user, alpha=2 * l2)
        grad_items = items * (2 * l2)
        pull = user * slope
        grad_items[:, 0] += pull
        grad_items[:, 1] -= pull
        ctx.save_for_backward(grad_user, grad_items)
        return l2 * (_squares(user) + _squares(items)) - F.logsigmoid(margin).sum()

    @staticmethod
    @once_differentiable  # the kept gradient knows nothing of its own derivative
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        return *(g * grad for g in ctx.saved_tensors), None


def _squares(x: Tensor) -> Tensor:
    return torch.dot(x.flatten(), x.flatten())


class BPR(nn.Module):
    """User and item embeddings, N(0, 0.01) (standard deviation), no biases; the score is their inner product.

    Parameters
    ----------
    n_users, n_items : int
        User rows 0..n_users - 1; items 1..n_items, id 0 is padding.
    d : int
        Embedding dimension.
    l2 : float
        Factor of the squared norms of the three embeddings a row uses.
    """

    def __init__(self, n_users: int, n_items: int, d: int, l2: float = 0.0) -> None:
        super().__init__()
        self.user = nn.Embedding(n_users, d)
        self.item = nn.Embedding(n_items + 1, d)
        self.l2 = l2
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.01)

    def loss(self, rows: Tensor) -> Tensor:
        """Sum over ``rows`` (batch, 3) of -log sigmoid(score of the item - score of the negative) + L2 penalty."""
        return _PairwiseLoss.apply(
            lookup(self.user, rows[:, 0]), lookup(self.item, rows[:, 1:]), self.l2
        )

    def scores(self, users: Tensor, inputs: Tensor, out: Tensor | None = None) -> Tensor:
        """Scores (batch, n + 1) of all items for ``users`` (batch,); ``inputs`` is not used."""
        return item_scores(self.user(users), self.item.weight, out=out)


def layers(model: BPR) -> list[Layer]:
    """The two embeddings."""
    return [Layer("user", "embedding", "user.weight"), Layer("item", "embedding", "item.weight")]
