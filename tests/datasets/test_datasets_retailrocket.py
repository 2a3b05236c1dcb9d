"""The pickled sessions: they are rejoined, and nothing but lists of integers is read."""

from __future__ import annotations

import os
import pickle
import resource
from pathlib import Path

import pytest
from datasets_support import refusal
from faults_support import child

from pcrec_core import datasets
from pcrec_core.datasets import files, interactions, retailrocket
from pcrec_core.specs.run import Data

TRAIN = [[5, 6, 5], [7, 8, 9], [5, 5, 5], [6, 9, 8, 8]]
# Two sessions: 1 2 3 4, unrolled to two prefixes, and 2 2 2, whose prefix continues neither.
TEST = ([[1, 2, 3], [1, 2], [2, 2]], [4, 3, 2])


def written(tmp_path, *contents):
    paths = [tmp_path / f"file{i}" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
    return paths


def sessions(table) -> dict[int, list[int]]:
    users = dict.fromkeys(table.users.tolist())
    return {user: table.items[table.users == user].tolist() for user in users}


def test_both_files_are_read_and_each_test_session_once(tmp_path):
    table = retailrocket.read(written(tmp_path, TRAIN, TEST))
    expected = [*TRAIN, [1, 2, 3, 4], [2, 2, 2]]
    assert sessions(table) == dict(enumerate(expected, 1))
    assert table.times is None


@pytest.mark.parametrize(
    ("prefixes", "targets", "expected"),
    [
        ([[1, 2], [1]], [3, 2], [[1, 2, 3]]),
        ([[1, 2], [1]], [3, 9], [[1, 2, 3], [1, 9]]),  # another target: not the same session
        ([[1, 2], [3]], [3, 2], [[1, 2, 3], [3, 2]]),  # another prefix
        ([[1, 2, 3], [1]], [4, 2], [[1, 2, 3, 4], [1, 2]]),  # two shorter
        ([[1], [1, 2]], [2, 3], [[1, 2], [1, 2, 3]]),  # longer
        ([[1, 2], [1], []], [3, 2, 1], [[1, 2, 3]]),
        ([[1], [1]], [1, 1], [[1, 1], [1, 1]]),
    ],
)
def test_a_row_continues_only_the_row_before_without_its_last_item(
    tmp_path, prefixes, targets, expected
):
    table = retailrocket.read(written(tmp_path, [[8]], (prefixes, targets)))
    assert list(sessions(table).values())[1:] == expected


@pytest.mark.parametrize("count", [4, 5])
def test_the_half_is_the_last_half_and_keeps_its_numbers(tmp_path, count):
    train = [*TRAIN, [1, 1]][:count]
    half = sessions(retailrocket.read_half(written(tmp_path, train)))
    assert half == {number: train[number - 1] for number in range(3, count + 1)}


@pytest.mark.parametrize("count", [4, 5])
def test_the_first_half_is_what_the_half_skips(tmp_path, count):
    paths = written(tmp_path, [*TRAIN, [1, 1]][:count])
    first = sessions(retailrocket.read_first_half(paths))
    assert first == {1: TRAIN[0], 2: TRAIN[1]}
    whole = sessions(retailrocket._table(*retailrocket._sessions(paths[0])))
    assert first | sessions(retailrocket.read_half(paths)) == whole


@pytest.mark.parametrize("half", [retailrocket.HALF, retailrocket.FIRST_HALF])
def test_a_half_keeps_only_sessions_of_more_than_three_different_items(tmp_path, half):
    few, more = [1, 2, 3, 1, 2, 3], [1, 2, 3, 4, 1, 2]
    paths = written(tmp_path, [few, more] * 10)
    kept = interactions.build(half.read(paths), half, 5)
    assert kept.n_users == 5 and len(kept.items) == 30  # each half holds five of each


def test_an_object_of_a_class_is_never_created(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    paths = written(tmp_path, [[1, 2], Harm()])
    assert refusal(retailrocket.read_half, paths) == (
        f"{paths[0]} holds the class {os.mkdir.__module__}.mkdir, but only lists of integers are"
        " read: use the original file."
    )
    assert not (tmp_path / "harm").exists()


#: Pickles of a few bytes that ask for gigabytes, or nest without end.
BOMBS = {
    "memo": (b"\x80\x02]r\xff\xff\xff\x7f.", "is not a pickle (MemoryError"),
    "bytes": (b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b".", "is not a pickle (Memory"),
    "frame": (b"\x80\x04\x95" + (2**40).to_bytes(8, "little") + b"].", "is not a pickle (Memory"),
    "integer": (b"\x80\x02\x8b\xff\xff\xff\x7f1.", "ends too early"),
    "nesting": (b"]" * 10**5 + b"a" * (10**5 - 1) + b".", "holds something that is not an integer"),
}


def _read_within_4_gib(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, resource.RLIM_INFINITY))
    path.with_name("said").write_text(refusal(retailrocket.read_half, [path]))


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_by_its_hash_unread_and_harmless_if_read(tmp_path, monkeypatch, bomb):
    content, words = BOMBS[bomb]
    paths = written(tmp_path, content)
    child(_read_within_4_gib, paths[0]).join()
    assert words in (tmp_path / "said").read_text()
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path))
    monkeypatch.setattr(pickle, "Unpickler", None)
    paths[0].rename(tmp_path / retailrocket.HALF.files[0].name)
    assert "has SHA-256" in refusal(datasets.load, Data("retailrocket-half"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "ends too early: use the original file."),
        (pickle.dumps(TRAIN)[:-9], "ends too early: use the original file."),
        (b"1 2\n3 4\n", "is not a pickle ("),
        (b"\x80\x63", "is not a pickle ("),
        (b"Pid7\n.", "is not a pickle ("),  # a persistent id
        ({1: [2]}, "the whole is not a list of sessions"),
        ([], "the whole is not a list of sessions"),
        ([[1], (2, 3)], "session 2 is not a list"),
        ([[1], [2, 3.0]], "session 2 holds something that is not an integer"),
        ([[1], [2], [True]], "session 3 holds something that is not an integer"),
        ([[1, "2"]], "session 1 holds something that is not an integer"),
        ([[1, None]], "session 1 holds something that is not an integer"),
        ([[1, [2]]], "session 1 holds something that is not an integer"),
        ([[1, 2**64]], "holds an integer of more than 64 bits"),
    ],
)
def test_a_bad_train_file_is_refused(tmp_path, content, words):
    paths = written(tmp_path, content)
    sentence = refusal(retailrocket.read_half, paths)
    assert str(paths[0]) in sentence and words in sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TRAIN, "is not a pair (prefixes, targets)"),
        (([[1, 2]], [3, 4]), "has 1 prefixes but 2 targets"),
        (([[1, 2]], 3), "the targets holds something that is not an integer"),
        (([[1, 2]], [3.5]), "the targets holds something that is not an integer"),
        (([[1, 2], 5], [3, 4]), "prefix 2 is not a list"),
        (([], []), "the whole is not a list of prefixes"),
    ],
)
def test_a_bad_test_file_is_refused(tmp_path, content, words):
    paths = written(tmp_path, TRAIN, content)
    sentence = refusal(retailrocket.read, paths)
    assert str(paths[1]) in sentence and words in sentence
