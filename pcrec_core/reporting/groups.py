"""Fewer columns for a table: repeated leading values head groups of rows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pcrec_core.reporting.formats import Formatter, plain
from pcrec_core.reporting.headings import heading

#: Most columns of a table on a page, without those that head groups.
WIDEST = 7
#: Leading columns that head groups of rows where their values repeat.
_GROUPING = (
    "change",
    "choice",
    "dataset",
    "layers",
    "line",
    "model",
    "question",
    "seed",
    "variant",
    "what",
)


def leading(frame: pd.DataFrame) -> int:
    """Count the leading columns that head groups of rows.

    A group has two rows on average, and the rows of a group stand together. Rows of a table that
    is too wide may also be a single group.
    """
    found, wide = 0, frame.shape[1] > WIDEST
    for count, name in enumerate(frame.columns[:-1], start=1):
        keys = _keys(frame, count)
        together = (keys != keys.shift()).sum() == keys.nunique() <= max(len(keys) / 2, wide)
        if name not in _GROUPING or not together:
            break
        found = count
    return found


def grouped(frame: pd.DataFrame) -> list[tuple[list[str], pd.DataFrame]]:
    """Split a frame into its groups of rows: the columns that head each group, and its rows."""
    count = leading(frame)
    if not count:
        return [([], frame)]
    names = [str(name) for name in frame.columns[:count]]
    return [(names, rows) for _, rows in frame.groupby(_keys(frame, count).array, sort=False)]


def _keys(frame: pd.DataFrame, count: int) -> pd.Series:
    """Return one text per row for the values of its first ``count`` columns."""
    return pd.Series([str(key) for key in frame.iloc[:, :count].itertuples(index=False)])


def narrowed(frame: pd.DataFrame, forms: Mapping[str, Formatter]) -> tuple[pd.DataFrame, str]:
    """Take columns with one value from a table that is too wide; state the value in a sentence.

    The first ones go, and no more than are too many.

    Examples
    --------
    >>> frame = pd.DataFrame([[*"abcdefg", 3], [*"hijklmn", 3]], columns=[*"ABCDEFG", "runs"])
    >>> narrowed(frame, {})[1]
    ' In every row: runs 3.'
    """
    count = leading(frame)
    too_many = max(0, frame.shape[1] - count - WIDEST) if len(frame) > 1 else 0
    texts = {str(name): frame[name].map(forms.get(str(name), plain)) for name in frame}
    same = [name for name in [*texts][count:] if texts[name].nunique() == 1][:too_many]
    listed = "; ".join(f"{heading(name)} {texts[name].iloc[0]}" for name in same)
    return frame.drop(columns=same), f" In every row: {listed}." if same else ""
