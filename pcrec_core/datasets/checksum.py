"""The SHA-256 of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pcrec_core.errors import DataError


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, hex; ``DataError`` if it cannot be read."""
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}): check the path and its permissions."
        ) from None
