"""What the commands share: the parser, the place where runs are trained, and a printed record."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

from pcrec_core import paths
from pcrec_core.errors import FileError, SpecError, require, unknown
from pcrec_core.metrics import SELECTION
from pcrec_core.study import command_line, executors
from pcrec_core.study.jobs import AnyExecutor
from pcrec_core.study.records import ModelRecord, Record, RunRecord
from pcrec_core.study.terminal import say
from pcrec_core.training import environment

RECORDS = (
    "folder of records (default: the committed ones, and data/cache/records for those you make)"
)
#: Results that are a number per user, or a table.
_NOT_PRINTED = ("ranks", "repeated", "probed", "test_groups")


class Parser(argparse.ArgumentParser):
    """A parser that raises ``SpecError``, with the nearest option where one is unknown."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def parse_known_args(
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse, and refuse unknown words in the subcommand, which knows its own options."""
        options, extra = super().parse_known_args(args, namespace)
        if extra:
            self.error(f"unrecognized arguments: {' '.join(extra)}")
        return options, extra

    def error(self, message: str) -> NoReturn:
        """Raise ``SpecError``."""
        typed = re.search(r"unrecognized arguments: (--[\w-]+)", message)
        raise SpecError(
            unknown("option", typed[1], self.options())
            if typed
            else f"{message}; see {self.prog} --help."
        )

    def print_help(self, file: Any = None) -> None:
        """Print the help, which may fail like any output."""
        say(self.format_help().rstrip())

    def options(self) -> set[str]:
        """Return every option of this parser and of its commands."""
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


def path(text: str) -> Path:
    """Return the path that an option names, for argparse."""
    try:
        return paths.given(text)
    except FileError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from None


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the options for the place where runs are trained and kept."""
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
    add("--records", type=path, metavar="DIR", help=RECORDS)


def once(what: str, words: Sequence[object]) -> None:
    """Raise ``SpecError`` if a word is given twice."""
    for place, word in enumerate(words):
        require(word not in words[:place], f"{what} has {word} twice; give each once.")


def executor(options: argparse.Namespace) -> AbstractContextManager[AnyExecutor | None]:
    """Return the executor that ``--workers`` or ``--dask`` asks for, or None, for ``with``."""
    if options.workers is options.dask is None:
        return nullcontext()
    if environment.started():
        raise SpecError(
            "torchrun starts a process per peer, --workers and --dask a process per run: use one"
            " of them."
        )
    if options.dask is not None:
        return executors.dask(options.dask)
    return executors.Processes(options.workers)


def print_record(record: Record, path: Path) -> None:
    """Print the path, the name and the main results of a record."""
    say(f"record    {path}")
    say(f"name      {record.name}")
    if not record.sealed:
        say("seal      none: provenance not sealed")
    if isinstance(record, ModelRecord):
        say(f"again     {_again(record)}")
    if isinstance(record, RunRecord):
        _print_run(record)
        return
    for name, value in record.result.items():
        if name not in _NOT_PRINTED:
            say(f"{name:<24} {value}")


def _again(record: ModelRecord) -> str:
    """Return the command that makes the record again."""
    spec = record.spec
    line = command_line.command_or_api(spec)
    if command_line.current(spec) == spec:
        return line
    return f"{line} (with the code of commit {str(record.provenance.commit)[:8]})"


def _print_run(record: RunRecord) -> None:
    outcome, made, spec = record.outcome, record.provenance, record.spec
    chosen = outcome.chosen
    model = "the merged model" if chosen.merged else f"peer {chosen.peer}"
    clean = "" if made.clean else " (not clean)"
    say(
        f"chosen    epoch {chosen.epoch + 1} of {spec.training.epochs}, {model};"
        f" validation NDCG@20 {chosen.valid[SELECTION]:.4f}"
    )
    say(
        f"trained   {sum(made.seconds.values()):.0f} s on {made.device},"
        f" {made.threads} thread(s), commit {str(made.commit)[:8]}{clean}"
    )
    say(
        f"test      {outcome.data.users} users, {outcome.data.items} items,"
        f" protocol {spec.protocol}"
    )
    for name, value in outcome.reported.items():
        say(f"{name:<9} {value:.4f}")
