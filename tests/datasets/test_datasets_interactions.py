"""Filter, numbering and order against values by hand and against naive loops."""

from __future__ import annotations

import dataclasses
from collections import Counter

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
    """Apply the rules in turn until none removes a row."""
    before = None
    while rows != before:
        before = rows
        users, items = Counter(r[0] for r in rows), Counter(r[1] for r in rows)
        rows = [r for r in rows if users[r[0]] >= core and items[r[1]] >= core]
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
    built = build(table(rows, timed=True), source, core)
    expected = [sorted((r for r in left if r[0] == user), key=lambda r: r[2]) for user in users]
    assert built.user_names.tolist() == users and built.item_names.tolist() == names
    assert built.n_users == len(users) and built.n_items == len(names)
    assert np.diff(built.offsets).tolist() == [len(history) for history in expected]
    in_order = [r for history in expected for r in history]
    assert [built.item_names[i - 1] for i in built.items] == [r[1] for r in in_order]
    assert built.times.tolist() == [r[2] for r in in_order]
    assert built.repeats == (len({r[:2] for r in left}) < len(left))
    assert (built.items.dtype, built.offsets.dtype) == (np.int32, np.int64)


@given(ROWS, st.integers(1, 4), st.integers(1, 4))
def test_every_removal_is_counted(rows, core, min_distinct):
    source = dataclasses.replace(PLAIN, min_distinct=min_distinct)
    try:
        counts = build(table(rows), source, core).counts
    except DataError:
        return
    for noun in ("rows", "users", "items"):
        gone = sum(counts.get(f"{noun}_{rule}", 0) for rule in ("core", "distinct", "short"))
        assert counts[f"{noun}_read"] - gone == counts[noun]
    assert counts["rows_read"] == len(rows)


def test_the_core_cascades_by_hand():
    rows = [(user, item) for user in (1, 2, 3) for item in (1, 2, 3)]
    # Item 9 has one action. Without it, user 4 has two and is removed, and so is item 4.
    built = build(table([*rows, (4, 9), (4, 4), (4, 1), (1, 4), (2, 4)]), PLAIN, core=3)
    assert built.item_names.tolist() == [1, 2, 3] and built.items.tolist() == [1, 2, 3] * 3
    read = {"rows_read": 14, "users_read": 4, "items_read": 5}
    removed = {"rows_core": 5, "users_core": 1, "items_core": 2}
    rules = ("rows_distinct", "users_distinct", "rows_short", "users_short")
    left = {"rows": 9, "users": 3, "items": 3}
    assert built.counts == read | removed | dict.fromkeys(rules, 0) | left


def test_users_who_cannot_be_split_are_removed_together_with_the_core():
    rows = [(user, item) for user in (1, 2) for item in (1, 2, 3)]
    # User 3 is in the 2-core but has two actions; without it item 4 has one.
    built = build(table([*rows, (3, 4), (3, 1), (1, 4)]), PLAIN, core=2)
    assert built.user_names.tolist() == [1, 2] and built.item_names.tolist() == [1, 2, 3]
    assert (built.counts["users_short"], built.counts["rows_short"]) == (1, 2)
    assert (built.counts["items_core"], built.counts["rows_core"]) == (1, 1)


def test_distinct_items_and_the_core_are_repeated_together():
    # User 4 has one distinct item and is removed; then item 3 has two actions, and so has user 3.
    rows = [(u, i) for u in (1, 2) for i in (1, 2, 1, 2)]
    rows += [(3, 3), (3, 1), (3, 2), (3, 3), *[(4, 3)] * 3]
    source = dataclasses.replace(PLAIN, min_distinct=2)
    built = build(table(rows), source, core=3)
    assert built.user_names.tolist() == [1, 2] and built.item_names.tolist() == [1, 2]
    expected = {"users_core": 1, "rows_core": 4, "items_core": 1}
    expected |= {"users_distinct": 1, "rows_distinct": 3}
    assert {name: built.counts[name] for name in expected} == expected


def test_without_time_the_order_of_the_file_counts():
    built = build(table([(2, 5), (1, 7), (2, 7), (1, 5), (2, 5), (1, 5)]), PLAIN, core=1)
    assert built.items.tolist() == [2, 1, 1, 1, 2, 1] and built.times is None


@pytest.mark.parametrize(
    "times",
    [
        np.array([30, 10, 20, 10, 5, 5]),
        np.array([30, 10, 20, 10, 5, 5]) / 8,
        # Their span does not fit into a key of 64 bits.
        np.array([2**62, -(2**61), 0, -(2**61), -(2**62), -(2**62)]),
    ],
)
def test_times_order_a_users_rows_and_ties_keep_file_order(times):
    users, items = np.array([1, 1, 1, 1, 0, 0]), np.array([1, 2, 3, 4, 2, 1])
    built = build(Table(users, items, times), PLAIN, core=1)
    # User 0 has two actions only and is removed; of user 1, items 2 and 4 tie.
    assert built.items.tolist() == [2, 4, 3, 1] and built.times.tolist() == sorted(
        times[:4].tolist()
    )


def test_numbers_are_ordered_as_numbers_and_text_as_text():
    rows = [(u, i) for u in (10, 9) for i in (100, 20, 3)]
    assert build(table(rows), PLAIN, core=1).item_names.tolist() == [3, 20, 100]
    texts = table([(str(u), str(i)) for u, i in rows])
    built = build(Table(texts.users.astype(object), texts.items.astype(object)), PLAIN, core=1)
    assert built.user_names.tolist() == ["10", "9"]
    assert built.item_names.tolist() == ["100", "20", "3"]
    assert built.items.tolist() == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("declared", "rows", "expected"),
    [
        (None, [(1, 1), (1, 2), (1, 3)], False),
        (None, [(1, 1), (1, 2), (1, 1)], True),
        # The user who repeats an item has too few actions.
        (None, [(1, 1), (1, 2), (1, 3), (2, 4), (2, 4)], False),
        (True, [(1, 1), (1, 2), (1, 3)], True),
        (False, [(1, 1), (1, 2), (1, 3)], False),
    ],
)
def test_repeats_are_declared_or_found_in_the_remaining_rows(declared, rows, expected):
    source = dataclasses.replace(PLAIN, repeats=declared)
    assert build(table(rows), source, core=1).repeats is expected


@pytest.mark.parametrize(
    ("rows", "core", "words"),
    [
        (
            [(1, 1), (1, 2), (2, 1)],
            5,
            "tiny with core=5: nobody is left of 3 rows, 2 users and 2 items"
            r" \(users removed by the core: 2, .*use a smaller core",
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
