"""What a source of interactions is: its files, how they are read, and what is declared about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Paths = Sequence[Path]


@dataclass(frozen=True)
class RemoteFile:
    """A public file, known by its content.

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
    """A public file that a person downloads, for its page asks for an account; its reader checks what is in it.

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
    """Raw interactions, one a row, in file order.

    Parameters
    ----------
    users, items : array (rows,)
        Raw ids: int64, or str in an object array.
    times : array (rows,), optional
        int64 or float64; ``None`` where the format has no time.
    """

    users: np.ndarray
    items: np.ndarray
    times: np.ndarray | None = None


@dataclass(frozen=True)
class Source:
    """A named source of interactions (PROTOCOLS.md, section 1).

    Parameters
    ----------
    name : str
        In a spec.
    title : str
        In a table.
    read : callable
        From the paths of ``files``, in their order, to a ``Table``. For ``csv``: from the path and the columns.
    files : tuple of RemoteFile or ManualFile
        What is downloaded, by the program or by hand; empty for ``csv`` and ``synthetic``.
    repeats : bool, optional
        Whether a user can meet an item again; ``None``: as the data shows.
    min_distinct : int
        Users with fewer distinct items leave, together with the five-core.
    terms : str
        Conditions of use.
    citation : str
        What to cite.
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
    """Two addresses of a file in a public GitHub repository: the raw host, and the site's redirect to it."""
    return (
        f"https://raw.githubusercontent.com/{repository}/{branch}/{path}",
        f"https://github.com/{repository}/raw/{branch}/{path}",
    )
