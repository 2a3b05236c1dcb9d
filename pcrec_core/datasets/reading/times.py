"""Times from the text or the typed values of a column, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from pcrec_core.datasets.reading.values import Masks, missing_of, text_of
from pcrec_core.errors import DataError

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_DATE = r"\d{4}-\d{2}(-\d{2})?([T ]\d{2}.*)?"
_ZONE = r"[T ]\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)$"
#: Smallest number of Unix seconds (in 1973) that is taken for a time.
_EARLIEST = 1e8


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


def times(column: pa.ChunkedArray, date_format: str | None = None) -> tuple[np.ndarray, Masks, str]:
    """Return times as int64 or float64, the bad rows, and what the times are written as.

    Dates as text become microseconds since 1970 UTC, typed dates keep the unit of their column
    (days become milliseconds), and numbers stay as they are.

    Raises
    ------
    DataError
        Some dates have a zone and others have none; or numbers other than integers are so
        large that rounding would lose their order.
    """
    typed = column.type
    if pa.types.is_date(typed):
        column, typed = column.cast(pa.timestamp("ms")), pa.timestamp("ms")
    if pa.types.is_timestamp(typed):
        found = column.combine_chunks()
        bad = found.is_null().to_numpy(zero_copy_only=False)
        return found.cast(pa.int64()).fill_null(0).to_numpy(), {"no time": bad}, "dates"
    texts, masks = text_of(column, "time")
    missing = missing_of(texts)
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
        return found, masks | {"time that is not an ISO date": (bad | ~dated) & ~missing}, "dates"
    wrong = ~numeric & ~missing
    kind = "time that is neither a number nor an ISO date"
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
    """Return microseconds since 1970 UTC, and a mask of the texts that are not dates."""
    try:
        found = pd.to_datetime(
            pd.Series(texts.to_pandas()), format=form, utc=True, errors="coerce"
        ).dt.as_unit("us")
    except (ValueError, OverflowError, re.error) as error:
        raise DataError(f"date_format {form[:40]!r} is not a date format ({error}).") from None
    bad = found.isna().to_numpy()
    return np.where(bad, 0, found.astype("int64", errors="ignore").to_numpy()), bad


def _numbers(texts: pa.Array) -> np.ndarray:
    """Convert texts of numbers to int64, or else to float64."""
    try:
        found: np.ndarray = texts.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        found = texts.cast(pa.float64()).to_numpy()
    return found
