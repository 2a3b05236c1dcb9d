"""Claims as a table and as sentences, from the frame of ``evidence.decided``.

The tables over several claims are written in ``verdicts`` and exported here, too, for the pages.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pcrec_core.analysis.claims.outcomes import DECIDED, VERDICTS
from pcrec_core.analysis.claims.registry import COMPOUND
from pcrec_core.analysis.claims.sides import BY_SEED, KINDS
from pcrec_core.analysis.claims.table import MEMBERS
from pcrec_core.reporting.claim_formats import (
    explain_unequal,
    format_compound,
    format_paper,
    format_supporting,
    format_verdict,
)
from pcrec_core.reporting.described import described
from pcrec_core.reporting.formats import (
    improvement,
    missing,
    percent,
    points,
    probability,
    runs_of_both,
    signed,
    with_interval,
)
from pcrec_core.reporting.html import Html, table, without_empty
from pcrec_core.reporting.names import (
    arm_name,
    claim_family,
    comparison_name,
    dataset_name,
)
from pcrec_core.reporting.verdicts import changes, headlines, matrix, questions
from pcrec_core.reporting.wording import symbols

__all__ = [
    "changes",
    "claims",
    "headlines",
    "matrix",
    "questions",
    "sentences",
    "unmeasured",
]

_NOTE = (
    "Protocol controlled; epoch chosen on validation NDCG@20, single test evaluation. MRR@5"
    " decides; the verdict in NDCG@20 is in brackets where it is another one. RI with crossed t on"
    " the log ratio, 95 %, not adjusted; * users only. A grade after the verdict compares the 90 %"
    " interval with the claim; nominal: the unadjusted interval excludes 0, but the adjusted p is"
    " above 0.05. The CSV has every number."
)


_WITHOUT = (
    "These claims are not about users, so they get no verdict; the sentences above describe what"
    " was measured."
)


def claims(frame: pd.DataFrame, name: str) -> Html:
    """Show one row per claim: the sentence, the verdict and the numbers behind it.

    Columns that would have only dashes are left out. An empty frame shows nothing:
    ``sentences`` has a sentence for it.
    """
    if frame.empty:
        return Html("", "no claims")
    rows = frame.to_dict("records")
    shown = pd.DataFrame(
        {
            "dataset": frame["dataset"].to_list(),
            "claim": frame["claim"].map(symbols).to_list(),
            "verdict": [format_verdict(row) + format_supporting(row) for row in rows],
            "improvement": [improvement(row) for row in rows],
            "of_paper": [format_paper(row) for row in rows],
            "holm_p": frame["holm_p"].to_list(),
            "runs": [runs_of_both(row) for row in rows],
        }
    )
    decided = (frame["verdict"] != "").any()
    note = _NOTE + explain_unequal(frame) + _family_sizes(frame) if decided else _WITHOUT
    return table(without_empty(shown), {"holm_p": probability}, name, note, _csv(frame))


def _named(row: Mapping[str, Any]) -> str:
    return f"{symbols(row['claim'])} ({dataset_name(row['dataset'])})"


def _csv(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.drop(columns=MEMBERS).reset_index()
    return plain.assign(described=[described(facts) for facts in frame["described"]])


def _family_sizes(frame: pd.DataFrame) -> str:
    families = frame.dropna(subset="family_size").drop_duplicates("family")
    sizes = families.set_index("family")["family_size"]
    listed = ", ".join(f"{claim_family(str(name))} ({m:.0f})" for name, m in sizes.items())
    return f" Holm over the claims of a family: {listed}." if listed else ""


def sentences(frame: pd.DataFrame) -> Html:
    """List the claims, one sentence each, undecided ones last in a collapsed section.

    A sentence gives the verdict, the relative improvement with its 95 % interval, and the numbers
    of users and runs. The last open item counts the claims that have no runs yet.
    """
    rows = frame[frame["measured"] | frame["kind"].isin(COMPOUND)].to_dict("records")
    rows.sort(key=lambda row: row["kind"] in COMPOUND)
    listed, undecided = (
        [_format_sentence(row) for row in rows if _is_undecided(row) is folded]
        for folded in (False, True)
    )
    if left := len(_without_runs(frame)):
        listed.append(f"{left} more claim{'s' * (left > 1)} without runs so far.")
    if not listed + undecided:
        listed.append("No claim of the paper is about these data.")
    fold = (
        "<details><summary>Claims that are inconclusive or not tested:"
        f" {len(undecided)}</summary>{_list(undecided)}</details>"
    )
    return Html(_list(listed) + fold * bool(undecided), "\n".join(listed + undecided))


def _is_undecided(row: Mapping[str, Any]) -> bool:
    return row["verdict"] in VERDICTS and row["verdict"] not in DECIDED


def _list(items: Sequence[str]) -> str:
    if not items:
        return ""
    return "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in items) + "</ul>"


def _format_sentence(row: Mapping[str, Any]) -> str:
    claim = _named(row)
    if row["kind"] in COMPOUND:
        return f"{claim}: {format_compound(row)}."
    if row["kind"] not in KINDS and missing(row["difference"]):
        return f"{claim}: {described(row['described'])}."
    if row["kind"] == "run-level":
        return f"{claim}: {_format_run_level(row)}."
    if row["kind"] == BY_SEED:
        return f"{claim}: {_format_by_seed(row)}."
    interval = "users only, 95 %" if row["users_only"] is True else "95 %"
    printed = row["paper_relative_improvement"]
    paper = "" if missing(printed) else f"; the paper {percent(printed)}"
    ri = with_interval(percent, row["relative_improvement"], row["low"], row["high"])
    pair = comparison_name(f"{row['a']} over {row['b']}")
    return (
        f"{claim}: {format_verdict(row)}. {pair}, {row['metric']}: {ri}"
        f" ({interval}; {row['users']:,.0f} users; runs {runs_of_both(row)}){paper}."
    )


def _format_run_level(row: Mapping[str, Any]) -> str:
    difference = with_interval(signed, row["difference"], row["low"], row["high"])
    more = f"; {described(row['described'])}" if row["described"] else ""
    return (
        f"{arm_name(row['a'])} {row['mean_variant']:.3f}, {arm_name(row['b'])}"
        f" {row['mean_base']:.3f}, difference"
        f" {difference} (95 %; Welch's test over runs, p {row['p']:.3f};"
        f" runs {runs_of_both(row)}){more}"
    )


def _format_by_seed(row: Mapping[str, Any]) -> str:
    gap = with_interval(points, row["difference"], row["low"], row["high"])
    return (
        f"{format_verdict(row)}. Improvement {percent(row['mean_variant'])} under the released"
        f" practices, {percent(row['mean_base'])} under equal conditions; difference {gap} points"
        f" (95 %; paired over seeds, one-sided p {row['p']:.3f}; runs {runs_of_both(row)})"
    )


def unmeasured(frame: pd.DataFrame, name: str) -> Html:
    """List the claims that have no runs yet."""
    left = _without_runs(frame)
    return table(
        left[["claim", "where", "dataset"]].assign(claim=left["claim"].map(symbols)),
        {},
        name,
        f"{len(left)} of {len(frame)} claims.",
        empty=f"Every one of the {len(frame)} claims has runs.",
    )


def _without_runs(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[~frame["measured"] & ~frame["kind"].isin(COMPOUND)]
