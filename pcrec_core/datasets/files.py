"""Where raw files lie: in the folder of ``PCREC_DATA``, else in the ordinary cache, else they are downloaded to it.

Every file is verified by its SHA-256 each time it is asked for, wherever it comes from; but one that only a person can
download has none, and is verified by its reader.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

from pcrec_core.datasets.sources import ManualFile, RemoteFile
from pcrec_core.errors import DataError

#: Environment variable: a folder of raw files under the names of their ``RemoteFile`` or ``ManualFile``; read, never written.
ENVIRONMENT = "PCREC_DATA"
_TIMEOUT = 30  # seconds without a byte until the next address is tried


def locate(file: RemoteFile | ManualFile, progress: bool = False) -> Path:
    """Path of a verified copy of ``file``, downloaded if it is neither in ``PCREC_DATA`` nor in the cache.

    A ``ManualFile`` is never downloaded, and not verified here.

    Parameters
    ----------
    file : RemoteFile or ManualFile
        Of a data set's ``files``.
    progress : bool
        Show a bar while downloading.

    Raises
    ------
    DataError
        The copy in ``PCREC_DATA`` has another content, or every address failed; a ``ManualFile`` is missing.
    """
    given = _in_folder(file)
    if isinstance(file, ManualFile):
        return given or _put_there(file)
    if given:
        _check_given(given, file)
        return given
    cached = cache() / file.name
    if not (cached.is_file() and sha256(cached) == file.sha256):
        _download(file, cached, progress)
    return cached


def status(file: RemoteFile | ManualFile) -> str:
    """Where ``file`` is: "in PCREC_DATA", "cached" or "not on disk"; nothing is downloaded or hashed."""
    if _in_folder(file):
        return f"in {ENVIRONMENT}"
    return "cached" if (cache() / file.name).is_file() else "not on disk"


def cache() -> Path:
    """Folder that downloads go to: the user's ordinary cache."""
    import pooch  # here, not above: it takes long, and warns into a notebook without widgets

    return Path(pooch.os_cache("pcrec"))


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, hex; ``DataError`` if it cannot be read."""
    try:
        with open(path, "rb") as content:
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
            f"{ENVIRONMENT} is {folder!r}, which is not a folder: name a folder of raw files, or unset it."
        )
    return path / file.name if (path / file.name).is_file() else None


def _put_there(file: ManualFile) -> Path:
    cached = cache() / file.name
    if not cached.is_file():
        raise DataError(
            f"{file.name} is missing, and can only be downloaded by hand: get {file.original} from {file.page}"
            f" (with an account there), and put it as {file.name} into the folder of {ENVIRONMENT} or"
            f" into {cache()}."
        )
    return cached


def _check_given(path: Path, file: RemoteFile) -> None:
    found = sha256(path)
    if found != file.sha256:
        raise DataError(
            f"{path} has SHA-256 {found} but {file.sha256} is expected: put the original file there"
            f" ({file.urls[0]}), or remove it from the folder of {ENVIRONMENT} to have it downloaded."
        )


def _download(file: RemoteFile, target: Path, progress: bool) -> None:
    tried = []
    for url in file.urls:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # A scratch folder beside the target: nothing unverified ever lies under the file's name.
            with TemporaryDirectory(dir=target.parent) as scratch:
                os.replace(_fetch(file, url, Path(scratch), progress), target)
            return
        except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            tried.append(f"{url} ({_reason(error)})")
    raise DataError(
        f"{file.name} could not be downloaded to {target.parent}; tried {', '.join(tried)}: get the file in"
        f" another way, name it {file.name} and set {ENVIRONMENT} to its folder."
    )


def _fetch(file: RemoteFile, url: str, scratch: Path, progress: bool) -> Path:
    """Download one address into ``scratch`` and give back the verified file there."""
    import pooch

    address, _, member = url.partition("#")
    path = scratch / "download"
    pooch.HTTPDownloader(progressbar=progress, chunk_size=1 << 16, timeout=_TIMEOUT)(
        address, str(path), None
    )
    if member:
        path = _extract(path, member, scratch / "member")
    found = sha256(path)
    if found != file.sha256:
        raise ValueError(
            f"{path.stat().st_size} bytes with SHA-256 {found} instead of {file.bytes} bytes with"
            f" {file.sha256}"
        )
    return path


def _extract(archive: Path, member: str, path: Path) -> Path:
    with (
        zipfile.ZipFile(archive) as opened,
        opened.open(member) as source,
        open(path, "wb") as target,
    ):
        shutil.copyfileobj(source, target)
    return path


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    if isinstance(
        error, OSError
    ):  # what requests says of a failed connection repeats the address at length
        return error.strerror or type(error).__name__
    return str(error.args[0] if error.args else error)
