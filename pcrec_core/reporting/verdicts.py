"""Tables over several claims: by question, by data set, by control, and by what was changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pcrec_core import paths
from pcrec_core.analysis.claims import table as claim_table
from pcrec_core.analysis.claims.outcomes import INCONCLUSIVE, NOT_TESTED, WORDS
from pcrec_core.analysis.claims.registry import COMPOUND
from pcrec_core.reporting.claim_formats import (
    format_paper,
    format_users,
    format_verdict,
    format_word,
    measured_datasets,
)
from pcrec_core.reporting.formats import DASH, improvement, missing, percent, with_interval
from pcrec_core.reporting.html import Html, table
from pcrec_core.specs.trivial import TRIVIAL

#: The paper's research questions, then the study's own.
ASKED = {
    "RQ1": "RQ1: is PCRec better than its base?",
    "RQ1-bases": "RQ1: the base models beside each other",
    "RQ2": "RQ2: which variant?",
    "RQ3": "RQ3: which components?",
    "RQ4": "RQ4: learning rates, orders, alpha",
    "RQ5": "RQ5: why does it work?",
    "other": "other claims of the paper",
    "controls": "controls of this study: is it PCRec that helps?",
    "controls-trivial": "controls of this study: is PCRec better than ranking without a model?",
}

#: What stands for the word of a claim without one, by whether it was measured.
_WITHOUT_WORD = {True: "shown without a word", False: "not measured"}


def questions(frame: pd.DataFrame, name: str) -> Html:
    """Count the words that the claims of each research question got, by data set."""
    single = frame[~frame["kind"].isin(COMPOUND)]
    single = single.assign(
        verdict=single["verdict"].where(
            single["verdict"] != "", single["measured"].map(_WITHOUT_WORD)
        ),
        question=[_asked(row) for row in single.to_dict("records")],
    )
    counts = single.groupby(["question", "dataset", "verdict"]).size()
    none = pd.Series(dtype=int)
    rows = [
        {"research_question": ASKED[question]}
        | {
            dataset: _format_counts(counts.get((question, dataset), none))
            for dataset in measured_datasets(frame)
        }
        for question in ASKED
        if (single["question"] == question).any()
    ]
    note = (
        "Claims that join others (every model, every alpha) are not counted again. Claims without"
        " runs are not tested: they are named at the end."
    )
    return table(pd.DataFrame(rows), {}, name, note, counts.rename("claims").reset_index())


def _asked(row: Mapping[str, Any]) -> str:
    """Return the question of ``ASKED`` that a claim belongs to."""
    bases = row["question"] == "RQ1" and row["a"].endswith("base")
    trivial = row["question"] == "controls" and row["b"] in TRIVIAL
    ending = "-bases" if bases else "-trivial" if trivial else ""
    return f"{row['question']}{ending}"


def _format_counts(words: pd.Series) -> str:
    order = (*WORDS, *_WITHOUT_WORD.values())
    return ", ".join(f"{words[word]} {word}" for word in order if word in words) or DASH


def headlines(frame: pd.DataFrame, name: str) -> Html:
    """Show the claims that some data set decides: the verdict on each data set, and over all."""
    lines = claim_table.headlines(frame)
    decided = lines[~lines["headline"].isin([INCONCLUSIVE, NOT_TESTED])]
    verdicts = {
        (row["claim"], row["model"], row["dataset"]): format_verdict(row)
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
        f"{len(decided)} of {len(lines)} claims; the others are inconclusive or not tested on all"
        " of our data sets. Words of data sets that disagree are listed, never pooled."
        f" {format_users(frame)}"
    )
    shown = decided[["question", "claim"]].assign(**cells, headline=decided["headline"])
    return table(shown, {}, name, note, lines)


#: PCRec's gain, then the controls that may explain it, in the order of the table: a over b of
#: ``claims.csv``.
_EXPLAIN = {
    "PCRec over its base": ("LE", "base"),
    "PCRec over averaging": ("LE", "avg"),
    "the schedule alone": ("base", "base-constant"),
    "PCRec over twice the epochs": ("LE", "base-2x-epochs"),
    "PCRec over two that never exchange, as an ensemble": ("LE", "apart-ensemble"),
    "PCRec over recency": ("LE", "recency"),
}


def explanations(frame: pd.DataFrame, name: str) -> Html:
    """Show PCRec over its base, and below it the controls that may explain a gain.

    The table has one row per model and comparison, one column per data set.
    """
    measured = frame[frame["relative_improvement"].notna()]
    compared = measured.groupby(["model", "a", "b"], sort=False)
    with_gain = measured.loc[(measured["a"] == "LE") & (measured["b"] == "base"), "model"].unique()
    rows = [
        _explanation(model, heading, compared.get_group((model, *pair)).to_dict("records"))
        for model in with_gain
        for heading, pair in _EXPLAIN.items()
        if (model, *pair) in compared.groups
    ]
    columns = ["model", "comparison", *measured_datasets(frame), "of_paper"]
    note = (
        "The word, and the relative improvement in MRR@5 with its 95 % interval. A dash: no runs"
        f" yet, not planned for this model, or a mean of 0. {format_users(frame)}"
    )
    return table(pd.DataFrame(rows, columns=columns), {}, name, note)


def _explanation(model: str, heading: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    papers = [format_paper(row) for row in rows if not missing(row["paper_relative_improvement"])]
    return {
        "model": model,
        "comparison": heading,
        **{row["dataset"]: format_verdict(row) for row in rows},
        "of_paper": "; ".join(papers) or DASH,
    }


def changes(frame: pd.DataFrame, name: str) -> Html:
    """Show the choices that were changed after evidence existed (``data/changes.csv``).

    The improvement and the word of the claims stand beside each other, before and now.
    """
    both = pd.read_csv(paths.data() / "changes.csv").merge(frame.reset_index(), on="id")
    rows = both.to_dict("records")
    shown = both[["date", "choice", "before", "now", "claim", "dataset"]].assign(
        improvement_before=[_improvement_before(row) for row in rows],
        verdict_before=both["verdict_before"],
        improvement_now=[improvement(row) for row in rows],
        verdict_now=[format_word(row) for row in rows],
        up_to_commit=both["commit"],
    )
    note = (
        "Three runs in both arms before, or one (*, users only); no word had been given while a"
        " family was not whole. The records of before are in the history of the repository."
    )
    return table(shown, {}, name, note)


def _improvement_before(row: Mapping[str, Any]) -> str:
    ri, low, high = (row[f"{name}_before"] for name in ("relative_improvement", "low", "high"))
    return with_interval(percent, ri, low, high, row["runs_before"] == 1)
