"""Retailrocket's own log: made-up files in its format; never the real one, which only a person can download."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest

from pcrec_core import datasets
from pcrec_core.datasets import files, retailrocket_events
from pcrec_core.datasets.statistics import statistics
from pcrec_core.errors import DataError
from pcrec_core.specs.run import Data

COLUMNS = ("timestamp", "visitorid", "event", "itemid", "transactionid")
HEADER = ",".join(COLUMNS)
NAMES = f"{', '.join(COLUMNS)} (separated by a comma)"
WHOLE = (
    f"{HEADER}\n1433221332117,257597,view,355908,\n1433224214164,992329,transaction,248676,4000\n"
)
LINE = ": correct or remove the line."
PAGE = "https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset"


def written(folder, content: str | bytes):
    path = folder / "retailrocket-events.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [path]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_kind_of_event_becomes_an_action_of_its_visitor(tmp_path, end):
    rows = [
        HEADER,
        "1433221332117,257597,view,355908,",
        "1433224214164,992329,transaction,248676,4000",
        "1433221332117,257597,addtocart,355908,",
    ]
    table = retailrocket_events.read(written(tmp_path, end.join(rows)), rows=3)
    assert table.users.tolist() == [257_597, 992_329, 257_597] and table.items.tolist() == [
        355_908,
        248_676,
        355_908,
    ]
    assert table.times.tolist() == [1433221332117, 1433224214164, 1433221332117]
    assert table.users.dtype == table.items.dtype == table.times.dtype == np.int64


def test_a_long_file_is_read_in_its_order(tmp_path):
    numbers = np.arange(1, 100_001)  # more than one block of the reader
    rows = [f"{7 * n},{n},view,{n % 977}," for n in numbers]
    table = retailrocket_events.read(written(tmp_path, "\n".join([HEADER, *rows])), rows=100_000)
    assert (
        (table.users == numbers).all()
        and (table.items == numbers % 977).all()
        and (table.times == 7 * numbers).all()
    )
    rows[99_998] = "1,2,click,3,"
    with pytest.raises(DataError, match="row 99999 below the names: the event 'click'"):
        retailrocket_events.read(written(tmp_path, "\n".join([HEADER, *rows])), rows=100_000)


@pytest.mark.parametrize(
    "content, sentence",
    [
        (
            "",
            " is empty, or its first line is: expected a first line with the names of the columns.",
        ),
        (HEADER, f" has no rows: expected lines of {NAMES}."),
        (
            WHOLE.replace("itemid", "item"),
            f", line 1 names the columns {', '.join(COLUMNS).replace('itemid', 'item')}, not"
            f" {', '.join(COLUMNS)}: take the original file.",
        ),
        (
            "timestamp,visitorid,event,itemid\n1,2,view,3\n",
            f", line 1 names the columns {', '.join(COLUMNS[:-1])}, not"
            f" {', '.join(COLUMNS)}: take the original file.",
        ),
        (WHOLE + "1,2,view,3,\n", " has 3 rows, not 2: take the original file, whole."),
        (
            WHOLE[: WHOLE.index("\n", len(HEADER) + 1)],
            " has 1 rows, not 2: take the original file, whole.",
        ),
        (
            WHOLE[: -len("248676,4000\n")],
            f", line 3 has 4 fields, not the 5 of {NAMES}{LINE}",
        ),  # ends within its last line
        (WHOLE[: -len(",4000\n")], f", line 3 has 4 fields, not the 5 of {NAMES}{LINE}"),
        (
            WHOLE.replace("257597", "NaN"),
            ", line 2, column 'visitorid': 'NaN' is not an integer, as this format has there"
            + LINE,
        ),
        (
            WHOLE.replace("248676", ""),
            ", line 3, column 'itemid': '' is not an integer, as this format has there" + LINE,
        ),
        (
            WHOLE.replace("1433224214164", "nan"),
            ", line 3, column 'timestamp': 'nan' is not an integer, as this format has"
            " there" + LINE,
        ),
        (
            WHOLE.replace("355908", "355908.0"),
            ", line 2, column 'itemid': '355908.0' is not an integer, as this format has"
            " there" + LINE,
        ),
        (
            WHOLE.replace("transaction,", "click,"),
            ", row 2 below the names: the event 'click' is none of view, addtocart,"
            " transaction: take the original file.",
        ),
        (
            WHOLE.replace("view", "NaN"),
            ", row 1 below the names: the event 'NaN' is none of view, addtocart, transaction: take"
            " the original file.",
        ),
        (
            WHOLE.replace("view", ""),
            ", row 1 below the names: the event '' is none of view, addtocart, transaction: take the"
            " original file.",
        ),
        (
            WHOLE.encode().replace(b"view", b"vi\xff"),
            ", line 2, column 'event': b'vi\\xff' holds bytes that are not UTF-8" + LINE,
        ),
    ],
)
def test_what_is_not_the_log_is_refused_in_one_sentence(tmp_path, content, sentence):
    paths = written(tmp_path, content)
    with pytest.raises(DataError) as error:
        retailrocket_events.read(paths, rows=2)
    assert str(error.value) == f"{paths[0]}{sentence}"


def test_the_source_expects_the_rows_of_the_published_file(tmp_path):
    with pytest.raises(DataError, match="has 2 rows, not 2,756,101: "):
        datasets.source("retailrocket-events").read(written(tmp_path, WHOLE))


# --- where it is


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """Neither in a folder that is named, nor in the cache, nor to be downloaded; gives the cache."""
    monkeypatch.delenv(files.ENVIRONMENT, raising=False)
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(files, "_download", None)  # a test that would download fails
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def test_a_missing_file_says_where_to_get_it_and_where_to_put_it(nowhere):
    with pytest.raises(DataError) as error:
        datasets.load(Data("retailrocket-events"))
    assert str(error.value) == (
        f"retailrocket-events.csv is missing, and can only be downloaded by hand: get events.csv from {PAGE} (with an account"
        f" there), and put it as retailrocket-events.csv into the folder of PCREC_DATA or into {nowhere}."
    )


def test_the_folder_comes_before_the_cache(nowhere, tmp_path, monkeypatch):
    [file] = datasets.source("retailrocket-events").files
    assert files.status(file) == "not on disk"
    [cached] = written(nowhere, WHOLE)
    assert files.locate(file) == cached and files.status(file) == "cached"
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path / "mine"))
    assert files.locate(file) == cached
    [given] = written(tmp_path / "mine", WHOLE)
    assert files.locate(file) == given and files.status(file) == "in PCREC_DATA"


# --- from a file to interactions


def log() -> list[tuple[int, int, str, int]]:
    """Time, visitor, event and item of five visitors who each see items 1..5, latest rows first in the file.

    Visitor 1 buys item 5 in the millisecond of its view, after it in the file. Visitor 6 sees two items often, visitor 7 one
    that nobody else sees.
    """
    rows = [
        (1000 * visitor + item, visitor, "view", item)
        for visitor in range(1, 6)
        for item in range(1, 6)
    ][::-1]
    return [
        *rows,
        (1005, 1, "transaction", 5),
        *((9000 + i, 6, "view", 1 + i % 2) for i in range(6)),
        (9999, 7, "view", 77),
    ]


@pytest.fixture
def loaded(nowhere, monkeypatch):
    lines = [
        f"{time},{visitor},{event},{item},{9 if event == 'transaction' else ''}"
        for time, visitor, event, item in log()
    ]
    written(nowhere, "\n".join([HEADER, *lines]))
    source = datasets.source("retailrocket-events")
    small = dataclasses.replace(source, read=partial(source.read, rows=len(lines)))
    monkeypatch.setitem(datasets.SOURCES, source.name, small)
    return datasets.load(Data("retailrocket-events"))


def test_visitors_are_filtered_and_their_events_sorted_by_time(loaded):
    assert loaded.user_names.tolist() == [1, 2, 3, 4, 5] and loaded.item_names.tolist() == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert loaded.items.tolist() == [1, 2, 3, 4, 5, 5] + [1, 2, 3, 4, 5] * 4
    assert loaded.times[:6].tolist() == [1001, 1002, 1003, 1004, 1005, 1005]
    counts = loaded.counts
    assert (counts["rows_read"], counts["users_read"], counts["items_read"]) == (33, 7, 6)
    assert (counts["users_core"], counts["items_core"], counts["users_distinct"]) == (
        1,
        1,
        1,
    )  # 7 and 77; 6


def test_an_item_that_is_bought_after_it_was_seen_is_a_repeated_target_and_a_tie(loaded):
    found = statistics(loaded)
    assert (
        found["repeats"],
        found["repeat_share_test"],
        found["repeat_share_valid"],
        found["tie_share"],
    ) == (True, 0.2, 0, 0.2)


def test_events_of_one_millisecond_keep_the_order_of_the_file(nowhere, monkeypatch):
    items = [5, 3, 1, 4, 2]
    rows = [f"7,{visitor},view,{item}," for item in items for visitor in range(5, 0, -1)]
    source = datasets.source("retailrocket-events")
    monkeypatch.setitem(
        datasets.SOURCES,
        source.name,
        dataclasses.replace(source, read=partial(source.read, rows=25)),
    )
    written(nowhere, "\n".join([HEADER, *rows]))
    assert datasets.load(Data("retailrocket-events")).items.tolist() == items * 5
