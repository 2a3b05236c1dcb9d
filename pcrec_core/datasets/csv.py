"""The source ``csv``: a file of the user's own, in any of the formats of ``reading``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from pcrec_core import paths, writing
from pcrec_core.datasets.checksum import sha256
from pcrec_core.datasets.reading.aliases import ROLES
from pcrec_core.datasets.reading.columns import choose, distinct
from pcrec_core.datasets.reading.faults import refuse
from pcrec_core.datasets.reading.layout import Layout, layout_of, minimal
from pcrec_core.datasets.reading.opening import require_regular, shown
from pcrec_core.datasets.reading.options import Options, from_words
from pcrec_core.datasets.reading.reader import interpret, read
from pcrec_core.datasets.sources import Source, Table
from pcrec_core.errors import DataError
from pcrec_core.specs.run import Data


def csv_data(
    path: str | Path,
    columns: Sequence[str] | None = None,
    *,
    core: int = 5,
    options: Options | None = None,
) -> Data:
    """Return the ``Data`` of a file of interactions, identified by its content and its columns.

    An option other than the columns is part of the identity only if it changes what would be
    detected, because other interactions are then read.

    Parameters
    ----------
    path : path
        The file: delimited text, sequences, JSON, parquet or feather, packed or not.
    columns : sequence of str, optional
        Names or numbers of the columns of user, item and, where there are times, time.
    core : int
        Users and items with fewer actions are removed.
    options : Options, optional
        What is given instead of being detected.

    Raises
    ------
    SpecError
        There are not two or three columns.
    DataError
        The file cannot be read, or can be read in more than one way.
    """
    path = _absolute(path)
    require_regular(path)
    options = options or Options()
    if columns is not None:
        options = replace(options, columns=tuple(columns))
    options = minimal(path, options)
    return Data(
        "csv",
        core=core,
        sha256=sha256(path),
        columns=layout_of(path, options).columns,
        path=str(path),
        reading=options.words() or None,
    )


def _absolute(path: str | Path) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise DataError(f"{shown(path)} is not a path ({error}).") from None


def frame_data(frame: pd.DataFrame, columns: Sequence[str] | None = None, *, core: int = 5) -> Data:
    """Return the ``Data`` of interactions in a DataFrame, one row per action.

    The rows are written as ``user,item,time`` to a CSV file in the folder of ``PCREC_CACHE``, which
    worker processes read; the identity is that of this file.

    Parameters
    ----------
    frame : DataFrame
        The columns can have any type. Typed dates keep the unit of their column, which is part of
        the identity; dates as text become microseconds since 1970 UTC.
    columns, core
        As of ``csv_data``.

    Raises
    ------
    DataError
        A column is not there, or rows are bad.
    """
    names = distinct(list(map(str, frame.columns)))
    first = [[str(value) for value in row] for row in frame.head(50).itertuples(index=False)]
    wanted = Options(columns=None if columns is None else tuple(columns)).columns
    chosen = choose(_FRAME, names, first, wanted, header=True)
    arrow = [pa.chunked_array([_array(frame.iloc[:, names.index(name)])]) for name in chosen]
    found = interpret(_FRAME, arrow)
    refuse(_FRAME, found.faults, found.rows, "correct them, or drop them")
    content = _as_csv(found.table)
    path = paths.cache() / "frames" / f"{hashlib.sha256(content).hexdigest()}.csv"
    writing.write_whole(path, content)
    return csv_data(path, ROLES[: len(chosen)], core=core)


#: How errors name a DataFrame.
_FRAME = Path("the DataFrame")


def _array(column: pd.Series) -> pa.Array:
    try:
        return pa.Array.from_pandas(column)
    except pa.ArrowException:  # values of several types
        return pa.array([None if value is None else str(value) for value in column], pa.string())


def _as_csv(table: Table) -> bytes:
    named = {"user": table.users, "item": table.items}
    if table.times is not None:
        named["time"] = table.times
    text: str = pd.DataFrame(named).to_csv(index=False, lineterminator="\n")
    return text.encode()


def layout(data: Data) -> Layout:
    """Return how the file of a spec is read.

    Raises
    ------
    DataError
        The spec names no file, or the file has changed since.
    """
    if data.path is None or data.columns is None:
        raise DataError(
            f"the csv file with SHA-256 {data.sha256} is not named: give its path by"
            " datasets.csv_data."
        )
    path = Path(data.path)
    require_regular(path)
    found = sha256(path)
    if found != data.sha256:
        raise DataError(
            f"{shown(path)} has SHA-256 {found} but {data.sha256} is expected: it is another file,"
            " or was changed since; call datasets.csv_data again to use it as it is now."
        )
    return layout_of(path, from_words(data.columns, data.reading or ()))


CSV = Source(name="csv", title="a file of yours", read=read)
