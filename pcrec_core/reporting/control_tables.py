"""Tables of the page on controls."""

from __future__ import annotations

import pandas as pd

from pcrec_core.reporting import html
from pcrec_core.reporting.formats import (
    DASH,
    improvements,
    number,
    points,
    probability,
    share,
)
from pcrec_core.reporting.html import Html
from pcrec_core.reporting.names import compared_by_model


def show_by_target(frame: pd.DataFrame, name: str) -> Html:
    """Show improvements for new and repeated targets apart, the frame of ``by_target``."""
    if frame.empty:
        return html.sentence("No data set here has both kinds of target.")
    shown = frame[["dataset"]].assign(
        comparison=compared_by_model(frame),
        metric=frame["metric"],
        targets=frame["targets"],
        share=frame["share"],
        improvement=improvements(frame),
        p_of_z=frame["p_of_z"],
    )
    formats = {"share": share, "p_of_z": probability}
    note = (
        "Exploratory: intervals without adjustment, no verdict. p: z test of the hypothesis that"
        " new and repeated targets have the same improvement; it treats the two kinds as"
        " independent although they share the trained models, so it is approximate."
        " The CSV has the means, and each kind's part of the gain: the two parts sum to the"
        " difference of the means over all users."
    )
    note += " * users only, not runs." if frame["users_only"].any() else ""
    return html.table(shown, formats, name, note, frame)


def show_sensitivity(frame: pd.DataFrame, name: str) -> Html:
    """Show improvements under other tests, the frame of ``sensitivity``."""
    bounds = zip(frame["bootstrap_low"], frame["bootstrap_high"], strict=True)
    shown = frame[["dataset"]].assign(
        comparison=compared_by_model(frame),
        improvement_crossed_t=improvements(frame),
        p=frame["p"],
        bootstrap_interval=[
            f"[{points(low)}, {points(high)}]\N{NO-BREAK SPACE}%" for low, high in bounds
        ],
        p_over_runs=frame["p_over_runs"],
        significant_single_runs=frame["significant_single_runs"],
    )
    formats = {
        "p": probability,
        "p_over_runs": probability,
        "significant_single_runs": share,
    }
    note = (
        f"In {frame['metric'].iloc[0]}. The crossed t decides. The bootstrap resamples users and"
        f" runs together ({frame['dropped'].sum():,} resamples with a mean of 0 were dropped);"
        " p over runs: Welch's test over run means; single runs: how often a paper with one run per"
        " arm would have called the difference significant. The CSV also has the variance ratio"
        " with users clustered by target item."
    )
    return html.table(shown, formats, name, note, frame)


def show_independent_peers(frame: pd.DataFrame, name: str) -> Html:
    """Show PCRec over each of two peers that never exchange, the frame of ``independent_peers``."""
    if frame.empty:
        return html.sentence("The better of two independent models is not among the arms here.")
    shown = frame[["dataset", "model", "seed", "peer"]].assign(
        **{
            "best_on_validation": frame["best_on_validation"],
            "reported": frame["reported"].map({True: "yes", False: "no"}),
            "improvement_over_it": improvements(frame),
        }
    )
    note = f"Peer 0 is the base's own run with that seed. {DASH}: no ranks of that peer were kept."
    return html.table(shown, {"best_on_validation": number(5)}, name, note, frame)
