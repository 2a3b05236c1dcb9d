"""A csv file of the user's own: identity, columns, ids of both kinds, and the first bad line."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from datasets_support import refusal, written

from pcrec_core.datasets import csv_data, load
from pcrec_core.datasets.csv import read
from pcrec_core.errors import DataError
from pcrec_core.specs.run import Data

COLUMNS = ("user", "item", "time")
LINE = ": correct or remove the line."
NAMES = "user, item, time (separated by a comma)"
NOT_NUMBER = " is not a number (dates must be written as one, for example Unix seconds)" + LINE


def test_identity_is_content_and_columns_not_place(tmp_path):
    content = "who,what,when\na,x,1\n"
    path = written(tmp_path, content)
    data = csv_data(path, user="who", item="what", time="when", core=2)
    assert data.canonical() == {
        "source": "csv",
        "core": 2,
        "columns": ("who", "what", "when"),
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
    }
    copy = written(tmp_path, content, "copy.csv")
    assert data == csv_data(copy, "who", "what", "when", 2) and data.path == str(path)
    assert csv_data(path, "who", "what", None).columns == ("who", "what")


def test_columns_by_name_text_ids_and_quotes(tmp_path):
    content = '\ufeffnote,item,user,time\n"a, b",éclair,7,2.5\n"two\nlines",x y,u 1,1\n'
    path = written(tmp_path, content)
    table = read(path, COLUMNS)
    assert table.users.tolist() == ["7", "u 1"] and table.items.tolist() == ["éclair", "x y"]
    assert table.times.tolist() == [2.5, 1.0] and table.times.dtype == np.float64
    assert read(path, ("user", "item")).times is None


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["10", "9", "-1"], [10, 9, -1]),
        (["10", "9", "007"], ["10", "9", "007"]),  # as a number 007 would be 7
        (["10", "9", "1.0"], ["10", "9", "1.0"]),
        ([" 10", "9 ", "10"], [10, 9, 10]),  # one user, spaces or not
        (["ann ", " ann", "u 1"], ["ann", "ann", "u 1"]),
        (["10", "9", str(2**63)], ["10", "9", str(2**63)]),
    ],
)
def test_ids_are_numbers_only_where_all_are_written_so(tmp_path, ids, expected):
    path = written(tmp_path, "user,item\n" + "".join(f"{i},x\n" for i in ids))
    table = read(path, ("user", "item"))
    assert table.users.tolist() == expected and table.items.tolist() == ["x"] * 3


def test_times_that_rounding_would_bring_out_of_order_are_refused(tmp_path):
    big = 1_700_000_000_000_000_001  # nanoseconds
    integers = written(tmp_path, f"user,item,time\na,x,{big}\na,y,{big + 1}\n")
    assert read(integers, COLUMNS).times.tolist() == [big, big + 1]
    mixed = written(tmp_path, f"user,item,time\na,x,{big}\na,y,{big + 1}.5\n")
    words = "column 'time' has times from 2.53 on that are not all integers .* give seconds, or int"
    with pytest.raises(DataError, match=words):
        read(mixed, COLUMNS)
    assert read(written(tmp_path, "user,item,time\na,x,0.5\n"), COLUMNS).times.tolist() == [0.5]


def test_a_tsv_is_separated_by_tabs(tmp_path):
    table = read(written(tmp_path, "user\titem\ttime\na,b\t5\t 30 \n", "my.TSV"), COLUMNS)
    assert table.users.tolist() == ["a,b"]
    assert table.items.tolist() == [5] and table.times.tolist() == [30]


def test_load_filters_and_sorts_a_csv(tmp_path):
    rows = "bob,tea,3 ann,tea,9 bob,rum,1 ann,rum,8 bob,tea,2 ann,gin,7"
    path = written(tmp_path, "\n".join(["user,item,time", *rows.split()]))
    loaded = load(csv_data(path, core=1))
    assert loaded.user_names.tolist() == ["ann", "bob"]
    assert loaded.item_names.tolist() == ["gin", "rum", "tea"]
    assert loaded.items.tolist() == [1, 2, 3, 2, 3, 3] and loaded.repeats and loaded.name == "csv"


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("", f" has no rows: expected lines of {NAMES}."),
        ("\n", f" has no rows: expected lines of {NAMES}."),
        ("\na,b\n", f", line 2 has 2 fields, not the 3 of {NAMES}{LINE}"),
        ("\na,b,1\n,b,1\n", f", line 3, column 'user': '' is not an id{LINE}"),
        ("\na,b,1\n\na,NaN,1\n", f", line 4, column 'item': 'NaN' is not an id{LINE}"),
        ("\na, ,1\n", f", line 2, column 'item': ' ' is not an id{LINE}"),
        ('\n"a\na",b,1\nc,,1\n', f", line 4, column 'item': '' is not an id{LINE}"),
        ("\na,b,1\na,b,\n", f", line 3, column 'time': ''{NOT_NUMBER}"),
        ("\na,b,2020-01-31\n", f", line 2, column 'time': '2020-01-31'{NOT_NUMBER}"),
        ("\na,b,1\na,b,nan\n", f", line 3, column 'time': 'nan' is not a finite number{LINE}"),
        ("\na,b,inf\n", f", line 2, column 'time': 'inf' is not a finite number{LINE}"),
        (
            b"\na,b,1\na,b\xe9,1\n",
            f", line 3, column 'item': b'b\\xe9' holds bytes that are not UTF-8{LINE}",
        ),
        (
            '\n"a,b,1\n',
            ", line 2 cannot be read as csv (unexpected end of data): correct its quotes.",
        ),
    ],
)
def test_the_first_bad_line_is_named(tmp_path, rows, sentence):
    content = rows if isinstance(rows, bytes) else rows.encode()
    path = written(tmp_path, b"user,item,time" + content)
    assert refusal(read, path, COLUMNS) == f"{path}{sentence}"


NO_NAMES = "is empty, or its first line is: expected a first line with the names of the columns."


def test_an_empty_file_is_refused(tmp_path):
    path = written(tmp_path, "")
    assert refusal(read, path, COLUMNS) == f"{path} {NO_NAMES}"


@pytest.mark.parametrize(
    ("header", "names", "words"),
    [
        (
            "usr,item,time",
            {},
            "line 1: unknown column 'user'; did you mean 'usr'? Known: item, time, usr.",
        ),
        (
            "user,item,when",
            {},
            "did you mean 'item'? Known: item, user, when. "
            "Without times, name two columns: --columns user,item, or time=None.",
        ),
        ("196,242,3", {}, "line 1: unknown column 'user'. Known: 196, 242, 3."),
        (
            "user,item,item,time",
            {},
            "line 1: column 'item' is there more than once: give each its own name.",
        ),
        ("user,item,time", {"item": "user"}, "the columns user, user, time of"),
        ("", {}, NO_NAMES),
    ],
)
def test_columns_are_checked_at_once(tmp_path, header, names, words):
    path = written(tmp_path, header)
    sentence = refusal(csv_data, path, **names)
    assert str(path) in sentence and words in sentence


def test_files_that_are_no_text_or_missing_are_refused(tmp_path):
    sentence = refusal(csv_data, written(tmp_path, "x" * 200_000))
    assert "has no first line of column names (field larger than field limit" in sentence
    assert "is it a csv file" in sentence
    sentence = refusal(csv_data, written(tmp_path, b"\x1f\x8b\x08\xff\xff", "my.csv.gz"))
    assert "is not UTF-8 text: save it as UTF-8, and unpack it if it is compressed" in sentence
    sentence = refusal(csv_data, tmp_path / "nowhere.csv")
    assert "nowhere.csv cannot be read (No such file or directory)" in sentence


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
