"""Whatever a file holds, it is read, or refused by one short sentence of our own."""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from pcrec_core.datasets import csv_data
from pcrec_core.datasets.describe import describe
from pcrec_core.datasets.reading import opening, raw
from pcrec_core.datasets.reading.layout import layout_of
from pcrec_core.datasets.reading.options import FORMATS, Options
from pcrec_core.datasets.reading.reader import examine
from pcrec_core.errors import DataError, SpecError

#: Examples of each test; more by the environment variable.
EXAMPLES = int(os.environ.get("PCREC_FUZZ", "500"))
#: A word that stands in every row, and must not stand in an error.
SECRET = "s3cr3t"

NAMES = ["user", "item", "time", "userId", "movieId", "timestamp", "asin", "rating", "", "#", "x"]
VALUES = [
    *("1", "2", "-3", "007", "1.0", "1e9", "0x1F", "nan", "NULL", "\\N", "", " ", "é", "a\0b", '"'),
    *('"a', 'b"', '"a,b"', "2020-01-01", "01/02/2020", "2020-01-01T00:00:00Z", "9" * 25, "1e999"),
    *("1500000000", "{", "[", "sep=;", "a" * 50, SECRET, "\u2028", "\ufeff", "=1+1", "٣", "inf"),
]
SEPARATORS = st.sampled_from([",", ";", "\t", "|", "::", " ", "  "])
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Return lines of fields that look like a log, nearly."""
    sep, end = draw(SEPARATORS), draw(ENDS)
    width = draw(st.integers(1, 4))
    field = st.sampled_from(VALUES)
    row = st.lists(field, min_size=width, max_size=width) | st.lists(field, max_size=5)
    head = draw(st.just([]) | st.lists(st.sampled_from(NAMES), min_size=width, max_size=width))
    lines = [sep.join(fields) for fields in ([head] if head else []) + draw(st.lists(row))]
    lines = draw(st.sampled_from([[], ["sep=;"], ["# a"], ["#"]])) + lines
    return end.join(lines).encode(
        draw(st.sampled_from(["utf-8", "utf-16", "utf-16-le", "cp1252"])), errors="replace"
    )


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(VALUES)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), SCALARS | st.lists(SCALARS, max_size=2))


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """Return JSON, or Python's dicts, perhaps cut."""
    write = draw(st.sampled_from([json.dumps, repr]))
    rows = [write(one) for one in draw(st.lists(OBJECTS, max_size=6))]
    whole = "[" + ",".join(rows) + "]" if draw(st.booleans()) else "\n".join(rows)
    return whole[: draw(st.integers(0, 400))].encode()


MAGIC = st.sampled_from([b"", b"PAR1", b"ARROW1\0\0", b"\x1f\x8b\x08", b"PK\x03\x04", b"\xff\xfe"])
BYTES = st.builds(lambda magic, rest: magic + rest, MAGIC, st.binary(max_size=200))
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "columns": st.lists(st.sampled_from([*NAMES, "0", "1", "9"]), min_size=2, max_size=3).map(
            tuple
        ),
        "sep": SEPARATORS | st.sampled_from(["tab", "^", "ab"]),
        "header": st.booleans(),
        "date_format": st.sampled_from(["%d/%m/%Y", "%Y", "ISO8601", "%", "mixed", "", "%Q"]),
        "encoding": st.sampled_from(["latin-1", "utf-8", "utf-16", "utf-32", "ascii", "idna", "x"]),
        "format": st.sampled_from(FORMATS),
        "skip_bad_rows": st.booleans(),
    },
)


def read(content: bytes, given: dict, *calls) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(content)
        for call in calls:
            sentence = refusal(call, path, given)
            assert len(sentence) < 400 and SECRET not in sentence and sentence.isprintable()


def refusal(call: Callable, path: Path, given: dict) -> str:
    """Return the sentence of our own error, or an empty one."""
    try:
        call(path, Options(**given))
    except (DataError, SpecError) as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "objects", "bytes"])
def test_nothing_but_our_own_errors(kind: str) -> None:
    contents = {"text": texts(), "objects": objects(), "bytes": BYTES}[kind]

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
    @given(contents, st.just({}) | OPTIONS)
    @example(b"user,item\n" + SECRET.encode() * 9000, {})
    @example(b"1," + SECRET.encode(), {"columns": ("user", "user")})
    @example(b"a," + SECRET.encode() + b"\nb,c", {"header": True})
    @example(b"\0\x0b\x80", {"header": False})
    @example("user,item,time\na,b,1\na,é\nc,d,2\n".encode("latin-1"), {})
    def fuzz(content: bytes, given: dict) -> None:
        read(
            content,
            given,
            lambda path, options: examine(layout_of(path, options)),
            lambda path, options: describe(path, options, core=1),
            lambda path, options: csv_data(path, options=options),
        )

    fuzz()


BOMB = b"user,item\n" + b"a,b\n" * (1 << 20)


def _zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.csv", content)
    return packed.getvalue()


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        _zipped,
        lambda content: pa.compress(content, "zstd", asbytes=True),
        lambda content: gzip.compress(b"user,item\n" + b"\n" * len(content)),
        lambda content: gzip.compress(b'[{"user": 1, "item": 2}' + b" " * len(content)),
    ],
    ids=["gzip", "zip", "zstd", "blank lines", "JSON"],
)
def test_an_archive_that_holds_more_than_any_log_is_not_unpacked(pack, tmp_path, monkeypatch):
    path, taken = tmp_path / "bomb", []
    path.write_bytes(pack(BOMB))
    monkeypatch.setattr(opening, "_SMALL", 1 << 19)
    original = opening._Bounded.readinto
    monkeypatch.setattr(
        opening._Bounded, "readinto", lambda self, b: taken.append(len(b)) or original(self, b)
    )
    sentence = r"bomb holds over 100 times the bytes that it has packed, which no log does: if it"
    with pytest.raises(DataError, match=sentence):
        examine(layout_of(path))
    assert sum(taken) < 0.7 * len(BOMB)
    path.write_bytes(BOMB)
    assert examine(layout_of(path)).rows == 1 << 20  # plain, it is read


def test_a_file_that_needs_more_than_the_memory_is_not_read(tmp_path, monkeypatch):
    text, table = tmp_path / "log.csv", tmp_path / "log.parquet"
    text.write_bytes(BOMB)
    parquet.write_table(pa.table({"user": [1] * 5000, "item": [2] * 5000}), table)
    for module in (opening, raw):
        monkeypatch.setattr(module, "free_bytes", lambda: 1 << 20)
    sentence = r"log.csv needs more than the 0.0 GiB of memory that are free: take a part of it"
    with pytest.raises(DataError, match=sentence):
        examine(layout_of(text))
    assert examine(layout_of(table)).rows == 5000
    monkeypatch.setattr(raw, "free_bytes", lambda: 5000 * 2 * 8 - 1)
    with pytest.raises(DataError, match=r"log.parquet needs more than the 0.0 GiB of memory"):
        examine(layout_of(table))
