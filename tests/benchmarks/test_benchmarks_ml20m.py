"""The made-up ratings have the format of ml-20m, and its properties that decide the time."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest

from benchmarks.ml20m import made_up, measure
from pcrec_core.datasets import movielens
from pcrec_core.datasets.interactions import build
from pcrec_core.datasets.sources import Table

ROWS = 30_000


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "ml-20m.zip"
    made_up(path, ROWS, seed=3)
    return path


@pytest.fixture(scope="module")
def table(archive) -> Table:
    return movielens.read_20m([archive])


def test_the_file_has_the_format_of_ml_20m(archive, table):
    with zipfile.ZipFile(archive) as opened, opened.open("ml-20m/ratings.csv") as member:
        header, *rows = csv.reader(io.TextIOWrapper(member, "ascii", newline=""))
    assert header == ["userId", "movieId", "rating", "timestamp"] and len(rows) == ROWS
    assert {row[2] for row in rows} == {f"{half / 2:.1f}" for half in range(1, 11)}
    found = [[int(row[0]), int(row[1]), int(row[3])] for row in rows]
    assert found == np.stack([table.users, table.items, table.times], axis=1).tolist()


def test_pairs_are_distinct_by_user_then_movie_and_times_do_not_follow_them(table):
    pairs = table.users * 1_000_000 + table.items
    assert (np.diff(pairs) > 0).all() and table.users.min() >= 1
    assert table.items.min() >= 1 and table.items.max() <= 131_262
    assert len(np.unique(table.users)) == table.users.max() == ROWS // 144
    own = table.users[1:] == table.users[:-1]
    assert 0.4 < (np.diff(table.times)[own] < 0).mean() < 0.6


def test_users_and_movies_are_skewed_and_the_core_removes_some(table):
    per_movie = np.sort(np.unique(table.items, return_counts=True)[1])
    assert per_movie[-len(per_movie) // 10 :].sum() > 0.3 * ROWS
    per_user = np.bincount(table.users)[1:]
    assert per_user.mean() > 1.3 * np.median(per_user)
    counts = build(table, movielens.ML_20M, core=5).counts
    assert counts["items_core"] > 100 and counts["rows"] > 0.5 * ROWS


def test_equal_seeds_give_equal_files_and_other_seeds_do_not(archive, tmp_path):
    for seed, same in ((3, True), (4, False)):
        made_up(tmp_path / "other.zip", ROWS, seed)
        assert ((tmp_path / "other.zip").read_bytes() == archive.read_bytes()) == same


def test_all_phases_are_measured_on_the_given_rows(table):
    found = measure(ROWS, seed=3)
    assert found["actions"] == len(build(table, movielens.ML_20M, core=5).items)
    assert list(found["seconds"]) == list(found["processor"]) == ["read", "build", "split"]
    assert min(found["seconds"].values()) > 0
    assert 30e6 < found["peak"] < 1e9  # bytes of an interpreter with its libraries
