"""The report on a trial of a user's own data: its sentences and tables."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from pcrec_core.analysis import comparisons, own_data
from pcrec_core.datasets import describe
from pcrec_core.errors import require
from pcrec_core.metrics import METRICS, PRIMARY
from pcrec_core.reporting import tables
from pcrec_core.reporting.formats import (
    DASH,
    count,
    improvements,
    missing,
    number,
    probability,
    size,
)
from pcrec_core.reporting.html import Html, sentence, table
from pcrec_core.reporting.names import comparison_name, model_name
from pcrec_core.reporting.page import Study
from pcrec_core.reporting.runs import Runs
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import forecast, trial
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.trial import LABELS
from pcrec_core.study.variants import variant

_MEANING = {
    "supported": "it is better: the data show a gain",
    "contradicted": "it is worse: the data show a loss",
    "ruled out": "no gain is shown, and a gain of {gain} or more can be excluded",
    "inconclusive": "these data and runs cannot decide",
    "not tested": "an arm has fewer than three runs, so that there is no verdict",
}


def fitted(study: Study, hours: float) -> Study:
    """Return the study with as many seeds and epochs as fit into some hours; unchanged for 0.

    Raises
    ------
    SpecError
        If the hours are negative, or too few for any run.
    """
    require(hours >= 0, f"hours must be 0 or more, not {hours}.")
    if not hours:
        return study
    [data] = study.datasets
    plan, path = trial.remembered(data, study.models, hours)
    if plan is None:
        plan = trial.fitting(hours, _rates(study))
        trial.remember(plan, path)
    return replace(
        study, seeds=tuple(range(plan.seeds)), given={**study.given, "epochs": plan.epochs}
    )


def _rates(study: Study) -> forecast.Rates:
    return forecast.rates(trial.one_each(study.datasets[0], study.models), study.device)


def show_reading(study: Study) -> Html:
    """Show how the user's file is read, or the sizes of a known data set."""
    [data] = study.datasets
    text = describe.of_data(data)
    return Html(f"<pre>{html.escape(text)}</pre>", text)


def show_forecast(study: Study) -> Html:
    """Show how long the page's runs take on this machine, from the time of their first batches."""
    [data] = study.datasets
    runs = [
        variant(label, data, model, seed, study.given)
        for label in LABELS
        for model in study.models
        for seed in study.seeds
    ]
    found = [run for run in runs if isinstance(run, RunSpec)]
    whole = forecast.duration(forecast.seconds(found, _rates(study)))
    return sentence(
        f"{len(runs)} runs take about {whole} one after the other; those with a record are only"
        " read."
    )


def show_answers(frame: pd.DataFrame, runs: Runs, trivial: Runs, gain: float) -> Html:
    """Show one sentence per comparison, then the warnings."""
    found = [*answers(frame, gain), *warnings(runs, trivial)]
    return Html(list_of(found), " ".join(found))


def decided(runs: Runs, gain: float) -> pd.DataFrame:
    """Compare the arms of a trial, as ``analysis.own_data.decided`` does."""
    return own_data.decided(list(runs.groups), gain)


def show_verdicts(frame: pd.DataFrame, gain: float, name: str = "your-data-verdicts") -> Html:
    """Show the comparisons of a trial, the frame of ``own_data.decided``."""
    rows = frame.to_dict("records")
    shown = frame[["model", "comparison", "metric"]].assign(
        improvement=improvements(frame),
        verdict=[_verdict(row) for row in rows],
        p=frame["p"],
        mde=frame["mde"],
        runs=frame["runs"],
        runs_needed=[_needed(row) for row in rows],
    )
    note = (
        f"95 % interval over users and runs; p adjusted over the {len(frame)} comparisons by Holm;"
        " MDE: minimum detectable effect (80 % power, unadjusted); runs needed: per arm, to find a"
        f" gain of {size(gain)} with 80 % power."
    )
    return table(shown, {"p": probability, "mde": size}, name, note, frame)


def _verdict(row: Mapping[str, Any]) -> str:
    return f"{row['verdict']} ({row['reason']})" if row["reason"] else str(row["verdict"])


def _needed(row: Mapping[str, Any]) -> str:
    if not row["projectable"]:
        return DASH
    return "more users" if missing(row["runs_needed"]) else count(row["runs_needed"])


def answers(frame: pd.DataFrame, gain: float) -> list[str]:
    """Return one sentence per comparison."""
    found = []
    for row, improvement in zip(frame.to_dict("records"), improvements(frame), strict=True):
        meaning = _MEANING[row["verdict"]].format(gain=size(gain))
        reason = f" ({row['reason']})" if row["reason"] else ""
        compared = f"{model_name(row['model'])}: {comparison_name(row['comparison'])}"
        text = f"{compared}, {improvement} in {row['metric']}"
        found.append(f"{text}. {row['verdict'].capitalize()}: {meaning}{reason}.{_more(row, gain)}")
    return found


def warnings(runs: Runs, trivial: Runs) -> list[str]:
    """Return one sentence per model that is less accurate than a ranking without any model."""
    found = own_data.below_trivial(list(runs.groups), list(trivial))
    return [
        f"The base of {model_name(model)} ({mean:.4f} in {PRIMARY}) is less accurate than ranking"
        f" by {name} ({reached:.4f}): it may need more training, or may not suit these data. Try"
        " more epochs before you rely on its comparisons."
        for model, mean, name, reached in found
    ]


def _more(row: Mapping[str, Any], gain: float) -> str:
    if row["verdict"] not in ("inconclusive", "not tested") or not row["projectable"]:
        return ""
    needed = row["runs_needed"]
    if missing(needed):
        return f" More runs alone would not find a gain of {size(gain)}: more users are needed."
    more = int(needed) - row["runs"]
    if more <= 0:
        return f" There are enough runs to find a gain of {size(gain)} with 80 % power."
    return f" With {more} more runs per arm a gain of {size(gain)} would be found with 80 % power."


def show_values(arms: Sequence[Replicates], name: str = "your-data-values") -> Html:
    """Show the means of all arms, including the baselines without training."""
    return tables.show_values(comparisons.values(arms, METRICS), name, tables.footnote(arms))


def show_costs(groups: Sequence[Mapping[str, Replicates]], name: str = "your-data-cost") -> Html:
    """Show the time, memory and weights of a run of each arm."""
    frame = own_data.costs(groups)
    late, runs = own_data.last_epochs(groups)
    note = "Means over runs, measured on this machine while other programs may have run, too."
    if late:
        note += f" {late} of {runs} runs were best near their last epoch: more epochs may help."
    shown = frame.assign(peak_bytes=frame["peak_bytes"] / 2**20).rename(
        columns={"peak_bytes": "peak_mib"}
    )
    formats = {"seconds": number(1), "peak_mib": count, "weights": count}
    return table(shown, formats, name, note, frame)


def list_of(sentences: Sequence[str]) -> str:
    """Return a list in HTML."""
    items = "".join(f"<li>{html.escape(text)}</li>" for text in sentences)
    return f'<ul class="answers">{items}</ul>'
