"""Tables of the page on controls."""

from __future__ import annotations

import pandas as pd

from pcrec_core.metrics import PRIMARY, SELECTION
from pcrec_core.reporting import html
from pcrec_core.reporting.formats import (
    DASH,
    count,
    improvements,
    number,
    percent,
    probability,
    share,
    signed,
)
from pcrec_core.reporting.html import Html


def show_by_target(frame: pd.DataFrame, name: str) -> Html:
    """Show improvements for new and repeated targets apart, the frame of ``by_target``."""
    if frame.empty:
        return html.sentence(
            "Nothing is compared here on a data set that has both kinds of target."
        )
    columns = ["data set", "model", "comparison", "metric", "targets", "users", "share"]
    shown = frame[columns].assign(
        **{
            "mean of A": frame["mean"],
            "mean of B": frame["mean of base"],
            "RI [95 %]": improvements(frame),
            "part of the gain": frame["part of the gain"],
            "p of z": frame["p of z"],
        }
    )
    formats = {
        "users": count,
        "share": share,
        "mean of A": number(4),
        "mean of B": number(4),
        "part of the gain": signed,
        "p of z": probability,
    }
    note = (
        "A over B in each comparison. Exploratory: intervals without adjustment, never a word. The"
        " parts of new and repeated targets sum to the difference of the two means over all users;"
        " p of z: whether their improvements differ, taken for more independent than they are, as"
        " both kinds share the trained models."
    )
    note += " * users only." if frame["users only"].any() else ""
    return html.table(shown, formats, name, note, frame)


def show_sensitivity(frame: pd.DataFrame, name: str) -> Html:
    """Show improvements under other tests, the frame of ``sensitivity``."""
    bounds = zip(frame["bootstrap low"], frame["bootstrap high"], strict=True)
    plain = ("p over runs", "single runs with p < .01", "clustered / Vu", "runs")
    shown = frame[["data set", "model", "comparison"]].assign(
        **{
            "RI [95 %], crossed t": improvements(frame),
            "p": frame["p"],
            "95 %, bootstrap": [f"[{percent(low)}, {percent(high)}]" for low, high in bounds],
            **{column: frame[column] for column in plain},
        }
    )
    formats = {
        "p": probability,
        "p over runs": probability,
        "single runs with p < .01": share,
        "clustered / Vu": number(2),
    }
    note = (
        f"In {frame['metric'].iloc[0]}. The crossed t decides. The bootstrap resamples users and"
        f" runs at once ({frame['dropped'].sum():,} resamples with a mean of 0 were dropped);"
        " p over runs asks only of other runs; single runs: how often a paper with one run of each"
        " would have called the difference significant; clustered: the variance by users with those"
        " of one target item as a cluster."
    )
    return html.table(shown, formats, name, note, frame)


def show_independent_peers(frame: pd.DataFrame, name: str) -> Html:
    """Show PCRec over each of two peers that never exchange, the frame of ``independent_peers``."""
    if frame.empty:
        return html.sentence("This is shown of apart-best, which is not here.")
    best = f"best {SELECTION} on validation"
    shown = frame[["data set", "model", "seed", "peer"]].assign(
        **{
            best: frame["best"],
            "reported": frame["reported"].map({True: "yes", False: "no"}),
            f"PCRec over it, {PRIMARY}": improvements(frame),
        }
    )
    note = f"Peer 0 is the base's own run of that seed. {DASH}: no ranks of that peer were kept."
    return html.table(shown, {best: number(5)}, name, note, frame)
