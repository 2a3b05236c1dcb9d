"""Tables and figures in one visual style, each with its numbers as a CSV to download. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pcrec_core.reporting.formats import (
    DASH,
    count,
    missing,
    number,
    percent,
    points,
    probability,
    share,
    with_interval,
)
from pcrec_core.reporting.html import Html, sentence, table
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import defaults
from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates

_DATA = "paper's data"


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
