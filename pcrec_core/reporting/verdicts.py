"""Tables over several claims: by question, data set and control, and of changed choices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pcrec_core import paths
from pcrec_core.analysis.claims import table as claim_table
from pcrec_core.analysis.claims.outcomes import INCONCLUSIVE, NOT_TESTED
from pcrec_core.analysis.claims.table import MEMBERS
from pcrec_core.reporting import summary
from pcrec_core.reporting.claim_formats import (
    explain_unequal,
    format_result,
    format_users,
    marks,
    measured_datasets,
)
from pcrec_core.reporting.formats import (
    DASH,
    count,
    improvement,
    percent,
    probability,
    with_interval,
)
from pcrec_core.reporting.html import Html, table
from pcrec_core.reporting.names import DATASETS, MODELS, dataset_name
from pcrec_core.reporting.wording import symbols
from pcrec_core.specs.trivial import TRIVIAL

#: The paper's research questions, then the study's own.
ASKED = {
    "RQ1": "RQ1: is PCRec better than its base?",
    "RQ1-bases": "RQ1: the base models against each other",
    "RQ2": "RQ2: which variant?",
    "RQ3": "RQ3: which components?",
    "RQ4": "RQ4: learning rates, data orders, α",
    "RQ5": "RQ5: why does it work?",
    "other": "other claims of the paper",
    "controls": "controls of this study: is it PCRec that helps?",
    "controls-trivial": "controls of this study: is PCRec better than ranking without a model?",
}


def questions(frame: pd.DataFrame, name: str) -> Html:
    """Count how the claims of each research question fared; every claim counts once."""
    fared = frame.assign(
        fate=summary.fates(frame), asked=[_asked(row) for row in frame.to_dict("records")]
    )
    counts = fared.groupby(["asked", "fate"]).size().unstack(fill_value=0)
    columns = [fate for fate in summary.FATES if fate in counts]
    shown = counts.reindex(index=[q for q in ASKED if q in counts.index], columns=columns)
    shown.loc["all"] = shown.sum()
    asked = [f"{ASKED.get(str(q), 'all')} ({n} claims)" for q, n in shown.sum(axis=1).items()]
    shown.insert(0, "research_question", asked)
    every = fared.groupby(["asked", "dataset", "fate"]).size().rename("claims").reset_index()
    return table(shown, dict.fromkeys(columns, count), name, data=every)


def _asked(row: Mapping[str, Any]) -> str:
    """Return the question of ``ASKED`` that a claim belongs to."""
    bases = row["question"] == "RQ1" and row["a"].endswith("base")
    trivial = row["question"] == "controls" and row["b"] in TRIVIAL
    ending = "-bases" if bases else "-trivial" if trivial else ""
    return f"{row['question']}{ending}"


def headlines(frame: pd.DataFrame, name: str) -> Html:
    """Show the claims that some data set decides: the verdict on each data set, and over all."""
    lines = claim_table.headlines(frame)
    decided = lines[~lines["headline"].isin([INCONCLUSIVE, NOT_TESTED])]
    verdicts = {
        (row["claim"], row["model"], row["dataset"]): format_result(row)
        for row in frame.to_dict("records")
    }
    cells = {
        dataset: [
            verdicts.get((claim, model, dataset), DASH)
            for claim, model in decided[["claim", "model"]].to_numpy()
        ]
        for dataset in measured_datasets(frame)
    }
    note = (
        f"{len(decided)} of {len(lines)} claims, each counted once over its data sets; the others"
        " are inconclusive or not tested on all of them. Where data sets disagree, their verdicts"
        " are listed, never pooled."
        f"{explain_unequal(frame[frame['claim'].isin(decided['claim'])])} {format_users(frame)}"
    )
    shown = decided[["question"]].assign(
        claim=decided["claim"].map(symbols),
        **cells,
        headline=decided["headline"].map(_with_dataset_names),
    )
    return table(shown, {}, name, note, lines)


def _with_dataset_names(text: str) -> str:
    return re.sub(r"(?<= on )[\w-]+", lambda name: dataset_name(name[0]), text)


#: PCRec's gain, then the controls that may explain it, in the order of the matrix: a over b of
#: ``claims.csv``.
_EXPLAIN = (
    ("LE", "base"),
    ("LE", "avg"),
    ("base", "base-constant"),
    ("LE-constant", "base-constant"),
    ("LE", "base-2x-epochs"),
    ("LE", "M2"),
    ("LE", "apart-ensemble"),
    ("LE", "recency"),
)


def matrix(frame: pd.DataFrame, name: str) -> Html:
    """Show the verdicts of PCRec over its base and over the controls, by model and data set.

    The table has one row per comparison and model, one column per data set with runs.
    """
    measured = frame[frame["relative_improvement"].notna()]
    datasets = sorted(measured["dataset"].unique(), key=list(DATASETS).index)
    compared = measured.groupby(["a", "b", "model"], sort=False)
    rows = [
        {"comparison": f"{a} over {b}", "model": model}
        | {row["dataset"]: _cell_of(row) for row in compared.get_group(key).to_dict("records")}
        for a, b in _EXPLAIN
        for model in MODELS
        if (key := (a, b, model)) in compared.groups
    ]
    among = measured[[pair in _EXPLAIN for pair in zip(measured["a"], measured["b"], strict=True)]]
    note = (
        "The verdict in MRR@5, RI, and p, adjusted over the family of claims. A dash: no runs"
        " yet, none planned, or no RI (recency finds nothing where nobody repeats an item)."
        " Nominal: the unadjusted interval excludes 0, but the adjusted p is above 0.05."
        f"{explain_unequal(among)} {format_users(frame)}"
    )
    shown = pd.DataFrame(rows, columns=["comparison", "model", *datasets])
    return table(shown, {}, name, note, measured.drop(columns=[MEMBERS, "described"]).reset_index())


def _cell_of(row: Mapping[str, Any]) -> str:
    """Format verdict, gain and adjusted p of one claim, one line each."""
    verdict = row["verdict"] + marks(row)
    star = "*" * (row["users_only"] is True)
    p = "" if row["verdict"] == NOT_TESTED else f", p {probability(row['holm_p'])}"
    return f"{verdict}\n{percent(row['relative_improvement'])}{star}{p}"


def changes(frame: pd.DataFrame, name: str) -> Html:
    """Show the choices that were changed after evidence existed (``data/changes.csv``).

    The table has the improvement and the verdict of the claims before and now.
    """
    both = pd.read_csv(paths.data() / "changes.csv").merge(frame.reset_index(), on="id")
    rows = both.to_dict("records")
    whole = both[["date", "choice", "before", "now", "claim", "dataset"]].assign(
        claim=both["claim"].map(symbols),
        improvement_before=[_improvement_before(row) for row in rows],
        verdict_before=both["verdict_before"],
        improvement_now=[improvement(row) for row in rows],
        verdict_now=both["verdict"],
        up_to_commit=both["commit"],
    )
    shown = whole.drop(columns=["date", "before", "now", "up_to_commit"])
    shown["choice"] = [
        f"{row['date']}, {row['choice']}: {row['before']} before, {row['now']} now" for row in rows
    ]
    note = (
        "Before: three runs in both arms, or one (*, users only); there was no verdict while a"
        " family was incomplete. The earlier records are in the repository's history, up to the"
        " commit in the fold."
    )
    return table(shown, {}, name, note, whole=whole)


def _improvement_before(row: Mapping[str, Any]) -> str:
    ri, low, high = (row[f"{name}_before"] for name in ("relative_improvement", "low", "high"))
    return with_interval(percent, ri, low, high, row["runs_before"] == 1)
