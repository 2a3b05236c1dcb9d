"""The examples of an epoch: sequences cut from the end, distinct positives, uniform negatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from support import split_of

from pcrec_core.errors import DataError
from pcrec_core.training.examples import Positives, Sequences


def training_of(histories: list[list[int]]) -> list[list[int]]:
    return [history[:-2] for history in histories]


def naive_sequences(histories: list[list[int]], t: int) -> list[list[int]]:
    """Cut from the end backwards, user by user; a first sequence of one item is dropped."""
    rows = []
    for training in training_of(histories):
        sequences = []
        while len(training) >= 2:
            sequences.insert(0, [0] * (t - len(training)) + training[-t:])
            training = training[:-t]
        rows += sequences
    return rows


def sorted_rows(rows: torch.Tensor) -> list[list[int]]:
    return sorted(rows.tolist())


def test_pieces_by_hand():
    # Training items are 1..7 and 8, 9: with t = 3, item 1 is left over and (8, 9) is padded.
    split = split_of([[1, 2, 3, 4, 5, 6, 7, 10, 11], [8, 9, 10, 11]])
    assert sorted_rows(Sequences(split, 3).epoch(0, 0)) == [[0, 8, 9], [2, 3, 4], [5, 6, 7]]
    assert sorted_rows(Sequences(split, 4).epoch(0, 0)) == [
        [0, 0, 8, 9],
        [0, 1, 2, 3],
        [4, 5, 6, 7],
    ]


HISTORIES = st.lists(
    st.lists(st.integers(1, 9), min_size=3, max_size=15), min_size=1, max_size=6
).map(lambda histories: [[*range(1, 10), 9, 9], *histories])  # all of 1..9 occur: ids are dense


@given(HISTORIES, st.integers(2, 6), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_an_epoch_has_every_piece_once_in_an_order_of_its_seed(histories, t, order, other):
    sequences = Sequences(split_of(histories, repeats=True), t)
    rows = sequences.epoch(order, 1)
    assert len(sequences) == len(rows) and sorted_rows(rows) == sorted(
        naive_sequences(histories, t)
    )
    assert torch.equal(rows, sequences.epoch(order, other))  # the negatives' seed is not used
    assert sorted_rows(rows) == sorted_rows(sequences.epoch(other, 1))


def test_another_seed_gives_another_order_and_all_orders_are_equally_likely():
    sequences = Sequences(split_of([[1, 2, 3, 4, 5, 6, 1, 2]]), 2)  # three sequences: six orders
    orders = [str(sequences.epoch(seed, 0).tolist()) for seed in range(1200)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6 and chisquare(counts).pvalue > 0.001


def test_nothing_to_train_on_is_refused():
    with pytest.raises(DataError, match="made-up has no training sequence of two or more items"):
        Sequences(split_of([[1, 2, 3], [3, 2, 1]]), 5)


def test_positives_are_the_distinct_training_pairs():
    split = split_of([[1, 2, 1, 1, 3, 4], [5, 5, 6, 1]], repeats=True)  # training: 1 2 1 1 and 5 5
    rows = Positives(split).epoch(0, 0)
    assert rows.dtype == torch.int64 and sorted_rows(rows[:, :2]) == [[0, 1], [0, 2], [1, 5]]


@given(
    HISTORIES.map(lambda h: [[*range(1, 9), 9, 9], *h[1:]]),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
)
def test_negatives_are_items_outside_the_users_training(histories, order, negative):
    users = [history for history in histories if len(set(history[:-2])) < 9]
    positives = Positives(split_of(users, repeats=True))
    rows = positives.epoch(order, negative).tolist()
    training = training_of(users)
    pairs = {(u, i) for u, items in enumerate(training) for i in items}
    assert sorted((u, i) for u, i, _ in rows) == sorted(pairs)
    assert all(1 <= n <= 9 and n not in training[u] for u, _, n in rows)


def test_negatives_are_uniform_over_what_is_left():
    # User 0 may draw 4..9 (the targets 4 and 5 too), user 1 only 1 and 9.
    positives = Positives(split_of([[1, 2, 3, 4, 5], [2, 3, 4, 5, 6, 7, 8, 9, 1]]))
    rows = torch.cat([positives.epoch(0, seed) for seed in range(1500)])
    for user, left in ((0, [4, 5, 6, 7, 8, 9]), (1, [1, 9])):
        drawn = rows[rows[:, 0] == user, 2]
        counts = np.bincount(drawn, minlength=10)
        assert set(np.flatnonzero(counts)) == set(left)
        assert chisquare(counts[left]).pvalue > 0.001
    # A negative does not depend on the place of its positive in the history.
    drawn = (rows[(rows[:, 0] == 0) & (rows[:, 1] == item), 2] for item in (1, 2, 3))
    by_positive = [np.bincount(negatives, minlength=10)[4:] for negatives in drawn]
    assert chisquare(np.concatenate(by_positive)).pvalue > 0.001


def test_order_and_negatives_have_separate_streams():
    positives = Positives(split_of([[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 1, 2]]))
    rows, order, negatives = (positives.epoch(*seeds) for seeds in ((1, 2), (5, 2), (1, 3)))
    assert torch.equal(rows, positives.epoch(1, 2))
    assert not torch.equal(rows, order) and sorted_rows(rows) == sorted_rows(order)
    assert not torch.equal(rows, negatives) and torch.equal(rows[:, :2], negatives[:, :2])


def test_a_user_with_every_item_is_left_out_and_counted():
    others = [[1, 2, 3, 4], [2, 3, 4, 1]]
    positives = Positives(split_of([others[0], [4, 3, 2, 1, 1, 2], others[1]], repeats=True))
    rows = positives.epoch(0, 0)
    assert positives.left_out == 1 and sorted_rows(rows[:, :2]) == [[0, 1], [0, 2], [2, 2], [2, 3]]
    assert Positives(split_of(others)).left_out == 0
    with pytest.raises(DataError, match="every user of made-up has every item in training"):
        Positives(split_of([[1, 2, 3, 4, 1, 2]] * 2, repeats=True))
