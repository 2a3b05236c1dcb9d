"""Data sets, from the raw file to the split: a registry of sources.

``load(Data(name))`` returns ``Interactions``; ``split.split`` divides them into training,
validation and test, and ``statistics.statistics`` describes them.
"""

from __future__ import annotations

from pcrec_core.datasets import csv, movielens, pairs, retailrocket, retailrocket_events, synthetic
from pcrec_core.datasets.csv import csv_data, frame_data
from pcrec_core.datasets.files import locate
from pcrec_core.datasets.interactions import Interactions, build
from pcrec_core.datasets.sources import ManualFile, RemoteFile, Source
from pcrec_core.errors import DataError, unknown
from pcrec_core.specs.run import Data

__all__ = [
    "SOURCES",
    "Interactions",
    "ManualFile",
    "RemoteFile",
    "Source",
    "csv_data",
    "frame_data",
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
        table = origin.read(csv.layout(data))
    else:
        table = origin.read([locate(file, progress) for file in origin.files])
    return build(table, origin, data.core)
