"""Tables of the page on the released code: changed options, choosing on the test set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

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
    runs_of_both,
    size,
    with_interval,
)
from pcrec_core.reporting.html import Html, without_empty
from pcrec_core.reporting.names import arm_name, comparison_name
from pcrec_core.study.replicates import Replicates


def show_changed_lines(frame: pd.DataFrame, name: str, note: str) -> Html:
    """Show the effect of single protocol options, the frame of ``changed_lines``."""
    rows = frame.to_dict("records")
    steps = ("base", "pcrec", "over_base_usual", "over_base")
    shown = frame[["line", "metric"]].assign(
        **{f"{step}_changed": [_step(row, step) for row in rows] for step in steps},
        its_change=frame["change"],
    )
    note += (
        " Change of RI: (1 + RI with the option) / (1 + RI by default) − 1; where PCRec alone has"
        " the option, only PCRec's runs change."
    )
    return html.table(shown, {"its_change": percent}, name, note, frame)


def _step(row: Mapping[str, Any], step: str) -> str:
    middle, low, high = (row[f"{step}{end}"] for end in ("", "_low", "_high"))
    return with_interval(percent, middle, low, high, row[f"{step}_users_only"])


def seed_alone(over: Replicates, base: Replicates, metrics: Sequence[str] = (PRIMARY,)) -> str:
    """Describe how much another seed alone changes an arm's mean, and an improvement.

    A change measured with one run must exceed that. Empty where an arm has one run, which shows
    nothing about other seeds.
    """
    listed = []
    for metric in metrics:
        one, other = (_change_by_seed(arm, metric) for arm in (over, base))
        if one is None or other is None:
            return ""
        listed.append(f"{metric} {size(one)}, {size(other)} and {size(math.hypot(one, other))}")
    runs = " and ".join(str(len(arm.runs)) for arm in (over, base))
    return (
        "Standard deviation of a change by another seed alone, of"
        f" {arm_name(over.variant)}, {arm_name(base.variant)} and"
        f" {comparison_name(named(over, base))} ({runs} runs): {'; '.join(listed)}."
    )


def _change_by_seed(arm: Replicates, metric: str) -> float | None:
    """Compute the SD of the difference of two runs over their mean; None with a single run."""
    mean = comparisons.mean_of(arm, metric)
    return math.sqrt(2) * mean.run_sd / mean.mean if mean.run_sd else None


def show_choosing(frame: pd.DataFrame, name: str) -> Html:
    """Show the gain of choosing on the test set, the frame of ``choosing``."""
    shown = without_empty(frame.drop(columns=["runs_variant", "runs_base"])).assign(
        runs=[runs_of_both(row) for row in frame.to_dict("records")]
    )
    tests = " p: Welch's test over runs of the hypothesis that PCRec and base gain equally."
    of_p = tests if "p" in shown else ""
    points = {column: _log_points for column in ("gain_variant", "gain_base")}
    formats = points | {
        "p": probability,
        "relative_improvement_test": percent,
        "relative_improvement_validation": percent,
    }
    note = (
        "Gain: how far the best epoch and peer on test exceed those that validation selects, mean"
        " over runs, in log points (hundredths of a logarithm)."
        f"{of_p} The improvements have no interval and no verdict, since the"
        " chosen epoch is treated as fixed. A gain is never negative and is mostly noise from"
        " users and epochs: it is larger with fewer users."
    )
    return html.table(shown, formats, name, note, frame)


def _log_points(x: float) -> str:
    return f"{100 * x:.1f}"


def show_trained_again(name: str) -> Html:
    """Show the runs that were trained again without an interruption, one row per run.

    They are listed in ``data/trained_again.csv``.
    """
    frame = pd.read_csv(paths.data() / "trained_again.csv")
    differs = frame["result_before"] != frame["result_now"]
    before_cut = frame["first_differing_epoch"] <= frame["epochs_before_cut"]
    whole = frame.drop(columns=["result_before", "result_now"])
    whole.insert(3, "result", differs.map({True: "differs", False: "bit-identical"}))
    note = (
        f"{len(frame)} runs that had resumed from a checkpoint were trained again without an"
        f" interruption, from one clean commit: {(~differs).sum()} gave a bit-identical result and"
        f" {differs.sum()} a different one. {(differs & before_cut).sum()} of the {differs.sum()}"
        " already differ in an epoch before the interruption, so it is not the cause there. A"
        " different processor is likely, but the earlier records do not name theirs. The records on"
        " these pages are the new ones."
    )
    formats = {"first_differing_epoch": count, "mrr5_before": number(4), "mrr5_now": number(4)}
    shown = whole.drop(columns=["commit_before", "commit_now"])
    return html.table(shown, formats, name, note, frame, whole=whole)
