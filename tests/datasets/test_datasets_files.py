"""Finding and downloading raw files, against a server on 127.0.0.1."""

from __future__ import annotations

import hashlib
import io
import socket
import zipfile
from pathlib import Path

import pytest
from datasets_support import remote, serving

from pcrec_core.datasets import files
from pcrec_core.errors import DataError

CONTENT = b"1 2\n3 4\n"
GOOD = (200, CONTENT, len(CONTENT))


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


def test_what_is_cached_is_not_asked_for_again():
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
    "answer, reason",
    [
        (
            (200, CONTENT[:3], 3),
            f"3 bytes with SHA-256 {hashlib.sha256(CONTENT[:3]).hexdigest()} instead of 8 bytes with"
            f" {hashlib.sha256(CONTENT).hexdigest()}",
        ),
        ((200, b"5 6\n7 8\n", 8), "8 bytes with SHA-256 "),
        (
            (200, CONTENT[:3], 8),
            "ChunkedEncodingError",
        ),  # the connection ends before the declared length
        ((503, b"", 0), "HTTP status 503"),
    ],
)
def test_wrong_content_is_refused_and_nothing_is_left(tmp_path, answer, reason):
    with serving({"/a": answer}) as (host, asked), pytest.raises(DataError) as error:
        files.locate(remote(CONTENT, f"{host}/a", f"{host}/b"))
    assert f"tried {host}/a ({reason}" in str(error.value) and f"{host}/b (HTTP status 404)" in str(
        error.value
    )
    assert str(error.value).endswith(
        "get the file in another way, name it raw.txt and set PCREC_DATA to its folder."
    )
    assert left_behind(tmp_path) == []


def test_no_server_is_one_sentence_that_says_so():
    with socket.socket() as taken:  # bound but not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a"
        with pytest.raises(DataError) as error:
            files.locate(remote(CONTENT, url))
    assert (
        f"raw.txt could not be downloaded to {files.cache()}; tried {url} (ConnectionError):"
        in str(error.value)
    )


@pytest.mark.parametrize(
    "member, inside, fails",
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
            assert files.locate(file).read_bytes() == CONTENT and left_behind(tmp_path) == [
                "raw.txt"
            ]
        else:
            with pytest.raises(DataError, match=fails):
                files.locate(file)
            assert left_behind(tmp_path) == []


def test_what_is_no_zip_is_refused(tmp_path):
    with (
        serving({"/all.zip": GOOD}) as (host, _),
        pytest.raises(DataError, match="File is not a zip file"),
    ):
        files.locate(remote(CONTENT, f"{host}/all.zip#u"))
    assert left_behind(tmp_path) == []


def test_a_damaged_zip_is_refused_and_the_next_address_asked(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("u", CONTENT)
    body = bytearray(packed.getvalue())
    body[len("u") + 30] = 0xFF  # behind the local header: a block of no type that there is
    with serving({"/all.zip": (200, bytes(body), len(body)), "/raw.txt": GOOD}) as (host, _):
        with pytest.raises(DataError, match="invalid block type"):
            files.locate(remote(CONTENT, f"{host}/all.zip#u"))
        assert (
            files.locate(remote(CONTENT, f"{host}/all.zip#u", f"{host}/raw.txt")).read_bytes()
            == CONTENT
        )


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
    with pytest.raises(DataError) as error:
        files.locate(remote(CONTENT, "http://127.0.0.1/a"))
    assert str(error.value) == (
        f"{tmp_path / 'raw.txt'} has SHA-256 {hashlib.sha256(b'other').hexdigest()} but"
        f" {hashlib.sha256(CONTENT).hexdigest()} is expected: put the original file there (http://127.0.0.1/a), or"
        " remove it from the folder of PCREC_DATA to have it downloaded."
    )
    assert (tmp_path / "raw.txt").read_bytes() == b"other"


def test_an_environment_that_names_no_folder_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="PCREC_DATA is '.*nowhere', which is not a folder"):
        files.locate(remote(CONTENT, "http://127.0.0.1/a"))


def test_a_cache_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "cache").write_bytes(b"a file where the folder belongs")
    with serving({"/a": GOOD}) as (host, _), pytest.raises(DataError, match=r"/a \(File exists\)"):
        files.locate(remote(CONTENT, f"{host}/a"))
