"""Retailrocket's own log: synthetic files in its format, never the real one."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from datasets_support import refusal, written

from pcrec_core import datasets
from pcrec_core.datasets import files, retailrocket_events
from pcrec_core.datasets.interactions import Interactions
from pcrec_core.datasets.reading.opening import shown
from pcrec_core.datasets.statistics import statistics
from pcrec_core.specs.run import Data

COLUMNS = ("timestamp", "visitorid", "event", "itemid", "transactionid")
HEADER = ",".join(COLUMNS)
WHOLE = (
    f"{HEADER}\n1433221332117,257597,view,355908,\n1433224214164,992329,transaction,248676,4000\n"
)
OTHER_NAMES = f", line 1 does not name the columns {', '.join(COLUMNS)}: use the original file."
FILE = "retailrocket-events.csv"
PAGE = "https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_kind_of_event_becomes_an_action_of_its_visitor(tmp_path, end):
    rows = [
        HEADER,
        "1433221332117,257597,view,355908,",
        "1433224214164,992329,transaction,248676,4000",
        "1433221332117,257597,addtocart,355908,",
    ]
    table = retailrocket_events.read([written(tmp_path, end.join(rows))], rows=3)
    assert table.users.tolist() == [257_597, 992_329, 257_597]
    assert table.items.tolist() == [355_908, 248_676, 355_908]
    assert table.times.tolist() == [1433221332117, 1433224214164, 1433221332117]
    assert table.users.dtype == table.items.dtype == table.times.dtype == np.int64


def test_a_long_file_is_read_in_its_order(tmp_path):
    numbers = np.arange(1, 100_001)  # more than one block of the reader
    rows = [f"{7 * n},{n},view,{n % 977}," for n in numbers]
    path = written(tmp_path, "\n".join([HEADER, *rows]))
    table = retailrocket_events.read([path], rows=100_000)
    assert (table.users == numbers).all() and (table.items == numbers % 977).all()
    assert (table.times == 7 * numbers).all()
    rows[99_998] = "1,2,click,3,"
    path = written(tmp_path, "\n".join([HEADER, *rows]))
    sentence = refusal(retailrocket_events.read, [path], rows=100_000)
    assert "row 99999 below the names: the event 'click'" in sentence


def bad(fault: str) -> str:
    return f": 1 of 2 rows is bad: {fault}: use the original file."


def event(row: int, kind: str) -> str:
    return (
        f", row {row} below the names: the event {kind!r} is none of view, addtocart, transaction:"
        " use the original file."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", " is empty: use the original file."),
        (HEADER, " has no rows: expected rows of user and item."),
        (WHOLE.replace("itemid", "item"), OTHER_NAMES),
        ("timestamp,visitorid,event,itemid\n1,2,view,3\n", OTHER_NAMES),
        (WHOLE + "1,2,view,3,\n", " has 3 rows, not 2: use the original file, whole."),
        (
            WHOLE[: WHOLE.index("\n", len(HEADER) + 1)],
            " has 1 rows, not 2: use the original file, whole.",
        ),
        # The file ends within its last line.
        (WHOLE[: -len("248676,4000\n")], bad("4 fields instead of 5 in line 3")),
        (WHOLE[: -len(",4000\n")], bad("4 fields instead of 5 in line 3")),
        (WHOLE.replace("257597", "NaN"), bad("visitorid that is not an integer in line 2")),
        (WHOLE.replace("248676", ""), bad("itemid that is not an integer in line 3")),
        (WHOLE.replace("1433224214164", "nan"), bad("timestamp that is not an integer in line 3")),
        (WHOLE.replace("355908", "355908.0"), bad("itemid that is not an integer in line 2")),
        (WHOLE.replace("transaction,", "click,"), event(2, "click")),
        (WHOLE.replace("view", "NaN"), event(1, "NaN")),
        (WHOLE.replace("view", ""), event(1, "")),
        (
            WHOLE.encode().replace(b"view", b"vi\xff"),
            bad("event that is not UTF-8 text in line 2"),
        ),
    ],
)
def test_a_file_that_is_not_the_log_is_refused_in_one_sentence(tmp_path, content, sentence):
    path = written(tmp_path, content)
    assert refusal(retailrocket_events.read, [path], rows=2) == f"{shown(path)}{sentence}"


def test_the_source_expects_the_rows_of_the_published_file(tmp_path):
    path = written(tmp_path, WHOLE)
    sentence = refusal(datasets.source("retailrocket-events").read, [path])
    assert "has 2 rows, not 2,756,101: " in sentence


# --- the place of the file


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """Have the file neither in a folder nor in the cache, and return the cache."""
    monkeypatch.delenv(files.ENVIRONMENT, raising=False)
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(files, "download", None)  # a test that would download fails
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def test_the_error_of_a_missing_file_names_its_page_and_its_folder(nowhere):
    assert refusal(datasets.load, Data("retailrocket-events")) == (
        f"{FILE} is missing, and can only be downloaded by hand: get events.csv from {PAGE} (with"
        f" an account there), and put it as {FILE} into the folder of PCREC_DATA or into {nowhere}."
    )


def test_the_folder_comes_before_the_cache(nowhere, tmp_path, monkeypatch):
    [file] = datasets.source("retailrocket-events").files
    assert files.status(file) == "not on disk"
    cached = written(nowhere, WHOLE, FILE)
    assert files.locate(file) == cached and files.status(file) == "cached"
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path / "mine"))
    assert files.locate(file) == cached
    given = written(tmp_path / "mine", WHOLE, FILE)
    assert files.locate(file) == given and files.status(file) == "in PCREC_DATA"


# --- from a file to interactions


def log() -> list[tuple[int, int, str, int]]:
    """Return time, visitor, event and item of five visitors who each see items 1..5, latest first.

    Visitor 1 buys item 5 in the millisecond of its view, after it in the file. Visitor 6 sees two
    items often, visitor 7 one that nobody else sees.
    """
    rows = [(1000 * v + item, v, "view", item) for v in range(5, 0, -1) for item in range(5, 0, -1)]
    rows.append((1005, 1, "transaction", 5))
    rows += [(9000 + i, 6, "view", 1 + i % 2) for i in range(6)]
    return [*rows, (9999, 7, "view", 77)]


def load_rows(folder, monkeypatch, rows: list[str]) -> Interactions:
    """Load a log of these rows, whatever their number."""
    written(folder, "\n".join([HEADER, *rows]), FILE)
    source = datasets.source("retailrocket-events")
    small = dataclasses.replace(source, read=partial(source.read, rows=len(rows)))
    monkeypatch.setitem(datasets.SOURCES, source.name, small)
    return datasets.load(Data("retailrocket-events"))


@pytest.fixture
def loaded(nowhere, monkeypatch):
    rows = [
        f"{time},{visitor},{event},{item},{9 if event == 'transaction' else ''}"
        for time, visitor, event, item in log()
    ]
    return load_rows(nowhere, monkeypatch, rows)


def test_visitors_are_filtered_and_their_events_sorted_by_time(loaded):
    assert loaded.user_names.tolist() == loaded.item_names.tolist() == [1, 2, 3, 4, 5]
    assert loaded.items.tolist() == [1, 2, 3, 4, 5, 5] + [1, 2, 3, 4, 5] * 4
    assert loaded.times[:6].tolist() == [1001, 1002, 1003, 1004, 1005, 1005]
    counts = loaded.counts
    assert (counts["rows_read"], counts["users_read"], counts["items_read"]) == (33, 7, 6)
    # The core removes visitor 7 and item 77; visitor 6 has too few distinct items.
    assert counts["users_core"] == counts["items_core"] == counts["users_distinct"] == 1


def test_an_item_that_is_bought_after_it_was_seen_is_a_repeated_target_and_a_tie(loaded):
    found = statistics(loaded)
    assert found["repeats"] is True and found["repeat_share_test"] == 0.2
    assert found["repeat_share_valid"] == 0 and found["tie_share"] == 0.2


def test_events_of_one_millisecond_keep_the_order_of_the_file(nowhere, monkeypatch):
    items = [5, 3, 1, 4, 2]
    rows = [f"7,{visitor},view,{item}," for item in items for visitor in range(5, 0, -1)]
    assert load_rows(nowhere, monkeypatch, rows).items.tolist() == items * 5
