"""The statistics of a data set for Table 1, so that the table needs no raw data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.datasets.interactions import Interactions
from pcrec_core.datasets.split import split


def statistics(interactions: Interactions) -> dict[str, Any]:
    """Return sizes, ties, repeats and the counts of the filter, as values that JSON can hold.

    ``density`` is actions / (users * items). ``tie_share`` is the share of users whose validation
    and test item have the same time, so that file order decides (``None`` without times).
    ``repeat_share_test`` and ``repeat_share_valid`` are the shares of targets that occur earlier in
    their user's history. ``test_groups`` has one number per user, equal for users with the same
    test target and counted from 0 in the order of first occurrence.
    """
    parts = split(interactions)
    per_user = np.diff(interactions.offsets)
    actions = len(interactions.items)
    return {
        "source": interactions.name,
        "core": interactions.core,
        "users": interactions.n_users,
        "items": interactions.n_items,
        "actions": actions,
        "actions_per_user_mean": actions / interactions.n_users,
        "actions_per_user_median": float(np.median(per_user)),
        "density": actions / (interactions.n_users * interactions.n_items),
        "repeats": interactions.repeats,
        "tie_share": _tie_share(interactions),
        "repeat_share_valid": float(parts.repeated("valid").mean()),
        "repeat_share_test": float(parts.repeated("test").mean()),
        "test_groups": " ".join(map(str, pd.factorize(parts.targets("test"))[0])),
        "counts": dict(interactions.counts),
        "fingerprint": parts.fingerprint(),
    }


def _tie_share(interactions: Interactions) -> float | None:
    if interactions.times is None:
        return None
    ends = interactions.offsets[1:]
    return float((interactions.times[ends - 1] == interactions.times[ends - 2]).mean())
