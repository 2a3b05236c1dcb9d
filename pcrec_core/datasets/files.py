"""Raw files: from the folder of ``PCREC_DATA``, else from the user's cache, else downloaded to it.

Every file is verified by its SHA-256 at each use, wherever it comes from. A file that only a person
can download has none: its reader verifies it.
"""

from __future__ import annotations

import os
from pathlib import Path

from pcrec_core import paths
from pcrec_core.datasets.checksum import sha256
from pcrec_core.datasets.download import download
from pcrec_core.datasets.sources import ManualFile, RemoteFile
from pcrec_core.errors import DataError

#: Environment variable: a folder of raw files, each under the name of its ``RemoteFile`` or
#: ``ManualFile``. It is read, never written.
ENVIRONMENT = "PCREC_DATA"


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
        download(file, cached, progress)
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


def _in_folder(file: RemoteFile | ManualFile) -> Path | None:
    folder = os.environ.get(ENVIRONMENT)
    if not folder:
        return None
    path = paths.given(folder)
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
