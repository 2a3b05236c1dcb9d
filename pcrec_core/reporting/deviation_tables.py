"""Tables of the page on deviations: changed lines of the protocols, and choosing on the test set."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from pcrec_core import paths
from pcrec_core.analysis import comparisons
from pcrec_core.analysis.comparisons import named
from pcrec_core.metrics import PRIMARY
from pcrec_core.reporting import html
from pcrec_core.reporting.formats import (
    count,
    number,
    percent,
    probability,
    size,
    with_interval,
)
from pcrec_core.reporting.html import Html
from pcrec_core.study.replicates import Replicates


def show_changed_lines(frame: pd.DataFrame, name: str, note: str) -> Html:
    """The frame of ``changed_lines``."""
    heads = {
        "base": "base: the line over the usual one",
        "PCRec": "PCRec: the line over the usual one",
        "over base, usual": "PCRec over base, usual",
        "over base": "PCRec over base, with the line",
    }
    shown = frame[["line", "metric"]].assign(
        **{
            head: [
                with_interval(
                    percent, *(row[f"{step}{end}"] for end in ("", " low", " high", " users only"))
                )
                for row in frame.to_dict("records")
            ]
            for step, head in heads.items()
        },
        **{"its change": frame["change"]},
    )
    note += (
        " Its change: 1 + RI with the line over 1 + the usual RI, less 1; where the line is of PCRec alone, only PCRec's"
        " runs change."
    )
    return html.table(shown, {"its change": percent}, name, note, frame)


def seed_alone(over: Replicates, base: Replicates, metrics: Sequence[str] = (PRIMARY,)) -> str:
    """By how much two runs of an arm, and two improvements, differ that have another seed only: what a change measured with one
    run must exceed. Of an arm with one run nothing is known."""
    told = []
    for metric in metrics:
        means = [comparisons.mean_of(arm, metric) for arm in (over, base)]
        if any(not mean.run_sd for mean in means):
            return ""
        one, other = (math.sqrt(2) * mean.run_sd / mean.mean for mean in means)
        told.append(f"{metric} {size(one)}, {size(other)} and {size(math.hypot(one, other))}")
    runs = " and ".join(str(len(arm.runs)) for arm in (over, base))
    return (
        f"Standard deviation of a change by another seed alone, of {over.variant}, {base.variant} and {named(over, base)}"
        f" ({runs} runs): {'; '.join(told)}."
    )


def show_choosing(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``choosing``."""
    points = {column: _log_points for column in ("gain", "gain of base")}
    formats = points | {
        "p": probability,
        "RI, best on test": percent,
        "RI, chosen on validation": percent,
    }
    note = (
        "Gain: by how much the best epoch and peer on test exceed those that validation picks, mean over runs, in log"
        " points (hundredths of a logarithm); p: Welch's test over runs that variant and base gain equally. Neither"
        " improvement has an interval or a word: the chosen epoch is taken as given. A gain is never negative,"
        " and largely noise of users and epochs: the fewer users, the larger."
    )
    return html.table(frame, formats, name, note)


def _log_points(x: float) -> str:
    return f"{100 * x:.1f}"


def show_trained_again(name: str) -> Html:
    """Show the runs that were trained once more without a cut (``data/trained_again.csv``), one row per run."""
    frame = pd.read_csv(paths.data() / "trained_again.csv")
    differs = frame["result before"] != frame["result now"]
    before_cut = frame["first epoch that differs"] <= frame["epochs before the cut"]
    shown = frame.drop(columns=["result before", "result now"])
    shown.insert(3, "result", differs.map({True: "differs", False: "equal to the bit"}))
    note = (
        f"{len(frame)} runs that had gone on from a checkpoint were trained again without a cut, from one clean commit:"
        f" {(~differs).sum()} gave the same result to the bit, {differs.sum()} another one. Of these,"
        f" {(differs & before_cut).sum()} differ already in an epoch before the cut, so that it is the processor"
        " which made the difference, not the cut. The records on these pages are the new ones."
    )
    formats = {"first epoch that differs": count, "MRR@5 before": number(4), "MRR@5 now": number(4)}
    return html.table(shown, formats, name, note, frame)
