"""What the result of a run keeps of its data and of every user."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrec_core.datasets.split import Split


def facts(split: Split, not_trained: int = 0) -> dict[str, Any]:
    """Return what a result keeps of its data.

    ``not_trained`` users have every item in their history, and so no negative.
    """
    data = {"fingerprint": split.fingerprint(), "users": split.n_users, "items": split.n_items}
    return {"data": data | ({"users_not_trained": not_trained} if not_trained else {})}


def by_user(split: Split, ranks: NDArray[np.integer[Any]]) -> dict[str, str]:
    """Return what a result keeps of every user of the test set.

    ``ranks`` are the ranks of the targets; ``repeated`` has a 1 for each user whose target occurs
    in the user's history before.
    """
    return {
        "ranks": as_text(ranks),
        "repeated": "".join(map(str, split.repeated("test").astype(np.int8))),
    }


def as_text(ranks: NDArray[np.integer[Any]]) -> str:
    """Return ranks in the form that records keep."""
    return " ".join(map(str, ranks))
