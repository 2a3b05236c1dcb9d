"""Downloads: bounded in size and time, and verified before the file has its name."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import BinaryIO

from pcrec_core.datasets.checksum import sha256
from pcrec_core.datasets.sources import RemoteFile
from pcrec_core.deadlines import within
from pcrec_core.errors import DataError
from pcrec_core.writing import install, temporary

#: An address is given up after ``_TIMEOUT`` seconds without a byte, or when the whole takes longer
#: than ``_PATIENCE`` seconds and one more for every ``_SLOWEST`` bytes.
_TIMEOUT, _PATIENCE, _SLOWEST = 30, 60, 50_000
#: A zip archive has at most ``_PER_BYTE`` bytes per byte of the wanted member, and ``_BESIDES``.
_PER_BYTE, _BESIDES = 10, 2**20


def download(file: RemoteFile, target: Path, progress: bool) -> None:
    """Download a file from the first of its addresses that has it, and verify it.

    Raises
    ------
    DataError
        Every address failed; with the reason of each.
    """
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
        f" the file in another way, name it {file.name} and set PCREC_DATA to its folder."
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
    """Download at most ``limit`` bytes, within the time that a slow line needs for them.

    A server that sends a byte now and then never runs into the timeout.
    """
    import pooch

    download = pooch.HTTPDownloader(progressbar=progress, chunk_size=1 << 16, timeout=_TIMEOUT)
    seconds = _PATIENCE + limit / _SLOWEST
    within(seconds, lambda: download(address, _Capped(target, limit), None))


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
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return error.strerror or type(error).__name__
    return str(error.args[0] if error.args else error)
