"""Claims as tables and sentences: what pages show of ``evidence.decided``. No torch."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pcrec_core.claims.words import WORDS
from pcrec_core.report import DASH, Html, missing, number, percent, table, with_interval
from pcrec_core.stats import NOT_DECIDABLE


def claims(frame: pd.DataFrame, name: str) -> Html:
    """Claims as ``evidence.decided`` gives them: the sentence, the word, and what it rests on."""
    rows = frame.to_dict("records")
    shown = pd.DataFrame({
        "claim": [f"{row['claim']} ({row['data set']})" for row in rows], "word": [_word(row) for row in rows],
        "RI [95 %]": [_improvement(row) for row in rows],
        "RI of the paper": frame["RI paper"].to_list(), "Holm p": frame["Holm p"].to_list(),
        "ER [95 %]": [with_interval(number(2), row["ER"], row["ER low"], row["ER high"]) for row in rows],
        "MDE": frame["MDE"].to_list(), "runs": frame["runs"].to_list(), "NDCG@20": frame["NDCG@20"].to_list()})
    formats = {"RI of the paper": percent, "Holm p": number(3), "MDE": percent}
    note = ("MRR@5 decides; the word in NDCG@20 is in brackets. Crossed t on the log ratio, 95 %; p by Holm over the tested"
            " claims of each family (artifact and data set), those without runs counted. The intervals are not adjusted.")
    return table(shown, formats, name, note, frame.reset_index())


def _word(row: Mapping[str, Any]) -> str:
    return row["word"] + (f": {row['grade']}" if row["grade"] else f" ({row['reason']})" if row["reason"] else "")


def _improvement(row: Mapping[str, Any]) -> str:
    return with_interval(percent, row["RI"], row["low"], row["high"], row["users only"] is True)


def sentences(frame: pd.DataFrame) -> Html:
    """A sentence a claim of ``evidence.decided``: its word, with improvement, interval, users and runs; and how many claims
    have no runs yet."""
    rows = frame.to_dict("records")
    sentences = [_seen(row) for row in rows if not missing(row["RI"])]
    left = sum(missing(row["RI"]) and row["kind"] not in ("all", "best") for row in rows)
    compound = [f"{row['claim']} ({row['data set']}): {row['word']}." for row in rows if row["kind"] in ("all", "best")]
    said = [*sentences, *compound] + ([f"Claims without runs so far: {left}."] if left else [])
    text = said or ["No claim of the paper is about these data."]
    return Html("<ul>" + "".join(f"<li>{html.escape(sentence)}</li>" for sentence in text) + "</ul>", "\n".join(text))


def _seen(row: Mapping[str, Any]) -> str:
    kind = "users only, 95 %" if row["users only"] is True else "95 %"
    theirs = "" if missing(row["RI paper"]) else f"; the paper {percent(row['RI paper'])}"
    ri = with_interval(percent, row["RI"], row["low"], row["high"])
    return (f"{row['claim']} ({row['data set']}): {_word(row)}. {row['a']} over {row['b']}, {row['metric']}: {ri} ({kind};"
            f" {row['users']:,.0f} users; runs {row['runs']}){theirs}.")


#: The paper's research questions, and what stands beside them.
ASKED = {"RQ1": "RQ1: is PCRec better than its base?", "RQ2": "RQ2: which variant?", "RQ3": "RQ3: which components?",
         "RQ4": "RQ4: learning rates, orders, alpha", "RQ5": "RQ5: why does it work?",
         "other": "other claims of the paper", "controls": "controls of this study: is it PCRec that helps?"}


def questions(frame: pd.DataFrame, name: str) -> Html:
    """How many claims of each research question got which word, on each of our data sets."""
    worded = frame[frame["word"] != ""]
    counts = worded.groupby(["question", "data set", "word"]).size()
    rows = [{"research question": ASKED[question]} | {
        dataset: _counted(counts.get((question, dataset), pd.Series(dtype=int))) for dataset in worded["data set"].unique()}
        for question in ASKED if (worded["question"] == question).any()]
    note = "Claims without runs count as not decidable: what nobody has measured is named at the end."
    return table(pd.DataFrame(rows), {}, name, note, counts.rename("claims").reset_index())


def _counted(words: pd.Series) -> str:
    return ", ".join(f"{words[word]} {word.removesuffix(' at this scale')}" for word in WORDS if word in words) or DASH


def headlines(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``tables.headlines``: of each claim that some data set decides, the word on each, and the one for all."""
    by_data = frame.columns[frame.columns.get_loc("claim") + 1:]
    decided = frame[frame["headline"] != NOT_DECIDABLE]
    note = (f"{len(decided)} of {len(frame)} claims; the others are not decidable on any of our data sets. Words of data sets"
            " that disagree are listed, never pooled.")
    return table(decided[["question", "artifact", "claim", *by_data]], {}, name, note, frame)


#: The gain, then the controls that may explain it, in the order of the table: a over b of ``claims.csv``.
_EXPLAIN = {"PCRec over its base": ("LE", "base"), "PCRec over averaging": ("LE", "avg"),
            "the schedule alone": ("base", "base-constant"), "PCRec over twice the epochs": ("LE", "base-2x-epochs"),
            "PCRec over the ensemble of two": ("LE", "apart-ensemble"), "PCRec over recency": ("LE", "recency")}


def explanations(frame: pd.DataFrame, name: str) -> Html:
    """PCRec's gain over its base, and below it the controls that may explain it: a row a model and comparison of
    ``evidence.decided``, a column a data set."""
    measured = frame[frame["RI"].notna()]
    compared = measured.groupby(["model", "a", "b"], sort=False)
    with_gain = measured.loc[(measured["a"] == "LE") & (measured["b"] == "base"), "model"].unique()
    rows = [_explanation(model, head, compared.get_group((model, *pair)).to_dict("records"))
            for model in with_gain for head, pair in _EXPLAIN.items() if (model, *pair) in compared.groups]
    shown = pd.DataFrame(rows, columns=["model", "comparison", *frame["data set"].unique(), "the paper"])
    note = ("The word, and the relative improvement in MRR@5 with its 95 % interval; * users only. A dash: no runs yet, or not"
            " planned for this model.")
    return table(shown, {}, name, note)


def _explanation(model: str, head: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    theirs = [f"{row['paper data set']} {percent(row['RI paper'])}" for row in rows if not missing(row["RI paper"])]
    cells = {row["data set"]: f"{row['word']}: {_improvement(row)}" for row in rows}
    return {"model": model, "comparison": head, **cells, "the paper": "; ".join(theirs) or DASH}


def unmeasured(frame: pd.DataFrame, name: str) -> Html:
    """The claims that no run has measured so far."""
    left = frame[frame["RI"].isna() & ~frame["kind"].isin(("all", "best"))]
    shown = left[["claim", "where", "data set"]].reset_index(drop=True)
    return table(shown, {}, name, f"{len(left)} of {len(frame)} claims.")


def said(frame: pd.DataFrame) -> dict[str, str]:
    """The words of claims for other pages, under keys such as ``table3-ml-sasrec-le-word``."""
    return {f"{name}-word": word for name, word in frame["word"].items()}
