"""Baselines without training: popularity, first-order transitions, and recency (PROTOCOLS.md, section 6, control 0)."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from pcrec_core.datasets.split import PARTS, Split


class Popularity(nn.Module):
    """An item's score is how often it occurs in training."""

    def __init__(self, split: Split) -> None:
        super().__init__()
        self._counts = torch.from_numpy(split.popularity().astype(np.float32))

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        """Scores of all items for users (batch,) and their inputs (batch, length): (batch, items + 1)."""
        return self._counts.repeat(len(users), 1)


class Transitions(nn.Module):
    """An item's score is how often it follows the user's last item in training histories."""

    def __init__(self, split: Split) -> None:
        super().__init__()
        pairs, size = split.successions(), split.n_items + 1
        self._counts = sparse.csr_matrix(
            (np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), (size, size)
        )

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        """Scores of all items for users (batch,) and their inputs (batch, length): (batch, items + 1)."""
        return torch.from_numpy(self._counts[inputs[:, -1].numpy()].toarray())


def recency(split: Split, part: str) -> np.ndarray:
    """Ranks of the targets of ``part``, (users,) int32: the user's own items come first, the latest before the others; all that
    the user has not met tie behind them."""
    ranks = np.full(split.n_users, split.n_items, np.int32)
    ends = split.offsets[1:] - PARTS[part]
    for user, (start, end, target) in enumerate(
        zip(split.offsets, ends, split.targets(part), strict=False)
    ):
        latest = split.items[start:end][::-1].tolist()
        if target in latest:
            ranks[user] = 1 + len(set(latest[: latest.index(target)]))
    return ranks
