"""The split of data without repeated items, BPR's own in two protocols."""

from __future__ import annotations

import numpy as np

from pcrec_core.datasets.interactions import Interactions, first_of_pair
from pcrec_core.datasets.split import Split
from pcrec_core.errors import DataError

#: Fewest different items of a user.
_FEWEST = 4


def split_without_repeats(interactions: Interactions) -> Split:
    """Return BPR's own split in ``paper`` and ``released`` (:ref:`protocols-table`).

    Of a repeated item, the last occurrence is kept. Then users with at most 3 items are removed,
    and items that no user has any more.

    Raises
    ------
    DataError
        No user is left.
    """
    users = np.repeat(np.arange(interactions.n_users), np.diff(interactions.offsets))
    last = first_of_pair(users[::-1], interactions.items[::-1], interactions.n_items)[::-1]
    lengths = np.bincount(users[last], minlength=interactions.n_users)
    kept = last & (lengths >= _FEWEST)[users]
    names, items = np.unique(interactions.items[kept], return_inverse=True)
    lengths = lengths[lengths >= _FEWEST]
    if not len(lengths):
        raise DataError(f"no user of {interactions.name} has {_FEWEST} or more different items.")
    return Split(
        interactions.name,
        len(lengths),
        len(names),
        False,
        (items + 1).astype(np.int32),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    )
