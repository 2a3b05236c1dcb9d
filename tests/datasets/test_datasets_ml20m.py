"""MovieLens-20M: read out of synthetic archives in its format, never the real one."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile

import numpy as np
import pytest
from datasets_support import refusal, serving, written

from pcrec_core import datasets
from pcrec_core.datasets import files, movielens
from pcrec_core.datasets.reading.opening import shown
from pcrec_core.datasets.split import split
from pcrec_core.specs.run import Data

MEMBER = "ml-20m/ratings.csv"
HEADER = "userId,movieId,rating,timestamp"
WHOLE = f"{HEADER}\n1,2,3.5,1112486027\n1,29,3.5,1112484676\n"


def packed(
    content: str | bytes, member: str = MEMBER, compression: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Return a zip archive that has other members too, as the published one has."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("ml-20m/README.txt", "Summary\n")
        archive.writestr(member, content)
        archive.writestr("ml-20m/tags.csv", "userId,movieId,tag,timestamp\n1,2,dark,1\n")
    return buffer.getvalue()


@pytest.fixture
def published(monkeypatch):
    """Return a function that gives the source a file of some content at some addresses."""

    def publish(content: bytes, *urls: str):
        source = datasets.source("ml-20m")
        [file] = source.files
        found = hashlib.sha256(content).hexdigest()
        file = dataclasses.replace(file, sha256=found, bytes=len(content), urls=urls or file.urls)
        monkeypatch.setitem(datasets.SOURCES, "ml-20m", dataclasses.replace(source, files=(file,)))

    return publish


def test_the_file_is_that_of_grouplens():
    [file] = datasets.source("ml-20m").files
    assert (file.name, file.bytes) == ("ml-20m.zip", 198_702_078)
    assert file.sha256 == "96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3"
    assert file.urls[0] == "https://files.grouplens.org/datasets/movielens/ml-20m.zip"
    # The archive itself is kept and verified.
    assert not any("#" in url for url in file.urls)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_ratings_become_users_items_and_times(tmp_path, end, compression):
    content = end.join([HEADER, "1,2,3.5,1112486027", "1,29,4.0,1112484676", "138493,69526,0.5,-7"])
    path = written(tmp_path, packed(content, compression=compression))
    table = movielens.read_20m([path])
    assert table.users.tolist() == [1, 1, 138_493] and table.items.tolist() == [2, 29, 69_526]
    assert table.times.tolist() == [1112486027, 1112484676, -7]
    assert table.users.dtype == table.items.dtype == table.times.dtype == np.int64
    assert list(tmp_path.iterdir()) == [path]  # nothing is unpacked beside it


def test_a_long_member_is_read_in_its_order(tmp_path):
    numbers = np.arange(1, 200_001)  # more than one block of the reader
    rows = [f"{user},{user % 977},0.5,{7 * user}" for user in numbers]
    table = movielens.read_20m([written(tmp_path, packed("\n".join([HEADER, *rows])))])
    assert (table.users == numbers).all() and (table.items == numbers % 977).all()
    assert (table.times == 7 * numbers).all()
    path = written(tmp_path, packed("\n".join([HEADER, *rows, "1,2,nan"])))
    assert "3 fields instead of 4 in line 200002:" in refusal(movielens.read_20m, [path])


NO_ROWS = " has no rows: expected rows of user and item."
OTHER_NAMES = (
    f", line 1 does not name the columns {HEADER.replace(',', ', ')}: use the original file."
)


def bad(fault: str) -> str:
    return f": 1 of 3 rows is bad: {fault}: use the original file."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", OTHER_NAMES),
        (HEADER, NO_ROWS),
        (f"{HEADER}\n\n", NO_ROWS),
        ("userId,movieId,timestamp\n1,2,3\n", OTHER_NAMES),
        ("movieId,userId,rating,timestamp\n1,2,3,4\n", OTHER_NAMES),
        (WHOLE + "1,2,3.5\n", bad("3 fields instead of 4 in line 4")),
        (WHOLE + "1,2,3.5,4,5\n", bad("5 fields instead of 4 in line 4")),
        (WHOLE + "ann,2,3.5,4\n", bad("userId that is not an integer in line 4")),
        (WHOLE + "1,Heat,3.5,4\n", bad("movieId that is not an integer in line 4")),
        (WHOLE + "1,,3.5,4\n", bad("movieId that is not an integer in line 4")),
        (WHOLE + "NaN,2,3.5,4\n", bad("userId that is not an integer in line 4")),
        (WHOLE + "1,2.0,3.5,4\n", bad("movieId that is not an integer in line 4")),
        (WHOLE + "\n1,2,3.5,nan\n", bad("timestamp that is not an integer in line 5")),
        (WHOLE + "1,2,3.5,2015-03-31\n", bad("timestamp that is not an integer in line 4")),
        (WHOLE + f"1,{2**63},3.5,4\n", bad("movieId that is not an integer in line 4")),
        (WHOLE.encode() + b"1,2\xff,3.5,4\n", bad("movieId that is not an integer in line 4")),
        (WHOLE + '1,"2",3.5,4\n', bad("movieId that is not an integer in line 4")),
    ],
)
def test_a_bad_line_is_named(tmp_path, content, sentence):
    path = written(tmp_path, packed(content))
    assert refusal(movielens.read_20m, [path]) == f"{shown(path)}{sentence}"


def damaged(rows: int) -> bytes:
    """Return an archive whose last rating differs in a digit, so that the checksum is wrong."""
    content = "\n".join([HEADER, *["1,2,3.5,1112486027"] * rows, "1,9,3.5,77777777"])
    whole = packed(content, compression=zipfile.ZIP_STORED)
    return whole.replace(b"77777777", b"77777770")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"1,2,3.5,1112486027\n", "File is not a zip file"),
        (packed(WHOLE)[:-30], "File is not a zip file"),
        (packed(WHOLE, "ratings.csv"), f"There is no item named '{MEMBER}' in the archive"),
        (damaged(1), f"Bad CRC-32 for file '{MEMBER}'"),
        # The reader of columns finds it, not that of the header.
        (damaged(100_000), f"Bad CRC-32 for file '{MEMBER}'"),
    ],
)
def test_a_damaged_archive_is_refused(tmp_path, content, reason):
    path = written(tmp_path, content)
    words = f"cannot be read ({reason}): check the file and its permissions."
    assert refusal(movielens.read_20m, [path]) == f"{shown(path)} {words}"


def ratings() -> str:
    """Return ratings of five users and six movies, by user and movie, times falling.

    Movie 6 has one rating, of user 5.
    """
    rows = [(user, movie, 1000 * user - movie) for user in range(1, 6) for movie in range(1, 6)]
    rows.append((5, 6, 5000))
    return "\n".join([HEADER, *[f"{user},{10 * movie},3.5,{time}" for user, movie, time in rows]])


def test_load_downloads_verifies_filters_and_sorts(tmp_path, monkeypatch, published):
    monkeypatch.delenv(files.ENVIRONMENT, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "cache")
    body = packed(ratings())
    with serving({"/ml-20m.zip": (200, body, len(body))}) as (host, asked):
        published(body, f"{host}/gone.zip", f"{host}/ml-20m.zip")
        loaded = datasets.load(Data("ml-20m"))
        assert split(datasets.load(Data("ml-20m"))).fingerprint() == split(loaded).fingerprint()
    # Downloaded once, to the cache, with nothing beside it.
    assert asked == ["/gone.zip", "/ml-20m.zip"]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["ml-20m.zip"]
    assert loaded.items.tolist() == [5, 4, 3, 2, 1] * 5 and not loaded.repeats
    assert loaded.item_names.tolist() == [10, 20, 30, 40, 50]
    assert loaded.user_names.tolist() == [1, 2, 3, 4, 5]
    assert loaded.times[:5].tolist() == [995, 996, 997, 998, 999]
    counts = loaded.counts
    assert (counts["rows_read"], counts["items_core"], counts["rows"]) == (26, 1, 25)


def test_the_archive_in_the_folder_is_used_only_if_it_is_the_published_one(
    tmp_path, monkeypatch, published
):
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path))
    path = written(tmp_path, packed(ratings()), "ml-20m.zip")
    published(path.read_bytes())
    assert datasets.load(Data("ml-20m")).n_users == 5
    published(packed(WHOLE))
    sentence = refusal(datasets.load, Data("ml-20m"))
    contents = path.read_bytes(), packed(WHOLE)
    found, expected = (hashlib.sha256(content).hexdigest() for content in contents)
    assert f"{path} has SHA-256 {found} but {expected} is expected" in sentence
    assert "https://files.grouplens.org/datasets/movielens/ml-20m.zip" in sentence
