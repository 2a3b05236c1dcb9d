"""Formats of numbers in tables and sentences; a dash stands for a missing value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

Formatter = Callable[[Any], str]

DASH = "\N{EN DASH}"
_UNIT = "\N{NO-BREAK SPACE}%"


def _with_minus(text: str) -> str:
    """Write a hyphen before a number as a minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")


def number(digits: int) -> Formatter:
    """Return a format with this many digits after the point; a dash for a missing value."""
    return lambda x: DASH if missing(x) else _with_minus(f"{x:.{digits}f}")


def percent(x: Any) -> str:
    """Format 0.053 as +5.3 %, with a no-break space; a dash for a missing value."""
    return DASH if missing(x) else f"{points(x)}{_UNIT}"


def size(x: Any) -> str:
    """Format 0.053, a size without a sign, as 5.3 %; a dash for a missing value."""
    return DASH if missing(x) else f"{100 * x:.1f}{_UNIT}"


def points(x: Any) -> str:
    """Format 0.053, a difference of two shares, as +5.3; a dash for a missing value."""
    return DASH if missing(x) else _with_minus(f"{100 * x:+.1f}")


def share(x: Any) -> str:
    """Format 0.36 as 36 %, with a no-break space; a dash for a missing value."""
    return DASH if missing(x) else f"{100 * x:.0f}{_UNIT}"


def probability(x: Any) -> str:
    """Format 0.042 with three digits, as < 0.001 where these would be 0."""
    return "< 0.001" if not missing(x) and x < 0.0005 else number(3)(x)


def count(x: Any) -> str:
    """Format 12345 as 12,345; a dash for a missing value."""
    return DASH if missing(x) else f"{x:,.0f}"


def plain(x: Any) -> str:
    """Format a value as it is; a dash for a missing value."""
    return DASH if missing(x) else str(x)


def general(x: Any) -> str:
    """Format a number, or its printed form, as 2048, 0.001 or 1e-05; a dash if missing."""
    return DASH if missing(x) else f"{float(x):g}"


def with_interval(
    form: Formatter, middle: Any, low: Any, high: Any, users_only: bool = False
) -> str:
    """Format ``+3.5 % [+2.9, +4.1]`` on one line, with a star where it covers users only.

    A mean of 0 has no interval, so that it stands alone.
    """
    if missing(middle):
        return DASH
    if missing(low):
        return form(middle)
    ends = (form(end).removesuffix(_UNIT) for end in (low, high))
    star = "*" if users_only else ""
    return f"{form(middle)} [{', '.join(ends)}]{star}".replace(" ", "\N{NO-BREAK SPACE}")


def missing(x: Any) -> bool:
    """Return whether a value is missing: None, NaN or pandas' NA."""
    return x is None or x is pd.NA or (isinstance(x, float) and np.isnan(x))


def runs_of_both(row: Mapping[str, Any], end: str = "") -> str:
    """Format the numbers of runs of variant and base as "10 and 10"; a dash without runs.

    ``end`` is the ending of the two columns, such as ``_then``.
    """
    variant, base = row[f"runs_variant{end}"], row[f"runs_base{end}"]
    return DASH if missing(variant) else f"{variant} and {base}"


def improvements(frame: pd.DataFrame) -> list[str]:
    """Format the relative improvement of each row with its interval."""
    return [improvement(row) for row in frame.to_dict("records")]


def signed(x: Any) -> str:
    """Format 0.0012 as +0.0012; a dash for None."""
    return DASH if x is None else _with_minus(f"{x:+.4f}")


def improvement(row: Mapping[str, Any]) -> str:
    """Format the relative improvement of a row with its interval."""
    return with_interval(
        percent, row["relative_improvement"], row["low"], row["high"], row["users_only"] is True
    )
