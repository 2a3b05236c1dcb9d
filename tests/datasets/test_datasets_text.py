"""The text formats of MovieLens-100K and of ``user item`` pairs, and their first bad lines."""

from __future__ import annotations

import numpy as np
import pytest
from datasets_support import refusal, written

from pcrec_core.datasets import movielens, pairs

FOUR = "user, item, rating, time (separated by a tab)"
TWO = "user, item (separated by a space)"
LINE = ": correct or remove the line."
NOT_INTEGER = " is not an integer, as this format has there" + LINE


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
    assert "line 300001, column 'item': 'x' is not an integer" in sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", f" is empty: expected lines of {FOUR}."),
        ("\n\n", f" has no rows: expected lines of {FOUR}."),
        ("1\t2\t3\t4\n1\t2\t3\n", f", line 2 has 3 fields, not the 4 of {FOUR}{LINE}"),
        ("1\t2\t3\t4\t5\n", f", line 1 has 5 fields, not the 4 of {FOUR}{LINE}"),
        ("1 2 3 4\n", f", line 1 has 1 field, not the 4 of {FOUR}{LINE}"),
        ("1\t2\t3\t4\n\nann\t2\t3\t4\n", f", line 3, column 'user': 'ann'{NOT_INTEGER}"),
        ("1\t\t3\t4\n", f", line 1, column 'item': ''{NOT_INTEGER}"),
        ("1\tnan\t3\t4\n", f", line 1, column 'item': 'nan'{NOT_INTEGER}"),
        ("1\t2.5\t3\t4\n", f", line 1, column 'item': '2.5'{NOT_INTEGER}"),
        ("1\t2\t3\t\n", f", line 1, column 'time': ''{NOT_INTEGER}"),
        ("1\t2\t3\t1998-01-01\n", f", line 1, column 'time': '1998-01-01'{NOT_INTEGER}"),
        (
            f"1\t{2**63}\t3\t4\n",
            f", line 1, column 'item': '{2**63}' does not fit into 64 bits{LINE}",
        ),
        (
            b"1\t2\xff\t3\t4\n",
            f", line 1, column 'item': b'2\\xff' holds bytes that are not UTF-8{LINE}",
        ),
    ],
)
def test_the_first_bad_line_is_named(tmp_path, content, sentence):
    path = written(tmp_path, content)
    assert refusal(movielens.read, [path]) == f"{path}{sentence}"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("1 2\n1 2 3\n", f", line 2 has 3 fields, not the 2 of {TWO}{LINE}"),
        ("1 2\n1\n", f", line 2 has 1 field, not the 2 of {TWO}{LINE}"),
        ('1 2\n1 "2"\n', f", line 2, column 'item': '\"2\"'{NOT_INTEGER}"),
    ],
)
def test_the_first_bad_pair_is_named(tmp_path, content, sentence):
    path = written(tmp_path, content)
    assert refusal(pairs.read, [path]) == f"{path}{sentence}"
