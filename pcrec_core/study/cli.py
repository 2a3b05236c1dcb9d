"""Command line: ``python -m pcrec_core data | train | study | show``."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

from pcrec_core import datasets
from pcrec_core.datasets import files
from pcrec_core.errors import PCRecError, SpecError, unknown
from pcrec_core.specs.protocol import PROTOCOLS, VALUES
from pcrec_core.specs.run import COMPONENTS, CRITERIA, RULES, SHARES, Cooperation, Data, RunSpec
from pcrec_core.study import defaults, executors, plans, records, remaining, weight_files
from pcrec_core.study import run as study
from pcrec_core.study.records import Record, Store
from pcrec_core.study.variants import Spec
from pcrec_core.training import environment

_RECORDS = (
    "folder of records (default: the committed ones, and data/cache/records for those you make)"
)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as everything else does: a sentence with the nearest name, and exit code 1."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def parse_known_args(self, *given: Any) -> Any:
        """A command refuses what it does not know itself, so that the nearest option is one of its own."""
        options, extra = super().parse_known_args(*given)
        if extra:
            self.error(f"unrecognized arguments: {' '.join(extra)}")
        return options, extra

    def error(self, message: str) -> NoReturn:
        typed = re.search(r"unrecognized arguments: (--[\w-]+)", message)
        raise SpecError(
            unknown("option", typed[1], self.options())
            if typed
            else f"{message}; see {self.prog} --help."
        )

    def options(self) -> set[str]:
        """Every option of this parser and of its commands: what is unrecognized is said by the parser above them."""
        own = {
            option
            for action in self._actions
            for option in action.option_strings
            if option.startswith("--")
        }
        commands = [
            parser
            for action in self._actions
            if isinstance(action.choices, dict)
            for parser in action.choices.values()
        ]
        return own.union(*(parser.options() for parser in commands))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it went well, 1 with one sentence on stderr if not."""
    try:
        options = _parser().parse_args(arguments)
        options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except PCRecError as error:
        print(
            f"error{f' in process {environment.rank()}' if environment.rank() else ''}: {error}",
            file=sys.stderr,
        )
        return 1
    except (
        KeyboardInterrupt
    ):  # while data are read, or another command is waited for; a training has an answer of its own
        print(
            "error: interrupted; what is finished is stored, and the same command goes on with the rest.",
            file=sys.stderr,
        )
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m pcrec_core", description="PCRec, reproduced: train and read runs."
    )
    commands = parser.add_subparsers(required=True, metavar="data | train | study | show")
    data = commands.add_parser("data", help="list the data sets and what is on disk")
    data.set_defaults(command=_data)
    show = commands.add_parser("show", help="print a record")
    show.add_argument(
        "record",
        metavar="PATH|NAME|IDENTITY",
        help="as `train` prints them; 4 digits of an identity will do",
    )
    show.add_argument("--records", type=Path, metavar="DIR", help=_RECORDS)
    show.set_defaults(command=_show)
    _add_train(
        commands.add_parser("train", help="train runs, or read those whose records are there")
    )
    _add_study(
        commands.add_parser(
            "study", help="make what is missing of the study's evidence, and go on where it was cut"
        )
    )
    return parser


def _add_study(parser: argparse.ArgumentParser) -> None:
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
        help="only these data sets (default: those of each plan); a larger one gets one seed of all"
        " that is asked for",
    )
    add("--seeds", type=int, metavar="N", help="N seeds of each run (default: as planned)")
    add("--list", action="store_true", help="only say what is missing, and how long it would take")
    _add_place(parser)
    parser.set_defaults(command=_study)


def _add_place(parser: argparse.ArgumentParser) -> None:
    """Options that say where runs are trained and kept."""
    add = parser.add_argument
    add("--device", default="auto", help="auto, cpu or cuda")
    add("--threads", type=int, default=1, help="CPU threads of a run (default: 1)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="train in N processes of this machine, a run in each",
    )
    where.add_argument(
        "--dask", metavar="ADDRESS", help="train on the workers of the dask scheduler there"
    )
    add("--records", type=Path, metavar="DIR", help=_RECORDS)


def _add_train(train: argparse.ArgumentParser) -> None:
    add = train.add_argument
    add("--dataset", required=True, help="a name that `data` lists")
    add("--csv", type=Path, metavar="FILE", help="the file, for --dataset csv")
    add(
        "--columns",
        help="columns of the csv file: user,item or user,item,time (default: those names)",
    )
    add("--core", type=int, default=5, help="items and users with fewer actions leave (default: 5)")
    add("--model", required=True, help="sasrec, dnn or bpr")
    add("--peers", type=int, default=1, help="1 is the base model, 2 is PCRec")
    add("--cooperation", help=f"{', '.join(RULES)}; none if not given")
    add("--criterion", help=f"layerwise: {' or '.join(CRITERIA)} (default: entropy)")
    add(
        "--alpha",
        type=float,
        nargs="+",
        default=[None],
        help="layerwise: default by model, as in the paper; several: a run"
        " of each, and of each seed",
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
    for name, kind, text in (
        ("epochs", int, "epochs"),
        ("d", int, "hidden dimension"),
        ("t", int, "items in a piece"),
        ("p", float, "dropout rate"),
        ("batch", int, "batch size"),
        ("eta", float, "learning rate"),
        ("l2", float, "L2 coefficient"),
    ):
        add(f"--{name}", type=kind, help=f"{text} (default: by model and data set)")
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
    add("--seed", type=int, nargs="+", default=[0], help="one or more (default: 0)")
    _add_place(train)
    train.set_defaults(command=_train)


def _data(options: argparse.Namespace) -> None:
    for source in datasets.SOURCES.values():
        print(f"{source.name:<24} {source.title}")
        for file in source.files:
            by_hand = isinstance(file, datasets.ManualFile)
            size, address = (
                ("by hand", file.page) if by_hand else (f"{file.bytes / 1e6:.1f} MB", file.urls[0])
            )
            print(f"{'':<24}   {file.name}, {size}: {files.status(file)}; {address}")
        print(f"{'':<24}   {source.terms}{f' Cite: {source.citation}' * bool(source.citation)}")


def _show(options: argparse.Namespace) -> None:
    path = Path(options.record)
    path = (
        path
        if path.suffix == ".json" or path.exists()
        else Store(options.records).find(options.record)
    )
    _print(records.read(path), path)


def _train(options: argparse.Namespace) -> None:
    store, specs = Store(options.records), _specs(options)
    try:
        with _executor(options) as executor:
            study.run(specs, executor, store=store, device=options.device, threads=options.threads)
    finally:  # what finished is shown, although another run failed
        for record in filter(
            None, (store.get(spec.name) for spec in specs if environment.rank() == 0)
        ):  # of the peers one speaks
            _print(record, store.path(record.name))


def _study(options: argparse.Namespace) -> None:
    store, names = Store(options.records), options.plans
    if options.list and not names:
        names = [*plans.PLANS, *plans.STEPS]
    wanted = plans.planned(names, options.dataset, options.seeds)
    missing = [spec for spec in wanted if store.get(spec.name) is None]
    _say(options, names or list(plans.PLANS), wanted, missing, store)
    if missing and not options.list:
        with _executor(options) as executor:
            study.run(
                missing, executor, store=store, device=options.device, threads=options.threads
            )


def _say(
    options: argparse.Namespace,
    names: list[str],
    wanted: list[Spec],
    missing: list[Spec],
    store: Store,
) -> None:
    """Print what is left by plan and step, its names unless everything is listed, and its time."""
    rates = remaining.measured(store.all(own=True))
    for part in remaining.by_name(names, set(missing), rates, options.dataset, options.seeds):
        print(part)
    for spec in missing if options.plans or not options.list else ():
        print(f"missing   {spec.name}")
    if left := plans.unchosen(names, options.dataset):
        print(f"left out until their setting is chosen: {', '.join(left)}")
    time = remaining.seconds([*missing, *weight_files.missing(missing)], rates)
    print(remaining.sentence(len(missing), len(wanted), *time), flush=True)


def _executor(options: argparse.Namespace) -> AbstractContextManager[Any]:
    if options.workers is options.dask is None:
        return nullcontext()
    if environment.started():
        raise SpecError(
            "torchrun starts a process a peer, --workers and --dask a process a run: take one of them."
        )
    if options.dask is not None:
        return executors.dask(options.dask)
    return executors.Processes(options.workers)


def _specs(options: argparse.Namespace) -> list[RunSpec]:
    """A run of each alpha and each seed, in this order."""
    given = {name: getattr(options, name) for name in defaults.FIELDS}
    defaults.defaults(
        options.dataset, options.model
    )  # a mistyped name is said before anything else
    data = _data_of(options)
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
            rules=_rules(options.rules),
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


def _data_of(options: argparse.Namespace) -> Data:
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
    given = {
        name: getattr(options, name)
        for name in ("criterion", "every", "gamma", "shares", "components")
    }
    given = {name: value for name, value in (given | {"alpha": alpha}).items() if value is not None}
    if options.cooperation is None:
        if given:
            raise SpecError(
                f"--{' and --'.join(given)} {'have' if len(given) > 1 else 'has'} a meaning with --cooperation only."
            )
        return None
    usual = {"criterion": "entropy", "alpha": defaults.ALPHA.get(options.model)}
    return Cooperation(
        options.cooperation, **(usual if options.cooperation == "layerwise" else {}) | given
    )


def _print(record: Record, path: Path) -> None:
    print(f"record    {path}")
    print(f"name      {record.name}")
    if record.kind != "run":
        for name, value in record.result.items():
            if name not in (
                "ranks",
                "repeated",
                "probed",
                "test_groups",
            ):  # a number a user, or a table
                print(f"{name:<24} {value}")
        return
    chosen, where = record.result["chosen"], record.run
    print(
        f"chosen    epoch {chosen['epoch'] + 1} of {record.spec.training.epochs}, "
        f"{'the merged model' if chosen['merged'] else 'peer ' + str(chosen['peer'])}; validation NDCG@20"
        f" {chosen['valid']['NDCG@20']:.4f}"
    )
    print(
        f"trained   {sum(where['seconds'].values()):.0f} s on {where['device']}, {where['threads']} thread(s),"
        f" commit {str(where['commit'])[:8]}{'' if where['clean'] else ' (not clean)'}"
    )
    print(
        f"test      {record.result['data']['users']} users, {record.result['data']['items']} items,"
        f" protocol {record.key['protocol']}"
    )
    for name, value in record.result["test"].items():
        print(f"{name:<9} {value:.4f}")
