"""Ids from the text or the typed values of a column, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyarrow import compute

from pcrec_core.errors import DataError

#: Spellings of a missing value, in lower case: they are never an id.
MISSING = ("", "nan", "null", "none", "\\n", "na", "<na>", "nat")
#: For each thing that can be wrong with a row, a mask of the rows where it is.
Masks = dict[str, np.ndarray]


def text_of(column: pa.ChunkedArray, role: str) -> tuple[pa.Array, Masks]:
    """Return a column as text without surrounding blanks, and a mask of the rows that are not text.

    Raises
    ------
    DataError
        The column holds lists or other values that cannot be ids.
    """
    values, masks = column.combine_chunks(), {}
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        values = _whole_numbers(values)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        values, bad = _decoded(values)
        masks = {f"{role} that is not UTF-8 text (--encoding, such as latin-1)": bad}
    elif pa.types.is_nested(values.type):
        raise DataError(f"the column of the {role} holds lists or records, not one value per row.")
    return compute.utf8_trim_whitespace(values.cast(pa.string()).fill_null("")), masks


def _whole_numbers(values: pa.Array) -> pa.Array:
    """Return floats as integers if all are whole: pandas makes floats of integers beside a gap."""
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:
        return values


def _decoded(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    try:
        return values.cast(pa.string()), np.zeros(len(values), bool)
    except pa.ArrowInvalid:
        texts = [value.decode(errors="surrogateescape") for value in values.to_pylist()]
    bad = np.array([any("\udc80" <= c <= "\udcff" for c in text) for text in texts])
    clean = ["" if wrong else text for text, wrong in zip(texts, bad, strict=True)]
    return pa.array(clean, pa.string()), bad


def ids(column: pa.ChunkedArray, role: str) -> tuple[pa.Array, Masks]:
    """Return the ids of a column as text, and the bad rows: missing ids, and those with a NUL."""
    texts, masks = text_of(column, role)
    missing = missing_of(texts)
    spelled = compute.unique(texts.filter(pa.array(missing))).to_pylist()
    written = ", ".join(sorted({text for text in spelled if text})[:5])
    kind = f"no {role} id" + (f" (or one written {written})" if written else "")
    masks[kind] = missing
    masks[f"{role} id with a NUL byte"] = _contains_nul(texts)
    return texts, masks


def _contains_nul(texts: pa.Array) -> np.ndarray:
    found: np.ndarray = compute.match_substring(texts, "\0").to_numpy(zero_copy_only=False)
    return found


def spelled_twice(texts: pa.Array, role: str) -> list[str]:
    """Return a sentence if ids differ only as ``1`` and ``1.0`` do, or ``7`` and ``007``."""
    names = compute.unique(texts)
    plain = compute.replace_substring_regex(names, r"^0+([0-9])", r"\1")
    plain = compute.replace_substring_regex(plain, r"^([0-9]+)\.0+$", r"\1")
    twice = len(names) - compute.count_distinct(plain).as_py()
    if not twice:
        return []
    return [
        f"{twice:,} {role} ids differ from another only as 1 and 1.0, or 7 and 007: they count as"
        " different"
    ]


def numbered(texts: pa.Array) -> np.ndarray:
    """Return ids as int64 where every one is written as an integer (``7``, not ``007``)."""
    try:
        numbers = texts.cast(pa.int64())
        all_integers = compute.all(compute.equal(numbers.cast(pa.string()), texts)).as_py()
    except pa.ArrowInvalid:
        all_integers = False
    found: np.ndarray = numbers.to_numpy() if all_integers else texts.to_numpy(zero_copy_only=False)
    return found


def missing_of(texts: pa.Array) -> np.ndarray:
    """Return which texts are spellings of a missing value; (rows,) bool."""
    found: np.ndarray = compute.is_in(compute.utf8_lower(texts), pa.array(MISSING)).to_numpy(
        zero_copy_only=False
    )
    return found
