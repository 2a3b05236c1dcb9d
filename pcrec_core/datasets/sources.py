"""Sources of interactions: their files, the reader of these, and declared properties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Paths = Sequence[Path]


@dataclass(frozen=True)
class RemoteFile:
    """A public file, identified by its content.

    Parameters
    ----------
    name : str
        File name in the folder of ``PCREC_DATA`` and in the cache.
    sha256 : str
        Hash of the content, hex.
    bytes : int
        Size of the content.
    urls : tuple of str
        Addresses, tried in turn. ``ADDRESS#MEMBER`` names a member of a zip archive.
    """

    name: str
    sha256: str
    bytes: int
    urls: tuple[str, ...]


@dataclass(frozen=True)
class ManualFile:
    """A public file that a person downloads, as its page requires an account; its reader checks it.

    Parameters
    ----------
    name : str
        File name in the folder of ``PCREC_DATA`` or in the cache.
    original : str
        File name on its page.
    page : str
        Address of the page.
    """

    name: str
    original: str
    page: str


@dataclass(frozen=True, eq=False)
class Table:
    """Raw interactions in file order, one per row.

    Parameters
    ----------
    users, items : array (rows,)
        Raw ids: int64, or str in an object array.
    times : array (rows,), optional
        int64 or float64; ``None`` where the format has no time.
    notes : tuple of str
        Sentences on what a reader of the results must know, such as rows that were left out.
    """

    users: np.ndarray
    items: np.ndarray
    times: np.ndarray | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A named source of interactions (:ref:`protocols-common`).

    Parameters
    ----------
    name : str
        Name in a spec.
    title : str
        Name in a table.
    read : callable
        Makes a ``Table`` from the paths of ``files``, in their order; for ``csv``, from a path and
        a ``Layout``.
    files : tuple of RemoteFile or ManualFile
        Files to download, by the program or by hand; empty for ``csv`` and ``synthetic``.
    repeats : bool, optional
        Whether a user can meet an item again; ``None`` leaves it to the data.
    min_distinct : int
        Users with fewer distinct items are removed, together with the five-core.
    terms : str
        Conditions of use.
    citation : str
        Publication to cite.
    """

    name: str
    title: str
    read: Callable[..., Table]
    files: tuple[RemoteFile | ManualFile, ...] = ()
    repeats: bool | None = None
    min_distinct: int = 1
    terms: str = ""
    citation: str = ""


def github(repository: str, branch: str, path: str) -> tuple[str, str]:
    """Return two addresses of a file in a GitHub repository: the raw host, and a redirect to it."""
    return (
        f"https://raw.githubusercontent.com/{repository}/{branch}/{path}",
        f"https://github.com/{repository}/raw/{branch}/{path}",
    )
