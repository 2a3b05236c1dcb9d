"""Training examples: integer rows in a random order and, for BPR, random negatives."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pcrec_core.datasets.split import Split
from pcrec_core.errors import DataError

#: Arguments of a model's ``loss``: rows, and for SASRec the number of real inputs.
Batch = tuple[Tensor] | tuple[Tensor, int]


class Sequences:
    """Training sequences of ``t`` items for SASRec and DNN, cut from the users' histories.

    Rows have shape (t,) and are padded with 0 on the left; the last item is a target.

    Parameters
    ----------
    split : Split
        Data whose training part is cut.
    t : int
        Number of items in a sequence, including the last target.
    counted : bool
        Add to each batch the number of its inputs that are not padding. They are counted on the
        CPU, so that no step has to wait for the GPU's answer.

    Raises
    ------
    DataError
        If no user has two or more training items.
    """

    def __init__(self, split: Split, t: int, counted: bool = False) -> None:
        self.counted = counted
        self.rows = torch.from_numpy(split.sequences(t))
        if not len(self.rows):
            raise DataError(
                f"{split.name} has no training sequence of two or more items: nothing to train on."
            )

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.rows)

    def epoch(self, order_seed: int, negative_seed: int) -> Tensor:
        """Return all sequences in a random order, (sequences, t); ``negative_seed`` is not used."""
        return self.rows[_order(len(self), order_seed)]

    def batches(self, rows: Tensor, size: int, device: torch.device) -> list[Batch]:
        """Split the ``rows`` of an epoch into batches of ``size``, the arguments of ``loss``.

        All rows move to the device at once.
        """
        batches = torch.split(rows.to(device), size)
        if not self.counted:
            return [(batch,) for batch in batches]
        counts = torch.split((rows[:, :-1] > 0).sum(1), size)
        return [(batch, int(real.sum())) for batch, real in zip(batches, counts, strict=True)]


class Positives:
    """Distinct training pairs of a user and an item for BPR, each with one negative per epoch.

    Rows are (user, item, negative); negatives are uniform over the items outside the user's
    training history.

    Parameters
    ----------
    split : Split
        Data whose training pairs are used. A user who has every item in training is left out,
        because no negative is left to draw.

    Attributes
    ----------
    left_out : int
        Number of these users.

    Raises
    ------
    DataError
        If every user has every item in training.
    """

    def __init__(self, split: Split) -> None:
        self.rows = split.positives().astype(np.int64)  # (pairs, 2)
        self.n_items = split.n_items
        offsets, items = split.seen()
        counts = np.diff(offsets)
        full = counts >= self.n_items
        self.left_out = int(full.sum())
        if self.left_out:
            self.rows = self.rows[~full[self.rows[:, 0]]]
        if not len(self.rows):
            raise DataError(
                f"every user of {split.name} has every item in training: no negative is left to"
                " draw; use sasrec or dnn, or more items."
            )
        users = np.repeat(np.arange(split.n_users), counts)
        self._keys = self._key(users, items)  # ascending

    def __len__(self) -> int:
        """Return the number of positives."""
        return len(self.rows)

    def epoch(self, order_seed: int, negative_seed: int) -> Tensor:
        """Return all positives in a random order with new negatives, (pairs, 3)."""
        rows = np.column_stack([self.rows, self._negatives(np.random.default_rng(negative_seed))])
        return torch.from_numpy(rows)[_order(len(self), order_seed)]

    def batches(self, rows: Tensor, size: int, device: torch.device) -> list[Batch]:
        """Split the ``rows`` of an epoch into batches of ``size``, the arguments of ``loss``.

        All rows move to the device at once.
        """
        return [(batch,) for batch in torch.split(rows.to(device), size)]

    def _key(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return a number for each pair of a user and an item, ordered by user, then item."""
        keys: np.ndarray = users * (self.n_items + 1) + items
        return keys

    def _negatives(self, rng: np.random.Generator) -> np.ndarray:
        """Draw from 1..n, and draw again while an item is one of the user's training items."""
        negatives = np.empty(len(self), dtype=np.int64)
        open_rows = np.arange(len(self))
        while len(open_rows):
            negatives[open_rows] = rng.integers(1, self.n_items + 1, len(open_rows))
            keys = self._key(self.rows[open_rows, 0], negatives[open_rows])
            at = np.searchsorted(self._keys, keys)
            hits = self._keys[np.minimum(at, len(self._keys) - 1)] == keys
            open_rows = open_rows[hits]
        return negatives


def _order(n: int, seed: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))
