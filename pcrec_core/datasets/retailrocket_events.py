"""Retailrocket's own log, ``events.csv``: every event of a visitor is an action of a user."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from pyarrow import compute

from pcrec_core.datasets.reading import fixed
from pcrec_core.datasets.reading.opening import shown
from pcrec_core.datasets.sources import ManualFile, Paths, Source, Table
from pcrec_core.errors import DataError

_KINDS = ("view", "addtocart", "transaction")
_ROWS = 2_756_101


def read(paths: Paths, rows: int = _ROWS) -> Table:
    """Read visitors, items and times in milliseconds, one row per event of any kind.

    The paper (Section 4.1) names no kind of event and no session. The users and items that it
    counts before its filter, 1.4 million and 235,061, are the visitors and the items of all events,
    and its preprocessing is that of ML-20M: so a user is a visitor, an action is an event, and
    order is that of time. The source adds the released code's rule for Retailrocket: more than
    three distinct items per user.

    Parameters
    ----------
    paths : sequence of one Path
        The file.
    rows : int
        Number of rows that it must have.

    Raises
    ------
    DataError
        The file has other columns, a bad line, another number of rows, or an event that is not a
        view, addtocart or transaction.
    """
    [path] = paths
    names = "timestamp visitorid event itemid transactionid"
    layout = fixed.published(path, names, "visitorid itemid timestamp event", sep=",", header=True)
    *numbers, events = fixed.read(layout, texts=["event"])
    _check(path, events, rows)
    return Table(*(column.to_numpy() for column in numbers))


def _check(path: Path, events: pa.ChunkedArray, rows: int) -> None:
    if len(events) != rows:
        raise DataError(
            f"{shown(path)} has {len(events):,} rows, not {rows:,}: use the original file, whole."
        )
    unknown = compute.index(compute.is_in(events, pa.array(_KINDS)), False).as_py()
    if unknown >= 0:
        raise DataError(
            f"{shown(path)}, row {unknown + 1} below the names: the event"
            f" {events[unknown].as_py()!r} is none of {', '.join(_KINDS)}: use the original file."
        )


EVENTS = Source(
    name="retailrocket-events",
    title="Retailrocket events",
    read=read,
    repeats=True,
    min_distinct=4,
    files=(
        ManualFile(
            name="retailrocket-events.csv",
            original="events.csv",
            page="https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset",
        ),
    ),
    terms="For research; by hand, with an account, under the terms of its page.",
    citation="Retailrocket recommender system dataset (Kaggle: retailrocket/ecommerce-dataset).",
)
