"""Notes on the interactions that a reader of the results must know, if there are any."""

from __future__ import annotations

import numpy as np

from pcrec_core.datasets.interactions import Interactions
from pcrec_core.datasets.split import Split

#: Share of rows that may repeat the row before them without a note.
_FEW = 0.01


def notes(interactions: Interactions, parts: Split) -> list[str]:
    """Return the notes of the reader, and those on doubled rows, targets and full histories."""
    found = [
        *interactions.notes,
        _doubled(interactions),
        _same_target(parts),
        _every_item(parts),
    ]
    return [note for note in found if note]


def _doubled(interactions: Interactions) -> str:
    if interactions.times is None:
        return ""
    same = _repeats_the_one_before(interactions)
    same &= interactions.times[1:] == interactions.times[:-1]
    if same.mean() < _FEW:
        return ""
    return (
        f"{int(same.sum()):,} of {len(interactions.items):,} rows repeat the row before them (the"
        " same user, item and time): are rows doubled?"
    )


def _repeats_the_one_before(interactions: Interactions) -> np.ndarray:
    inside = np.ones(len(interactions.items) - 1, bool)
    inside[interactions.offsets[1:-1] - 1] = False
    repeated: np.ndarray = inside & (interactions.items[1:] == interactions.items[:-1])
    return repeated


def _same_target(parts: Split) -> str:
    same = int((parts.targets("test") == parts.targets("valid")).sum())
    if 2 * same < parts.n_users:
        return ""
    whom = "every user" if same == parts.n_users else f"{same:,} of {parts.n_users:,} users"
    return (
        f"the test item is the validation item for {whom}: what was just seen is the answer, as"
        " where rows are doubled"
    )


def _every_item(parts: Split) -> str:
    many = int((np.diff(parts.seen()[0]) >= parts.n_items).sum())
    if not many:
        return ""
    have = "1 user has" if many == 1 else f"{many:,} users have"
    return f"{have} every item in training: BPR does not train on them, for there is no negative"
