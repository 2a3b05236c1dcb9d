"""Tables and figures in one visual style, each with its numbers as a CSV to download. No torch."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from pcrec_core import paper
from pcrec_core.arms import Arm
from pcrec_core.claims.words import WORDS
from pcrec_core.records import Record
from pcrec_core.spec import RunSpec

Formatter = Callable[[Any], str]
DASH = "–"
_DATA = "paper's data"
_SHORT = 26  # characters of a text that needs no second line


class Html:
    """Something a notebook shows: HTML, with a plain text for where there is none."""

    def __init__(self, markup: str, text: str) -> None:
        self._markup, self._text = markup, text

    def _repr_html_(self) -> str:
        return self._markup

    def __repr__(self) -> str:
        return self._text


def number(digits: int) -> Formatter:
    """Format with so many digits after the point; a dash for what is not there."""
    return lambda x: DASH if _missing(x) else f"{x:.{digits}f}"


def percent(x: Any) -> str:
    """+5.3 % for 0.053; a dash for what is not there."""
    return DASH if _missing(x) else f"{100 * x:+.1f} %"


def points(x: Any) -> str:
    """+5.3 for 0.053, a difference of two percentages; a dash for what is not there."""
    return DASH if _missing(x) else f"{100 * x:+.1f}"


def share(x: Any) -> str:
    """36 % for 0.36; a dash for what is not there."""
    return DASH if _missing(x) else f"{100 * x:.0f} %"


def count(x: Any) -> str:
    """12,345; a dash for what is not there."""
    return DASH if _missing(x) else f"{x:,.0f}"


def with_interval(form: Formatter, middle: Any, low: Any, high: Any, mark: bool = False) -> str:
    """``0.035 [0.029, 0.041]``, followed by * where the interval covers users only."""
    if _missing(middle):
        return DASH
    return f"{form(middle)} [{form(low)}, {form(high)}]{'*' if mark else ''}"


def _missing(x: Any) -> bool:
    return x is None or (isinstance(x, float) and np.isnan(x))


def table(frame: pd.DataFrame, formats: Mapping[str, Formatter], name: str, note: str = "",
          data: pd.DataFrame | None = None) -> Html:
    """A table people can sort in the book, a note below it, and its numbers as a CSV.

    Parameters
    ----------
    frame : DataFrame
        What is shown; its index is not.
    formats : mapping
        How a column is written; others as they are. Numbers keep their value for sorting.
    name : str
        Name of the CSV file, without its ending.
    note : str
        Said below: protocol, users, runs, test.
    data : DataFrame, optional
        What the CSV holds, if more than ``frame``.
    """
    head = "".join(f"<th>{html.escape(str(column))}</th>" for column in frame.columns)
    body = "".join(f"<tr>{''.join(_cell(value, formats.get(column)) for column, value in row.items())}</tr>"
                   for row in frame.to_dict("records"))
    markup = (f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
              "</div>")
    return Html(markup + _below(note) + csv_link(frame if data is None else data, name), f"{name}: {len(frame)} rows")


def _cell(value: Any, form: Formatter | None) -> str:
    order = f' data-order="{value!r}"' if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
    text = (form or (lambda x: DASH if _missing(x) else str(x)))(value)
    kind = ' class="text"' if len(text) > _SHORT and text[0].isalpha() and " " in text else ""
    return f"<td{order}{kind}>{html.escape(text)}</td>"


def _below(note: str) -> str:
    return f"<p><small>{html.escape(note)}</small></p>" if note else ""


def csv_link(frame: pd.DataFrame, name: str) -> str:
    """A link that holds the numbers themselves, so that it works in every notebook and on every page."""
    text = frame.to_csv(index=False, float_format="%.8g")
    return f'<p><a download="{name}.csv" href="data:text/csv;charset=utf-8,{quote(text)}">{name}.csv</a></p>'


def download(frame: pd.DataFrame, name: str) -> Html:
    """The numbers behind a figure, to download."""
    return Html(csv_link(frame, name), f"{name}.csv: {len(frame)} rows")


def footnote(arms: Sequence[Arm]) -> str:
    """What every table says of its numbers (STATISTICS.md, section 5)."""
    protocol = ", ".join(sorted({run.spec.protocol for arm in arms for run in arm.runs}))
    users = ", ".join(f"{arm.dataset} {arm.ranks.shape[1]:,} users" for arm in {a.dataset: a for a in arms}.values())
    runs = sorted({len(arm.runs) for arm in arms})
    only = " An interval marked * covers users only: one run in an arm says nothing about other runs." if 1 in runs else ""
    span = " to ".join(map(str, sorted({runs[0], runs[-1]})))
    return (f"Protocol {protocol}; {users}; {span} run(s) an arm; epoch chosen on validation NDCG@20, one read-out on test;"
            f" crossed t on the log ratio, 95 %, no adjustment.{only}")


def sources(found: Sequence[Record]) -> Html:
    """Which records a page rests on: name, hash of the result, commit."""
    unique = sorted({r.name: r for r in found}.values(), key=lambda r: r.name)
    rows = [{"record": r.name, "result": r.result_hash[:12], "commit": str(r.run.get("commit"))[:8],
             "clean": r.run.get("clean"), "device": r.run.get("device", DASH)} for r in unique]
    return table(pd.DataFrame(rows), {}, "records")


def show_values(frame: pd.DataFrame, name: str, note: str) -> Html:
    """The frame of ``arms.values``; the paper's values in a column that names its data set."""
    shown = pd.DataFrame({
        "data set": frame["data set"], "model": frame["model"], "variant": frame["variant"], "metric": frame["metric"],
        "mean [95 %]": [with_interval(number(4), r["mean"], r["low"], r["high"], r["users only"])
                        for r in frame.to_dict("records")],
        "run SD": frame["run SD"], "runs": frame["runs"]})
    theirs = {f"the paper, on {data}": frame["paper"].where(frame["paper's data"] == data)
              for data in frame["paper's data"].dropna().unique()}
    return table(shown.assign(**theirs), {"run SD": number(4), **dict.fromkeys(theirs, number(4))}, name, note, frame)


def show_comparisons(frame: pd.DataFrame, name: str, note: str) -> Html:
    """The frame of ``arms.comparisons``: RI, the paper's; then what they rest on. No column of dashes alone."""
    rows = frame.to_dict("records")
    shown = pd.DataFrame({
        **{column: frame[column] for column in ("data set", "model", "comparison", "metric")},
        "RI [95 %]": [with_interval(percent, r["RI"], r["low"], r["high"], r["users only"]) for r in rows],
        "RI of the paper": [DASH if _missing(r["RI paper"]) else f"{percent(r['RI paper'])} ({r[_DATA]})" for r in rows],
        **{column: frame[column] for column in ("p", "MDE", "ER", "DeltaRI", "df", "Vseed/V", "runs")}})
    shown = shown.rename(columns={"DeltaRI": "ΔRI"})
    empty = [column for column in shown if all(_missing(value) or value == DASH for value in shown[column])]
    formats = {"p": number(3), "df": number(0), "Vseed/V": share, "MDE": percent, "ER": number(2), "ΔRI": points}
    return table(shown.drop(columns=empty), formats, name, note, frame)


def show_statistics(found: Sequence[Record]) -> Html:
    """Sizes, ties and repeats of data sets (Table 1), from their records."""
    names = {"source": "data set", "users": "users", "items": "items", "actions": "actions",
             "actions_per_user_median": "median actions", "density": "density", "tie_share": "ties",
             "repeat_share_valid": "repeats, validation", "repeat_share_test": "repeats, test"}
    frame = pd.DataFrame([{shown: r.result[name] for name, shown in names.items()} for r in found])
    formats = {**dict.fromkeys(["users", "items", "actions", "median actions"], count), "density": number(4),
               **dict.fromkeys(["ties", "repeats, validation", "repeats, test"], share)}
    return table(frame, formats, "table1")


def said_statistics(found: Sequence[Record]) -> dict[str, str]:
    """Numbers of ``show_statistics`` for sentences of other pages, under keys such as ``ml-100k-users``."""
    forms = {"users": ("users", count), "items": ("items", count), "actions": ("actions", count),
             "ties": ("tie_share", share), "repeats": ("repeat_share_test", share)}
    return {f"{r.result['source']}-{key}": form(r.result[name]) for r in found for key, (name, form) in forms.items()}


def show_filter(found: Sequence[Record]) -> Html:
    """What was read, what each filter removed, and what is left."""
    order = [name for why in ("read", "core", "distinct", "short", "") for name in found[0].result["counts"]
             if name.partition("_")[2] == why] if found else []
    frame = pd.DataFrame([{"data set": r.result["source"], **{_said(name): r.result["counts"][name] for name in order}}
                          for r in found])
    return table(frame, dict.fromkeys(frame.columns[1:], count), "table1-filter",
                 "core: fewer than 5 actions; distinct: too few distinct items; short: fewer than three actions.")


def _said(name: str) -> str:
    what, _, why = name.partition("_")
    return f"{what} {'read' if why == 'read' else f'removed, {why}' if why else 'left'}"


def show_shares_held(frame: pd.DataFrame, note: str) -> Html:
    """The frame of ``arms.shares_held``."""
    return table(frame, {"alpha": "{:g}".format, "0.7 or more": share, "0.7 or more, to the chosen epoch": share,
                         "median": number(2), "held by peer 0": share}, "fig4-mu", note)


def said_shares_held(frame: pd.DataFrame) -> dict[str, str]:
    """How often max(mu, 1 - mu) is 0.7 or more, for sentences, under keys such as ``mu-sasrec-30`` (all exchanges) and
    ``mu-sasrec-30-early`` (up to the chosen epoch)."""
    columns = {"": "0.7 or more", "-early": "0.7 or more, to the chosen epoch"}
    return {f"mu-{row['model']}-{row['alpha']:g}{end}": share(row[column])
            for row in frame.to_dict("records") for end, column in columns.items()}


def show_run(record: Record) -> Html:
    """One run: what it was, what was chosen, what it reached on the test set."""
    chosen, run = record.result["chosen"], record.run
    frame = pd.DataFrame([{"run": record.name, "chosen epoch": chosen["epoch"], **record.result["test"],
                           "seconds": round(sum(run["seconds"].values()))}])
    return table(frame, dict.fromkeys(record.result["test"], number(4)), f"run-{record.identity}",
                 f"Protocol {record.key['protocol']}; {record.result['data']['users']:,} users;"
                 f" trained on {run['device']}, commit {str(run['commit'])[:8]}.")


def show_settings(specs: Sequence[RunSpec]) -> Html:
    """What the specs use, beside the paper's Table 2 for the counterpart of their data set."""
    theirs = paper.table(2).set_index(["dataset", "model"])
    names = {"sasrec": "SASRec", "dnn": "DNN", "bpr": "BPR"}
    rows = []
    for spec in specs:
        ours = {**vars(spec.training), **vars(spec.model)}
        counterpart = paper.COUNTERPART.get(spec.data.source)
        printed = theirs.loc[counterpart, names[spec.model.name]] if counterpart else pd.Series(dtype=object)
        pairs = {"batch": "b", "d": "d", "eta": "eta", "l2": "l2", "p": "p"}
        rows.append({"data set": spec.data.source, "model": spec.model.name, "epochs": ours["epochs"], "t": ours["t"],
                     **{f"{symbol}{who}": value for name, symbol in pairs.items()
                        for who, value in ((" here", ours[name]), (" paper", printed.get(symbol)))}})
    return table(pd.DataFrame(rows), dict.fromkeys(["t", "b paper", "d paper"], count), "table2",
                 "A dash is a setting that the model does not have, or that the paper does not print.")


def show_tried(found: Sequence[Record]) -> Html:
    """Every run by its settings and what it reached on validation: what lengths, rates and L2 were chosen from."""
    rows = [{"model": r.spec.model.name, "variant": r.spec.variant, "seed": r.spec.seed, "epochs": r.spec.training.epochs,
             "eta": r.spec.training.eta, "L2": r.spec.training.l2, "numerics": r.spec.numerics,
             "chosen epoch": r.result["chosen"]["epoch"],
             "validation NDCG@20": r.result["chosen"]["valid"]["NDCG@20"]} for r in found]
    frame = pd.DataFrame(rows).sort_values(["model", "variant", "seed", "epochs", "eta", "L2"], kind="stable")
    return table(frame, {"validation NDCG@20": number(4), "eta": "{:g}".format, "L2": "{:g}".format}, "table2-tried")


def said_comparisons(frame: pd.DataFrame) -> dict[str, str]:
    """The improvements of ``show_comparisons`` for sentences of other pages, under keys such as ``ml-100k-bpr-MRR@5``:
    RI with its interval; the MDE (``...-mde``); and the paper's RI (``...-paper``)."""
    said = {}
    for row in frame.to_dict("records"):
        key = f"{row['data set']}-{row['model']}-{row['metric']}"
        said |= {key: with_interval(percent, row["RI"], row["low"], row["high"], row["users only"]),
                 f"{key}-mde": percent(row["MDE"]), f"{key}-paper": percent(row["RI paper"])}
    return said


def show_claims(frame: pd.DataFrame, name: str) -> Html:
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


def seen(frame: pd.DataFrame) -> Html:
    """A sentence a claim of ``evidence.decided``: its word, with improvement, interval, users and runs; and how many claims
    have no runs yet."""
    rows = frame.to_dict("records")
    sentences = [_seen(row) for row in rows if not _missing(row["RI"])]
    left = sum(_missing(row["RI"]) and row["kind"] not in ("all", "best") for row in rows)
    compound = [f"{row['claim']} ({row['data set']}): {row['word']}." for row in rows if row["kind"] in ("all", "best")]
    said = [*sentences, *compound] + ([f"Claims without runs so far: {left}."] if left else [])
    text = said or ["No claim of the paper is about these data."]
    return Html("<ul>" + "".join(f"<li>{html.escape(sentence)}</li>" for sentence in text) + "</ul>", "\n".join(text))


def _seen(row: Mapping[str, Any]) -> str:
    kind = "users only, 95 %" if row["users only"] is True else "95 %"
    theirs = "" if _missing(row["RI paper"]) else f"; the paper {percent(row['RI paper'])}"
    ri = with_interval(percent, row["RI"], row["low"], row["high"])
    return (f"{row['claim']} ({row['data set']}): {_word(row)}. {row['a']} over {row['b']}, {row['metric']}: {ri} ({kind};"
            f" {row['users']:,.0f} users; runs {row['runs']}){theirs}.")


def show_questions(frame: pd.DataFrame, name: str) -> Html:
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


def show_unmeasured(frame: pd.DataFrame, name: str) -> Html:
    """The claims that no run has measured so far."""
    left = frame[frame["RI"].isna() & ~frame["kind"].isin(("all", "best"))]
    shown = left[["claim", "where", "data set"]].reset_index(drop=True)
    return table(shown, {}, name, f"{len(left)} of {len(frame)} claims.")


def said_claims(frame: pd.DataFrame) -> dict[str, str]:
    """The words of claims for other pages, under keys such as ``table3-ml-sasrec-le-word``."""
    return {f"{name}-word": word for name, word in frame["word"].items()}
