"""The command ``train``: its options, and the records that they mean."""

from __future__ import annotations

import argparse

from pcrec_core.specs.derived import Spec
from pcrec_core.study import defaults, set_values
from pcrec_core.study import run as study
from pcrec_core.study.cli_data import FILE_HELP, add_reading, announce, data_of
from pcrec_core.study.cli_options import add_place, executor, once, path, print_record
from pcrec_core.study.labels import LABELS
from pcrec_core.study.records import Store
from pcrec_core.training import environment


def add_train(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = f"Train runs, or read those that have a record.\n\n{FILE_HELP}"
    add = parser.add_argument
    add(
        "labels",
        nargs="+",
        metavar="LABEL",
        help=f"what to make: some of {', '.join(LABELS)}, LE@ALPHA, pruned30, pruned30-tuned,"
        " probed-LABEL",
    )
    add("--dataset", required=True, help="a name that `data` lists")
    add("--csv", type=path, metavar="FILE", help="the file, for --dataset csv")
    add("--model", required=True, help="sasrec, dnn or bpr")
    add("--seed", type=int, nargs="+", default=[0], help="one or more (default: 0)")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="settings other than the study's, such as epochs=5 alpha=30 loss=all; the names:"
        f" {', '.join(set_values.SETTINGS)}",
    )
    add_reading(parser)
    add_place(parser)
    parser.set_defaults(command=_train)


def _train(options: argparse.Namespace) -> None:
    store, wanted = Store(options.records), specs(options)
    announce([spec for spec in wanted if store.get(spec.name) is None], options)
    try:
        with executor(options) as jobs:
            study.run(wanted, jobs, store=store, device=options.device, threads=options.threads)
    finally:
        # finished runs are printed even if another failed; of the peers' processes only one prints
        for spec in wanted if environment.rank() == 0 else ():
            if record := store.get(spec.name):
                print_record(record, store.path(record.name))


def specs(options: argparse.Namespace) -> list[Spec]:
    """Return what is asked for: for each label one run per seed."""
    once("LABEL", options.labels)
    once("--seed", options.seed)
    settings = set_values.parse(options.set)
    # a mistyped name is refused before a file is read
    defaults.defaults(options.dataset, options.model)
    data = data_of(options)
    wanted = [
        set_values.configured(label, data, options.model, seed, settings)
        for label in options.labels
        for seed in options.seed
    ]
    # a baseline without training has no seeds
    return list(dict.fromkeys(wanted))
