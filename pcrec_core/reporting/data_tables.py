"""Tables of data sets: sizes, ties and repeats (Table 1), and the removals of each filter."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pcrec_core.reporting.formats import count, number, share
from pcrec_core.reporting.html import Html, table
from pcrec_core.study.records import StatisticsRecord


def show_statistics(found: Sequence[StatisticsRecord]) -> Html:
    """Show sizes, ties and repeats of data sets (Table 1), from their records."""
    counts = ["users", "items", "actions", "actions_per_user_median"]
    shares = ["tie_share", "repeat_share_valid", "repeat_share_test"]
    frame = pd.DataFrame(
        [
            {"dataset": record.outcome.source}
            | {name: getattr(record.outcome, name) for name in (*counts, "density", *shares)}
            for record in found
        ]
    )
    formats = dict.fromkeys(counts, count) | {"density": number(4)} | dict.fromkeys(shares, share)
    return table(frame, formats, "table1")


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
        "core: fewer than 5 actions; distinct: too few distinct items; short: fewer than three"
        " actions."
    )
    return table(frame, dict.fromkeys(frame.columns[1:], count), "table1-filter", note)


def _column(name: str) -> str:
    """Name the column of a count: ``users_core`` are users that the filter core removed."""
    unit, _, step = name.partition("_")
    done = "read" if step == "read" else f"removed_{step}" if step else "left"
    return f"{unit}_{done}"
