"""Formats of numbers in tables and sentences; a dash stands for what is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.reporting import formats

Formatter = Callable[[Any], str]

DASH = "–"


def number(digits: int) -> Formatter:
    """Format with so many digits after the point; a dash for what is not there."""
    return lambda x: DASH if missing(x) else f"{x:.{digits}f}"


def percent(x: Any) -> str:
    """+5.3 % for 0.053, unbroken at a line's end; a dash for what is not there."""
    return DASH if missing(x) else f"{100 * x:+.1f}\N{NO-BREAK SPACE}%"


def size(x: float) -> str:
    """5.3 % for 0.053, of what has no sign, unbroken at a line's end."""
    return f"{100 * x:.1f}\N{NO-BREAK SPACE}%"


def points(x: Any) -> str:
    """+5.3 for 0.053, a difference of two percentages; a dash for what is not there."""
    return DASH if missing(x) else f"{100 * x:+.1f}"


def share(x: Any) -> str:
    """36 % for 0.36, unbroken at a line's end; a dash for what is not there."""
    return DASH if missing(x) else f"{100 * x:.0f}\N{NO-BREAK SPACE}%"


def probability(x: Any) -> str:
    """0.042; < 0.001 for what would be written as 0."""
    return "< 0.001" if not missing(x) and x < 0.0005 else number(3)(x)


def count(x: Any) -> str:
    """12,345; a dash for what is not there."""
    return DASH if missing(x) else f"{x:,.0f}"


def general(x: Any) -> str:
    """2048, 0.001 or 1e-05, of a number or of its printed form; a dash for what is not there."""
    return DASH if missing(x) else f"{float(x):g}"


def with_interval(form: Formatter, middle: Any, low: Any, high: Any, mark: bool = False) -> str:
    """``0.035 [0.029, 0.041]``, followed by * where the interval covers users only."""
    if missing(middle):
        return DASH
    return f"{form(middle)} [{form(low)}, {form(high)}]{'*' if mark else ''}"


def missing(x: Any) -> bool:
    """Whether there is no value: None or a NaN."""
    return x is None or (isinstance(x, float) and np.isnan(x))


def _intervals(frame: pd.DataFrame) -> list[str]:
    return [
        with_interval(percent, row["RI"], row["low"], row["high"], row["users only"])
        for row in frame.to_dict("records")
    ]


def _signed(x: Any) -> str:
    return formats.DASH if x is None else f"{x:+.4f}"


def _improvement(row: Mapping[str, Any]) -> str:
    return with_interval(percent, row["RI"], row["low"], row["high"], row["users only"] is True)
