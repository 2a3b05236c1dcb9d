"""Shapes of files that people have: each has the users and the split of its csv twin."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from pcrec_core import datasets
from pcrec_core.datasets import csv_data, frame_data, load, synthetic
from pcrec_core.datasets.reading.options import Options
from pcrec_core.datasets.split import split
from pcrec_core.specs.run import Data


@cache
def log() -> pd.DataFrame:
    """Return the log of which every shape is made: 300 users, 288 after the core."""
    table = synthetic.read()
    return pd.DataFrame({"user": table.users, "item": table.items, "time": table.times})


@cache
def twin() -> tuple[str, tuple[str, ...]]:
    """Return the fingerprint of the synthetic split, and its users as text."""
    return facts(Data("synthetic"))


def facts(data: Data) -> tuple[str, tuple[str, ...]]:
    found = load(data)
    # a file declares no repeats, the synthetic source does: both have them
    assert found.repeats
    return split(found).fingerprint(), tuple(map(str, found.user_names))


def named(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    return frame.set_axis(list(names), axis=1)


def text(frame: pd.DataFrame, sep: str = ",", header: bool = True, end: str = "\n") -> str:
    if len(sep) == 1:
        return frame.to_csv(index=False, sep=sep, header=header, lineterminator=end)
    rows = [map(str, row) for row in frame.itertuples(index=False)]
    rows = [list(frame.columns), *rows] if header else rows
    return "".join(sep.join(row) + end for row in rows)


def rated(time: bool = True) -> pd.DataFrame:
    """Return the log with a rating before the time, as MovieLens and Amazon have it."""
    frame = log().assign(rating=3)
    return frame[["user", "item", "rating", "time"] if time else ["user", "item", "rating"]]


def dated(form: str, unit: str = "s") -> pd.DataFrame:
    times = pd.to_datetime(log()["time"], unit=unit, utc=True)
    return log().assign(time=times.dt.strftime(form))


def by_day() -> pd.DataFrame:
    """Return the log with times so far apart that dates keep their order."""
    ranks = log()["time"].rank(method="dense").astype(int)
    days = pd.Timestamp("1700-01-01").as_unit("s") + pd.to_timedelta(ranks, unit="D")
    return log().assign(time=days)


def sequences(sep: str = " ") -> str:
    lines = (sep.join(map(str, [user, *items])) for user, items in log().groupby("user")["item"])
    return "\n".join(lines) + "\n"


def json_lines(frame: pd.DataFrame) -> str:
    return frame.to_json(orient="records", lines=True)


def dict_lines(frame: pd.DataFrame, prefix: str = "") -> str:
    rows = frame.astype(str).to_dict("records")
    return "".join(
        "{" + ", ".join(f"{prefix}{k!r}: {prefix}{v!r}" for k, v in row.items()) + "}\n"
        for row in rows
    )


def zipped(content: str, name: str = "log.csv") -> bytes:
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("data/", "")
            archive.writestr(f"data/{name}", content)
        return buffer.getvalue()


def arrow(write: Callable, frame: pd.DataFrame, **options) -> bytes:
    with io.BytesIO() as buffer:
        write(frame, buffer, **options)
        return buffer.getvalue()


def parquet(frame: pd.DataFrame, **options) -> bytes:
    return arrow(pd.DataFrame.to_parquet, frame, **options)


def feather(frame: pd.DataFrame) -> bytes:
    return arrow(pd.DataFrame.to_feather, frame)


MS, NS = log().assign(time=log()["time"] * 1000), log().assign(time=log()["time"] * 10**9)
US = log().assign(time=log()["time"] * 10**6)
TWO = log()[["user", "item"]]
ISO = "%Y-%m-%dT%H:%M:%S"
AMAZON = named(rated(), "reviewerID", "asin", "overall", "unixReviewTime")
YELP = dated("%Y-%m-%d %H:%M:%S").set_axis(["user_id", "business_id", "date"], axis=1)
INTER = named(rated(), "user_id:token", "item_id:token", "rating:float", "timestamp:float")
BOOKS = named(rated(time=False), "User-ID", "ISBN", "Book-Rating")
WHO = named(log(), "who", "what", "when")
EVENTS = named(log(), "visitorid", "itemid", "timestamp").assign(event="view", transactionid="")
WORDS = log().assign(user="user " + log()["user"].astype(str))
LISTENED = log().assign(time=dated(f"{ISO}Z")["time"], name="a, b")[
    ["user", "time", "item", "name"]
]

#: Content, and what is given beside it.
SHAPES: dict[str, tuple[str | bytes, dict]] = {
    "comma": (text(log()), {}),
    "comma, windows": (text(log(), end="\r\n"), {}),
    "comma, no last end": (text(log()).rstrip("\n"), {}),
    "comma, blank lines": (text(log()).replace("\n", "\n\n"), {}),
    "tab": (text(log(), "\t"), {}),
    "semicolon": (text(log(), ";"), {}),
    "pipe": (text(log(), "|"), {}),
    "two colons": (text(log(), "::"), {}),
    "blank": (text(log(), " "), {}),
    "several blanks": (text(log(), "   "), {}),
    "blanks before lines": ("".join(f"  {line}\n" for line in text(log(), " ").splitlines()), {}),
    "blanks and tabs": (text(log(), " \t"), {}),
    "quoted semicolon": (log().astype(str).to_csv(index=False, sep=";", quoting=1), {}),
    "quoted comma": (log().astype(str).to_csv(index=False, quoting=1), {}),
    "another separator": (text(log(), "^"), {"sep": "^"}),
    "separator by name": (text(log(), "\t"), {"sep": "tab"}),
    "no header, u.data": (text(rated(), "\t", header=False), {}),
    "no header, ratings.dat": (text(rated(), "::", header=False), {}),
    "no header, Amazon ratings": (text(rated(), header=False), {}),
    "no header, three columns": (text(log(), header=False), {}),
    "no header, time in the middle": (
        text(log()[["user", "time", "item"]], header=False),
        {"columns": ("0", "2", "1")},
    ),
    "no header, SASRec's pairs": (text(TWO, " ", header=False), {}),
    "no header, Steam-200K": (
        text(log().assign(kind="play", hours=1.5, zero=0).drop(columns="time"), header=False),
        {"columns": ("0", "1")},
    ),
    "no header, LastFM-1K": (text(LISTENED, "\t", header=False), {"columns": ("0", "2", "1")}),
    "no header, by number": (text(rated(), header=False), {"columns": ("0", "1", "3")}),
    "no header, said so": (text(TWO, header=False), {"header": False}),
    "header said so": (
        text(named(log(), "a", "b", "c")),
        {"columns": ("0", "1", "2"), "header": True},
    ),
    "columns by name": (text(WHO), {"columns": ("who", "what", "when")}),
    "columns by number": (text(WHO), {"columns": ("0", "1", "2")}),
    "columns with blanks": (text(log()), {"columns": ("user", " item", " time")}),
    "header with blanks": (text(log()).replace("user,item,time", " user , item , time "), {}),
    "header with blanks, named": (
        text(log()).replace("user,item,time", "user, item, time"),
        {"columns": ("user", "item", "time")},
    ),
    "header in capitals": (text(named(log(), "USER", "ITEM", "TIME")), {}),
    "header in capitals, named": (
        text(named(log(), "Who", "What", "When")),
        {"columns": ("who", "what", "when")},
    ),
    "columns in another order": (text(log()[["time", "item", "user"]]), {}),
    "MovieLens": (text(named(rated(), "userId", "movieId", "rating", "timestamp")), {}),
    "user_id, item_id": (text(named(log(), "user_id", "item_id", "timestamp")), {}),
    "Retailrocket": (text(EVENTS), {}),
    "Book-Crossing": (BOOKS.astype(str).to_csv(index=False, sep=";", quoting=1), {}),
    "a column of an index": (log().to_csv(), {}),
    "RecBole": (text(INTER, "\t"), {}),
    "RecBole, floats": (text(INTER.astype({"timestamp:float": float}), "\t"), {}),
    "RecBole, named": (text(INTER, "\t"), {"columns": ("user_id", "item_id", "timestamp")}),
    "byte order mark": (b"\xef\xbb\xbf" + text(log()).encode(), {}),
    "sep= line": ("sep=,\n" + text(log()), {}),
    "sep= line, semicolon": ("sep=;\n" + text(log(), ";"), {}),
    "sep= line, quoted": ('"sep=;"\n' + text(log(), ";"), {}),
    "comment": ("# exported\n" + text(log()), {}),
    "comments": ("# a\n#, b\n" + text(log(), "\t"), {}),
    "commented header": ("#" + text(log()), {}),
    "commented header, blanks": ("# " + text(log(), " "), {}),
    "UTF-16": (text(log()).encode("utf-16"), {}),
    "UTF-16 without a mark": (text(log()).encode("utf-16-le"), {}),
    "UTF-16, big end first": (text(log(), ";").encode("utf-16-be"), {}),
    "latin-1": (
        text(log().assign(note="é")).encode("latin-1"),
        {"encoding": "latin-1"},
    ),
    "latin-1 in a column that is not read": (text(log().assign(note="é")).encode("latin-1"), {}),
    "ISO": (text(dated(ISO)), {}),
    "ISO, Z": (text(dated(f"{ISO}Z")), {}),
    "ISO, zone": (text(dated(f"{ISO}+00:00")), {}),
    "ISO with a blank": (text(dated("%Y-%m-%d %H:%M:%S")), {}),
    "ISO with fractions": (text(dated(f"{ISO}.%f")), {}),
    "ISO with a blank, tab": (text(dated("%Y-%m-%d %H:%M:%S"), "\t"), {}),
    "dates": (text(by_day()), {}),
    "day first": (text(dated("%d/%m/%Y %H:%M:%S")), {"date_format": "%d/%m/%Y %H:%M:%S"}),
    "month first": (text(dated("%m/%d/%Y %H:%M:%S")), {"date_format": "%m/%d/%Y %H:%M:%S"}),
    "compact": (text(dated("%Y%m%d%H%M%S")), {}),
    "milliseconds": (text(MS), {}),
    "microseconds": (text(US), {}),
    "nanoseconds": (text(NS), {}),
    "fractions of seconds": (text(log().assign(time=log()["time"] + 0.25)), {}),
    "parquet": (parquet(log()), {}),
    "parquet, text": (parquet(log().astype(str)), {}),
    "parquet, floats": (parquet(log().astype(float)), {}),
    "parquet, categories": (parquet(log().astype({"user": "category", "item": "category"})), {}),
    "parquet, dates": (parquet(log().assign(time=pd.to_datetime(log()["time"], unit="s"))), {}),
    "parquet, days": (
        parquet(log().assign(time=pd.to_datetime(log()["time"], unit="s", utc=True))),
        {},
    ),
    "parquet, gzip": (parquet(log(), compression="gzip"), {}),
    "feather": (feather(log()), {}),
    "feather, text": (feather(named(log().astype(str), "userId", "itemId", "ts")), {}),
    "gzip": (gzip.compress(text(log()).encode()), {}),
    "gzip, two parts": (
        gzip.compress(text(log()[:5000]).encode())
        + gzip.compress(text(log()[5000:], header=False).encode()),
        {},
    ),
    "zip": (zipped(text(log(), "\t")), {}),
    "zstd": (pa.compress(text(log()).encode(), "zstd", asbytes=True), {}),
    "JSON lines, Amazon": (json_lines(AMAZON), {}),
    "JSON lines, Yelp": (json_lines(YELP), {}),
    "JSON lines, gzip": (gzip.compress(json_lines(AMAZON).encode()), {}),
    "JSON lines, columns": (
        json_lines(WHO),
        {"columns": ("who", "what", "when")},
    ),
    "JSON array": (log().to_json(orient="records"), {}),
    "JSON array, indented": (json.dumps(log()[:].to_dict("records"), indent=1), {}),
    "Steam's quotes": (dict_lines(named(log(), "username", "product_id", "date")), {}),
    "Steam's quotes, old": (dict_lines(named(log(), "user_id", "item_id", "ts"), "u"), {}),
    "sequences": (sequences(), {}),
    "sequences, tab": (sequences("\t"), {}),
    "sequences, comma": (sequences(","), {}),
    "sequences, said so": (sequences(), {"format": "sequences"}),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_the_users_and_the_split_of_its_twin(tmp_path: Path, shape: str) -> None:
    content, given = SHAPES[shape]
    path = tmp_path / "log"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    data = csv_data(path, options=Options(**given))
    found = facts(data)
    assert found == twin() and len(found[1]) == 288
    assert facts(Data(**{**vars(data), "path": str(path)})) == found


def test_words_as_users_keep_the_split(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(text(WORDS, ";"))
    fingerprint, users = facts(csv_data(tmp_path / "log"))
    assert fingerprint == twin()[0] and users == tuple(f"user {name}" for name in twin()[1])


@pytest.mark.parametrize(
    "frame",
    [
        log(),
        named(log(), "userId", "movieId", "timestamp"),
        log().astype(str),
        log().astype({"user": "category", "item": float}),
        log().assign(time=pd.to_datetime(log()["time"], unit="s")),
        TWO,
    ],
    ids=["plain", "aliases", "text", "categories and floats", "dates", "pairs"],
)
def test_a_frame_has_the_users_and_the_split_of_its_twin(frame: pd.DataFrame) -> None:
    assert facts(frame_data(frame)) == twin()


def test_a_frame_is_the_run_of_its_csv_file(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(text(log()))
    plain = csv_data(tmp_path / "log.csv")
    assert frame_data(log()) == plain == datasets.csv_data(tmp_path / "log.csv", core=5)
    assert frame_data(log(), core=7).core == 7
    assert plain.canonical().keys() == {"source", "core", "sha256", "columns"}
