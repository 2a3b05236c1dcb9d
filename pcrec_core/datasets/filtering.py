"""The five-core, and the rules repeated with it until nothing changes (protocols-common)."""

from __future__ import annotations

from collections import Counter

import numpy as np

#: Fewest actions of a user: training, validation and test need one each.
SHORTEST = 3


class Filter:
    """The rows, users and items that remain, and counts of those removed by each rule.

    Parameters
    ----------
    users, items : int array (rows,)
        Dense ids from 0.
    first : bool array (rows,), optional
        Whether the row is the first of its user with its item. Needed where ``run`` is called with
        ``min_distinct`` above 1.

    Attributes
    ----------
    rows : bool array (rows,)
        Whether each row remains.
    alive_users : bool array (users,)
        Whether each user remains.
    alive_items : bool array (items,)
        Whether each item remains.
    removed : Counter
        ``rows_R``, ``users_R`` and ``items_R`` for the rules R: ``core``, ``distinct`` and
        ``short``.
    """

    def __init__(
        self, users: np.ndarray, items: np.ndarray, first: np.ndarray | None = None
    ) -> None:
        self.users, self.items, self.first = users, items, first
        self.rows = np.ones(len(users), bool)
        self.alive_users = np.ones(users.max(initial=-1) + 1, bool)
        self.alive_items = np.ones(items.max(initial=-1) + 1, bool)
        self.removed: Counter[str] = Counter()

    def run(self, core: int, min_distinct: int = 1) -> Filter:
        """Repeat the rules until none removes anything; an earlier rule goes before a later one.

        The rules remove items and users with fewer than ``core`` actions (``core``), users with
        fewer than ``min_distinct`` distinct items (``distinct``), and users with fewer than three
        actions, who cannot be split (``short``).
        """
        while self._core(core) or self._distinct(min_distinct) or self._short():
            pass
        return self

    def _core(self, core: int) -> bool:
        return self._remove("core", self._per_user(self.rows) < core, self._per_item() < core)

    def _distinct(self, least: int) -> bool:
        if least <= 1:
            return False
        return self._remove("distinct", self._per_user(self.rows & self.first) < least)

    def _short(self) -> bool:
        return self._remove("short", self._per_user(self.rows) < SHORTEST)

    def _per_user(self, rows: np.ndarray) -> np.ndarray:
        return np.bincount(self.users[rows], minlength=len(self.alive_users))

    def _per_item(self) -> np.ndarray:
        return np.bincount(self.items[self.rows], minlength=len(self.alive_items))

    def _remove(
        self, rule: str, few_users: np.ndarray, few_items: np.ndarray | None = None
    ) -> bool:
        leaving_users = few_users & self.alive_users
        leaving_items = (
            np.zeros_like(self.alive_items) if few_items is None else few_items & self.alive_items
        )
        if not (leaving_users.any() or leaving_items.any()):
            return False
        leaving = self.rows & leaving_users[self.users]
        if leaving_items.any():
            leaving |= self.rows & leaving_items[self.items]
        self.rows &= ~leaving
        self.alive_users &= ~leaving_users
        self.alive_items &= ~leaving_items
        for noun, gone in (("rows", leaving), ("users", leaving_users), ("items", leaving_items)):
            self.removed[f"{noun}_{rule}"] += int(gone.sum())
        return True
