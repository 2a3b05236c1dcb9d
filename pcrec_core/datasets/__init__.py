"""Data sets, from the raw file to the split: a registry of sources.

``load(Data(name))`` returns ``Interactions``; ``split.split`` divides them into training,
validation and test, and ``statistics.statistics`` describes them.
"""

from __future__ import annotations

from pathlib import Path

from pcrec_core.datasets import csv, movielens, pairs, retailrocket, retailrocket_events, synthetic
from pcrec_core.datasets.csv import csv_data
from pcrec_core.datasets.files import locate, sha256
from pcrec_core.datasets.interactions import Interactions, build
from pcrec_core.datasets.sources import ManualFile, RemoteFile, Source, Table
from pcrec_core.errors import DataError, unknown
from pcrec_core.specs.run import Data

__all__ = [
    "SOURCES",
    "Interactions",
    "ManualFile",
    "RemoteFile",
    "Source",
    "csv_data",
    "load",
    "source",
]

#: Every source by its name.
SOURCES: dict[str, Source] = {
    s.name: s
    for s in (
        movielens.ML_100K,
        pairs.ML_1M,
        movielens.ML_20M,
        pairs.BEAUTY,
        pairs.VIDEO_GAMES,
        retailrocket.WHOLE,
        retailrocket.HALF,
        retailrocket.FIRST_HALF,
        retailrocket_events.EVENTS,
        csv.CSV,
        synthetic.SYNTHETIC,
    )
}


def source(name: str) -> Source:
    """Return the source of that name, or raise ``DataError`` with the nearest name."""
    if name not in SOURCES:
        raise DataError(unknown("data set", name, SOURCES))
    return SOURCES[name]


def load(data: Data, progress: bool = False) -> Interactions:
    """Read, filter, number and sort the interactions that ``data`` names.

    Parameters
    ----------
    data : Data
        The source, the core, and for ``csv`` the file (see ``csv_data``).
    progress : bool
        Show a bar while a file is downloaded.

    Raises
    ------
    DataError
        The source is unknown; a file is missing, has another content or a bad line; or the filter
        leaves too little.
    """
    origin = source(data.source)
    if origin is csv.CSV:
        table = _csv_table(data)
    else:
        table = origin.read([locate(file, progress) for file in origin.files])
    return build(table, origin, data.core)


def _csv_table(data: Data) -> Table:
    if data.path is None or data.columns is None:
        raise DataError(
            f"the csv file with SHA-256 {data.sha256} is not named: give its path by"
            " datasets.csv_data."
        )
    found = sha256(Path(data.path))
    if found != data.sha256:
        raise DataError(
            f"{data.path} has SHA-256 {found} but {data.sha256} is expected: it is another file, or"
            " was changed since; call datasets.csv_data again to use it as it is now."
        )
    return csv.read(Path(data.path), data.columns)
