"""Tables of the page on controls."""

from __future__ import annotations

import pandas as pd

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
    columns = ["dataset", "model", "comparison", "metric", "targets", "users", "share"]
    shown = frame[columns].assign(
        **{
            "mean_variant": frame["mean_variant"],
            "mean_base": frame["mean_base"],
            "improvement": improvements(frame),
            "part_of_gain": frame["part_of_gain"],
            "p_of_z": frame["p_of_z"],
        }
    )
    formats = {
        "users": count,
        "share": share,
        "mean_variant": number(4),
        "mean_base": number(4),
        "part_of_gain": signed,
        "p_of_z": probability,
    }
    note = (
        "A over B in each comparison. Exploratory: intervals without adjustment, never a word. The"
        " parts of new and repeated targets sum to the difference of the two means over all users;"
        " p of z: whether their improvements differ, taken for more independent than they are, as"
        " both kinds share the trained models."
    )
    note += " * users only." if frame["users_only"].any() else ""
    return html.table(shown, formats, name, note, frame)


def show_sensitivity(frame: pd.DataFrame, name: str) -> Html:
    """Show improvements under other tests, the frame of ``sensitivity``."""
    bounds = zip(frame["bootstrap_low"], frame["bootstrap_high"], strict=True)
    plain = ("p_over_runs", "significant_single_runs", "clustered_variance_ratio", "runs")
    shown = frame[["dataset", "model", "comparison"]].assign(
        **{
            "improvement_crossed_t": improvements(frame),
            "p": frame["p"],
            "bootstrap_interval": [f"[{percent(low)}, {percent(high)}]" for low, high in bounds],
            **{column: frame[column] for column in plain},
        }
    )
    formats = {
        "p": probability,
        "p_over_runs": probability,
        "significant_single_runs": share,
        "clustered_variance_ratio": number(2),
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
    shown = frame[["dataset", "model", "seed", "peer"]].assign(
        **{
            "best_on_validation": frame["best_on_validation"],
            "reported": frame["reported"].map({True: "yes", False: "no"}),
            "improvement_over_it": improvements(frame),
        }
    )
    note = f"Peer 0 is the base's own run of that seed. {DASH}: no ranks of that peer were kept."
    return html.table(shown, {"best_on_validation": number(5)}, name, note, frame)
