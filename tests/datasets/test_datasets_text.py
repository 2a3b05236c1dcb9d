"""The text formats of MovieLens-100K and of ``user item`` pairs, and their first bad lines."""

from __future__ import annotations

import numpy as np
import pytest
from datasets_support import refusal, written

from pcrec_core.datasets import movielens, pairs
from pcrec_core.datasets.reading.opening import shown

EMPTY = " is empty: use the original file."
NO_ROWS = " has no rows: expected rows of user and item."


def bad(rows: int, fault: str) -> str:
    """Return the sentence about one bad row among ``rows``."""
    return f": 1 of {rows} rows is bad: {fault}: use the original file."


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_movielens_lines_become_users_items_and_times(tmp_path, end):
    path = written(tmp_path, "196\t242\t3\t881250949\n\n22\t377\t1\t-7" + end)
    table = movielens.read([path])
    assert table.users.tolist() == [196, 22] and table.items.tolist() == [242, 377]
    assert table.times.tolist() == [881250949, -7] and table.times.dtype == np.int64


def test_pairs_become_users_and_items_without_times(tmp_path):
    table = pairs.read([written(tmp_path, "2 10\n1 3\n1 10\n")])
    assert table.users.tolist() == [2, 1, 1] and table.items.tolist() == [10, 3, 10]
    assert table.times is None


def test_a_long_file_is_read_in_its_order(tmp_path):
    numbers = np.arange(300_000)  # more than one block of the reader
    content = "\n".join(f"{user} {user % 977}" for user in numbers)
    table = pairs.read([written(tmp_path, content)])
    assert (table.users == numbers).all() and (table.items == numbers % 977).all()
    sentence = refusal(pairs.read, [written(tmp_path, content + "\n1 x")])
    assert "1 of 300,001 rows is bad: item that is not an integer in line 300001:" in sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", EMPTY),
        ("\n\n", NO_ROWS),
        ("1\t2\t3\t4\n1\t2\t3\n", bad(2, "3 fields instead of 4 in line 2")),
        ("1\t2\t3\t4\t5\n", bad(1, "5 fields instead of 4 in line 1")),
        ("1 2 3 4\n", bad(1, "1 field instead of 4 in line 1")),
        ("1\t2\t3\t4\n\nann\t2\t3\t4\n", bad(2, "user that is not an integer in line 3")),
        ("1\t\t3\t4\n", bad(1, "item that is not an integer in line 1")),
        ("1\tnan\t3\t4\n", bad(1, "item that is not an integer in line 1")),
        ("1\t2.5\t3\t4\n", bad(1, "item that is not an integer in line 1")),
        ("1\t2\t3\t\n", bad(1, "time that is not an integer in line 1")),
        ("1\t2\t3\t1998-01-01\n", bad(1, "time that is not an integer in line 1")),
        (f"1\t{2**63}\t3\t4\n", bad(1, "item that is not an integer in line 1")),
        (b"1\t2\xff\t3\t4\n", bad(1, "item that is not an integer in line 1")),
        (
            "1\t2\tx\nann\t2\t3\t4\n" * 2,
            ": 4 of 4 rows are bad: 3 fields instead of 4 in 2 rows, first in line 1; user that is"
            " not an integer in 2 rows, first in line 2: use the original file.",
        ),
    ],
)
def test_bad_lines_are_counted_and_the_first_is_named(tmp_path, content, sentence):
    path = written(tmp_path, content)
    assert refusal(movielens.read, [path]) == f"{shown(path)}{sentence}"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("1 2\n1 2 3\n", "3 fields instead of 2 in line 2"),
        ("1 2\n1\n", "1 field instead of 2 in line 2"),
        ('1 2\n1 "2"\n', "item that is not an integer in line 2"),
    ],
)
def test_a_bad_pair_is_named(tmp_path, content, fault):
    path = written(tmp_path, content)
    assert refusal(pairs.read, [path]) == f"{shown(path)}{bad(2, fault)}"
