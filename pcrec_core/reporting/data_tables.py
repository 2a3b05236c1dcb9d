"""Tables of data sets: sizes, ties and repeats (Table 1), and the removals of each filter."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pcrec_core.reporting.formats import count, number, share
from pcrec_core.reporting.html import Html, table
from pcrec_core.study.records import StatisticsRecord

_COUNTS = ("users", "items", "actions", "actions_per_user_median")
_SHARES = ("tie_share", "repeat_share_valid", "repeat_share_test")


def sizes(found: Sequence[StatisticsRecord]) -> pd.DataFrame:
    """Tabulate counts and shares of data sets, one row per record."""
    columns = (*_COUNTS, "density", *_SHARES)
    return pd.DataFrame(
        [
            {"dataset": record.outcome.source}
            | {name: getattr(record.outcome, name) for name in columns}
            for record in found
        ],
        columns=["dataset", *columns],
    )


def show_statistics(found: Sequence[StatisticsRecord], printed: pd.DataFrame) -> Html:
    """Show sizes, ties and repeats of data sets (Table 1), from their records.

    The rows of the paper's own Table 1, ``printed``, follow.
    """
    frame = sizes(found)
    theirs = printed.assign(dataset=printed["dataset"] + ", the paper")
    whole = pd.concat([frame, theirs], ignore_index=True)
    formats = dict.fromkeys(_COUNTS, count) | {"density": number(4)} | dict.fromkeys(_SHARES, share)
    shown = whole.drop(columns=["density", "repeat_share_valid", "t"])
    note = (
        "Ours after all filters; the paper's as printed, so rounded. Ties: users whose validation"
        " and test items have the same second, so that the order of the file decides which is"
        " which. Repeats: test targets that the user has met before. A dash: the file has no times,"
        " or the paper does not print the value."
    )
    return table(shown, formats | {"t": count}, "table1", note, whole=whole)


def show_filter(found: Sequence[StatisticsRecord]) -> Html:
    """Show how many actions were read, how many each filter removed, and how many are left."""
    counts = list(found[0].outcome.counts) if found else []
    order = [
        name
        for step in ("read", "core", "distinct", "short", "")
        for name in counts
        if name.partition("_")[2] == step
    ]
    frame = pd.DataFrame(
        [
            {
                "dataset": record.outcome.source,
                **{_column(name): record.outcome.counts[name] for name in order},
            }
            for record in found
        ]
    )
    note = (
        "Read, and left after all filters. The fold has what each filter removed: core, those with"
        " fewer actions than the core; distinct, users with too few distinct items; short, users"
        " with fewer than three actions."
    )
    ends = [name for name in frame if name.endswith(("_read", "_left"))]
    formats = dict.fromkeys(frame.columns[1:], count)
    return table(frame[["dataset", *sorted(ends)]], formats, "table1-filter", note, whole=frame)


def _column(name: str) -> str:
    """Name the column of a count: ``users_core`` are users that the filter core removed."""
    unit, _, step = name.partition("_")
    done = "read" if step == "read" else f"removed_{step}" if step else "left"
    return f"{unit}_{done}"
