"""A user's own csv file (or tab separated, by the ending ``.tsv``): a header, columns named by the spec."""

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
    """The ``Data`` of a csv file: its content's hash and its columns are its identity.

    Parameters
    ----------
    path : path
        The file, separated by commas, or by tabs where it ends in ``.tsv``.
    user, item : str
        Names of columns, whose ids may be text.
    time : str, optional
        Name of a column of numbers; without it the rows of each user are in time order.
    core : int
        Users and items with fewer actions leave.

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
    """The interactions of a csv file; ``DataError`` names the first bad line.

    Ids are integers where every id of the column is written as one (``7``, not ``007``), otherwise text.
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
            f"{path}: column {columns[2]!r} has times from 2^53 on that are not all integers of 64 bits, and rounding"
            " would lose their order; give seconds, or integers."
        )
    return Table(_ids(texts[0]), _ids(texts[1]), times)


def _layout(path: Path, columns: tuple[str, ...]) -> Layout:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    names = header(path, delimiter)
    if len(set(columns)) < len(columns):
        raise DataError(
            f"the columns {', '.join(columns)} of {path} are not different: name one for each meaning."
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
    return compute.any(compute.is_in(plain, pa.array(MISSING))).as_py()


def _ids(texts: pa.Array) -> np.ndarray:
    texts = compute.utf8_trim_whitespace(texts)
    try:
        numbers = texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return texts.to_numpy(zero_copy_only=False)
    same = compute.all(compute.equal(numbers.cast(pa.string()), texts)).as_py()
    return numbers.to_numpy() if same else texts.to_numpy(zero_copy_only=False)


def _numbers(texts: pa.Array) -> np.ndarray | None:
    """Times as int64, else as float64, else ``None``."""
    for kind in (pa.int64(), pa.float64()):
        try:
            numbers = compute.utf8_trim_whitespace(texts).cast(kind).to_numpy()
        except pa.ArrowInvalid:
            continue
        return numbers if np.isfinite(numbers).all() else None
    return None


CSV = Source(name="csv", title="a csv file of yours", read=read)
