"""A file of the user's own: identity, ids of both kinds, bad rows, and what is refused."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from datasets_support import refusal, written

from pcrec_core.datasets import csv_data, frame_data, load
from pcrec_core.datasets.describe import describe
from pcrec_core.datasets.reading.layout import layout_of
from pcrec_core.datasets.reading.options import Options
from pcrec_core.datasets.reading.reader import examine
from pcrec_core.datasets.reading.reader import read as read_layout
from pcrec_core.datasets.sources import Table
from pcrec_core.errors import DataError, SpecError
from pcrec_core.specs.run import Data


def read(path: Path, **given) -> Table:
    return read_layout(layout_of(path, Options(**given)))


def test_identity_is_content_and_columns_not_place(tmp_path):
    content = "who,what,when\na,x,1\n"
    path = written(tmp_path, content)
    data = csv_data(path, ("who", "what", "when"), core=2)
    assert data.canonical() == {
        "source": "csv",
        "core": 2,
        "columns": ("who", "what", "when"),
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
    }
    copy = written(tmp_path, content, "copy.csv")
    assert data == csv_data(copy, ("who", "what", "when"), core=2) and data.path == str(path)
    assert csv_data(path, ("who", "what")).columns == ("who", "what")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, None),
        ({"sep": ";", "header": True, "encoding": "utf-8", "format": "delimited"}, None),
        ({"columns": ("0", "1", "2")}, None),
        ({"encoding": "latin-1"}, ("encoding=latin-1",)),
        ({"header": False, "columns": ("0", "1")}, ("header=False",)),
        ({"skip_bad_rows": True}, ("skip_bad_rows=True",)),
        ({"date_format": "%Y"}, ("date_format=%Y",)),
    ],
)
def test_identity_has_what_is_given_only_where_it_differs_from_what_is_detected(
    tmp_path, given, words
):
    path = written(tmp_path, "userId;itemId;ts\na;x;1\nb;y;2\n")
    plain, data = csv_data(path), csv_data(path, options=Options(**given))
    assert data.reading == words and (data == plain) is (words is None)


def test_columns_by_name_text_ids_and_quotes(tmp_path):
    content = '\ufeffnote,item,user,time\n"a, b",éclair,7,2.5\n"two\nlines",x y,u 1,1\n'
    table = read(written(tmp_path, content))
    assert table.users.tolist() == ["7", "u 1"] and table.items.tolist() == ["éclair", "x y"]
    assert table.times.tolist() == [2.5, 1.0] and table.times.dtype == np.float64
    assert read(tmp_path / "raw", columns=("user", "item")).times is None


@pytest.mark.parametrize(
    ("ids", "expected", "notes"),
    [
        (["10", "9", "-1"], [10, 9, -1], 0),
        (["10", "9", "007"], ["10", "9", "007"], 0),  # as a number 007 would be 7
        (["10", "7", "007"], ["10", "7", "007"], 1),
        (["10", "1", "1.0"], ["10", "1", "1.0"], 1),
        ([" 10", "9 ", "10"], [10, 9, 10], 0),  # one user, spaces or not
        (["ann ", " ann", "u 1"], ["ann", "ann", "u 1"], 0),
        (["10", "9", str(2**63)], ["10", "9", str(2**63)], 0),
    ],
)
def test_ids_are_numbers_only_where_all_are_written_so(tmp_path, ids, expected, notes):
    path = written(tmp_path, "user,item\n" + "".join(f"{i},x\n" for i in ids))
    table = read(path)
    assert table.users.tolist() == expected and table.items.tolist() == ["x"] * 3
    sentence = "1 user ids differ from another only as 1 and 1.0, or 7 and 007: they count as"
    assert [note.startswith(sentence) for note in table.notes] == [True] * notes


def test_times_that_rounding_would_bring_out_of_order_are_refused(tmp_path):
    big = 1_700_000_000_000_000_001  # nanoseconds
    integers = written(tmp_path, f"user,item,time\na,x,{big}\na,y,{big + 1}\n")
    assert read(integers).times.tolist() == [big, big + 1]
    mixed = written(tmp_path, f"user,item,time\na,x,{big}\na,y,{big + 1}.5\n")
    sentence = "the times from 2^53 on are not all integers of 64 bits, and rounding would lose"
    assert sentence in refusal(read, mixed)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["0.5", ".5", "5.", "1e3", "-2", "+7"], [0.5, 0.5, 5, 1000, -2, 7]),
        (["1970-01-01", "1970-01-01 00:00:01"], [0, 10**6]),
        (["1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00.000001Z"], [0, 1]),
    ],
)
def test_times_are_numbers_or_microseconds(tmp_path, times, expected):
    path = written(tmp_path, "user,item,time\n" + "".join(f"a,b,{time}\n" for time in times))
    assert read(path).times.tolist() == expected


def test_load_filters_and_sorts_a_csv(tmp_path):
    rows = "bob,tea,3 ann,tea,9 bob,rum,1 ann,rum,8 bob,tea,2 ann,gin,7"
    path = written(tmp_path, "\n".join(["user,item,time", *rows.split()]))
    loaded = load(csv_data(path, core=1))
    assert loaded.user_names.tolist() == ["ann", "bob"]
    assert loaded.item_names.tolist() == ["gin", "rum", "tea"]
    assert loaded.items.tolist() == [1, 2, 3, 2, 3, 3] and loaded.repeats and loaded.name == "csv"


NO_TIME = "time that is neither a number nor an ISO date"
DAY_FIRST = " (--date-format %d/%m/%Y if days come first, or %m/%d/%Y)"

#: Rows below the names user, item, time; the fault of each bad one among them.
BAD = {
    "\na,b,1\na,b\n": "2 fields instead of 3 in line 3",
    "\na,b,1\na,b,1,2\n": "4 fields instead of 3 in line 3",
    "\n,b,1\na,b,1\n": "no user id in line 2",
    "\na,b,1\n\na,NaN,1\n": "no item id (or one written NaN) in line 4",
    "\na, ,1\na,b,1\n": "no item id in line 2",
    '\n"a\na",b,1\nc,,1\n': "no item id in line 4",
    "\nNULL,b,1\nNone,b,1\n\\N,b,1\nNA,b,1\n<NA>,b,1\na,b,1\n": (
        "no user id (or one written <NA>, NA, NULL, None, \\N) in 5 rows, first in line 2"
    ),
    "\na\0a,b,1\na,b,1\n": "user id with a NUL byte in line 2",
    "\na,b,1\na,b,\n": "no time in line 3",
    "\na,b,1\na,b,nan\n": "no time in line 3",
    "\na,b,1\na,b,2020-01-31\na,b,2\n": "date among times that are numbers in line 3",
    "\na,b,inf\na,b,1\n": f"{NO_TIME} in line 2",
    "\na,b,0x1F\na,b,1\n": f"{NO_TIME} in line 2",
    "\na,b,1e999\na,b,1\n": f"{NO_TIME} in line 2",
    "\na,b,31/01/2020\na,b,1\n": f"{NO_TIME}{DAY_FIRST} in line 2",
    "\na,b,2020-01-31\na,b,2020-02-30\na,b,2020-02-01\n": "time that is not an ISO date in line 3",
}


@pytest.mark.parametrize("rows", BAD)
def test_bad_rows_are_named_and_can_be_left_out(tmp_path, rows):
    path = written(tmp_path, "user,item,time" + rows)
    found = examine(layout_of(path))
    assert [str(fault) for fault in found.faults] == [BAD[rows]]
    sentence = refusal(read, path)
    assert BAD[rows] in sentence and len(sentence) < 300
    table = read(path, skip_bad_rows=True)
    assert len(table.users) == len(found.table.users) > 0
    assert table.notes == (f"left out: {BAD[rows]}",)


def test_bytes_of_another_encoding_are_counted_with_the_advice(tmp_path):
    path = written(tmp_path, b"user,item,time\na,b,1\na,b\xe9,1\na,b\xe9,2\n")
    fault = "item that is not UTF-8 text (--encoding, such as latin-1) in 2 rows, first in line 3"
    assert fault in refusal(read, path)
    assert read(path, encoding="latin-1").items.tolist() == ["b", "bé", "bé"]


@pytest.mark.slow
def test_a_long_file_of_one_fault_is_counted_within_seconds(tmp_path):
    many = 899_726
    path = written(tmp_path, "user;item;time\na;b;1\n" + 'c;"x;y";;2\n' * many + "a;NULL;1\n")
    began = time.monotonic()
    sentence = refusal(read, path)
    assert time.monotonic() - began < 20
    assert (
        f"{many + 1:,} of {many + 2:,} rows are bad: 4 fields instead of 3 in {many:,}" in sentence
    )
    assert "rows, first in line 3; no item id (or one written NULL) in line 899729: " in sentence


#: Content, what is given, and words of the error.
REFUSED = [
    ("", {}, "is empty: expected rows of user, item and time."),
    ("\n\n", {}, "has no rows: expected rows"),
    ("user,item,time", {}, "has no rows: expected rows"),
    ("user,item,time\n\n", {}, "has no rows: expected rows"),
    ('user,item\n"a,b\nc,d\n', {}, "the row after line 1 opens a quote that is never closed"),
    ("usr,item,time\na,b,1\n", {}, "no column of users is recognised among 'usr', 'item', 'time'"),
    ("usr,item\na,1\n", {"columns": ("user", "item")}, "unknown column 'user'; did you mean 'usr'"),
    ("ann,tea\nbob,rum\n", {"columns": ("user", "item")}, "give --no-header if it is data"),
    ("user,item,when\na,b,1\n", {}, "is 'when' the time? Give --columns user,item,when, or"),
    ("user,asin,parent_asin\n1,2,3\n", {}, "'asin', 'parent_asin' can all be the item: give"),
    ("user,item,item,time\na,b,c,1\n", {}, "'1', '2' can all be the item: give --columns user,1,"),
    ("user,item,n,n\na,b,1,2\n", {}, "'2', '3' can all be the time: give --columns user,"),
    ("user,item,time,time\na,b,1,2\n", {}, "'2', '3' can all be the time: give --columns user,"),
    ("user,item,item\na,b,c\n", {"columns": ("user", "item")}, "'item' occurs more than once"),
    ("user,item\na,b\n", {"columns": ("user", "user")}, "are not different: name one for each"),
    ("196,242,3\n196,9,3\n", {}, "such as --columns 0,1,2 or --columns 0,1."),
    ("a,1500000000,x,y\n", {}, "such as --columns 0,2,1 or --columns 0,3,1."),
    ("196,242\n", {"columns": ("0", "7")}, "has no header: name its 2 columns by number from 0"),
    ("ann,tea\nbob,rum\n", {}, "does its first line hold names or data? All values are text"),
    ("1;2,5;3\n2;2,7;4\n", {}, "can be read as 2 columns by ',' or as 3 columns by ';'"),
    (
        "user;item\na;b\n",
        {"sep": ",", "columns": ("user", "item")},
        "has only one column by ',': is the sep",
    ),
    ("x" * 200_000, {}, "has only one column: no tab, blank, ',', ';', '|' or '::' divides"),
    ("user,item,time\na,b,2020-01-01T00:00:00Z\na,c,2020-01-01\n", {}, "1 times have a zone and 1"),
    ("[" + '{"user": 1, "item": 2},' * 30_000, {}, "is not a whole JSON array"),
    ("[[1, 2], [3, 4]]", {}, "its first value is not an object with names"),
    ('{"user": [1], "item": 2}\n', {}, "no flat JSON object in line 1"),
    ("PAR1 and no more", {}, "cannot be read as parquet"),
    ("PK\x03\x04 and no more", {}, "cannot be read (File is not a zip file)"),
    (b"\x1f\x8b\x08\xff\xff", {}, "cannot be read ("),
    ("user,item\na,b\n", {"encoding": "utf-16"}, "has only one column"),
    ("user,item,time\na,b,1\n", {"date_format": "%Q"}, "date_format '%Q' is not a date format"),
]


@pytest.mark.parametrize(("content", "given", "words"), REFUSED)
def test_what_cannot_be_read_is_refused_in_a_short_sentence(tmp_path, content, given, words):
    path = written(tmp_path, content)
    with pytest.raises(DataError) as error:
        read(path, **given)
    sentence = str(error.value)
    assert words in sentence and len(sentence) < 300 and "raw" in sentence


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"columns": ("user",)}, "columns names two or three columns"),
        ({"columns": ("user", "")}, "columns names two or three columns"),
        ({"sep": "a"}, "sep is one or more characters between values"),
        ({"format": "xlsx"}, "unknown format 'xlsx'"),
        ({"encoding": "utf-9"}, "encoding must be a codec of text"),
        ({"encoding": "hex"}, "encoding must be a codec of text"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(given, words):
    with pytest.raises(SpecError, match=words):
        Options(**given)


def test_what_is_no_regular_file_is_refused_unread(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, words in {
        tmp_path / "pipe": "pipe is a pipe or device, not a file",
        "/dev/zero": "/dev/zero is a pipe or device, not a file",
        tmp_path: "is a folder, not a file",
        tmp_path / "nowhere.csv": "nowhere.csv cannot be read (No such file or directory)",
        tmp_path / "loop": "cannot be read (Too many levels of symbolic links)",
        "a\0b": "a?b cannot be read (",
        "~nobody-of-that-name/x": "Could not determine home directory",
    }.items():
        assert words in refusal(csv_data, path)


def test_a_file_that_changed_is_refused_with_both_hashes(tmp_path):
    path = written(tmp_path, "user,item,time\na,b,1\n")
    data = csv_data(path)
    path.write_text("user,item,time\na,b,2\n")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    sentence = refusal(load, data)
    assert f"has SHA-256 {found} but {data.sha256} is expected: " in sentence
    assert "csv_data again" in sentence


def test_a_spec_from_a_record_has_no_path():
    sentence = refusal(load, Data("csv", sha256="abc", columns=("user", "item")))
    assert "the csv file with SHA-256 abc is not named: give its path" in sentence


def test_a_frame_is_refused_as_a_file_is():
    frame = pd.DataFrame({"user": [1, None], "item": ["a", "b"], "time": [1, 2]})
    assert "the DataFrame: 1 of 2 rows is bad: no user id in row 2" in refusal(frame_data, frame)
    assert "no column of items" in refusal(frame_data, frame[["user", "time"]])


def test_the_description_of_a_file(tmp_path):
    rows = [f"u{u};{(u + k) % 7};3;{1_600_000_000 + k}\n" * 2 for u in range(9) for k in range(4)]
    path = written(tmp_path, "userId;movieId;rating;ts\n" + "".join(rows) + "u1;NA;3;1\nu2\n")
    lines = describe(path, core=2).splitlines()
    assert lines[1:] == [
        "format       text delimited by ';', names in line 1, utf-8",
        "columns      user is userId, item is movieId, time is ts; not read: rating",
        "rows         74, 2 of them bad, which stop a run without --skip-bad-rows",
        "bad          1 field instead of 4 in line 75",
        "bad          no item id (or one written NA) in line 74",
        "times        2020-09-13 12:26:40 to 2020-09-13 12:26:43, Unix seconds",
        "first rows   u0  0  2020-09-13 12:26:40",
        "             u0  0  2020-09-13 12:26:40",
        "             u0  1  2020-09-13 12:26:41",
        "before       9 users, 7 items, 72 actions",
        "core 2       9 users, 7 items, 72 actions",
        "repeats      100.0% of the test items occur earlier in the same history",
        "note         36 of 72 rows repeat the row before them (the same user, item and time):"
        " are rows doubled?",
        "note         the test item is the validation item for every user: what was just seen is"
        " the answer, as where rows are doubled",
    ]
    assert "nobody is left of 72 rows" in describe(path, core=30).splitlines()[-1]
