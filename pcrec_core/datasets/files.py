"""Raw files: from the folder of ``PCREC_DATA``, else from the user's cache, else downloaded to it.

Every file is verified by its SHA-256 at each use, wherever it comes from. A file that only a person
can download has none: its reader verifies it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from pcrec_core.datasets.sources import ManualFile, RemoteFile
from pcrec_core.errors import DataError
from pcrec_core.writing import install, temporary

#: Environment variable: a folder of raw files, each under the name of its ``RemoteFile`` or
#: ``ManualFile``. It is read, never written.
ENVIRONMENT = "PCREC_DATA"
#: When the next address is tried: after so many seconds without a byte, or so many for the whole
#: and one more for so many bytes.
_TIMEOUT, _PATIENCE, _SLOWEST = 30, 60, 50_000
#: The most bytes of a zip archive: for each byte of the member that is wanted, and besides.
_PER_BYTE, _BESIDES = 10, 2**20


def locate(file: RemoteFile | ManualFile, progress: bool = False) -> Path:
    """Return the path of a verified copy of ``file``, downloading it where there is none.

    A ``ManualFile`` is never downloaded, and not verified here.

    Parameters
    ----------
    file : RemoteFile or ManualFile
        One of a source's ``files``.
    progress : bool
        Show a bar while downloading.

    Raises
    ------
    DataError
        The copy in ``PCREC_DATA`` has another content, every address failed, or a ``ManualFile``
        is missing.
    """
    given = _in_folder(file)
    if isinstance(file, ManualFile):
        return given or _cached_by_hand(file)
    if given:
        _check_given(given, file)
        return given
    cached = cache() / file.name
    if not (cached.is_file() and sha256(cached) == file.sha256):
        _download(file, cached, progress)
    return cached


def status(file: RemoteFile | ManualFile) -> str:
    """Return "in PCREC_DATA", "cached" or "not on disk"; nothing is downloaded or hashed."""
    if _in_folder(file):
        return f"in {ENVIRONMENT}"
    return "cached" if (cache() / file.name).is_file() else "not on disk"


def cache() -> Path:
    """Return the folder of downloads, in the user's ordinary cache."""
    # Imported late: pooch loads slowly, and warns into a notebook without widgets.
    import pooch

    return Path(pooch.os_cache("pcrec"))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, hex; ``DataError`` if it cannot be read."""
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}): check the path and its permissions."
        ) from None


def _in_folder(file: RemoteFile | ManualFile) -> Path | None:
    folder = os.environ.get(ENVIRONMENT)
    if not folder:
        return None
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise DataError(
            f"{ENVIRONMENT} is {folder!r}, which is not a folder: name a folder of raw files, or"
            " unset it."
        )
    return path / file.name if (path / file.name).is_file() else None


def _cached_by_hand(file: ManualFile) -> Path:
    cached = cache() / file.name
    if not cached.is_file():
        raise DataError(
            f"{file.name} is missing, and can only be downloaded by hand: get {file.original} from"
            f" {file.page} (with an account there), and put it as {file.name} into the folder of"
            f" {ENVIRONMENT} or into {cache()}."
        )
    return cached


def _check_given(path: Path, file: RemoteFile) -> None:
    found = sha256(path)
    if found != file.sha256:
        raise DataError(
            f"{path} has SHA-256 {found} but {file.sha256} is expected: put the original file there"
            f" ({file.urls[0]}), or remove it from the folder of {ENVIRONMENT} to have it"
            " downloaded."
        )


def _download(file: RemoteFile, target: Path, progress: bool) -> None:
    failures = []
    for url in file.urls:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # Nothing unverified ever has the file's name.
            with temporary(target.parent) as scratch:
                _fetch(file, url, scratch, progress)
                install(scratch, target)
            return
        # requests, zipfile and each method of compression have errors of their own
        except Exception as error:
            failures.append(f"{url} ({_reason(error)})")
    raise DataError(
        f"{file.name} could not be downloaded to {target.parent}; tried {', '.join(failures)}: get"
        f" the file in another way, name it {file.name} and set {ENVIRONMENT} to its folder."
    )


def _fetch(file: RemoteFile, url: str, scratch: BinaryIO, progress: bool) -> None:
    """Download one address into ``scratch`` and verify it there."""
    address, _, member = url.partition("#")
    if member:
        with temporary(Path(scratch.name).parent) as archive:
            _get(address, archive, _PER_BYTE * file.bytes + _BESIDES, progress)
            with zipfile.ZipFile(archive) as opened, opened.open(member) as source:
                shutil.copyfileobj(source, _Capped(scratch, file.bytes))
    else:
        _get(address, scratch, file.bytes, progress)
    scratch.flush()
    path = Path(scratch.name)
    found = sha256(path)
    if found != file.sha256:
        raise ValueError(
            f"{path.stat().st_size} bytes with SHA-256 {found} instead of {file.bytes} bytes with"
            f" {file.sha256}"
        )


def _get(address: str, target: BinaryIO, limit: int, progress: bool) -> None:
    """Download at most ``limit`` bytes, in the time that a slow line needs for so many.

    The download runs in a thread of its own, because a server that sends a byte now and then is
    never silent for long, and holds whoever waits for it.
    """
    import pooch

    download = pooch.HTTPDownloader(progressbar=progress, chunk_size=1 << 16, timeout=_TIMEOUT)
    failed: list[Exception] = []

    def work() -> None:
        try:
            download(address, _Capped(target, limit), None)
        except Exception as error:
            failed.append(error)

    thread, seconds = Thread(target=work, daemon=True), _PATIENCE + limit / _SLOWEST
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise ValueError(f"not finished after {seconds:.0f} seconds")
    if failed:
        raise failed.pop()


class _Capped:
    """A file that refuses to hold more than ``limit`` bytes."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file, self._limit, self.flush = file, limit, file.flush

    def write(self, content: bytes) -> int:
        if self._file.tell() + len(content) > self._limit:
            raise ValueError(f"more than the {self._limit} bytes that were expected")
        return self._file.write(content)


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    # The text of a connection error repeats the address at length.
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error.args[0] if error.args else error)
