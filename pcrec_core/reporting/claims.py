"""Claims as tables and sentences: what pages show of ``evidence.decided``. No torch."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pcrec_core import paths
from pcrec_core.analysis.claims import table as claim_table
from pcrec_core.analysis.claims.decide import COMPOUND
from pcrec_core.analysis.claims.outcomes import DECIDED, INCONCLUSIVE, KINDS, NOT_TESTED, WORDS
from pcrec_core.reporting.described import described
from pcrec_core.reporting.formats import (
    DASH,
    _improvement,
    count,
    missing,
    number,
    percent,
    points,
    probability,
    share,
    with_interval,
)
from pcrec_core.reporting.html import Html, table
from pcrec_core.reporting.tables import OF_RUNS
from pcrec_core.specs.derived import TRIVIAL


def claims(frame: pd.DataFrame, name: str) -> Html:
    """Claims as ``evidence.decided`` gives them: the sentence, the word, and what it rests on; nothing without a claim, which
    ``sentences`` says."""
    if frame.empty:
        return Html("", "no claims")
    rows = frame.to_dict("records")
    shown = pd.DataFrame(
        {
            "question": frame["question"].to_list(),
            "where": frame["where"].to_list(),
            "claim": [f"{row['claim']} ({row['data set']})" for row in rows],
            "word": [_word(row) for row in rows],
            "RI [95 %]": [_improvement(row) for row in rows],
            "the paper": [_theirs(row) for row in rows],
            "ΔRI": frame["DeltaRI"].to_list(),
            "ER [95 %]": [
                with_interval(
                    number(2), row["ER"], row["ER low"], row["ER high"], row["users only"] is True
                )
                for row in rows
            ],
            **{
                column: frame[column].to_list()
                for column in ("p", "Holm p", "df", "Vseed/V", "MDE")
            },
            "e33": [_small_telescope(row) for row in rows],
            "users": frame["users"].to_list(),
            "runs": frame["runs"].to_list(),
            "NDCG@20": [word or DASH for word in frame["NDCG@20"].fillna("")],
        }
    )
    formats = {
        "ΔRI": points,
        "p": probability,
        "Holm p": probability,
        "df": number(0),
        "Vseed/V": share,
        "MDE": percent,
        "users": count,
    }
    return table(
        shown,
        formats,
        name,
        _RULE + _families(frame),
        _csv(frame),
    )


def _csv(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.drop(columns=claim_table.MEMBERS).reset_index()
    return plain.assign(described=[described(facts) for facts in frame["described"]])


_RULE = (
    "Protocol controlled; epoch chosen on validation NDCG@20, one read-out on test. MRR@5 decides; the word in NDCG@20 is in"
    " brackets. RI with crossed t on the log ratio, 95 %, not adjusted; * users only. e33: the gain that the paper had 33 %"
    " power to find, with a dagger where our upper limit is below it. What follows a word grades the size, by the 90 %"
    f" interval. {OF_RUNS}"
)


def _families(frame: pd.DataFrame) -> str:
    sizes = frame.dropna(subset="m").drop_duplicates("family").set_index("family")["m"]
    listed = "".join(f", {name} {m:.0f}" for name, m in sizes.items())
    return f" Holm over m claims of each family{listed}." if listed else ""


def _theirs(row: Mapping[str, Any]) -> str:
    return (
        DASH if missing(row["RI paper"]) else f"{row['paper data set']} {percent(row['RI paper'])}"
    )


def _small_telescope(row: Mapping[str, Any]) -> str:
    return (
        DASH
        if missing(row["e33"])
        else percent(math.expm1(row["e33"])) + ("†" if row["below e33"] else "")
    )


def _word(row: Mapping[str, Any]) -> str:
    return (row["word"] or "no word") + (
        f": {row['grade']}" if row["grade"] else f" ({row['reason']})" if row["reason"] else ""
    )


def sentences(frame: pd.DataFrame) -> Html:
    """List the claims of ``evidence.decided``, one sentence each, undecided ones last in a collapsed section.

    A sentence gives the verdict, the relative improvement with its 95 % interval, and the numbers of users and runs.
    The last open item counts the claims that have no runs yet.
    """
    rows = frame[frame["measured"] | frame["kind"].isin(COMPOUND)].to_dict("records")
    said, undecided = (
        [
            _seen(row)
            for row in sorted(rows, key=lambda row: row["kind"] in COMPOUND)
            if (row["word"] in WORDS and row["word"] not in DECIDED) is folded
        ]
        for folded in (False, True)
    )
    if left := len(_unmeasured(frame)):
        said.append(f"Claims without runs so far: {left}.")
    if not said + undecided:
        said.append("No claim of the paper is about these data.")
    fold = f"<details><summary>Claims that are inconclusive or not tested: {len(undecided)}</summary>{_list(undecided)}</details>"
    return Html(_list(said) + fold * bool(undecided), "\n".join(said + undecided))


def _list(said: Sequence[str]) -> str:
    return (
        "<ul>" + "".join(f"<li>{html.escape(sentence)}</li>" for sentence in said) + "</ul>"
        if said
        else ""
    )


def _unmeasured(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[~frame["measured"] & ~frame["kind"].isin(COMPOUND)]


def _seen(row: Mapping[str, Any]) -> str:
    claim = f"{row['claim']} ({row['data set']})"
    if row["kind"] in COMPOUND:
        return f"{claim}: {_joined(row)}."
    if row["kind"] not in KINDS and missing(row["difference"]):
        return f"{claim}: {described(row['described'])}."
    if row["kind"] == "run-level":
        difference = with_interval("{:+.3f}".format, row["difference"], row["low"], row["high"])
        more = f"; {described(row['described'])}" if row["described"] else ""
        return (
            f"{claim}: {row['a']} {row['mean']:.3f}, {row['b']} {row['mean of base']:.3f}, difference {difference} (95 %;"
            f" Welch's test over runs, p {row['p']:.3f}; runs {row['runs']}){more}."
        )
    kind = "users only, 95 %" if row["users only"] is True else "95 %"
    theirs = "" if missing(row["RI paper"]) else f"; the paper {percent(row['RI paper'])}"
    ri = with_interval(percent, row["RI"], row["low"], row["high"])
    return (
        f"{claim}: {_word(row)}. {row['a']} over {row['b']}, {row['metric']}: {ri} ({kind}; {row['users']:,.0f} users;"
        f" runs {row['runs']}){theirs}."
    )


#: The paper's research questions, and what stands beside them.
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


def questions(frame: pd.DataFrame, name: str) -> Html:
    """How many claims of each research question got which word, on each of our data sets."""
    plain = frame["measured"].map({True: "shown without a word", False: "not measured"})
    named = frame.assign(word=frame["word"].where(frame["word"] != "", plain))
    named = named[~named["kind"].isin(COMPOUND)]
    named = named.assign(question=[_part(row) for row in named.to_dict("records")])
    counts = named.groupby(["question", "data set", "word"]).size()
    rows = [
        {"research question": ASKED[question]}
        | {
            dataset: _counted(counts.get((question, dataset), pd.Series(dtype=int)))
            for dataset in _datasets(frame)
        }
        for question in ASKED
        if (named["question"] == question).any()
    ]
    note = (
        "Claims that join others (every model, every alpha) are not counted again. Claims without runs are not tested:"
        " they are named at the end."
    )
    return table(pd.DataFrame(rows), {}, name, note, counts.rename("claims").reset_index())


def _part(row: Mapping[str, Any]) -> str:
    """The question of ``ASKED`` that a claim belongs to."""
    bases = row["question"] == "RQ1" and row["a"].endswith("base")
    trivial = row["question"] == "controls" and row["b"] in TRIVIAL
    return row["question"] + ("-bases" if bases else "-trivial" if trivial else "")


def _counted(words: pd.Series) -> str:
    order = (*WORDS, "shown without a word", "not measured")
    return ", ".join(f"{words[word]} {word}" for word in order if word in words) or DASH


def headlines(frame: pd.DataFrame, name: str) -> Html:
    """Of each claim that some data set decides: the word on each, with what it rests on, and the one for all."""
    lines = claim_table.headlines(frame)
    decided = lines[~lines["headline"].isin([INCONCLUSIVE, NOT_TESTED])]
    told = {
        (row["claim"], row["model"], row["data set"]): _joined(row)
        if row["kind"] in COMPOUND
        else _told(row)
        for row in frame.to_dict("records")
    }
    cells = {
        dataset: [
            told.get((claim, model, dataset), DASH)
            for claim, model in decided[["claim", "model"]].to_numpy()
        ]
        for dataset in _datasets(frame)
    }
    note = (
        f"{len(decided)} of {len(lines)} claims; the others are inconclusive or not tested on all of our data sets. Words"
        f" of data sets that disagree are listed, never pooled. {_users(frame)}"
    )
    shown = decided[["question", "claim"]].assign(**cells, headline=decided["headline"])
    return table(shown, {}, name, note, lines)


def _told(row: Mapping[str, Any]) -> str:
    """A word with its improvement, interval and runs."""
    return (
        row["word"]
        if missing(row["RI"])
        else f"{row['word']}: {_improvement(row)}, runs {row['runs']}"
    )


def _joined(row: Mapping[str, Any]) -> str:
    """The word of a claim that joins others, with the members that decide it."""
    members = row[claim_table.MEMBERS]
    several = len({one["model"] for one in members}) > 1
    by = [
        f"{one['model'] + ' ' if several else ''}{one['a']} over {one['b']}: {_improvement(one)}"
        for one in members
        if one["word"] == row["word"] and row["word"] in DECIDED
    ]
    left = sum(not one["measured"] for one in members)
    more = [f"by {', '.join(by)}"] * bool(by) + [f"{left} of {len(members)} not measured"] * bool(
        by and left
    )
    return "; ".join([row["word"], *more])


def _datasets(frame: pd.DataFrame) -> list[str]:
    """The data sets on which some claim was tested: those that are planned have no column yet."""
    return list(frame.loc[frame["RI"].notna(), "data set"].unique())


def _users(frame: pd.DataFrame) -> str:
    users = frame.dropna(subset="users").groupby("data set", sort=False)["users"].first()
    return (
        "Users: "
        + "".join(f"{name} {n:,.0f}; " for name, n in users.items())
        + "* users only, not runs."
    )


#: The gain, then the controls that may explain it, in the order of the table: a over b of ``claims.csv``.
_EXPLAIN = {
    "PCRec over its base": ("LE", "base"),
    "PCRec over averaging": ("LE", "avg"),
    "the schedule alone": ("base", "base-constant"),
    "PCRec over twice the epochs": ("LE", "base-2x-epochs"),
    "PCRec over two that never exchange, as an ensemble": ("LE", "apart-ensemble"),
    "PCRec over recency": ("LE", "recency"),
}


def explanations(frame: pd.DataFrame, name: str) -> Html:
    """PCRec over its base, and below it the controls that may explain a gain: a row a model and comparison of
    ``evidence.decided``, a column a data set."""
    measured = frame[frame["RI"].notna()]
    compared = measured.groupby(["model", "a", "b"], sort=False)
    with_gain = measured.loc[(measured["a"] == "LE") & (measured["b"] == "base"), "model"].unique()
    rows = [
        _explanation(model, head, compared.get_group((model, *pair)).to_dict("records"))
        for model in with_gain
        for head, pair in _EXPLAIN.items()
        if (model, *pair) in compared.groups
    ]
    shown = pd.DataFrame(rows, columns=["model", "comparison", *_datasets(frame), "the paper"])
    note = (
        "The word, and the relative improvement in MRR@5 with its 95 % interval. A dash: no runs yet, not planned for this"
        f" model, or a mean of 0. {_users(frame)}"
    )
    return table(shown, {}, name, note)


def _explanation(model: str, head: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    theirs = [_theirs(row) for row in rows if not missing(row["RI paper"])]
    return {
        "model": model,
        "comparison": head,
        **{row["data set"]: _told(row) for row in rows},
        "the paper": "; ".join(theirs) or DASH,
    }


def changes(frame: pd.DataFrame, name: str) -> Html:
    """Choices that were changed after evidence existed (``data/changes.csv``), with improvement and word of the claims under
    both."""
    both = pd.read_csv(paths.data() / "changes.csv").merge(frame.reset_index(), on="id")
    rows = both.to_dict("records")
    shown = both[["date", "choice", "before", "now", "claim", "data set"]].assign(
        **{
            "RI before": [
                with_interval(
                    percent,
                    *(row[f"{column} before"] for column in ("RI", "low", "high")),
                    row["runs before"] == 1,
                )
                for row in rows
            ],
            "word before": both["word before"],
            "RI now": [_improvement(row) for row in rows],
            "word now": [_word(row) for row in rows],
            "up to commit": both["commit"],
        }
    )
    return table(
        shown,
        {},
        name,
        "Three runs in both arms before, or one (*, users only); no word had been given while a"
        " family was not whole. The records of before are in the history of the repository.",
    )


def unmeasured(frame: pd.DataFrame, name: str) -> Html:
    """The claims that no run has measured so far."""
    left = _unmeasured(frame)
    shown = left[["claim", "where", "data set"]].reset_index(drop=True)
    return table(
        shown,
        {},
        name,
        f"{len(left)} of {len(frame)} claims.",
        empty=f"Every one of the {len(frame)} claims has runs.",
    )
