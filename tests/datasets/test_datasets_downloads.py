"""Servers on a bad day: nothing unverified is kept, nothing hangs, the next address is tried."""

from __future__ import annotations

import gzip
import http.server
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from datasets_support import refusal, remote
from faults_support import child, killed, largest_file
from workers_support import wait_for

from pcrec_core.datasets import files

CONTENT = b"1 2\n3 4\n" * 100
Handler = http.server.BaseHTTPRequestHandler


def answer(handler: Handler, status: int = 200, body: bytes = b"", **headers: object) -> None:
    handler.send_response(status)
    for name, value in ({"Content_Length": len(body)} | headers).items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def redirect(place: str) -> Callable[[Handler], None]:
    return lambda handler: answer(handler, 302, Location=place)


def stall(handler: Handler) -> None:
    handler.server.over.wait(20)


def stall_in_the_body(handler: Handler) -> None:
    answer(handler, body=CONTENT[:9], Content_Length=len(CONTENT))
    handler.wfile.flush()
    stall(handler)


def dribble(handler: Handler, header: bool = False) -> None:
    """Send a byte every now and then, for longer than anybody should wait."""
    if not header:
        answer(handler, Content_Length=len(CONTENT))
    while not handler.server.over.wait(0.05):
        handler.wfile.write(b"1")
        handler.wfile.flush()


def endless(handler: Handler) -> None:
    answer(handler, Content_Length=2**40)
    while not handler.server.over.is_set():
        handler.wfile.write(bytes(2**16))


def zipped(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def with_headers(at: int, value: int) -> bytes:
    """Return a zip with a field of two bytes changed in both headers of its member."""
    body = bytearray(zipped(("u", CONTENT)))
    for place in (at, body.index(b"PK\1\2") + at + 2):
        body[place : place + 2] = value.to_bytes(2, "little")
    return bytes(body)


with pytest.warns(UserWarning, match="Duplicate name"):
    DOUBLE = zipped(("u", CONTENT), ("u", b"other"))
BOMB = bytes(2**22)
GZIPPED, ZIPPED = gzip.compress(BOMB), zipped(("u", BOMB))
SILENT, LATE = ("ReadTimeout", "ConnectionError"), "not finished after 2 seconds"

#: By name: the member of a zip if it is one, what the server does, and the reason that is given.
FAULTS = {
    "404": ("", lambda h: answer(h, 404), "HTTP status 404"),
    "503": ("", lambda h: answer(h, 503), "HTTP status 503"),
    "stall before the answer": ("", stall, SILENT[0]),
    "stall in the body": ("", stall_in_the_body, SILENT[1]),
    "redirect to a page": ("", redirect("/page"), "13 bytes with SHA-256"),
    "redirect in a loop": ("", redirect("/bad"), "HTTP status 302"),
    "redirect to a file": ("", redirect("file:///etc/hostname"), "InvalidSchema"),
    "half a body": (
        "",
        lambda h: answer(h, body=CONTENT[:400], Content_Length=800),
        "ChunkedEncodingError",
    ),
    "half the content": ("", lambda h: answer(h, body=CONTENT[:400]), "400 bytes with SHA-256"),
    "other bytes": ("", lambda h: answer(h, body=bytes(800)), "800 bytes with SHA-256"),
    "endless body": ("", endless, "more than the 800 bytes that were expected"),
    "gzip bomb": (
        "",
        lambda h: answer(h, body=GZIPPED, Content_Encoding="gzip"),
        "more than the 800 bytes that were expected",
    ),
    "a byte now and then": ("", dribble, LATE),
    "a header without end": ("", lambda h: dribble(h, True), LATE),
    "zip bomb": (
        "#u",
        lambda h: answer(h, body=ZIPPED),
        "more than the 800 bytes that were expected",
    ),
    "endless zip": ("#u", endless, "more than the 1056576 bytes that were expected"),
    "zip with another member": (
        "#u",
        lambda h: answer(h, body=zipped(("v", CONTENT))),
        "There is no item named 'u' in the archive",
    ),
    "zip with a member twice": ("#u", lambda h: answer(h, body=DOUBLE), "5 bytes with SHA-256"),
    "zip with a member above": (
        "#u",
        lambda h: answer(h, body=zipped(("../u", CONTENT))),
        "There is no item named 'u' in the archive",
    ),
    "zip that is encrypted": (
        "#u",
        lambda h: answer(h, body=with_headers(6, 1)),
        "File 'u' is encrypted",
    ),
    "zip of another method": (
        "#u",
        lambda h: answer(h, body=with_headers(8, 99)),
        "That compression method is not supported",
    ),
}


@pytest.fixture
def host(request, monkeypatch, tmp_path) -> Iterator[str]:
    """Serve the fault that the test is given at /bad, and the right content at /good."""

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {
                "/good": lambda handler: answer(handler, body=CONTENT),
                "/page": lambda handler: answer(handler, body=b"<html></html>"),
                "/bad": request.param,
            }
            answers[self.path](self)

        def log_message(self, *args: object) -> None:
            pass

    monkeypatch.delenv(files.ENVIRONMENT, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "cache")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.handle_error = lambda *_: None  # who asked has gone
    server.over = threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("host", "member", "reason"),
    [(behave, member, reason) for member, behave, reason in FAULTS.values()],
    ids=FAULTS,
    indirect=["host"],
)
def test_after_a_bad_server_nothing_is_left_and_the_next_is_asked(
    host, member, reason, tmp_path, monkeypatch
):
    monkeypatch.setattr("pcrec_core.datasets.download._TIMEOUT", 1 if reason in SILENT else 30)
    monkeypatch.setattr("pcrec_core.datasets.download._PATIENCE", 2 if reason == LATE else 60)
    bad, cache = f"{host}/bad{member}", tmp_path / "cache"
    sentence = refusal(files.locate, remote(CONTENT, bad))
    assert f"tried {bad} ({reason}" in sentence and sentence.endswith("to its folder.")
    assert list(cache.iterdir()) == [] and list(tmp_path.iterdir()) == [cache]
    path = files.locate(remote(CONTENT, bad, f"{host}/good"))
    assert path.read_bytes() == CONTENT and list(cache.iterdir()) == [path]


@pytest.mark.parametrize(
    "host", [lambda handler: answer(handler, body=bytes(800))], indirect=True, ids=["limit"]
)
def test_where_files_may_not_grow_a_download_leaves_nothing(host, tmp_path):
    cache, good = tmp_path / "cache", f"{host}/good"
    with largest_file(400):
        sentence = refusal(files.locate, remote(CONTENT, good))
    assert f"tried {good} (File too large)" in sentence and list(cache.iterdir()) == []
    assert files.locate(remote(CONTENT, good)).read_bytes() == CONTENT


def download(folder: Path, url: str) -> None:
    files.cache = lambda: folder
    files.locate(remote(CONTENT, url))


@pytest.mark.parametrize("host", [stall_in_the_body], indirect=True)
def test_what_a_killed_download_left_is_removed_by_the_next(host, tmp_path):
    cache = tmp_path / "cache"
    process = child(download, cache, f"{host}/bad")
    [left] = wait_for(lambda: list(cache.glob("*")), "the download to begin")
    process.kill()
    assert killed(process) and left.name.endswith(".tmp")
    path = files.locate(remote(CONTENT, f"{host}/good"))
    assert path.read_bytes() == CONTENT and list(cache.iterdir()) == [path]
