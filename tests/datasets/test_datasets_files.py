"""Finding and downloading raw files, against a server on 127.0.0.1."""

from __future__ import annotations

import hashlib
import io
import socket
import zipfile
from pathlib import Path

import pytest
from datasets_support import refusal, remote, serving

from pcrec_core.datasets import files
from pcrec_core.errors import DataError

CONTENT = b"1 2\n3 4\n"
GOOD = (200, CONTENT, len(CONTENT))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.delenv(files.ENVIRONMENT, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "cache")


def left_behind(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").glob("**/*"))


def test_the_second_address_serves_where_the_first_is_gone(tmp_path):
    with serving({"/b": GOOD}) as (host, asked):
        path = files.locate(remote(CONTENT, f"{host}/a", f"{host}/b", f"{host}/c"))
    assert path == tmp_path / "cache" / "raw.txt" and path.read_bytes() == CONTENT
    assert asked == ["/a", "/b"] and left_behind(tmp_path) == ["raw.txt"]


def test_a_cached_file_is_not_requested_again():
    with serving({"/a": GOOD}) as (host, asked):
        file = remote(CONTENT, f"{host}/a")
        assert files.status(file) == "not on disk"
        assert files.locate(file) == files.locate(file)
    assert asked == ["/a"] and files.status(file) == "cached"


def test_a_damaged_copy_in_the_cache_is_downloaded_again(tmp_path):
    with serving({"/a": GOOD}) as (host, asked):
        file = remote(CONTENT, f"{host}/a")
        files.locate(file).write_bytes(CONTENT[:-1])
        assert files.locate(file).read_bytes() == CONTENT
    assert asked == ["/a", "/a"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            (200, CONTENT[:3], 3),
            f"3 bytes with SHA-256 {hashlib.sha256(CONTENT[:3]).hexdigest()} instead of 8 bytes"
            f" with {SHA256}",
        ),
        ((200, b"5 6\n7 8\n", 8), "8 bytes with SHA-256 "),
        # The connection ends before the declared length.
        ((200, CONTENT[:3], 8), "ChunkedEncodingError"),
        ((503, b"", 0), "HTTP status 503"),
    ],
)
def test_wrong_content_is_refused_and_nothing_is_left(tmp_path, answer, reason):
    with serving({"/a": answer}) as (host, _):
        sentence = refusal(files.locate, remote(CONTENT, f"{host}/a", f"{host}/b"))
    assert f"tried {host}/a ({reason}" in sentence and f"{host}/b (HTTP status 404)" in sentence
    advice = "get the file in another way, name it raw.txt and set PCREC_DATA to its folder."
    assert sentence.endswith(advice)
    assert left_behind(tmp_path) == []


def test_a_missing_server_is_named_in_one_sentence():
    with socket.socket() as taken:  # bound but not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a"
        sentence = refusal(files.locate, remote(CONTENT, url))
    folder = files.cache()
    assert (
        f"raw.txt could not be downloaded to {folder}; tried {url} (ConnectionError):" in sentence
    )


@pytest.mark.parametrize(
    ("member", "inside", "fails"),
    [
        ("data/u", CONTENT, None),
        ("data/u", b"other", "5 bytes with SHA-256"),  # an intact archive with another member
        ("data/v", CONTENT, "There is no item named 'data/v' in the archive"),
    ],
)
def test_a_member_of_a_zip_is_verified_itself(tmp_path, member, inside, fails):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("data/u", inside)
    body = packed.getvalue()
    with serving({"/all.zip": (200, body, len(body))}) as (host, _):
        file = remote(CONTENT, f"{host}/all.zip#{member}")
        if fails is None:
            assert files.locate(file).read_bytes() == CONTENT
        else:
            assert fails in refusal(files.locate, file)
    assert left_behind(tmp_path) == (["raw.txt"] if fails is None else [])


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    with serving({"/all.zip": GOOD}) as (host, _):
        sentence = refusal(files.locate, remote(CONTENT, f"{host}/all.zip#u"))
    assert "File is not a zip file" in sentence and left_behind(tmp_path) == []


def test_a_damaged_zip_is_refused_and_the_next_address_tried(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("u", CONTENT)
    body = bytearray(packed.getvalue())
    body[len("u") + 30] = 0xFF  # behind the local header: an unknown type of block
    with serving({"/all.zip": (200, bytes(body), len(body)), "/raw.txt": GOOD}) as (host, _):
        first, second = f"{host}/all.zip#u", f"{host}/raw.txt"
        assert "invalid block type" in refusal(files.locate, remote(CONTENT, first))
        assert files.locate(remote(CONTENT, first, second)).read_bytes() == CONTENT


def test_the_folder_of_the_environment_comes_first_and_is_never_written(monkeypatch, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.setenv(files.ENVIRONMENT, str(folder))
    with serving({"/a": GOOD}) as (host, asked):
        file = remote(CONTENT, f"{host}/a")
        assert files.locate(file).parent == files.cache()  # missing there: downloaded to the cache
        assert list(folder.iterdir()) == [] and files.status(file) == "cached"
        (folder / "raw.txt").write_bytes(CONTENT)
        assert files.locate(file) == folder / "raw.txt" and files.status(file) == "in PCREC_DATA"
    assert asked == ["/a"] and [path.name for path in folder.iterdir()] == ["raw.txt"]


def test_another_content_in_the_folder_is_an_error_with_both_hashes(monkeypatch, tmp_path):
    (tmp_path / "raw.txt").write_bytes(b"other")
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path))
    assert refusal(files.locate, remote(CONTENT, "http://127.0.0.1/a")) == (
        f"{tmp_path / 'raw.txt'} has SHA-256 {hashlib.sha256(b'other').hexdigest()} but {SHA256} is"
        " expected: put the original file there (http://127.0.0.1/a), or remove it from the folder"
        " of PCREC_DATA to have it downloaded."
    )
    assert (tmp_path / "raw.txt").read_bytes() == b"other"


def test_an_environment_that_names_no_folder_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"PCREC_DATA is '.*nowhere', which is not a folder"):
        files.locate(remote(CONTENT, "http://127.0.0.1/a"))


def test_a_cache_that_cannot_be_created_is_an_error(tmp_path):
    (tmp_path / "cache").write_bytes(b"a file where the folder belongs")
    with serving({"/a": GOOD}) as (host, _), pytest.raises(DataError, match=r"/a \(File exists\)"):
        files.locate(remote(CONTENT, f"{host}/a"))
