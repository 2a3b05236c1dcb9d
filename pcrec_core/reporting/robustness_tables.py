"""Tables of the page on robustness, and its answer in one sentence."""

from __future__ import annotations

import pandas as pd

from pcrec_core.analysis.claims.outcomes import DECIDED, INCONCLUSIVE, NOT_TESTED
from pcrec_core.reporting.formats import DASH, percent, probability, runs_of_both, with_interval
from pcrec_core.reporting.html import Html, sentence, table


def show_answer(gains: pd.DataFrame) -> Html:
    """State in one sentence what the changes do to PCRec's gain, from ``one_change.gains``."""
    over_base = gains[(gains["b"] != "avg") & (gains["change"] != gains["change"].iloc[0])]
    counts = over_base["verdict"].value_counts()
    tested = len(over_base) - counts.get(NOT_TESTED, 0)
    listed = ", ".join(f"{one} in {counts[one]}" for one in DECIDED if one in counts)
    open_ = f"inconclusive in {counts.get(INCONCLUSIVE, 0)}"
    compared = "comparisons of PCRec with its base under one changed condition"
    if not tested:
        return sentence(f"None of the {len(over_base)} {compared} has been tested so far.")
    return sentence(
        f"Of {len(over_base)} {compared}, {tested} {'is' if tested == 1 else 'are'} tested so far:"
        f" a gain is {', '.join(filter(None, [listed, open_]))}."
    )


def show_gains(gains: pd.DataFrame, name: str) -> Html:
    """Show PCRec's gain under each change, the frame of ``one_change.gains``."""
    shown = gains[["change", "model"]].assign(
        comparison=gains["a"] + " over " + gains["b"],
        verdict=gains["verdict"],
        improvement=improvements(gains),
        paper_relative_improvement=gains["paper_relative_improvement"].where(gains["b"] != "avg"),
        runs=[runs_of_both(row) for row in gains.to_dict("records")],
    )
    note = (
        f"{gains['metric'].iloc[0]}; protocol controlled, except for the change; RI with crossed t"
        " on the log ratio, 95 %, not adjusted; verdicts by Holm over their families. Not tested:"
        " fewer than three runs in an arm, or a missing run. A change that does not apply to a"
        " model is left out."
    )
    return table(shown, {"paper_relative_improvement": percent}, name, note, gains)


def show_halves(halves: pd.DataFrame, name: str) -> Html:
    """Show both halves of the sessions side by side, the frame of ``one_change.halves``."""
    shown = halves[["model"]].assign(
        comparison=halves["a"] + " over " + halves["b"],
        improvement=improvements(halves),
        improvement_other_half=improvements(halves, "_other_half"),
        p=halves["p"],
    )
    note = (
        "p: two-sided z test of the hypothesis that both halves have the same improvement"
        " (exploratory)."
    )
    return table(shown, {"p": probability}, name, note, halves)


def improvements(frame: pd.DataFrame, end: str = "") -> list[str]:
    """Format the improvements of columns with this ending; "not tested" where one is missing."""
    columns = [f"{one}{end}" for one in ("relative_improvement", "low", "high")]
    rows = [with_interval(percent, *row) for row in frame[columns].to_numpy(float)]
    return [NOT_TESTED if row == DASH else row for row in rows]
