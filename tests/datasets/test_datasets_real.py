"""The real data sets: the numbers known of them. Skipped, with a line that says why, where no raw file is at hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from datasets_support import real

from pcrec_core import datasets
from pcrec_core.datasets import files
from pcrec_core.datasets.interactions import build
from pcrec_core.datasets.sources import Table
from pcrec_core.datasets.split import split
from pcrec_core.datasets.statistics import statistics

RETAILROCKET = datasets.source("retailrocket")
REAL = [
    "ml-100k",
    "ml-1m",
    "beauty",
    "video-games",
    "retailrocket",
    "retailrocket-half",
    "retailrocket-first-half",
]


@pytest.mark.parametrize(
    "name, rows, users, items",
    [
        ("ml-100k", 100_000, 943, 1_682),
        ("ml-1m", 999_611, 6_040, 3_416),
        ("ml-20m", 20_000_263, 138_493, 26_744),
        ("beauty", 353_962, 40_226, 54_542),
        ("video-games", 287_107, 31_013, 23_715),
        ("retailrocket", 685_984 + 24_602, 126_168 + 4_735, 36_968),
    ],
)
def test_what_is_read(name, rows, users, items):
    counts = real(name).counts
    assert (counts["rows_read"], counts["users_read"], counts["items_read"]) == (rows, users, items)


@pytest.mark.parametrize(
    "name, users, items, actions, fingerprint",
    [
        (
            "ml-100k",
            943,
            1_349,
            99_287,
            "9ec6e32d0d72a00f88ebf7c1ceb5810b79ea2fc33b8f350ef87fef3ab6c7663d",
        ),
        (
            "ml-1m",
            6_040,
            3_416,
            999_611,
            "57940195950a52fbac74fd8ad0e86848b12d32e4e2b6ce2f4f5aac08bac1070d",
        ),
        (
            "beauty",
            22_363,
            12_101,
            198_502,
            "b1c54f60b387fbb84792f42edef6e81a3080a94fc37db685e8f4bd1c4d7c14e3",
        ),
        (
            "video-games",
            24_303,
            10_672,
            231_780,
            "7775257fe9bf31df33c2da11743ba1f8e74b1057316e833b5858c556d85b174d",
        ),
        (
            "retailrocket",
            42_691,
            22_942,
            383_442,
            "8740107ecb3b354dbc125ff15b953f6a26ce64eaa8084d7994586acf769a82ee",
        ),
        (
            "retailrocket-half",
            8_494,
            7_078,
            86_539,
            "953c2eacdd4a310d619410f2d3a0f357db6f9ee3909a8d7e37065576984234df",
        ),
        (
            "retailrocket-first-half",
            10_701,
            8_453,
            111_354,
            "83ce8d704bf76f33dd5a9f73a4dbba54e18684eb5d6912e49e6915d5a0229d3d",
        ),
    ],
)
def test_what_is_left(name, users, items, actions, fingerprint):
    found = statistics(real(name))
    assert (found["users"], found["items"], found["actions"], found["fingerprint"]) == (
        users,
        items,
        actions,
        fingerprint,
    )


def test_what_is_left_of_ml_20m_is_what_others_count():
    counts = real(
        "ml-20m"
    ).counts  # the file was not at hand when this was written: no fingerprint is known
    assert (counts["users"], counts["items"], counts["rows"]) == (138_493, 18_345, 19_984_024)


@pytest.mark.parametrize(
    "name, repeated, ties",
    [
        ("ml-100k", 0.0, 0.44),
        ("ml-1m", 0.0, None),
        ("beauty", 0.0, None),
        ("video-games", 0.0, None),
        ("retailrocket", 0.51, None),
        ("retailrocket-half", 0.36, None),
        ("retailrocket-first-half", 0.40, None),
    ],
)
def test_repeats_and_ties(name, repeated, ties):
    found = statistics(real(name))
    assert round(found["repeat_share_test"], 2) == repeated
    assert found["tie_share"] is None if ties is None else round(found["tie_share"], 2) == ties


@pytest.mark.parametrize("name", REAL)
def test_what_a_source_declares_of_repeats_is_so(name):
    data = split(real(name))
    users = np.repeat(np.arange(data.n_users), np.diff(data.offsets))
    pairs = np.unique(users * (data.n_items + 1) + data.items)
    assert data.repeats == (len(pairs) < len(data.items))


def raw_pairs(name: str) -> Table:
    real(name)  # or a skip
    source = datasets.source(name)
    return source.read([files.locate(file) for file in source.files])


@pytest.mark.parametrize("name", ["ml-1m", "beauty", "video-games"])
def test_no_pair_is_twice_in_a_file_of_pairs_and_its_users_are_in_order(name):
    raw = raw_pairs(name)
    assert (
        len(np.unique(np.stack([raw.users, raw.items]), axis=1).T) == len(raw.users)
        and (np.diff(raw.users) >= 0).all()
    )


@pytest.mark.parametrize("name", ["beauty", "video-games"])
def test_what_is_left_of_a_file_of_pairs_is_in_the_order_of_the_file(name):
    raw, made = raw_pairs(name), real(name)
    left = np.isin(raw.users, made.user_names) & np.isin(raw.items, made.item_names)
    assert (raw.items[left] == made.item_names[made.items - 1]).all()


@pytest.fixture(scope="module")
def sessions():
    real("retailrocket")  # or a skip
    return RETAILROCKET.read([files.locate(file) for file in RETAILROCKET.files])


def test_the_halves_are_the_train_file_and_share_no_session(sessions):
    first, last = raw_pairs("retailrocket-first-half"), raw_pairs("retailrocket-half")
    assert first.users.max() + 1 == last.users.min() == 126_168 // 2 + 1
    train = sessions.users <= 126_168
    assert (np.r_[first.users, last.users] == sessions.users[train]).all()
    assert (np.r_[first.items, last.items] == sessions.items[train]).all()


def test_sessions_with_five_views_and_more_than_three_distinct_items(sessions):
    long = np.bincount(sessions.users)[sessions.users] >= 5
    users, items = sessions.users[long], sessions.items[long]
    assert (len(np.unique(users)), len(items), len(np.unique(items))) == (48_596, 437_356, 34_918)
    pairs = np.unique(np.stack([users, items]), axis=1)
    varied = np.bincount(pairs[0], minlength=users.max() + 1)[users] > 3
    assert (len(np.unique(users[varied])), varied.sum(), len(np.unique(items[varied]))) == (
        34_682,
        352_951,
        33_144,
    )


def test_five_core_of_the_train_file_alone(sessions):
    train = sessions.users <= 126_168
    made = build(Table(sessions.users[train], sessions.items[train]), RETAILROCKET, core=5)
    assert (made.n_users, made.n_items) == (40_910, 22_252)


def test_five_core_and_distinct_items_together_of_both_files(sessions):
    made = build(sessions, dataclasses.replace(RETAILROCKET, min_distinct=4), core=5)
    assert made.n_users == 27_594 and round(split(made).repeated("test").mean(), 2) == 0.36


def test_the_first_user_of_ml_100k_is_in_the_order_of_time():
    made = real("ml-100k")
    times = made.times[: made.offsets[1]]
    assert (
        made.user_names[0] == 1
        and (np.diff(times) >= 0).all()
        and len(times) == made.offsets[1] > 200
    )
