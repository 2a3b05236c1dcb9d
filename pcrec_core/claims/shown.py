"""Claims as tables and sentences: what pages show of ``evidence.decided``. No torch."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pcrec_core.claims.words import WORDS
from pcrec_core.report import Html, count, missing, number, percent, table, with_interval
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


def questions(frame: pd.DataFrame, name: str) -> Html:
    """How many claims of each research question got which word."""
    worded = frame[frame["word"] != ""]
    words = [word for word in WORDS if (worded["word"] == word).any()]
    counts = pd.crosstab(worded["question"], worded["word"]).reindex(columns=words)
    counts.insert(0, "claims", counts.sum(axis=1))
    asked = {"RQ1": "RQ1: is PCRec better than its base?", "RQ2": "RQ2: which variant?", "RQ3": "RQ3: which components?",
             "RQ4": "RQ4: learning rates, orders, alpha", "RQ5": "RQ5: why does it work?",
             "controls": "controls of this study: is it PCRec that helps?"}
    shown = counts.reset_index().rename(columns={"question": "research question"})
    shown["research question"] = [asked.get(q, q) for q in shown["research question"]]
    return table(shown, dict.fromkeys(shown.columns[1:], count), name, "A claim counts once on each of our data sets.")


def headlines(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``tables.headlines``: of each claim that some data set decides, the word on each, and the one for all."""
    by_data = frame.columns[frame.columns.get_loc("claim") + 1:]
    decided = frame[frame["headline"] != NOT_DECIDABLE]
    note = (f"{len(decided)} of {len(frame)} claims; the others are not decidable on any of our data sets. Words of data sets"
            " that disagree are listed, never pooled.")
    return table(decided[["question", "artifact", "claim", *by_data]], {}, name, note, frame)


#: Controls beside the claim that they may explain, in the order of the table: a over b of ``claims.csv``.
_EXPLAIN = {"PCRec over its base": ("LE", "base"), "PCRec over averaging": ("LE", "avg"),
            "the schedule alone": ("base", "base-constant"), "PCRec over twice the epochs": ("LE", "base-2x-epochs"),
            "PCRec over the ensemble of two": ("LE", "apart-ensemble"), "PCRec over recency": ("LE", "recency")}


def explanations(frame: pd.DataFrame, name: str) -> Html:
    """PCRec's gain over its base beside the controls that may explain it: a row a data set and model of
    ``evidence.decided``."""
    rows = []
    for (dataset, model), one in frame.groupby(["data set", "model"], sort=False):
        found = {(row["a"], row["b"]): row for row in one.to_dict("records") if not missing(row["RI"])}
        cells = {head: f"{_improvement(found[pair])}: {found[pair]['word']}" for head, pair in _EXPLAIN.items() if pair in found}
        if _EXPLAIN["PCRec over its base"] in found:
            rows.append({"data set": dataset, "model": model, **cells})
    return table(pd.DataFrame(rows), {}, name, "RI in MRR@5 with its 95 % interval, and the word. * users only.")


def unmeasured(frame: pd.DataFrame, name: str) -> Html:
    """The claims that no run has measured so far."""
    left = frame[frame["RI"].isna() & ~frame["kind"].isin(("all", "best"))]
    shown = left[["claim", "where", "data set"]].reset_index(drop=True)
    return table(shown, {}, name, f"{len(left)} of {len(frame)} claims.")


def said(frame: pd.DataFrame) -> dict[str, str]:
    """The words of claims for other pages, under keys such as ``table3-ml-sasrec-le-word``."""
    return {f"{name}-word": word for name, word in frame["word"].items()}
