"""The command ``study``: make the planned records that are missing, or list them."""

from __future__ import annotations

import argparse

from pcrec_core.study import plans, remaining, weight_files
from pcrec_core.study import run as study
from pcrec_core.study.cli_options import add_place, executor, once
from pcrec_core.study.records import Store
from pcrec_core.study.terminal import say
from pcrec_core.study.variants import Spec


def add_study(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add(
        "plans",
        nargs="*",
        metavar="NAME",
        help=f"some of {', '.join(plans.PLANS)} (default: all of these, in this order), and of"
        f" {', '.join(plans.STEPS)}",
    )
    add(
        "--dataset",
        nargs="+",
        metavar="NAME",
        help="only these data sets (default: those of each plan); a larger one gets one seed of"
        " each run",
    )
    add("--seeds", type=int, metavar="N", help="N seeds of each run (default: as planned)")
    add("--list", action="store_true", help="only list what is missing, and how long it would take")
    add_place(parser)
    parser.set_defaults(command=_study)


def _study(options: argparse.Namespace) -> None:
    store, names = Store(options.records), options.plans
    once("NAME", names)
    once("--dataset", options.dataset or [])
    if options.list and not names:
        names = [*plans.PLANS, *plans.STEPS]
    wanted = plans.planned(names, options.dataset, options.seeds)
    found, damaged = store.readable()
    for error in damaged:
        say(f"unreadable: {error}")
    missing = [spec for spec in wanted if not store.path(spec.name).exists()]
    _print_missing(options, names or list(plans.PLANS), wanted, missing, remaining.measured(found))
    if missing and not options.list:
        with executor(options) as jobs:
            study.run(missing, jobs, store=store, device=options.device, threads=options.threads)
    if damaged and not options.list:
        raise damaged[0]


def _print_missing(
    options: argparse.Namespace,
    names: list[str],
    wanted: list[Spec],
    missing: list[Spec],
    rates: remaining.Rates,
) -> None:
    """Print what is left by plan and step, with its time, and with names unless all is listed."""
    for part in remaining.by_name(names, set(missing), rates, options.dataset, options.seeds):
        say(str(part))
    for spec in missing if options.plans or not options.list else ():
        say(f"missing   {spec.name}")
    if left := plans.unchosen(names, options.dataset):
        say(f"left out until their setting is chosen: {', '.join(left)}")
    seconds, unmeasured = remaining.seconds([*missing, *weight_files.missing(missing)], rates)
    say(remaining.sentence(len(missing), len(wanted), seconds, unmeasured))
