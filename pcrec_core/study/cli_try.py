"""The command ``try``: one report on whether PCRec helps on a user's file."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from pcrec_core import paths
from pcrec_core.datasets import csv_data
from pcrec_core.datasets.describe import describe
from pcrec_core.errors import FileError, SpecError, require_known
from pcrec_core.specs.derived import Spec
from pcrec_core.specs.run import NUMERICS, Data, RunSpec
from pcrec_core.study import forecast, trial
from pcrec_core.study import run as study
from pcrec_core.study.cli_data import FILE_HELP, add_core, add_reading, options_of
from pcrec_core.study.cli_options import add_place, executor, path
from pcrec_core.study.records import Store
from pcrec_core.study.terminal import say
from pcrec_core.study.trial import Plan
from pcrec_core.writing import require_writable, write_whole


def add_try(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Train base, PCRec and plain averaging on a file of yours, and write one HTML report: the\n"
        f"gain with its interval, a verdict, and what it cost.\n\n{FILE_HELP}"
    )
    add = parser.add_argument
    add("file", type=path, metavar="FILE", help="a file of interactions")
    add("--models", nargs="+", default=list(NUMERICS), help="some of sasrec, dnn, bpr (all)")
    add("--seeds", type=int, help=f"runs of each variant (default: {Plan().seeds})")
    add("--epochs", type=int, help=f"epochs of each run (default: {Plan().epochs})")
    add("--hours", type=float, metavar="H", help="pick seeds and epochs that fit into H hours here")
    add("--gain", type=float, default=0.05, help="the gain that would matter (default: 0.05)")
    add("--out", type=path, metavar="HTML", help="the report (default: FILE's name-pcrec.html)")
    add_core(parser)
    add_reading(parser)
    add_place(parser)
    parser.set_defaults(command=_try)


def _try(given: argparse.Namespace) -> None:
    _check(given)
    out, options = _out(given), options_of(given)
    data = csv_data(given.file, core=given.core, options=options)
    reading = describe(given.file, options, given.core)
    say(reading)
    plan = _plan(given, data)
    wanted, store = trial.specs(data, given.models, plan), Store(given.records)
    with executor(given) as jobs:
        study.run(wanted, jobs, store=store, device=given.device, threads=given.threads)
    _write(given, data, plan, reading, out)


def _out(given: argparse.Namespace) -> Path:
    """Return where the report goes; it is found before the training if it cannot go there."""
    out: Path = given.out or paths.given(f"{given.file.name.partition('.')[0]}-pcrec.html")
    if out.exists() and not out.is_file():
        raise FileError(f"{out} is not an ordinary file; give another --out.")
    require_writable(out.parent)
    return out


def _check(given: argparse.Namespace) -> None:
    for model in given.models:
        require_known("model", model, NUMERICS)
    if len(set(given.models)) < len(given.models):
        raise SpecError(f"--models names a model twice: {' '.join(given.models)}.")
    if not (math.isfinite(given.gain) and 0 < given.gain < 10):
        raise SpecError(f"--gain is a share such as 0.05, not {given.gain}.")
    if given.hours is not None and (given.seeds, given.epochs) != (None, None):
        raise SpecError("--hours picks seeds and epochs: leave --seeds and --epochs out.")
    if given.hours is not None and given.dask is not None:
        raise SpecError(
            "--hours measures this machine, and --dask trains on others: give --seeds and --epochs."
        )
    if given.hours is not None and not 0 < given.hours < 10_000:
        raise SpecError(f"--hours must be above 0, not {given.hours}.")
    if given.seeds is not None and not 1 <= given.seeds <= 100:
        raise SpecError(f"--seeds must be from 1 to 100, not {given.seeds}.")


def _plan(given: argparse.Namespace, data: Data) -> Plan:
    """Return the seeds and epochs, after a line on how long they take."""
    usual = Plan()
    epochs = usual.epochs if given.epochs is None else given.epochs
    plan = Plan(given.seeds or usual.seeds, epochs)
    if given.dask is not None:
        # what this machine can do says nothing about those that train
        runs = _runs(trial.specs(data, given.models, plan))
        say(f"training     {_what(given, runs, plan)}")
        return plan
    earlier, kept = None, Path()
    if given.hours is not None:
        earlier, kept = trial.remembered(data, given.models, given.hours)
    rates = forecast.rates(trial.one_each(data, given.models), given.device, given.threads)
    if given.hours is not None:
        plan = earlier or trial.fitting(given.hours, rates)
        trial.remember(plan, kept)
    _announce(given, trial.specs(data, given.models, plan), plan, rates)
    return plan


def _announce(
    given: argparse.Namespace, wanted: Sequence[Spec], plan: Plan, rates: forecast.Rates
) -> None:
    """Print how long the runs take, and refuse them here if one does not fit into the memory."""
    runs = _runs(wanted)
    whole = forecast.duration(forecast.seconds(runs, rates))
    say(
        f"training     {_what(given, runs, plan)}; about {whole} one after the other on this"
        " machine (runs that have a record are not trained again)"
    )
    if text := forecast.warning(runs, rates):
        say(f"warning      {text}")
    forecast.require_memory(runs, given.device)


def _runs(wanted: Sequence[Spec]) -> list[RunSpec]:
    return [run for run in wanted if isinstance(run, RunSpec)]


def _what(given: argparse.Namespace, runs: Sequence[RunSpec], plan: Plan) -> str:
    """Return which runs are trained."""
    return (
        f"{len(runs)} runs: {', '.join(trial.LABELS)} of {', '.join(given.models)},"
        f" {plan.seeds} seeds, {plan.epochs} epochs"
    )


def _write(given: argparse.Namespace, data: Data, plan: Plan, reading: str, out: Path) -> None:
    # reporting is above this room: only the command line imports it
    from pcrec_core.reporting import own_data, own_data_page
    from pcrec_core.reporting.page import Study

    page = Study(
        (data,),
        tuple(given.models),
        tuple(range(plan.seeds)),
        {"epochs": plan.epochs},
        Store(given.records),
        given.device,
    )
    runs, trivial = page.runs(*trial.LABELS), page.trivial()
    for sentence in own_data.answers(own_data.decided(runs, given.gain), given.gain):
        say(f"answer       {sentence}")
    for sentence in own_data.warnings(runs, trivial):
        say(f"warning      {sentence}")
    page_of_html = own_data_page.report(given.file.name, reading, runs, trivial, given.gain)
    # the bytes of a name may be no text
    write_whole(out, page_of_html.encode(errors="backslashreplace"))
    say(f"report       {out}")
