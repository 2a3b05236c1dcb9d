"""Tables and figures in one visual style, each with its numbers as a CSV to download. No torch."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from pcrec_core.analysis import paper
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import defaults
from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates

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
    return lambda x: DASH if missing(x) else f"{x:.{digits}f}"


def percent(x: Any) -> str:
    """+5.3 % for 0.053, unbroken at a line's end; a dash for what is not there."""
    return DASH if missing(x) else f"{100 * x:+.1f}\N{NO-BREAK SPACE}%"


def size(x: float) -> str:
    """5.3 % for 0.053, of what has no sign, unbroken at a line's end."""
    return f"{100 * x:.1f}\N{NO-BREAK SPACE}%"


def points(x: Any) -> str:
    """+5.3 for 0.053, a difference of two percentages; a dash for what is not there."""
    return DASH if missing(x) else f"{100 * x:+.1f}"


def share(x: Any) -> str:
    """36 % for 0.36, unbroken at a line's end; a dash for what is not there."""
    return DASH if missing(x) else f"{100 * x:.0f}\N{NO-BREAK SPACE}%"


def probability(x: Any) -> str:
    """0.042; < 0.001 for what would be written as 0."""
    return "< 0.001" if not missing(x) and x < 0.0005 else number(3)(x)


def count(x: Any) -> str:
    """12,345; a dash for what is not there."""
    return DASH if missing(x) else f"{x:,.0f}"


def general(x: Any) -> str:
    """2048, 0.001 or 1e-05, of a number or of its printed form; a dash for what is not there."""
    return DASH if missing(x) else f"{float(x):g}"


def with_interval(form: Formatter, middle: Any, low: Any, high: Any, mark: bool = False) -> str:
    """``0.035 [0.029, 0.041]``, followed by * where the interval covers users only."""
    if missing(middle):
        return DASH
    return f"{form(middle)} [{form(low)}, {form(high)}]{'*' if mark else ''}"


def missing(x: Any) -> bool:
    """Whether there is no value: None or a NaN."""
    return x is None or (isinstance(x, float) and np.isnan(x))


def sentence(text: str) -> Html:
    """A paragraph of plain text."""
    return Html(f"<p>{html.escape(text)}</p>", text)


def table(
    frame: pd.DataFrame,
    formats: Mapping[str, Formatter],
    name: str,
    note: str = "",
    data: pd.DataFrame | None = None,
    empty: str = "Nothing to show here.",
) -> Html:
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
    empty : str
        What is said in place of a table without rows.
    """
    if frame.empty:
        return sentence(empty)
    head = "".join(f"<th>{html.escape(str(column))}</th>" for column in frame.columns)
    body = "".join(
        f"<tr>{''.join(_cell(value, formats.get(column)) for column, value in row.items())}</tr>"
        for row in frame.to_dict("records")
    )
    markup = (
        f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )
    return Html(
        markup + _below(note) + csv_link(frame if data is None else data, name),
        f"{name}: {len(frame)} rows",
    )


def _cell(value: Any, form: Formatter | None) -> str:
    # as many digits as in the CSV: the last of 17 differ between processors
    order = (
        f' data-order="{value:.8g}"'
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else ""
    )
    text = (form or (lambda x: DASH if missing(x) else str(x)))(value)
    long = len(text) > _SHORT and text[0].isalpha() and " " in text
    kind = ' class="lines"' if "\n" in text else ' class="text"' if long else ""
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


#: By whether the epoch was chosen on the test set.
_CHOICE = {
    False: "epoch chosen on validation NDCG@20, one read-out on test",
    True: "each metric from its best epoch on the test set, which the intervals take as given",
}


def footnote(arms: Sequence[Replicates]) -> str:
    """What every table says of its numbers (STATISTICS.md, section 5)."""
    if not arms:
        return ""
    protocol = ", ".join(sorted({run.spec.protocol for arm in arms for run in arm.runs}))
    users = ", ".join(
        f"{arm.dataset} {arm.ranks.shape[1]:,} users"
        for arm in {a.dataset: a for a in arms}.values()
    )
    runs = sorted({len(arm.runs) for arm in arms})
    alone = any(len(arm.runs) == 1 and arm.random for arm in arms)
    only = (
        " An interval marked * covers users only: one run in an arm says nothing about other runs."
        if alone
        else ""
    )
    span = " to ".join(map(str, sorted({runs[0], runs[-1]})))
    kept = {_CHOICE["best" in run.result] for arm in arms for run in arm.runs}
    return (
        f"Protocol {protocol}; {users}; {span} run(s) an arm; {', or '.join(sorted(kept))};"
        f" crossed t on the log ratio, 95 %, no adjustment.{only}"
    )


def sources(found: Sequence[Record]) -> Html:
    """Which records a page rests on: name, what is set otherwise than the study's runs have it, hash of the result, commit."""
    unique = sorted({r.name: r for r in found}.values(), key=lambda r: r.name)
    rows = [
        {
            "record": r.name,
            "set otherwise": _set_otherwise(r),
            "result": r.result_hash[:12],
            "commit": str(r.run.get("commit"))[:8],
            "clean": r.run.get("clean"),
            "device": r.run.get("device", DASH),
        }
        for r in unique
    ]
    return table(_without_empty(pd.DataFrame(rows)), {}, "records")


def _set_otherwise(record: Record) -> str:
    """Such as ``schedule constant``: two runs of one variant are told apart by it. Of what is derived, that of its runs."""
    runs = [
        run for run in getattr(record.spec, "parents", (record.spec,)) if isinstance(run, RunSpec)
    ]
    said = [f"{name} {value}" for run in runs for name, value in defaults.changed(run).items()]
    return ", ".join(dict.fromkeys(said)) or DASH


def _without_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without its columns of dashes alone."""
    return frame.drop(
        columns=[
            name for name in frame if all(missing(value) or value == DASH for value in frame[name])
        ]
    )


def show_values(frame: pd.DataFrame, name: str, note: str) -> Html:
    """The frame of ``arms.values``, as the paper prints it: a row an arm, a column a metric; below an arm the paper's values, of
    its own data set, where it prints some."""
    rows = []
    for (dataset, model, variant), one in frame.groupby(
        ["data set", "model", "variant"], sort=False
    ):
        ours = one.to_dict("records")
        rows.append(
            {
                "data set": dataset,
                "model": model,
                "variant": variant,
                "runs": ours[0]["runs"],
                **{row["metric"]: _mean(row) for row in ours},
            }
        )
        if one["paper"].notna().any():
            rows.append(
                {
                    "data set": ours[0][_DATA],
                    "model": model,
                    "variant": f"{variant}, the paper",
                    "runs": None,
                    **{row["metric"]: number(4)(row["paper"]) for row in ours},
                }
            )
    return table(
        pd.DataFrame(rows),
        {"runs": count},
        name,
        f"Mean, 95 % interval, and the SD over runs. {note}",
        frame,
    )


def _mean(row: Mapping[str, Any]) -> str:
    """Mean, interval and SD over runs, a line each."""
    middle = with_interval(
        number(4), row["mean"], row["low"], row["high"], row["users only"]
    ).replace(" [", "\n[", 1)
    return (
        middle if missing(row["run SD"]) else f"{middle}\nSD\N{NO-BREAK SPACE}{row['run SD']:.4f}"
    )


#: What a column of comparisons says.
OF_RUNS = "Vseed/V: the part of the variance that comes from runs."


def show_comparisons(frame: pd.DataFrame, name: str, note: str) -> Html:
    """The frame of ``arms.comparisons``: RI, the paper's; then what they rest on. No column of dashes alone."""
    if frame.empty:
        return sentence("Nothing is compared here.")
    rows = frame.to_dict("records")
    shown = pd.DataFrame(
        {
            **{column: frame[column] for column in ("data set", "model", "comparison", "metric")},
            "RI [95 %]": [
                with_interval(percent, r["RI"], r["low"], r["high"], r["users only"]) for r in rows
            ],
            "RI of the paper": [
                DASH if missing(r["RI paper"]) else f"{percent(r['RI paper'])} ({r[_DATA]})"
                for r in rows
            ],
            **{
                column: frame[column] for column in ("p", "MDE", "DeltaRI", "df", "Vseed/V", "runs")
            },
        }
    )
    shown = shown.rename(columns={"DeltaRI": "ΔRI"})
    formats = {"p": probability, "df": number(0), "Vseed/V": share, "MDE": percent, "ΔRI": points}
    shown = _without_empty(shown)
    return table(shown, formats, name, f"{note} {OF_RUNS}" if "Vseed/V" in shown else note, frame)


def show_statistics(found: Sequence[Record]) -> Html:
    """Sizes, ties and repeats of data sets (Table 1), from their records."""
    names = {
        "source": "data set",
        "users": "users",
        "items": "items",
        "actions": "actions",
        "actions_per_user_median": "median actions",
        "density": "density",
        "tie_share": "ties",
        "repeat_share_valid": "repeats, validation",
        "repeat_share_test": "repeats, test",
    }
    frame = pd.DataFrame([{shown: r.result[name] for name, shown in names.items()} for r in found])
    formats = {
        **dict.fromkeys(["users", "items", "actions", "median actions"], count),
        "density": number(4),
        **dict.fromkeys(["ties", "repeats, validation", "repeats, test"], share),
    }
    return table(frame, formats, "table1")


def said_statistics(found: Sequence[Record]) -> dict[str, str]:
    """Numbers of ``show_statistics`` for sentences of other pages, under keys such as ``ml-100k-users``."""
    forms = {
        "users": ("users", count),
        "items": ("items", count),
        "actions": ("actions", count),
        "ties": ("tie_share", share),
        "repeats": ("repeat_share_test", share),
    }
    return {
        f"{r.result['source']}-{key}": form(r.result[name])
        for r in found
        for key, (name, form) in forms.items()
    }


def show_filter(found: Sequence[Record]) -> Html:
    """What was read, what each filter removed, and what is left."""
    order = (
        [
            name
            for why in ("read", "core", "distinct", "short", "")
            for name in found[0].result["counts"]
            if name.partition("_")[2] == why
        ]
        if found
        else []
    )
    frame = pd.DataFrame(
        [
            {
                "data set": r.result["source"],
                **{_said(name): r.result["counts"][name] for name in order},
            }
            for r in found
        ]
    )
    return table(
        frame,
        dict.fromkeys(frame.columns[1:], count),
        "table1-filter",
        "core: fewer than 5 actions; distinct: too few distinct items; short: fewer than three actions.",
    )


def _said(name: str) -> str:
    what, _, why = name.partition("_")
    return f"{what} {'read' if why == 'read' else f'removed, {why}' if why else 'left'}"


def show_shares_held(frame: pd.DataFrame, name: str, note: str) -> Html:
    """The frame of ``arms.shares_held``."""
    return table(
        frame,
        {
            "alpha": "{:g}".format,
            "0.7 or more": share,
            "0.7 or more, to the chosen epoch": share,
            "median": number(2),
            "held by peer 0": share,
        },
        name,
        note,
        empty="No run here has a mu.",
    )


def said_shares_held(frame: pd.DataFrame) -> dict[str, str]:
    """How often max(mu, 1 - mu) is 0.7 or more, for sentences, under keys such as ``mu-ml-100k-sasrec-30`` (all exchanges) and
    ``mu-ml-100k-sasrec-30-early`` (up to the chosen epoch)."""
    columns = {"": "0.7 or more", "-early": "0.7 or more, to the chosen epoch"}
    return {
        f"mu-{row['data set']}-{row['model']}-{row['alpha']:g}{end}": share(row[column])
        for row in frame.to_dict("records")
        for end, column in columns.items()
    }


def show_below(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``curves.below``."""
    under = [column for column in frame.columns if column.startswith("under ")]
    return table(
        frame,
        dict.fromkeys(under, share) | dict.fromkeys(["mean H", "least H"], number(2)),
        name,
        "Share of the layers of all runs whose entropy is under a threshold, in nats; mean H over layers and runs, least"
        " H of any layer. The paper, at 0.5 on ML-20M: SASRec about 20 %, PCRec under 5 %.",
    )


def said_below(frame: pd.DataFrame) -> dict[str, str]:
    """The ratios of ``curves.below`` for sentences, under keys such as ``block-matrices-sasrec-base-under-0.50``."""
    return {
        f"{row['layers']}-{row['model']}-{row['variant']}-{column}".replace(" ", "-"): share(
            row[column]
        )
        for row in frame.to_dict("records")
        for column in row
        if column.startswith("under ")
    }


def show_run(record: Record) -> Html:
    """One run: what it was, what was chosen, what it reached on the test set."""
    chosen, run = record.result["chosen"], record.run
    frame = pd.DataFrame(
        [
            {
                "run": record.name,
                "chosen epoch": chosen["epoch"] + 1,
                **record.result["test"],
                "seconds": round(sum(run["seconds"].values())),
            }
        ]
    )
    return table(
        frame,
        dict.fromkeys(record.result["test"], number(4)),
        f"run-{record.identity}",
        f"Protocol {record.key['protocol']}; {record.result['data']['users']:,} users;"
        f" trained on {run['device']}, commit {str(run['commit'])[:8]}.",
    )


def show_settings(specs: Sequence[RunSpec]) -> Html:
    """What the specs use, beside the paper's Table 2 for the counterpart of their data set."""
    theirs = paper.table(2).rename(columns={"l2": "L2"}).set_index(["dataset", "model"])
    names = {"sasrec": "SASRec", "dnn": "DNN", "bpr": "BPR"}
    rows = []
    for spec in specs:
        ours = {**vars(spec.training), **vars(spec.model)}
        counterpart = paper.COUNTERPART.get(spec.data.source)
        printed = (
            theirs.loc[counterpart, names[spec.model.name]]
            if counterpart
            else pd.Series(dtype=object)
        )
        pairs = {"batch": "b", "d": "d", "eta": "eta", "l2": "L2", "p": "p"}
        rows.append(
            {
                "data set": spec.data.source,
                "model": spec.model.name,
                "epochs": ours["epochs"],
                "t": ours["t"],
                **{
                    f"{symbol}{who}": value
                    for name, symbol in pairs.items()
                    for who, value in ((" here", ours[name]), (" paper", printed.get(symbol)))
                },
            }
        )
    written = (
        {name: general for name in rows[0] if name.endswith((" here", " paper"))} if rows else {}
    )
    return table(
        pd.DataFrame(rows),
        {"t": count, **written},
        "table2",
        "t: items of a sequence; b: rows of a batch; d: size of an embedding; eta: learning rate; p: share of dropout. A"
        " dash is a setting that the model does not have, or that the paper does not print.",
    )


def show_tried(found: Sequence[Record]) -> Html:
    """Runs by their settings and what they reached on validation: what lengths, rates and L2 were chosen from."""
    rows = [
        {
            "data set": r.spec.data.source,
            "model": r.spec.model.name,
            "variant": r.spec.variant,
            "seed": r.spec.seed,
            "epochs": r.spec.training.epochs,
            "eta": r.spec.training.eta,
            "L2": r.spec.training.l2,
            "numerics": r.spec.numerics,
            "chosen epoch": r.result["chosen"]["epoch"] + 1,
            "validation NDCG@20": r.result["chosen"]["valid"]["NDCG@20"],
        }
        for r in found
    ]
    if not rows:
        return sentence(
            "No run here is a trial: base or PCRec with nothing changed but the length, the rate or L2."
        )
    frame = pd.DataFrame(rows).sort_values(
        ["data set", "model", "variant", "seed", "epochs", "eta", "L2"], kind="stable"
    )
    return table(
        frame, {"validation NDCG@20": number(4), "eta": general, "L2": general}, "table2-tried"
    )


def said_values(frame: pd.DataFrame, metric: str) -> dict[str, str]:
    """Means of ``arms.values`` for sentences of other pages, under keys such as ``ml-100k-bpr-base-MRR@5``."""
    rows = frame[frame["metric"] == metric].to_dict("records")
    return {
        f"{row['data set']}-{row['model']}-{row['variant']}-{metric}": number(4)(row["mean"])
        for row in rows
    }


def said_comparisons(frame: pd.DataFrame) -> dict[str, str]:
    """The improvements of ``show_comparisons`` for sentences of other pages, under keys such as
    ``ml-100k-bpr-LE-over-base-MRR@5``: RI with its interval; the MDE (``...-mde``); and the paper's RI (``...-paper``)."""
    said = {}
    for row in frame.to_dict("records"):
        key = f"{row['data set']}-{row['model']}-{row['comparison'].replace(' ', '-')}-{row['metric']}"
        said |= {
            key: with_interval(percent, row["RI"], row["low"], row["high"], row["users only"]),
            f"{key}-mde": percent(row["MDE"]),
            f"{key}-paper": percent(row["RI paper"]),
        }
    return said
