"""Baselines without training: popularity, transitions and recency (:ref:`protocols-controls`)."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from pcrec_core.datasets.split import PARTS, Split


class Popularity(nn.Module):
    """Score an item by its number of occurrences in training.

    Parameters
    ----------
    split : Split
        Data whose training part is counted.
    """

    def __init__(self, split: Split) -> None:
        super().__init__()
        self._counts = torch.from_numpy(split.popularity().astype(np.float32))

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        """Return the scores of all items, (batch, n + 1), for ``users`` (batch,).

        ``inputs`` is not used.
        """
        return self._counts.repeat(len(users), 1)


class Transitions(nn.Module):
    """Score an item by how often it follows the user's last item in the training histories.

    Parameters
    ----------
    split : Split
        Data whose training part is counted.
    """

    def __init__(self, split: Split) -> None:
        super().__init__()
        pairs, size = split.successions(), split.n_items + 1
        self._counts = sparse.csr_matrix(
            (np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), (size, size)
        )

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        """Return the scores of all items, (batch, n + 1), for ``inputs`` (batch, length).

        ``users`` is not used.
        """
        return torch.from_numpy(self._counts[inputs[:, -1].numpy()].toarray())


def recency(split: Split, part: str) -> np.ndarray:
    """Rank each user's target by recency: the user's own items come first, the latest on top.

    All items outside the user's history tie for the last rank.

    Parameters
    ----------
    split : Split
        Data of U users.
    part : {"valid", "test"}
        Part whose targets are ranked.

    Returns
    -------
    int32 array (U,)
        Ranks, from 1.
    """
    ranks = np.full(split.n_users, split.n_items, np.int32)
    ends = split.offsets[1:] - PARTS[part]
    for user, (start, end, target) in enumerate(
        zip(split.offsets, ends, split.targets(part), strict=False)
    ):
        latest = split.items[start:end][::-1].tolist()
        if target in latest:
            ranks[user] = 1 + len(set(latest[: latest.index(target)]))
    return ranks
