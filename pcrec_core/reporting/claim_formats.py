"""Formats of one claim, a row of ``evidence.decided``, in tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pcrec_core.analysis.claims.measurement import SUPPORTING
from pcrec_core.analysis.claims.outcomes import DECIDED, NOT_TESTED
from pcrec_core.analysis.claims.registry import COMPOUND
from pcrec_core.analysis.claims.table import MEMBERS
from pcrec_core.reporting.formats import DASH, improvement, missing, percent, runs_of_both
from pcrec_core.reporting.names import comparison_name, dataset_name, model_name

#: Grades in words that are understood on their own.
_GRADES = {
    "larger": "larger than claimed",
    "nil within half the claim": "any gain is below half the claim",
}

#: The mark of a comparison of two rankings of which one hides a user's seen items.
UNEQUAL = "unequal candidates"


def format_verdict(row: Mapping[str, Any]) -> str:
    """Format a claim's verdict with its grade, or with the reason why nothing is decided."""
    verdict = (row["verdict"] or "no verdict") + marks(row)
    if row["grade"]:
        grade = _GRADES.get(row["grade"], row["grade"])
        # the size of a control is the study's own, nobody claimed it
        own = row.get("question") == "controls"
        return (
            f"{verdict}: {grade.replace('than claimed', 'than the size tested') if own else grade}"
        )
    return f"{verdict} ({row['reason']})" if row["reason"] else verdict


def format_supporting(row: Mapping[str, Any]) -> str:
    """Format the verdict in the supporting metric in brackets where it is another one."""
    other = row.get("supporting_verdict")
    return "" if missing(other) or other in ("", row["verdict"]) else f" ({SUPPORTING}: {other})"


def marks(row: Mapping[str, Any]) -> str:
    """Return the marks in brackets that belong after a claim's verdict; often none."""
    return " (nominal)" * is_nominal(row) + f" ({UNEQUAL})" * (row["same_candidates"] is False)


def is_nominal(row: Mapping[str, Any]) -> bool:
    """Return whether a tested claim's interval excludes 0 but its adjusted p is too large."""
    if missing(row["low"]) or missing(row["holm_p"]) or row["verdict"] in ("", NOT_TESTED):
        return False
    return not row["low"] <= 0 <= row["high"] and row["holm_p"] > 2 * row["level"]


def format_result(row: Mapping[str, Any]) -> str:
    """Format a claim's verdict with its improvement, interval and runs, or with its members."""
    if row["kind"] in COMPOUND:
        return format_compound(row)
    if missing(row["relative_improvement"]):
        return str(row["verdict"])
    verdict = f"{row['verdict']}{marks(row)}{format_supporting(row)}"
    return f"{verdict}: {improvement(row)}, runs {runs_of_both(row)}"


def format_compound(row: Mapping[str, Any]) -> str:
    """Format the verdict of a compound claim with the members that decide it."""
    verdict, members = row["verdict"], row[MEMBERS]
    several = len({member["model"] for member in members}) > 1
    deciding = [
        f"{model_name(member['model']) + ' ' if several else ''}"
        f"{comparison_name(member['a'] + ' over ' + member['b'])}: {improvement(member)}"
        for member in members
        if member["verdict"] == verdict and verdict in DECIDED
    ]
    if not deciding:
        return str(verdict)
    left = sum(not member["measured"] for member in members)
    rest = f"; {left} of {len(members)} not measured" if left else ""
    return f"{verdict}, because of {', '.join(deciding)}{rest}"


def format_paper(row: Mapping[str, Any]) -> str:
    """Format the paper's improvement after the name of its data set; a dash without one."""
    if missing(row["paper_relative_improvement"]):
        return DASH
    return f"{row['paper_dataset']} {percent(row['paper_relative_improvement'])}"


def explain_unequal(frame: pd.DataFrame) -> str:
    """Explain the mark of unequal candidates, for a table's note; empty where no claim has it."""
    if not frame["same_candidates"].isin([False]).any():
        return ""
    return f" {UNEQUAL.capitalize()}: only one of the two arms ranks items that a user has seen."


def measured_datasets(frame: pd.DataFrame) -> list[str]:
    """List the data sets with a comparison: those without runs get no column."""
    return list(frame.loc[frame["relative_improvement"].notna(), "dataset"].unique())


def format_users(frame: pd.DataFrame) -> str:
    """List the numbers of users by data set, and explain the star."""
    users = frame.dropna(subset="users").groupby("dataset", sort=False)["users"].first()
    listed = "".join(f"{dataset_name(str(name))} {number:,.0f}; " for name, number in users.items())
    return f"Users: {listed}* the interval covers users only, not runs."
