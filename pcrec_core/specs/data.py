"""The data of a run: a source and its filter."""

from __future__ import annotations

from dataclasses import dataclass, field

from pcrec_core.errors import require, require_known
from pcrec_core.specs.fields import Part, added_later


@dataclass(frozen=True)
class Data(Part):
    """A data set and its filter (:ref:`protocols-common`).

    Parameters
    ----------
    source : str
        A name of ``pcrec_core.datasets.SOURCES``.
    core : int
        Items and users with fewer actions are removed, repeatedly until none is left; 5 is the
        paper's five-core.
    sha256 : str, optional
        Hash of the file's content; for ``csv`` only.
    columns : tuple of str, optional
        Columns (user, item) or (user, item, time); for ``csv`` only.
    reading : tuple of str, optional
        Options of the reader that are given instead of being detected, such as
        ``encoding=latin-1``; for ``csv`` only.
    path : str, optional
        Path of the file; for ``csv`` only, and not part of the identity.
    histories : {"ordered", "shuffled"}
        "shuffled" puts each user's training items, and the model's input before a target, in a
        random order that is drawn once from the run's seed.
    """

    source: str
    core: int = 5
    sha256: str | None = None
    columns: tuple[str, ...] | None = None
    path: str | None = field(default=None, compare=False)
    histories: str = added_later("ordered")
    reading: tuple[str, ...] | None = None

    def _check(self) -> None:
        require_known("histories", self.histories, ("ordered", "shuffled"))
        require(self.core >= 1, f"core must be 1 or more, not {self.core}.")
        if self.source == "csv":
            require(
                bool(self.sha256) and len(self.columns or ()) in (2, 3),
                "source 'csv' needs sha256 and columns (user, item) or (user, item, time);"
                " datasets.csv_data(path, columns) makes both.",
            )
        else:
            given = [
                n for n in ("sha256", "columns", "path", "reading") if getattr(self, n) is not None
            ]
            require(
                not given,
                f"{', '.join(given)} has a meaning only for source 'csv', not for {self.source!r}.",
            )
