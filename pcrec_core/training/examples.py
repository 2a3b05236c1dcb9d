"""What an epoch goes over: integer rows in an order, and for BPR negatives, that depend on nothing but two seeds."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pcrec_core.datasets.split import Split
from pcrec_core.errors import DataError


class Pieces:
    """Go over sequences of ``t`` items (SASRec, DNN): rows of shape (t,), left padded with 0, the last item a target.

    With ``counted`` a batch brings its number of inputs that are no padding: counted here, where the rows are, so that no
    step on a GPU has to wait until the GPU has counted.
    """

    def __init__(self, split: Split, t: int, counted: bool = False) -> None:
        self.counted = counted
        self.rows = torch.from_numpy(split.pieces(t))
        if not len(self.rows):
            raise DataError(
                f"{split.name} has no training sequence of two or more items: nothing to train on."
            )

    def __len__(self) -> int:
        return len(self.rows)

    def epoch(self, order_seed: int, negative_seed: int) -> Tensor:
        """All pieces in a fresh order, (pieces, t)."""
        return self.rows[_order(len(self), order_seed)]

    def batches(self, rows: Tensor, size: int, device: torch.device) -> list[tuple]:
        """Return the arguments of ``loss``, batch by batch, for ``rows`` of an epoch: they move to the device in one go."""
        batches = rows.to(device).split(size)
        if not self.counted:
            return [(batch,) for batch in batches]
        counts = (rows[:, :-1] > 0).sum(1).split(size)
        return [(batch, int(real.sum())) for batch, real in zip(batches, counts, strict=True)]


class Positives:
    """Distinct training pairs (BPR): rows (user, item, negative) with one uniform negative a positive and epoch."""

    def __init__(self, split: Split) -> None:
        self.rows = split.positives().astype(np.int64)  # (pairs, 2)
        self.n_items = split.n_items
        offsets, items = split.seen()
        counts = np.diff(offsets)
        if (counts >= self.n_items).any():
            raise DataError(
                f"user row {int(counts.argmax())} of {split.name} has every item in training: no negative is"
                " left to draw; leave the user out."
            )
        self._keys = (
            np.repeat(np.arange(split.n_users), counts) * (self.n_items + 1) + items
        )  # ascending

    def __len__(self) -> int:
        return len(self.rows)

    def epoch(self, order_seed: int, negative_seed: int) -> Tensor:
        """All positives in a fresh order with fresh negatives, (pairs, 3)."""
        rows = np.column_stack([self.rows, self._negatives(np.random.default_rng(negative_seed))])
        return torch.from_numpy(rows)[_order(len(self), order_seed)]

    def batches(self, rows: Tensor, size: int, device: torch.device) -> list[tuple]:
        """Return the arguments of ``loss``, batch by batch, for ``rows`` of an epoch: they move to the device in one go."""
        return [(batch,) for batch in rows.to(device).split(size)]

    def _negatives(self, rng: np.random.Generator) -> np.ndarray:
        """Uniform over 1..n outside the user's training items: drawn again where it hits one."""
        negatives = np.empty(len(self), dtype=np.int64)
        todo = np.arange(len(self))
        while len(todo):
            negatives[todo] = rng.integers(1, self.n_items + 1, len(todo))
            keys = self.rows[todo, 0] * (self.n_items + 1) + negatives[todo]
            at = np.searchsorted(self._keys, keys)
            todo = todo[self._keys[np.minimum(at, len(self._keys) - 1)] == keys]
        return negatives


def _order(n: int, seed: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))
