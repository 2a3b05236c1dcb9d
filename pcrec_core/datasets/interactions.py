"""Interactions: every user's items in time order, filtered, with dense ids (protocols-common)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pcrec_core.datasets.filtering import Filter
from pcrec_core.datasets.sources import Source, Table
from pcrec_core.errors import DataError


@dataclass(frozen=True, eq=False)
class Interactions:
    """All A actions of all U users, sorted by user, then time; ties keep file order.

    Parameters
    ----------
    name : str
        The source's name.
    core : int
        Fewest actions of a user and of an item.
    items : int32 array (A,)
        Dense ids 1..n_items; 0 is padding.
    offsets : int64 array (U + 1,)
        User row u (from 0) owns ``items[offsets[u]:offsets[u + 1]]``.
    n_items : int
    user_names : array (U,)
        Raw ids in ascending order; ``user_names[u]`` is that of user row u.
    item_names : array (n_items,)
        Raw ids in ascending order; ``item_names[i - 1]`` is that of item i.
    times : array (A,), optional
        ``None`` where the format has no time.
    repeats : bool
        Whether a user can meet an item again: as the source declares, or else as the data show.
    counts : dict of str to int
        ``W_read`` (before the filter) and ``W`` (after it) for W = rows, users, items, and between
        them the numbers that each rule of ``filtering.Filter`` removed: ``W_core``,
        ``rows_distinct``, ``users_distinct``, ``rows_short`` and ``users_short``.
    notes : tuple of str
        Sentences of the reader on what it left out or found strange.
    """

    name: str
    core: int
    items: np.ndarray
    offsets: np.ndarray
    n_items: int
    user_names: np.ndarray
    item_names: np.ndarray
    times: np.ndarray | None
    repeats: bool
    counts: dict[str, int]
    notes: tuple[str, ...] = ()

    @property
    def n_users(self) -> int:
        """Number of users U."""
        return len(self.offsets) - 1


def build(table: Table, source: Source, core: int) -> Interactions:
    """Return the interactions of a raw table: numbered, filtered and sorted.

    Users and items are numbered in ascending order of their raw ids (text by code point).

    Raises
    ------
    DataError
        The filter leaves no user, or a single item.
    """
    users, user_names = _numbered(table.users)
    items, item_names = _numbered(table.items)
    first = None
    if source.repeats is None or source.min_distinct > 1:
        first = first_of_pair(users, items, int(items.max(initial=0)))
    left = Filter(users, items, first).run(core, source.min_distinct)
    counts = _counts(left)
    _check_left(source.name, core, counts)
    users = _dense(left.alive_users)[users[left.rows]]
    items = _dense(left.alive_items)[items[left.rows]] + 1
    times = None if table.times is None else table.times[left.rows]
    order = _order(users, times)
    return Interactions(
        name=source.name,
        core=core,
        items=items[order],
        n_items=len(item_names[left.alive_items]),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(users))]).astype(np.int64),
        user_names=user_names[left.alive_users],
        item_names=item_names[left.alive_items],
        times=None if times is None else times[order],
        repeats=_repeats(source.repeats, left.rows, first),
        counts=counts,
        notes=table.notes,
    )


def first_of_pair(users: np.ndarray, items: np.ndarray, n_items: int) -> np.ndarray:
    """Return whether each row is the first of its user with its item.

    Parameters
    ----------
    users, items : int array (rows,)
        Ids; item ids are at most ``n_items``.
    n_items : int

    Returns
    -------
    bool array (rows,)
    """
    pairs = users.astype(np.int64, copy=False) * (n_items + 1) + items
    duplicated: np.ndarray = pd.Series(pairs).duplicated().to_numpy()
    return ~duplicated


def _repeats(declared: bool | None, rows: np.ndarray, first: np.ndarray | None) -> bool:
    if declared is None and first is not None:
        return bool((rows & ~first).any())
    return bool(declared)


def _numbered(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes, names = pd.factorize(ids, sort=True)
    return codes.astype(np.int32), names


def _dense(alive: np.ndarray) -> np.ndarray:
    """Return the new number, from 0, of every old number that is alive."""
    return np.cumsum(alive, dtype=np.int32) - np.int32(1)


def _order(users: np.ndarray, times: np.ndarray | None) -> np.ndarray | slice:
    """Return the stable order by user, then time.

    One integer key, where it fits into 64 bits, takes half the time of sorting by two keys.
    """
    key = users
    if times is not None:
        span = int(times.max()) - int(times.min()) + 1 if times.dtype.kind == "i" else 2**63
        if span * (int(users.max()) + 1) >= 2**63:
            return np.lexsort((times, users))
        key = users * np.int64(span) + (times - times.min())
    return slice(None) if (key[1:] >= key[:-1]).all() else np.argsort(key, kind="stable")


def _counts(left: Filter) -> dict[str, int]:
    alive = {"rows": left.rows, "users": left.alive_users, "items": left.alive_items}
    rules = ["rows_core", "users_core", "items_core"]
    rules += ["rows_distinct", "users_distinct", "rows_short", "users_short"]
    return (
        {f"{noun}_read": len(flags) for noun, flags in alive.items()}
        | {rule: left.removed[rule] for rule in rules}
        | {noun: int(flags.sum()) for noun, flags in alive.items()}
    )


def _check_left(name: str, core: int, counts: dict[str, int]) -> None:
    if counts["items"] >= 2:
        return
    left = (
        "nobody is left"
        if counts["users"] == 0
        else "only one item is left, and there is nothing to rank"
    )
    raise DataError(
        f"{name} with core={core}: {left} of {counts['rows_read']} rows, {counts['users_read']}"
        f" users and {counts['items_read']} items (users removed by the core:"
        f" {counts['users_core']}, by too few distinct items: {counts['users_distinct']}, by fewer"
        f" than 3 actions: {counts['users_short']}): use a smaller core or more data."
    )
