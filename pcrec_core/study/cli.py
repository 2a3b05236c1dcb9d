"""Command line: ``pcrec data | try | train | study | show | notebook``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pcrec_core.errors import FileError, PCRecError
from pcrec_core.study import records, terminal
from pcrec_core.study.cli_data import add_data
from pcrec_core.study.cli_notebook import add_notebook
from pcrec_core.study.cli_options import RECORDS, Parser, path, print_record
from pcrec_core.study.cli_study import add_study
from pcrec_core.study.cli_train import add_train
from pcrec_core.study.cli_try import add_try
from pcrec_core.study.records import Store
from pcrec_core.training import environment, interrupts

#: What a system without memory answers to a library that needs a thread.
_NO_THREAD = ("can't start new thread", "Resource temporarily unavailable")


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    int
        0; 1 after one sentence on stderr if it failed; 128 plus its number if a signal ended it.
    """
    stdout_is_open = terminal.prepare()
    try:
        with interrupts.raising():
            _run(arguments)
        if not stdout_is_open:
            raise FileError("the output cannot be written: it is closed.")
    except PCRecError as error:
        process = f" in process {environment.rank()}" if environment.rank() else ""
        return _fail(f"error{process}: {error}", getattr(error, "signal", 0))
    except OSError as error:
        place = error.filename or "the working directory, or the output,"
        return _fail(f"error: {place} cannot be used ({error.strerror or error}).")
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or str(error) in _NO_THREAD):
            raise
        return _fail(
            "error: the memory does not suffice; end other programs, or give a smaller file."
        )
    except KeyboardInterrupt as error:
        # while data are read, or during a wait for another command; a training handles its own
        return _fail(f"error: {interrupts.SENTENCE}", interrupts.number_of(error))
    return 0


def _run(arguments: list[str] | None) -> None:
    try:
        options = parser().parse_args(arguments)
        options.command(options)
    except SystemExit:
        # after --help
        pass
    sys.stdout.flush()


def _fail(sentence: str, signal: int = 0) -> int:
    terminal.complain(sentence)
    return 128 + signal if signal else 1


def parser() -> Parser:
    """Return the parser of all commands."""
    whole = Parser(prog="pcrec", description="PCRec, reproduced: train and read runs.")
    commands = whole.add_subparsers(
        required=True, metavar="data | try | train | study | show | notebook"
    )
    add_data(
        commands.add_parser("data", help="list the data sets, or show how a file of yours is read")
    )
    add_try(
        commands.add_parser("try", help="train on a file of yours, and report whether PCRec helps")
    )
    show = commands.add_parser("show", help="print a record")
    show.add_argument(
        "record",
        metavar="PATH|NAME|IDENTITY",
        help="as `train` prints them; 4 digits of an identity are enough",
    )
    show.add_argument("--records", type=path, metavar="DIR", help=RECORDS)
    show.set_defaults(command=_show)
    add_train(commands.add_parser("train", help="train runs, or read those that have a record"))
    add_study(
        commands.add_parser(
            "study", help="make what is missing of the study's evidence, or go on where it stopped"
        )
    )
    add_notebook(commands.add_parser("notebook", help="execute a page with other parameters"))
    return whole


def _show(options: argparse.Namespace) -> None:
    found = Path(options.record)
    if found.suffix != ".json" and not found.exists():
        found = Store(options.records).find(options.record)
    print_record(records.read(found), found)
