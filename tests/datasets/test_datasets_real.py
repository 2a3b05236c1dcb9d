"""The known numbers of the real data sets; skipped, with the reason, without their raw files."""

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
#: Name, users, items and actions after the filter, and the fingerprint of the split.
TABLE = """
ml-100k 943 1349 99287 9ec6e32d0d72a00f88ebf7c1ceb5810b79ea2fc33b8f350ef87fef3ab6c7663d
ml-1m 6040 3416 999611 57940195950a52fbac74fd8ad0e86848b12d32e4e2b6ce2f4f5aac08bac1070d
beauty 22363 12101 198502 b1c54f60b387fbb84792f42edef6e81a3080a94fc37db685e8f4bd1c4d7c14e3
video-games 24303 10672 231780 7775257fe9bf31df33c2da11743ba1f8e74b1057316e833b5858c556d85b174d
retailrocket 42691 22942 383442 8740107ecb3b354dbc125ff15b953f6a26ce64eaa8084d7994586acf769a82ee
retailrocket-half 8494 7078 86539 953c2eacdd4a310d619410f2d3a0f357db6f9ee3909a8d7e37065576984234df
retailrocket-first-half 10701 8453 111354
83ce8d704bf76f33dd5a9f73a4dbba54e18684eb5d6912e49e6915d5a0229d3d
"""
FILTERED = list(zip(*[iter(TABLE.split())] * 5, strict=True))
REAL = [name for name, *_ in FILTERED]


@pytest.mark.parametrize(
    ("name", "rows", "users", "items"),
    [
        ("ml-100k", 100_000, 943, 1_682),
        ("ml-1m", 999_611, 6_040, 3_416),
        ("ml-20m", 20_000_263, 138_493, 26_744),
        ("beauty", 353_962, 40_226, 54_542),
        ("video-games", 287_107, 31_013, 23_715),
        ("retailrocket", 685_984 + 24_602, 126_168 + 4_735, 36_968),
    ],
)
def test_numbers_before_the_filter(name, rows, users, items):
    counts = real(name).counts
    assert (counts["rows_read"], counts["users_read"], counts["items_read"]) == (rows, users, items)


@pytest.mark.parametrize(("name", "users", "items", "actions", "fingerprint"), FILTERED)
def test_what_is_left(name, users, items, actions, fingerprint):
    found = statistics(real(name))
    numbers = found["users"], found["items"], found["actions"]
    assert numbers == (int(users), int(items), int(actions))
    assert found["fingerprint"] == fingerprint


def test_the_filtered_ml_20m_has_the_published_numbers():
    # No fingerprint: its raw file was not available when this was written.
    counts = real("ml-20m").counts
    assert (counts["users"], counts["items"], counts["rows"]) == (138_493, 18_345, 19_984_024)


@pytest.mark.parametrize(
    ("name", "repeated", "ties"),
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
def test_repeats_are_as_the_source_declares(name):
    data = split(real(name))
    users = np.repeat(np.arange(data.n_users), np.diff(data.offsets))
    pairs = np.unique(users * (data.n_items + 1) + data.items)
    assert data.repeats == (len(pairs) < len(data.items))


def raw_pairs(name: str) -> Table:
    real(name)  # skips without raw files
    source = datasets.source(name)
    return source.read([files.locate(file) for file in source.files])


@pytest.mark.parametrize("name", ["ml-1m", "beauty", "video-games"])
def test_no_pair_is_twice_in_a_file_of_pairs_and_its_users_are_in_order(name):
    raw = raw_pairs(name)
    assert len(np.unique(np.stack([raw.users, raw.items]), axis=1).T) == len(raw.users)
    assert (np.diff(raw.users) >= 0).all()


@pytest.mark.parametrize("name", ["beauty", "video-games"])
def test_a_filtered_file_of_pairs_keeps_the_order_of_the_file(name):
    raw, loaded = raw_pairs(name), real(name)
    left = np.isin(raw.users, loaded.user_names) & np.isin(raw.items, loaded.item_names)
    assert (raw.items[left] == loaded.item_names[loaded.items - 1]).all()


@pytest.fixture(scope="module")
def sessions():
    return raw_pairs("retailrocket")


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
    assert varied.sum() == 352_951
    assert (len(np.unique(users[varied])), len(np.unique(items[varied]))) == (34_682, 33_144)


def test_five_core_of_the_train_file_alone(sessions):
    train = sessions.users <= 126_168
    loaded = build(Table(sessions.users[train], sessions.items[train]), RETAILROCKET, core=5)
    assert (loaded.n_users, loaded.n_items) == (40_910, 22_252)


def test_five_core_and_distinct_items_together_of_both_files(sessions):
    loaded = build(sessions, dataclasses.replace(RETAILROCKET, min_distinct=4), core=5)
    assert loaded.n_users == 27_594 and round(split(loaded).repeated("test").mean(), 2) == 0.36


def test_the_first_user_of_ml_100k_is_in_the_order_of_time():
    loaded = real("ml-100k")
    times = loaded.times[: loaded.offsets[1]]
    assert loaded.user_names[0] == 1 and (np.diff(times) >= 0).all()
    assert len(times) == loaded.offsets[1] > 200
