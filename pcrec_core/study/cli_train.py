"""The command ``train``: its options, and the runs that they mean."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from pcrec_core import datasets
from pcrec_core.errors import SpecError
from pcrec_core.specs.protocol import PROTOCOLS, VALUES
from pcrec_core.specs.run import COMPONENTS, CRITERIA, RULES, SHARES, Cooperation, Data, RunSpec
from pcrec_core.study import defaults
from pcrec_core.study import run as study
from pcrec_core.study.cli_options import add_place, executor, print_record
from pcrec_core.study.records import Store
from pcrec_core.training import environment

#: Options with a default by model and data set: name, type and meaning.
_SETTINGS: tuple[tuple[str, type, str], ...] = (
    ("epochs", int, "epochs"),
    ("d", int, "hidden dimension"),
    ("t", int, "items in a piece"),
    ("p", float, "dropout rate"),
    ("batch", int, "batch size"),
    ("eta", float, "learning rate"),
    ("l2", float, "L2 coefficient"),
)


def add_train(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    _add_data(parser)
    _add_peers(parser)
    _add_training(parser)
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one or more (default: 0)")
    add_place(parser)
    parser.set_defaults(command=_train)


def _add_data(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--dataset", required=True, help="a name that `data` lists")
    add("--csv", type=Path, metavar="FILE", help="the file, for --dataset csv")
    add(
        "--columns",
        help="columns of the csv file: user,item or user,item,time (default: those names)",
    )
    add("--core", type=int, default=5, help="items and users with fewer actions leave (default: 5)")


def _add_peers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", required=True, help="sasrec, dnn or bpr")
    add("--peers", type=int, default=1, help="1 is the base model, 2 is PCRec")
    add("--cooperation", help=f"{', '.join(RULES)}; none if not given")
    add("--criterion", help=f"layerwise: {' or '.join(CRITERIA)} (default: entropy)")
    add(
        "--alpha",
        type=float,
        nargs="+",
        default=[None],
        help="layerwise: default by model, as in the paper; several: one run per alpha and seed",
    )
    add("--every", type=int, help="cooperate after every so many epochs (default: 1)")
    add(
        "--gamma",
        type=float,
        help="parameterwise: a fixed threshold (default: each matrix's median absolute value)",
    )
    add("--shares", help=f"layerwise: {', '.join(SHARES)} (default: own)")
    add("--components", nargs="+", help=f"some of {', '.join(COMPONENTS)} (default: all)")
    add("--rates", default="spread", help="of the peers: spread or equal (default: spread)")
    add("--orders", default="own", help="of the peers' training rows: own or same (default: own)")
    add("--starts", default="own", help="the peers' initial weights: own or same (default: own)")
    add("--histories", default="ordered", help="ordered or shuffled (default: ordered)")


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    for name, kind, meaning in _SETTINGS:
        add(f"--{name}", type=kind, help=f"{meaning} (default: by model and data set)")
    add("--schedule", help="cosine or constant (default: by protocol)")
    add(
        "--precision",
        help="float32, bf16 (CPU) or tf32 (GPU): of training's matrix products (default: float32)",
    )
    add("--average", help="of one model's weights: ema or swa; none if not given")
    add("--protocol", default="controlled", help=f"{', '.join(PROTOCOLS)} (default: controlled)")
    lines = "; ".join(f"{name}: {', '.join(values)}" for name, values in VALUES.items())
    add(
        "--rules",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help=f"single lines of the protocols' table, such as loss=all; {lines}",
    )


def _train(options: argparse.Namespace) -> None:
    store, wanted = Store(options.records), specs(options)
    try:
        with executor(options) as jobs:
            study.run(wanted, jobs, store=store, device=options.device, threads=options.threads)
    finally:
        # what finished is printed although another run failed; of the peers' processes one prints
        for spec in wanted if environment.rank() == 0 else ():
            if record := store.get(spec.name):
                print_record(record, store.path(record.name))


def specs(options: argparse.Namespace) -> list[RunSpec]:
    """Return one run per alpha and seed, in this order."""
    given = {name: getattr(options, name) for name in defaults.FIELDS}
    # a mistyped name is refused before anything else
    defaults.defaults(options.dataset, options.model)
    data = _data(options)
    return [
        defaults.run_spec(
            data,
            options.model,
            peers=options.peers,
            cooperation=_cooperation(options, alpha),
            protocol=options.protocol,
            seed=seed,
            rates=options.rates,
            orders=options.orders,
            starts=options.starts,
            options=_rules(options.rules),
            **given,
        )
        for alpha in options.alpha
        for seed in options.seed
    ]


def _rules(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for name, sign, _ in pairs:
        if not sign:
            raise SpecError(f"--rules takes NAME=VALUE, such as loss=all, not {name!r}.")
    return {name: value for name, _, value in pairs}


def _data(options: argparse.Namespace) -> Data:
    if options.dataset != "csv":
        if options.csv is not None or options.columns is not None:
            raise SpecError(
                f"--csv and --columns belong to --dataset csv, not to {options.dataset}."
            )
        return Data(options.dataset, core=options.core, histories=options.histories)
    if options.csv is None:
        raise SpecError("--dataset csv needs the file: --csv FILE.")
    columns = _columns("user,item,time" if options.columns is None else options.columns)
    data = datasets.csv_data(options.csv, *columns, core=options.core)
    return dataclasses.replace(data, histories=options.histories)


def _columns(names: str) -> tuple[str, str, str | None]:
    columns = [name.strip() for name in names.split(",")]
    if len(columns) not in (2, 3):
        raise SpecError(
            f"--columns names two or three columns, user,item or user,item,time, not {names!r}."
        )
    return columns[0], columns[1], columns[2] if len(columns) == 3 else None


def _cooperation(options: argparse.Namespace, alpha: float | None) -> Cooperation | None:
    names = ("criterion", "every", "gamma", "shares", "components")
    values = {name: getattr(options, name) for name in names} | {"alpha": alpha}
    given = {name: value for name, value in values.items() if value is not None}
    if options.cooperation is None:
        if given:
            raise SpecError(
                f"--{' and --'.join(given)} {'have' if len(given) > 1 else 'has'} a meaning with"
                " --cooperation only."
            )
        return None
    usual: dict[str, Any] = {}
    if options.cooperation == "layerwise":
        usual = {"criterion": "entropy", "alpha": defaults.ALPHA.get(options.model)}
    return Cooperation(options.cooperation, **usual | given)
