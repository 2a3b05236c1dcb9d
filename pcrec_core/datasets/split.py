"""Leave-one-out: a user's last item is the test target, the one before the validation target."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from pcrec_core.datasets.filtering import SHORTEST
from pcrec_core.datasets.interactions import Interactions, first_of_pair
from pcrec_core.errors import DataError, unknown

#: Distance of each part's target from the end of a user's actions.
PARTS = {"valid": 2, "test": 1}


@dataclass(frozen=True, eq=False)
class Split:
    """The split of a data set (:ref:`protocols-common`); no method loops over users.

    Parameters
    ----------
    name : str
        The source's name.
    n_users : int
        U users, rows from 0.
    n_items : int
        Items 1..n_items; 0 is padding.
    repeats : bool
        Whether a user can meet an item again.
    items : int32 array (A,)
        All actions, sorted by user, then time.
    offsets : int64 array (U + 1,)
        User row u owns ``items[offsets[u]:offsets[u + 1]]``: training, then validation, then test.

    Raises
    ------
    DataError
        A user has fewer than three items, so that parts would overlap; ids are not dense; or
        ``offsets`` do not cover ``items``.
    """

    name: str
    n_users: int
    n_items: int
    repeats: bool
    items: np.ndarray
    offsets: np.ndarray

    def __post_init__(self) -> None:
        """Check the offsets and the ids."""
        ends = self.offsets
        _require(
            len(ends) == self.n_users + 1 and ends[0] == 0 and ends[-1] == len(self.items),
            f"offsets of {self.name} do not cover its {len(self.items)} actions.",
        )
        shortest = int(np.argmin(np.diff(ends))) if self.n_users else 0
        _require(
            self.n_users >= 1 and ends[shortest + 1] - ends[shortest] >= SHORTEST,
            f"user row {shortest} of {self.name} has fewer than {SHORTEST} items: its training,"
            " validation and test would overlap.",
        )
        inside = self.items.min(initial=1) >= 1 and self.items.max(initial=0) <= self.n_items
        _require(
            bool(inside and np.bincount(self.items, minlength=self.n_items + 1)[1:].all()),
            f"item ids of {self.name} are not dense: each of 1..{self.n_items} must occur, and no"
            " other.",
        )

    def sequences(self, t: int) -> np.ndarray:
        """Cut the training items of each user into disjoint sequences, from the end backwards.

        A user's first sequence is padded with 0 on the left. It is dropped if it has one item only,
        since it has no target then.

        Parameters
        ----------
        t : int
            Items per sequence, the target included.

        Returns
        -------
        int32 array (sequences, t)
            By user, then time.
        """
        lengths = self._training_lengths
        counts = lengths // t + (lengths % t >= 2)
        users = np.repeat(np.arange(self.n_users), counts)
        # Number of the user's sequences after each one.
        later = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(len(users))
        return self._windows(self.offsets[users], (self.offsets[1:] - 2)[users] - later * t, t)

    def histories(self, t: int, part: str) -> np.ndarray:
        """Return the last ``t`` - 1 items before each target, padded with 0 on the left.

        The history of ``part`` "test" ends with the validation item.

        Returns
        -------
        int32 array (U, t - 1)
        """
        return self._windows(self.offsets[:-1], self._target_places(part), t - 1)

    def targets(self, part: str) -> np.ndarray:
        """Return the target of ``part``, "valid" or "test"; (U,) int32."""
        targets: np.ndarray = self.items[self._target_places(part)]
        return targets

    def positives(self) -> np.ndarray:
        """Return the distinct training pairs (user row, item); (N, 2) int64.

        They are sorted by user, then first occurrence.
        """
        users, items = self._training()
        first = first_of_pair(users, items, self.n_items)
        return np.stack([users[first], items[first]], axis=1)

    def seen(self) -> tuple[np.ndarray, np.ndarray]:
        """Return each user's distinct training items, ascending, in CSR form.

        Returns
        -------
        offsets : int64 array (U + 1,)
        items : int32 array (N,)
        """
        users, items = self._training()
        # numpy's `unique` hashes first, which takes 30 times as long here.
        keys = np.sort(users * (self.n_items + 1) + items)
        users, items = np.divmod(keys[np.r_[True, keys[1:] > keys[:-1]]], self.n_items + 1)
        counts = np.bincount(users, minlength=self.n_users)
        return np.concatenate([[0], np.cumsum(counts)]), items.astype(np.int32)

    def repeated(self, part: str) -> np.ndarray:
        """Return whether each target of ``part`` occurs earlier in its history; (U,) bool."""
        places = self._target_places(part)
        lengths = np.diff(self.offsets)
        same = self.items == np.repeat(self.items[places], lengths)
        same &= np.arange(len(self.items)) < np.repeat(places, lengths)
        return np.logical_or.reduceat(same, self.offsets[:-1])

    def successions(self) -> np.ndarray:
        """Return the pairs (item, next item) of all training histories, in order; (N, 2) int32."""
        users, items = self._training()
        inside = users[1:] == users[:-1]
        return np.stack([items[:-1][inside], items[1:][inside]], axis=1)

    def popularity(self) -> np.ndarray:
        """Count each item's occurrences in training, by id (0 is padding); (n_items + 1,) int64."""
        return np.bincount(self._training()[1], minlength=self.n_items + 1)

    def fingerprint(self) -> str:
        """Return the SHA-256, hex, of all that decides results.

        That is n_users, n_items, repeats, offsets and items.
        """
        digest = hashlib.sha256(
            np.array([self.n_users, self.n_items, self.repeats], "<i8").tobytes()
        )
        digest.update(np.ascontiguousarray(self.offsets, "<i8").data)
        digest.update(np.ascontiguousarray(self.items, "<i4").data)
        return digest.hexdigest()

    @property
    def _training_lengths(self) -> np.ndarray:
        return np.diff(self.offsets) - 2

    def _training(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the user rows and items of all training positions."""
        training = np.ones(len(self.items), bool)
        for part in PARTS:
            training[self._target_places(part)] = False
        return np.repeat(np.arange(self.n_users), self._training_lengths), self.items[training]

    def _target_places(self, part: str) -> np.ndarray:
        _require(part in PARTS, unknown("part", part, PARTS))
        return self.offsets[1:] - PARTS[part]

    def _windows(self, starts: np.ndarray, ends: np.ndarray, width: int) -> np.ndarray:
        """Return the ``width`` items before each end, 0 before the start; (rows, width) int32."""
        places = ends[:, None] + np.arange(-width, 0)
        return np.where(places >= starts[:, None], self.items[np.maximum(places, 0)], np.int32(0))


def split(interactions: Interactions) -> Split:
    """Return the leave-one-out split, one for all models (:ref:`protocols-common`)."""
    return Split(
        interactions.name,
        interactions.n_users,
        interactions.n_items,
        interactions.repeats,
        interactions.items,
        interactions.offsets,
    )


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise DataError(sentence)
