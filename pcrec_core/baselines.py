"""Baselines without training: popularity, first-order transitions, and recency (PROTOCOLS.md, section 6, control 0)."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from pcrec_core.datasets.split import Split


class Popularity(nn.Module):
    """An item's score is how often it occurs in training."""

    def __init__(self, split: Split) -> None:
        super().__init__()
        self._counts = torch.from_numpy(split.popularity().astype(np.float32))

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        return self._counts.repeat(len(users), 1)


class Transitions(nn.Module):
    """An item's score is how often it follows the user's last item in training histories."""

    def __init__(self, split: Split) -> None:
        super().__init__()
        pairs, size = split.successions(), split.n_items + 1
        self._counts = sparse.csr_matrix((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), (size, size))

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        return torch.from_numpy(self._counts[inputs[:, -1].numpy()].toarray())


class Recency(nn.Module):
    """The user's own items, the latest first; all others tie behind them."""

    def __init__(self, split: Split) -> None:
        super().__init__()
        self._size = split.n_items + 1

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        places = torch.arange(1.0, inputs.shape[1] + 1).expand(inputs.shape)
        return torch.zeros(len(inputs), self._size).scatter_reduce_(1, inputs.long(), places, "amax")
