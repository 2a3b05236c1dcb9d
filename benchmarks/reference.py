"""The straightforward way: what a careful person writes first, with the same mathematics and torch's default Adam.

Each function works on the study's own modules, so that weights are equal and a test can compare loss and gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcrec_core.datasets.split import Split
from pcrec_core.models.bpr import BPR
from pcrec_core.models.sasrec import SASRec
from pcrec_core.models.youtube_dnn import YouTubeDNN


def sasrec_loss(model: SASRec, rows: Tensor) -> Tensor:
    """Logits of all positions, padding left out by ``ignore_index``."""
    inputs, targets = rows[:, :-1], rows[:, 1:].long()
    length, p = inputs.shape[1], model.dropout.p
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    hidden = later | ((inputs == 0).unsqueeze(1) & ~torch.eye(length, dtype=torch.bool))
    x = F.dropout(model.item(inputs) + model.position.weight[:length], p, model.training)
    for block in model.blocks:
        weights = block.query(x) @ block.key(x).transpose(1, 2) / math.sqrt(x.shape[-1])
        weights = F.dropout(
            weights.masked_fill(hidden, float("-inf")).softmax(-1), p, model.training
        )
        x = block.attention_norm(x + weights @ block.value(x))
        y = F.dropout(block.inner(x).relu(), p, model.training)
        x = block.forward_norm(x + F.dropout(block.outer(y), p, model.training))
    targets = targets.masked_fill(inputs == 0, -100)
    return F.cross_entropy(model.output(x).flatten(0, 1), targets.flatten(), ignore_index=-100)


def dnn_loss(model: YouTubeDNN, rows: Tensor) -> Tensor:
    """Logits of the last item, for the mean of the real ones before."""
    inputs = rows[:, :-1]
    real = (inputs > 0).unsqueeze(-1)
    user = (model.hidden(model.item(inputs)).relu() * real).sum(1) / real.sum(1).clamp(min=1)
    return F.cross_entropy(model.output(user), rows[:, -1].long())


def bpr_loss(model: BPR, rows: Tensor) -> Tensor:
    """Eq. of Rendle et al., left to autograd."""
    user, item, negative = model.user(rows[:, 0]), model.item(rows[:, 1]), model.item(rows[:, 2])
    penalty = user.square().sum() + item.square().sum() + negative.square().sum()
    return model.l2 * penalty - F.logsigmoid((user * item).sum(1) - (user * negative).sum(1)).sum()


def negatives_by_user(rows: np.ndarray, n_items: int, rng: np.random.Generator) -> np.ndarray:
    """One negative a positive (rows of user and item), drawn user by user until it is none of the user's items."""
    mine: dict[int, set[int]] = {}
    for user, item in rows.tolist():
        mine.setdefault(user, set()).add(item)
    negatives = []
    for user in rows[:, 0].tolist():
        draw = int(rng.integers(1, n_items + 1))
        while draw in mine[user]:
            draw = int(rng.integers(1, n_items + 1))
        negatives.append(draw)
    return np.array(negatives)


def negatives_at_once(rows: np.ndarray, n_items: int, rng: np.random.Generator) -> np.ndarray:
    """The same, vectorised with a set of pairs: drawn again for those that hit."""
    taken = np.unique(rows[:, 0] * (n_items + 1) + rows[:, 1])
    negatives = rng.integers(1, n_items + 1, len(rows))
    while (hit := np.isin(rows[:, 0] * (n_items + 1) + negatives, taken)).any():
        negatives[hit] = rng.integers(1, n_items + 1, hit.sum())
    return negatives


@torch.no_grad()
def metrics_by_dictionary(model: BPR, split: Split, batch: int = 256) -> dict[str, float]:
    """HIT@20 and MRR@20: scores by batch, topk, then a dictionary of places a user."""
    targets, found = torch.from_numpy(split.targets("test")), {"HIT@20": 0.0, "MRR@20": 0.0}
    for users in torch.arange(split.n_users).split(batch):
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
    """Ranks, vectorised: a comparison of every score with the target's."""
    targets, found = torch.from_numpy(split.targets("test")).long(), []
    for users in torch.arange(split.n_users).split(batch):
        scores = model.user(users) @ model.item.weight.t()
        scores[:, 0] = float("-inf")
        found.append((scores >= scores.gather(1, targets[users].unsqueeze(1))).sum(1))
    return torch.cat(found)


def entropy_by_masks(w: Tensor, bins: int = 10) -> float:
    """Eq. 3 and 4, a pass a bin."""
    low, high, h = w.min(), w.max(), 0.0
    for j in range(bins):
        inside = (w >= low + j * (high - low) / bins) & (w < low + (j + 1) * (high - low) / bins)
        inside |= (w == high) if j == bins - 1 else torch.zeros_like(inside)
        p = inside.sum().item() / w.numel()
        h -= p * math.log(p) if p else 0.0
    return h


@torch.no_grad()
def cooperate_by_masks(peers: Sequence[nn.Module], alpha: float, layers: Sequence) -> None:
    """Eq. 8 and 9 for two peers, each its own merged copy."""
    first, second = (dict(peer.named_parameters()) for peer in peers)
    for layer in layers:
        mu = 1 / (
            1
            + math.exp(
                -alpha
                * (
                    entropy_by_masks(first[layer.measured])
                    - entropy_by_masks(second[layer.measured])
                )
            )
        )
        for name in (layer.measured, *layer.followers):
            one, other = first[name].clone(), second[name].clone()
            first[name].copy_(mu * one + (1 - mu) * other)
            second[name].copy_((1 - mu) * other + mu * one)
