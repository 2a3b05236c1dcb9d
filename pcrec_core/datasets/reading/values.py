"""Ids and times from the text or the typed values of a column, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from pcrec_core.errors import DataError

#: Spellings of a missing value, in lower case: they are never an id.
MISSING = ("", "nan", "null", "none", "\\n", "na", "<na>", "nat")
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_DATE = r"\d{4}-\d{2}(-\d{2})?([T ]\d{2}.*)?"
_ZONE = r"[T ]\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)$"
#: From these seconds on (1973) a number can be a time.
_EARLIEST = 1e8

#: A mask of rows by what is wrong with them.
Masks = dict[str, np.ndarray]


def looks_numeric_or_date(values: Sequence[str]) -> bool:
    """Return whether there are values, and nine of ten are numbers or begin like ISO dates."""
    return _share(values, f"({_NUMBER}|{_DATE})") >= 0.9


def looks_like_time(values: Sequence[str]) -> bool:
    """Return whether values are dates, or numbers as large as Unix seconds."""
    if _share(values, _DATE) >= 0.9:
        return True
    if _share(values, _NUMBER) < 0.9:
        return False
    numbers = [float(v) for v in values if re.fullmatch(_NUMBER, v.strip(), re.ASCII)]
    return float(np.median(numbers)) >= _EARLIEST


def _share(values: Sequence[str], pattern: str) -> float:
    matching = sum(re.fullmatch(pattern, value.strip(), re.ASCII) is not None for value in values)
    return matching / len(values) if values else 0.0


def text_of(column: pa.ChunkedArray, role: str) -> tuple[pa.Array, Masks]:
    """Return a column as text without blanks around it, and the rows that are no text.

    Raises
    ------
    DataError
        The column holds lists or other values that are no id.
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
    """Return floats as integers if all are: pandas makes floats of integers beside a gap."""
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
    missing = _missing(texts)
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


def times(column: pa.ChunkedArray, date_format: str | None = None) -> tuple[np.ndarray, Masks, str]:
    """Return times as int64 or float64, the bad rows, and what the times are written as.

    Dates become microseconds since 1970 UTC; numbers stay as they are.

    Raises
    ------
    DataError
        Some dates have a zone and others have none; or numbers that are no integers are so large
        that rounding would lose their order.
    """
    typed = column.type
    if pa.types.is_date(typed):
        column, typed = column.cast(pa.timestamp("ms")), pa.timestamp("ms")
    if pa.types.is_timestamp(typed):
        found = column.combine_chunks()
        bad = found.is_null().to_numpy(zero_copy_only=False)
        return found.cast(pa.int64()).fill_null(0).to_numpy(), {"no time": bad}, "dates"
    texts, masks = text_of(column, "time")
    missing = _missing(texts)
    masks["no time"] = missing
    if date_format is not None:
        found, bad = _dates(texts, date_format)
        return (
            found,
            masks | {f"time that is not written as {date_format}": bad & ~missing},
            "dates",
        )
    return _written(texts, masks, missing)


def _written(texts: pa.Array, masks: Masks, missing: np.ndarray) -> tuple[np.ndarray, Masks, str]:
    numeric = _matches(texts, f"^({_NUMBER})$")
    dated = _matches(texts, f"^{_DATE}$")
    if dated.sum() > numeric.sum():
        _refuse_mixed_zones(texts, dated)
        found, bad = _dates(texts, "ISO8601")
        return found, masks | {"time that is no ISO date": (bad | ~dated) & ~missing}, "dates"
    wrong = ~numeric & ~missing
    kind = "time that is no number or ISO date"
    if _matches(texts, r"^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}").any():
        kind += " (--date-format %d/%m/%Y if days come first, or %m/%d/%Y)"
    elif (dated & wrong).any():
        kind = "date among times that are numbers"
    found = _numbers(compute.replace_with_mask(texts, pa.array(~numeric), pa.scalar("0")))
    wrong |= ~np.isfinite(found)
    if found.dtype.kind == "f" and np.abs(found[~wrong]).max(initial=0) >= 2**53:
        raise DataError(
            "the times from 2^53 on are not all integers of 64 bits, and rounding would lose their"
            " order; give seconds, or integers."
        )
    return found, masks | {kind: wrong}, "numbers"


def _missing(texts: pa.Array) -> np.ndarray:
    found: np.ndarray = compute.is_in(compute.utf8_lower(texts), pa.array(MISSING)).to_numpy(
        zero_copy_only=False
    )
    return found


def _matches(texts: pa.Array, pattern: str) -> np.ndarray:
    found: np.ndarray = compute.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return found


def _refuse_mixed_zones(texts: pa.Array, dated: np.ndarray) -> None:
    zoned = _matches(texts, _ZONE)[dated]
    if zoned.any() and not zoned.all():
        raise DataError(
            f"{int(zoned.sum()):,} times have a zone and {int((~zoned).sum()):,} have none, which"
            " could be UTC or local: write all in one way."
        )


def _dates(texts: pa.Array, form: str) -> tuple[np.ndarray, np.ndarray]:
    """Return microseconds since 1970 UTC, and which texts are no dates."""
    try:
        found = pd.to_datetime(
            pd.Series(texts.to_pandas()), format=form, utc=True, errors="coerce"
        ).dt.as_unit("us")
    except (ValueError, OverflowError, re.error) as error:
        raise DataError(f"date_format {form[:40]!r} is no format of dates ({error}).") from None
    bad = found.isna().to_numpy()
    return np.where(bad, 0, found.astype("int64", errors="ignore").to_numpy()), bad


def _numbers(texts: pa.Array) -> np.ndarray:
    """Convert texts of numbers to int64, or else to float64."""
    try:
        found: np.ndarray = texts.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        found = texts.cast(pa.float64()).to_numpy()
    return found
