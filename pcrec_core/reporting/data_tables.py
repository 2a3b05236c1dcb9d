"""Tables of data sets: sizes, ties and repeats (Table 1), and what each filter removed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pcrec_core.reporting.formats import (
    count,
    number,
    share,
)
from pcrec_core.reporting.html import Html, table
from pcrec_core.study.records import Record


def show_statistics(found: Sequence[Record]) -> Html:
    """Sizes, ties and repeats of data sets (Table 1), from their records."""
    names = {
        "source": "data set",
        "users": "users",
        "items": "items",
        "actions": "actions",
        "actions_per_user_median": "median actions",
        "density": "density",
        "tie_share": "ties",
        "repeat_share_valid": "repeats, validation",
        "repeat_share_test": "repeats, test",
    }
    frame = pd.DataFrame([{shown: r.result[name] for name, shown in names.items()} for r in found])
    formats = {
        **dict.fromkeys(["users", "items", "actions", "median actions"], count),
        "density": number(4),
        **dict.fromkeys(["ties", "repeats, validation", "repeats, test"], share),
    }
    return table(frame, formats, "table1")


def show_filter(found: Sequence[Record]) -> Html:
    """What was read, what each filter removed, and what is left."""
    order = (
        [
            name
            for why in ("read", "core", "distinct", "short", "")
            for name in found[0].result["counts"]
            if name.partition("_")[2] == why
        ]
        if found
        else []
    )
    frame = pd.DataFrame(
        [
            {
                "data set": r.result["source"],
                **{_said(name): r.result["counts"][name] for name in order},
            }
            for r in found
        ]
    )
    return table(
        frame,
        dict.fromkeys(frame.columns[1:], count),
        "table1-filter",
        "core: fewer than 5 actions; distinct: too few distinct items; short: fewer than three actions.",
    )


def _said(name: str) -> str:
    what, _, why = name.partition("_")
    return f"{what} {'read' if why == 'read' else f'removed, {why}' if why else 'left'}"
