"""A csv file of the user's own, with a header; the spec names its columns.

A file whose name ends in ``.tsv`` is separated by tabs.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute

from pcrec_core.datasets.files import sha256
from pcrec_core.datasets.sources import Source, Table
from pcrec_core.datasets.text import MISSING, Layout, fault, header, read_columns
from pcrec_core.errors import DataError, unknown
from pcrec_core.specs.run import Data


def csv_data(
    path: str | Path,
    user: str = "user",
    item: str = "item",
    time: str | None = "time",
    core: int = 5,
) -> Data:
    """Return the ``Data`` of a csv file, identified by its content's hash and its columns.

    Parameters
    ----------
    path : path
        The file, separated by commas, or by tabs where its name ends in ``.tsv``.
    user, item : str
        Names of columns of ids, which may be text.
    time : str, optional
        Name of a column of numbers; without it, each user's rows must be in time order.
    core : int
        Users and items with fewer actions are removed.

    Raises
    ------
    DataError
        The file cannot be read, is empty, or lacks a column.
    """
    path = Path(path).expanduser().resolve()
    columns = (user, item) if time is None else (user, item, time)
    content = sha256(path)
    _layout(path, columns)
    return Data("csv", core=core, sha256=content, columns=columns, path=str(path))


def read(path: Path, columns: tuple[str, ...]) -> Table:
    """Read the interactions of a csv file; ``DataError`` names the first bad line.

    Ids are integers where every id of the column is written as one (``7``, not ``007``), otherwise
    text.
    """
    layout = _layout(path, columns)
    texts = [column.combine_chunks() for column in read_columns(path, layout).values()]
    if any(_missing(ids) for ids in texts[:2]):
        raise fault(path, layout, "an id is empty")
    times = _numbers(texts[2]) if len(texts) == 3 else None
    if len(texts) == 3 and times is None:
        raise fault(path, layout, f"column {columns[2]!r} is not numeric")
    if times is not None and times.dtype.kind == "f" and np.abs(times).max(initial=0) >= 2**53:
        raise DataError(
            f"{path}: column {columns[2]!r} has times from 2^53 on that are not all integers of 64"
            " bits, and rounding would lose their order; give seconds, or integers."
        )
    return Table(_ids(texts[0]), _ids(texts[1]), times)


def _layout(path: Path, columns: tuple[str, ...]) -> Layout:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    names = header(path, delimiter)
    if len(set(columns)) < len(columns):
        raise DataError(
            f"the columns {', '.join(columns)} of {path} are not different: name one for each"
            " meaning."
        )
    for name in columns:
        if name not in names:
            hint = (
                " Without times, name two columns: --columns user,item, or time=None."
                if columns[2:] == (name,)
                else ""
            )
            raise DataError(f"{path}, line 1: {unknown('column', name, names)}{hint}")
        if Counter(names)[name] > 1:
            raise DataError(
                f"{path}, line 1: column {name!r} is there more than once: give each its own name."
            )
    return Layout(
        names, dict(zip(columns, ("id", "id", "number"), strict=False)), delimiter, header=True
    )


def _missing(ids: pa.Array) -> bool:
    plain = compute.utf8_lower(compute.utf8_trim_whitespace(ids))
    return bool(compute.any(compute.is_in(plain, pa.array(MISSING))).as_py())


def _ids(texts: pa.Array) -> np.ndarray:
    texts = compute.utf8_trim_whitespace(texts)
    try:
        numbers = texts.cast(pa.int64())
        all_integers = compute.all(compute.equal(numbers.cast(pa.string()), texts)).as_py()
    except pa.ArrowInvalid:
        all_integers = False
    ids: np.ndarray = numbers.to_numpy() if all_integers else texts.to_numpy(zero_copy_only=False)
    return ids


def _numbers(texts: pa.Array) -> np.ndarray | None:
    """Convert times to int64, or else to float64; ``None`` where one is not a finite number."""
    for kind in (pa.int64(), pa.float64()):
        try:
            numbers = compute.utf8_trim_whitespace(texts).cast(kind).to_numpy()
        except pa.ArrowInvalid:
            continue
        return numbers if np.isfinite(numbers).all() else None
    return None


CSV = Source(name="csv", title="a csv file of yours", read=read)
