"""Filter, numbering and order against values by hand and against naive loops."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from datasets_support import PLAIN, table
from hypothesis import example, given
from hypothesis import strategies as st

from pcrec_core.datasets.interactions import build
from pcrec_core.datasets.sources import Table
from pcrec_core.errors import DataError

ROWS = st.lists(
    st.tuples(st.integers(1, 7), st.integers(1, 6), st.integers(0, 4)), min_size=20, max_size=80
)


def naive_filter(rows, core, min_distinct):
    """Every rule in turn, one after the other, until none removes a row."""
    before = None
    while rows != before:
        before = rows
        rows = [
            r
            for r in rows
            if sum(q[0] == r[0] for q in rows) >= core and sum(q[1] == r[1] for q in rows) >= core
        ]
        rows = [r for r in rows if len({q[1] for q in rows if q[0] == r[0]}) >= min_distinct]
        rows = [r for r in rows if sum(q[0] == r[0] for q in rows) >= 3]
    return rows


@given(ROWS, st.integers(1, 4), st.integers(1, 4))
@example([(u, i, 0) for u in (1, 2) for i in (1, 2, 3)] + [(3, 3, 0), (3, 3, 0), (3, 4, 0)], 2, 3)
def test_build_is_filter_and_sort_of_a_loop(rows, core, min_distinct):
    left = naive_filter(rows, core, min_distinct)
    users, names = sorted({r[0] for r in left}), sorted({r[1] for r in left})
    source = dataclasses.replace(PLAIN, min_distinct=min_distinct)
    if len(names) < 2:
        with pytest.raises(DataError, match="is left"):
            build(table(rows, timed=True), source, core)
        return
    made = build(table(rows, timed=True), source, core)
    expected = [sorted((r for r in left if r[0] == user), key=lambda r: r[2]) for user in users]
    assert made.user_names.tolist() == users and made.item_names.tolist() == names
    assert made.n_users == len(users) and made.n_items == len(names)
    assert np.diff(made.offsets).tolist() == [len(history) for history in expected]
    assert [made.item_names[i - 1] for i in made.items] == [
        r[1] for history in expected for r in history
    ]
    assert made.times.tolist() == [r[2] for history in expected for r in history]
    assert made.repeats == (len({r[:2] for r in left}) < len(left))
    assert (made.items.dtype, made.offsets.dtype) == (np.int32, np.int64)


@given(ROWS, st.integers(1, 4), st.integers(1, 4))
def test_nobody_is_lost_without_a_count(rows, core, min_distinct):
    try:
        counts = build(
            table(rows), dataclasses.replace(PLAIN, min_distinct=min_distinct), core
        ).counts
    except DataError:
        return
    for what in ("rows", "users", "items"):
        gone = sum(counts.get(f"{what}_{rule}", 0) for rule in ("core", "distinct", "short"))
        assert counts[f"{what}_read"] - gone == counts[what]
    assert counts["rows_read"] == len(rows)


def test_the_core_cascades_by_hand():
    rows = [(user, item) for user in (1, 2, 3) for item in (1, 2, 3)]
    # Item 9 has one action; without it user 4 has two and leaves; without user 4 item 4 has two and leaves.
    made = build(table(rows + [(4, 9), (4, 4), (4, 1), (1, 4), (2, 4)]), PLAIN, core=3)
    assert made.item_names.tolist() == [1, 2, 3] and made.items.tolist() == [1, 2, 3] * 3
    assert made.counts == {
        "rows_read": 14,
        "users_read": 4,
        "items_read": 5,
        "rows_core": 5,
        "users_core": 1,
        "items_core": 2,
        "rows_distinct": 0,
        "users_distinct": 0,
        "rows_short": 0,
        "users_short": 0,
        "rows": 9,
        "users": 3,
        "items": 3,
    }


def test_who_cannot_be_split_leaves_together_with_the_core():
    rows = [(user, item) for user in (1, 2) for item in (1, 2, 3)]
    # User 3 is in the 2-core but has two actions; without it item 4 has one.
    made = build(table(rows + [(3, 4), (3, 1), (1, 4)]), PLAIN, core=2)
    assert made.user_names.tolist() == [1, 2] and made.item_names.tolist() == [1, 2, 3]
    assert (made.counts["users_short"], made.counts["rows_short"]) == (1, 2)
    assert (made.counts["items_core"], made.counts["rows_core"]) == (1, 1)


def test_distinct_items_and_the_core_are_repeated_together():
    # User 4 has one distinct item of three actions: it leaves, item 3 falls to two actions, and user 3 to two.
    rows = (
        [(u, i) for u in (1, 2) for i in (1, 2, 1, 2)]
        + [(3, 3), (3, 1), (3, 2), (3, 3)]
        + [(4, 3)] * 3
    )
    source = dataclasses.replace(PLAIN, min_distinct=2)
    made = build(table(rows), source, core=3)
    assert made.user_names.tolist() == [1, 2] and made.item_names.tolist() == [1, 2]
    assert {
        k: made.counts[k]
        for k in ("users_core", "rows_core", "items_core", "users_distinct", "rows_distinct")
    } == {"users_core": 1, "rows_core": 4, "items_core": 1, "users_distinct": 1, "rows_distinct": 3}


def test_without_time_the_order_of_the_file_counts():
    made = build(table([(2, 5), (1, 7), (2, 7), (1, 5), (2, 5), (1, 5)]), PLAIN, core=1)
    assert made.items.tolist() == [2, 1, 1, 1, 2, 1] and made.times is None


@pytest.mark.parametrize(
    "times",
    [
        np.array([30, 10, 20, 10, 5, 5]),
        np.array([30, 10, 20, 10, 5, 5]) / 8,
        np.array(
            [2**62, -(2**61), 0, -(2**61), -(2**62), -(2**62)]
        ),  # a span that no 64-bit key holds
    ],
)
def test_times_order_a_users_rows_and_ties_keep_file_order(times):
    made = build(
        Table(np.array([1, 1, 1, 1, 0, 0]), np.array([1, 2, 3, 4, 2, 1]), times), PLAIN, core=1
    )
    # User 0 has two actions only and leaves; of user 1, items 2 and 4 tie.
    assert made.items.tolist() == [2, 4, 3, 1] and made.times.tolist() == sorted(times[:4].tolist())


def test_numbers_are_ordered_as_numbers_and_text_as_text():
    rows = [(u, i) for u in (10, 9) for i in (100, 20, 3)]
    assert build(table(rows), PLAIN, core=1).item_names.tolist() == [3, 20, 100]
    texts = table([(str(u), str(i)) for u, i in rows])
    made = build(Table(texts.users.astype(object), texts.items.astype(object)), PLAIN, core=1)
    assert made.user_names.tolist() == ["10", "9"] and made.item_names.tolist() == [
        "100",
        "20",
        "3",
    ]
    assert made.items.tolist() == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    "declared, rows, expected",
    [
        (None, [(1, 1), (1, 2), (1, 3)], False),
        (None, [(1, 1), (1, 2), (1, 1)], True),
        (
            None,
            [(1, 1), (1, 2), (1, 3), (2, 4), (2, 4)],
            False,
        ),  # who repeats is too short and leaves
        (True, [(1, 1), (1, 2), (1, 3)], True),
        (False, [(1, 1), (1, 2), (1, 3)], False),
    ],
)
def test_repeats_are_declared_or_seen_in_what_is_left(declared, rows, expected):
    assert (
        build(table(rows), dataclasses.replace(PLAIN, repeats=declared), core=1).repeats is expected
    )


@pytest.mark.parametrize(
    "rows, core, words",
    [
        (
            [(1, 1), (1, 2), (2, 1)],
            5,
            "tiny with core=5: nobody is left of 3 rows, 2 users and 2 items"
            r" \(users removed by the core: 2, .*take a smaller core",
        ),
        ([(1, 1), (1, 2)], 1, "nobody is left .*by fewer than 3 actions: 1"),
        ([(1, 1)] * 3, 1, "only one item is left"),
    ],
)
def test_too_few_are_refused_with_the_counts(rows, core, words):
    with pytest.raises(DataError, match=words):
        build(table(rows), PLAIN, core)


def test_no_row_at_all_is_refused():
    with pytest.raises(DataError, match="nobody is left of 0 rows, 0 users and 0 items"):
        build(Table(np.array([], np.int64), np.array([], np.int64)), PLAIN, core=5)
