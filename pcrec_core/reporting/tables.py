"""Tables of most pages: means, comparisons, the records behind them, and one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pcrec_core.metrics import PRIMARY, SELECTION
from pcrec_core.reporting.formats import (
    DASH,
    count,
    improvements,
    missing,
    number,
    percent,
    probability,
    size,
    with_interval,
)
from pcrec_core.reporting.html import Html, sentence, table, without_empty
from pcrec_core.reporting.names import arm_name, compared_by_model, dataset_name, variant_name
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import defaults
from pcrec_core.study.records import ModelRecord, Record, RunRecord
from pcrec_core.study.replicates import Replicates

#: How the epoch was chosen, by whether it was chosen on the test set.
_CHOICE = {
    False: "epoch chosen on validation NDCG@20, single test evaluation",
    True: "each metric from its best epoch on the test set, which the intervals treat as fixed",
}


def footnote(arms: Sequence[Replicates]) -> str:
    """State protocol, users, runs and test behind a table's numbers (:ref:`statistics-tables`)."""
    if not arms:
        return ""
    protocol = ", ".join(sorted({run.spec.protocol for arm in arms for run in arm.runs}))
    by_dataset: dict[str, set[int]] = {}
    for arm in arms:
        by_dataset.setdefault(arm.dataset, set()).add(arm.users)
    users = ", ".join(
        f"{dataset_name(name)} {' or '.join(f'{n:,}' for n in sorted(numbers))} users"
        for name, numbers in by_dataset.items()
    )
    runs = [len(arm.runs) for arm in arms]
    span = " to ".join(map(str, sorted({min(runs), max(runs)})))
    span += " run" if max(runs) == 1 else " runs"
    choices = {_CHOICE[_on_test(run)] for arm in arms for run in arm.runs}
    star = " An interval marked * covers users only, not runs: one of the arms has a single run."
    alone = any(len(arm.runs) == 1 and arm.random for arm in arms)
    return (
        f"Protocol {protocol}; {users}; {span} per arm; {', or '.join(sorted(choices))};"
        f" crossed t on the log ratio, 95 %, no adjustment.{star * alone}"
    )


def _on_test(run: ModelRecord) -> bool:
    return isinstance(run, RunRecord) and run.spec.options.chosen_on_test


def sources(found: Sequence[ModelRecord]) -> Html:
    """List the records behind a page: name, changed settings, hash of the result, commit."""
    unique = sorted({r.name: r for r in found}.values(), key=lambda r: r.name)
    rows = [
        {
            "record": r.name,
            "set_otherwise": _set_otherwise(r),
            "result": r.result_hash[:12],
            "commit": str(r.provenance.commit)[:8],
            "clean": r.provenance.clean,
            "device": r.provenance.device or DASH,
        }
        for r in unique
    ]
    return table(without_empty(pd.DataFrame(rows)), {}, "records", unsealed(unique))


def unsealed(found: Sequence[Record]) -> str:
    """Count the records whose provenance could have been changed unnoticed, in a sentence."""
    count = sum(not record.sealed for record in found)
    if not count:
        return ""
    return (
        f"In {count} of {len(found)} records the hash covers the result, but not the commit and the"
        " device."
    )


def _set_otherwise(record: ModelRecord) -> str:
    """List the settings that differ from the study's defaults, such as ``schedule constant``.

    They distinguish two runs of one variant. A derived record has those of its runs.
    """
    runs = [
        run for run in getattr(record.spec, "parents", (record.spec,)) if isinstance(run, RunSpec)
    ]
    changed = [f"{name} {value}" for run in runs for name, value in defaults.changed(run).items()]
    return ", ".join(dict.fromkeys(changed)) or DASH


#: The metrics of a table of values.
_SHOWN = (PRIMARY, "HIT@5", SELECTION)


def show_values(frame: pd.DataFrame, name: str, note: str) -> Html:
    """Show the means of arms as the paper does, the frame of ``comparisons.values``.

    The table has one row per arm and one column for each of MRR@5, HIT@5 and NDCG@20. Where the
    paper prints values of the arm, on its own data set, they follow in a row of their own. The CSV
    has every metric.
    """
    every, frame = frame, frame[frame["metric"].isin(_SHOWN)]
    rows: list[dict[str, object]] = []
    arms = frame.groupby(["dataset", "model", "variant"], sort=False)
    for (dataset, model, variant), arm in arms:
        ours = arm.to_dict("records")
        common = {"dataset": dataset, "model": model, "variant": variant_name(model, variant)}
        means = {row["metric"]: _mean(row) for row in ours}
        rows.append({**common, "runs": ours[0]["runs"], **means})
        if arm["paper_value"].notna().any():
            common |= {
                "dataset": ours[0]["paper_dataset"],
                "variant": f"{arm_name(variant)}, the paper",
            }
            printed = {row["metric"]: number(4)(row["paper_value"]) for row in ours}
            rows.append({**common, "runs": None, **printed})
    note = f"Mean, 95 % interval, and the SD over runs; the CSV has every metric. {note}"
    return table(pd.DataFrame(rows), {"runs": count}, name, note, every)


def _mean(row: Mapping[str, Any]) -> str:
    """Format mean, interval and SD over runs, one line each."""
    mean = with_interval(number(4), row["mean"], row["low"], row["high"], row["users_only"])
    lines = [mean.replace("\N{NO-BREAK SPACE}[", "\n[", 1)]
    if not missing(row["run_sd"]):
        lines.append(f"SD\N{NO-BREAK SPACE}{row['run_sd']:.4f}")
    return "\n".join(lines)


def show_comparisons(frame: pd.DataFrame, name: str, note: str) -> Html:
    """Show relative improvements with the paper's, the frame of ``comparisons.comparisons``.

    Columns that would have only dashes are left out. The CSV has every column of the frame.
    """
    if frame.empty:
        return sentence("Nothing is compared here.")
    rows = frame.to_dict("records")
    shown = frame[["dataset"]].assign(
        comparison=compared_by_model(frame),
        metric=frame["metric"],
        improvement=improvements(frame),
        paper_relative_improvement=[_paper_improvement(row) for row in rows],
        p=frame["p"],
        mde=frame["mde"],
    )
    return table(without_empty(shown), {"p": probability, "mde": size}, name, note, frame)


def _paper_improvement(row: Mapping[str, Any]) -> str:
    printed = row["paper_relative_improvement"]
    return DASH if missing(printed) else f"{percent(printed)} ({row['paper_dataset']})"


def show_run(record: RunRecord) -> Html:
    """Show one run: its name, its chosen epoch and its metrics on the test set."""
    outcome, made = record.outcome, record.provenance
    row = {"run": record.name, "chosen_epoch": outcome.chosen.epoch + 1}
    shown = row | {metric: outcome.reported[metric] for metric in _SHOWN}
    seconds = {"seconds": round(sum(made.seconds.values()))}
    note = (
        f"Protocol {record.spec.protocol}; {outcome.data.users:,} users;"
        f" trained on {made.device}, commit {str(made.commit)[:8]}."
    )
    formats = dict.fromkeys(outcome.reported, number(4))
    whole = pd.DataFrame([row | outcome.reported | seconds])
    return table(
        pd.DataFrame([shown | seconds]), formats, f"run-{record.identity}", note, whole=whole
    )
