"""The reference: straightforward code with the same mathematics and torch's default Adam.

Each function works on the study's own modules, so that weights are equal and a test can compare
loss and gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pcrec_core.datasets.split import Split
from pcrec_core.layers import Layer
from pcrec_core.models._attention import Block
from pcrec_core.models.bpr import BPR
from pcrec_core.models.sasrec import SASRec
from pcrec_core.models.youtube_dnn import YouTubeDNN


def sasrec_loss(model: SASRec, rows: Tensor) -> Tensor:
    """Compute the loss from the logits of all positions; ``ignore_index`` leaves padding out."""
    inputs, targets = rows[:, :-1], rows[:, 1:].long()
    length, p = inputs.shape[1], model.dropout.p
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    hidden = later | ((inputs == 0).unsqueeze(1) & ~torch.eye(length, dtype=torch.bool))
    x = functional.dropout(model.item(inputs) + model.position.weight[:length], p, model.training)
    for block in model.blocks:
        assert isinstance(block, Block)  # a ModuleList has no type for its elements
        weights = block.query(x) @ block.key(x).transpose(1, 2) / math.sqrt(x.shape[-1])
        weights = functional.dropout(
            weights.masked_fill(hidden, float("-inf")).softmax(-1), p, model.training
        )
        x = block.attention_norm(x + weights @ block.value(x))
        y = functional.dropout(block.inner(x).relu(), p, model.training)
        x = block.forward_norm(x + functional.dropout(block.outer(y), p, model.training))
    targets = targets.masked_fill(inputs == 0, -100)
    return functional.cross_entropy(
        model.output(x).flatten(0, 1), targets.flatten(), ignore_index=-100
    )


def dnn_loss(model: YouTubeDNN, rows: Tensor) -> Tensor:
    """Compute the loss from the logits of the last item, given the mean of the real ones before."""
    inputs = rows[:, :-1]
    real = (inputs > 0).unsqueeze(-1)
    user = (model.hidden(model.item(inputs)).relu() * real).sum(1) / real.sum(1).clamp(min=1)
    return functional.cross_entropy(model.output(user), rows[:, -1].long())


def bpr_loss(model: BPR, rows: Tensor) -> Tensor:
    """Compute the criterion of Rendle et al., and leave its gradient to autograd."""
    user, item, negative = model.user(rows[:, 0]), model.item(rows[:, 1]), model.item(rows[:, 2])
    penalty = user.square().sum() + item.square().sum() + negative.square().sum()
    margin = (user * item).sum(1) - (user * negative).sum(1)
    loss: Tensor = model.l2 * penalty - functional.logsigmoid(margin).sum()
    return loss


def negatives_by_user(rows: np.ndarray, n_items: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one negative per row of user and item, row by row until it is not the user's item."""
    own: dict[int, set[int]] = {}
    for user, item in rows.tolist():
        own.setdefault(user, set()).add(item)
    negatives = []
    for user in rows[:, 0].tolist():
        draw = int(rng.integers(1, n_items + 1))
        while draw in own[user]:
            draw = int(rng.integers(1, n_items + 1))
        negatives.append(draw)
    return np.array(negatives)


def negatives_at_once(rows: np.ndarray, n_items: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the negatives of all rows at once, and draw again for the pairs that are taken."""
    taken = np.unique(rows[:, 0] * (n_items + 1) + rows[:, 1])
    negatives = rng.integers(1, n_items + 1, len(rows))
    while (hit := np.isin(rows[:, 0] * (n_items + 1) + negatives, taken)).any():
        negatives[hit] = rng.integers(1, n_items + 1, hit.sum())
    return negatives


@torch.no_grad()
def metrics_by_dictionary(model: BPR, split: Split, batch: int = 256) -> dict[str, float]:
    """Compute HIT@20 and MRR@20 by batches: topk, then one dictionary of places per user."""
    targets, found = torch.from_numpy(split.targets("test")), {"HIT@20": 0.0, "MRR@20": 0.0}
    for users in torch.split(torch.arange(split.n_users), batch):
        scores = model.user(users) @ model.item.weight.t()
        scores[:, 0] = float("-inf")
        for items, target in zip(
            scores.topk(20).indices.tolist(), targets[users].tolist(), strict=True
        ):
            places = {item: place for place, item in enumerate(items, start=1)}
            if target in places:
                found["HIT@20"] += 1
                found["MRR@20"] += 1 / places[target]
    return {name: value / split.n_users for name, value in found.items()}


@torch.no_grad()
def ranks_at_once(model: BPR, split: Split, batch: int = 256) -> Tensor:
    """Rank by a vectorized comparison of every score with the target's."""
    targets, found = torch.from_numpy(split.targets("test")).long(), []
    for users in torch.split(torch.arange(split.n_users), batch):
        scores = model.user(users) @ model.item.weight.t()
        scores[:, 0] = float("-inf")
        found.append((scores >= scores.gather(1, targets[users].unsqueeze(1))).sum(1))
    return torch.cat(found)


def entropy_by_masks(w: Tensor, bins: int = 10) -> float:
    """Compute the entropy of Eq. 3 and 4 with one pass per bin."""
    low, high, h = w.min(), w.max(), 0.0
    for j in range(bins):
        inside = (w >= low + j * (high - low) / bins) & (w < low + (j + 1) * (high - low) / bins)
        inside |= (w == high) if j == bins - 1 else torch.zeros_like(inside)
        p = inside.sum().item() / w.numel()
        h -= p * math.log(p) if p else 0.0
    return h


@torch.no_grad()
def cooperate_by_masks(peers: Sequence[nn.Module], alpha: float, layers: Sequence[Layer]) -> None:
    """Apply Eq. 8 and 9 to two peers, each with a merged copy of its own."""
    first, second = (dict(peer.named_parameters()) for peer in peers)
    for layer in layers:
        h_1, h_2 = (entropy_by_masks(peer[layer.measured]) for peer in (first, second))
        mu = 1 / (1 + math.exp(-alpha * (h_1 - h_2)))
        for name in (layer.measured, *layer.followers):
            one, other = first[name].clone(), second[name].clone()
            first[name].copy_(mu * one + (1 - mu) * other)
            second[name].copy_((1 - mu) * other + mu * one)
