"""Leave-one-out against values by hand and against naive loops."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from datasets_support import interactions_of, rows_of, split_of
from hypothesis import given
from hypothesis import strategies as st

from pcrec_core.datasets.shuffled import shuffled
from pcrec_core.datasets.without_repeats import split_without_repeats
from pcrec_core.errors import DataError

HISTORIES = st.lists(st.lists(st.integers(1, 6), min_size=3, max_size=14), min_size=1, max_size=6)
PARTS = pytest.mark.parametrize(("part", "back"), [("valid", 2), ("test", 1)])
# Two users: training 1 2 3 4 5 | 6 | 7, and training 2 | 1 | 2.
HAND = split_of([[1, 2, 3, 4, 5, 6, 7], [2, 1, 2]])


@pytest.mark.parametrize(
    ("t", "expected"),
    [
        (2, [[2, 3], [4, 5]]),  # the first sequence would be 1 alone: dropped
        (3, [[0, 1, 2], [3, 4, 5]]),
        (4, [[2, 3, 4, 5]]),
        (5, [[1, 2, 3, 4, 5]]),
        (6, [[0, 1, 2, 3, 4, 5]]),
    ],
)
def test_pieces_by_hand(t, expected):
    assert HAND.sequences(t).tolist() == expected


def test_histories_and_targets_by_hand():
    assert HAND.targets("valid").tolist() == [6, 1] and HAND.targets("test").tolist() == [7, 2]
    assert HAND.histories(4, "valid").tolist() == [[3, 4, 5], [0, 0, 2]]
    assert HAND.histories(4, "test").tolist() == [[4, 5, 6], [0, 2, 1]]  # with the validation item
    assert HAND.repeated("valid").tolist() == [False, False]
    assert HAND.repeated("test").tolist() == [False, True]


def test_positives_seen_and_popularity_by_hand():
    split = split_of([[3, 1, 3, 1, 2, 3], [2, 2, 2, 2]])  # training 3 1 3 1 and 2 2
    assert split.positives().tolist() == [[0, 3], [0, 1], [1, 2]]
    offsets, items = split.seen()
    assert offsets.tolist() == [0, 2, 3] and items.tolist() == [1, 3, 2]
    assert split.popularity().tolist() == [0, 2, 2, 2]


@given(HISTORIES, st.integers(2, 8))
def test_sequences_are_those_of_a_loop(histories, t):
    split = split_of(histories)
    expected = []
    for history in rows_of(split):
        rest, sequences = history[:-2], []
        while rest:
            sequences.insert(0, [0] * (t - len(rest[-t:])) + rest[-t:])
            rest = rest[:-t]
        expected += [sequence for sequence in sequences if sum(map(bool, sequence)) > 1]
    sequences = split.sequences(t)
    assert (
        sequences.tolist() == expected and sequences.shape[1] == t and sequences.dtype == np.int32
    )


@PARTS
@given(HISTORIES, st.integers(2, 8))
def test_histories_targets_and_repeats_are_those_of_a_loop(part, back, histories, t):
    split = split_of(histories)
    rows = rows_of(split)
    before = [row[:-back] for row in rows]
    inputs = split.histories(t, part)
    assert inputs.tolist() == [([0] * t + row)[-(t - 1) :] for row in before]
    assert inputs.dtype == split.targets(part).dtype == np.int32
    assert split.targets(part).tolist() == [row[-back] for row in rows]
    assert split.repeated(part).tolist() == [row[-back] in row[:-back] for row in rows]


@given(HISTORIES)
def test_training_items_are_those_of_a_loop(histories):
    split = split_of(histories)
    training = [row[:-2] for row in rows_of(split)]
    offsets, items = split.seen()
    positives = [[u, i] for u, row in enumerate(training) for i in dict.fromkeys(row)]
    assert split.positives().tolist() == positives
    seen = [items[a:b].tolist() for a, b in pairwise(offsets)]
    assert seen == [sorted(set(row)) for row in training]
    counts = Counter(item for row in training for item in row)
    assert split.popularity().tolist() == [counts[item] for item in range(split.n_items + 1)]


def test_fingerprint_is_the_hash_of_its_little_endian_parts():
    content = struct.pack("<6q10i", 2, 7, 1, 0, 7, 10, *range(1, 8), 2, 1, 2)
    assert HAND.fingerprint() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"repeats": False},
        {"items": np.array([2, 1, 3, 4, 5, 6, 7, 2, 1, 2], np.int32)},
        {"offsets": np.array([0, 6, 10])},
    ],
)
def test_fingerprint_tells_splits_apart_but_not_names_or_dtypes(change):
    assert dataclasses.replace(HAND, **change).fingerprint() != HAND.fingerprint()
    same = dataclasses.replace(
        HAND, name="other", items=HAND.items.astype(">i8"), offsets=HAND.offsets.astype(np.int32)
    )
    assert same.fingerprint() == HAND.fingerprint()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"offsets": np.array([0, 8, 10])}, "user row 1 of tiny has fewer than 3 items"),
        ({"offsets": np.array([0, 7, 9])}, "do not cover its 10 actions"),
        ({"offsets": np.array([0, 10])}, "do not cover its 10 actions"),
        ({"offsets": np.array([0, 11, 10])}, "user row 1 of tiny has fewer than 3 items"),
        ({"n_items": 8}, "each of 1..8 must occur"),
        ({"n_items": 6}, "each of 1..6 must occur"),
        ({"items": np.array([0, 2, 3, 4, 5, 6, 7, 1, 1, 2], np.int32)}, "not dense"),
    ],
)
def test_an_impossible_split_is_refused(change, words):
    with pytest.raises(DataError, match=words):
        dataclasses.replace(HAND, **change)


def test_an_unknown_part_names_the_nearest():
    with pytest.raises(DataError, match="unknown part 'tests'; did you mean 'test'"):
        HAND.targets("tests")


# --- histories in a random order, and BPR's own split


def test_shuffled_histories_keep_users_targets_and_items():
    split = split_of([[*range(1, 31)], [5, 6, 7], [3, 3, 4, 4, 5, 1]])
    mixed = shuffled(split, 1)
    assert mixed.targets("valid").tolist() == split.targets("valid").tolist()
    assert mixed.targets("test").tolist() == split.targets("test").tolist()
    for mine, theirs in zip(rows_of(mixed), rows_of(split), strict=True):
        assert sorted(mine[:-2]) == sorted(theirs[:-2]) and mine[-2:] == theirs[-2:]
    assert rows_of(mixed)[0][:-2] != list(range(1, 29))
    assert rows_of(shuffled(split, 2))[0] != rows_of(mixed)[0]
    assert rows_of(shuffled(split, 1)) == rows_of(mixed)
    assert mixed.seen()[1].tolist() == split.seen()[1].tolist()
    assert mixed.popularity().tolist() == split.popularity().tolist()


def test_the_items_before_a_shuffled_target_are_permuted_together():
    split = split_of([[*range(1, 31)]] * 40)
    mixed = shuffled(split, 3)
    valid, test = mixed.histories(29, "valid"), mixed.histories(30, "test")
    assert (np.sort(valid, axis=1) == np.arange(1, 29)).all()
    assert (np.sort(test, axis=1) == np.arange(1, 30)).all()
    places = (test == 29).argmax(1)  # of the validation item: anywhere
    assert places.min() < 6 and places.max() > 22 and len(set(places.tolist())) > 10
    rest = [[i for i in row if i != 29] for row in test.tolist()]
    # One permutation of the training items.
    assert rest == valid.tolist() == [row[:-2] for row in rows_of(mixed)]
    assert mixed.sequences(28).tolist() == valid.tolist()


def test_bprs_own_split_keeps_the_last_of_a_repeat_and_drops_short_users():
    interactions = interactions_of([[1, 2, 1, 3, 4], [2, 2, 5, 5], [5, 4, 3, 3, 2, 5]])
    split = split_without_repeats(interactions)
    # User 0: 2 1 3 4. User 1 has two different items and is removed. User 2: 4 3 2 5.
    assert rows_of(split) == [[2, 1, 3, 4], [4, 3, 2, 5]]
    assert split.n_items == 5 and not split.repeats


def test_bprs_own_split_renumbers_the_items_that_users_still_have():
    interactions = interactions_of([[4, 6, 1, 2], [5, 3, 5, 3]])
    assert rows_of(split_without_repeats(interactions)) == [[3, 4, 1, 2]]
    with pytest.raises(DataError, match=r"no user of .* has 4 or more different items"):
        split_without_repeats(interactions_of([[1, 2, 1, 2], [2, 1, 1]]))


@given(HISTORIES)
def test_bprs_own_split_is_that_of_a_loop(histories):
    expected = [[i for at, i in enumerate(h) if i not in h[at + 1 :]] for h in histories]
    expected = [h for h in expected if len(h) >= 4]
    if expected:
        names = sorted({i for h in expected for i in h})
        found = rows_of(split_without_repeats(interactions_of(histories)))
        assert [[names[i - 1] for i in h] for h in found] == expected
