"""Command line: ``pcrec data | train | study | show``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pcrec_core.errors import PCRecError
from pcrec_core.study import records
from pcrec_core.study.cli_data import add_data
from pcrec_core.study.cli_options import RECORDS, Parser, print_record
from pcrec_core.study.cli_study import add_study
from pcrec_core.study.cli_train import add_train
from pcrec_core.study.records import Store
from pcrec_core.training import environment


def main(arguments: list[str] | None = None) -> int:
    """Run a command, and return 0, or 1 after one sentence on stderr if it failed."""
    try:
        options = parser().parse_args(arguments)
        options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader has closed the pipe: what is left is dropped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except PCRecError as error:
        process = f" in process {environment.rank()}" if environment.rank() else ""
        print(f"error{process}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # while data are read, or another command is waited for; a training has its own answer
        print(
            "error: interrupted; what is finished is stored, and the same command goes on with the"
            " rest.",
            file=sys.stderr,
        )
        return 1
    return 0


def parser() -> Parser:
    """Return the parser of all commands."""
    whole = Parser(prog="pcrec", description="PCRec, reproduced: train and read runs.")
    commands = whole.add_subparsers(required=True, metavar="data | train | study | show")
    add_data(
        commands.add_parser("data", help="list the data sets, or show how a file of yours is read")
    )
    show = commands.add_parser("show", help="print a record")
    show.add_argument(
        "record",
        metavar="PATH|NAME|IDENTITY",
        help="as `train` prints them; 4 digits of an identity will do",
    )
    show.add_argument("--records", type=Path, metavar="DIR", help=RECORDS)
    show.set_defaults(command=_show)
    add_train(commands.add_parser("train", help="train runs, or read those that have a record"))
    add_study(
        commands.add_parser(
            "study", help="make what is missing of the study's evidence, and go on where it was cut"
        )
    )
    return whole


def _show(options: argparse.Namespace) -> None:
    path = Path(options.record)
    if path.suffix != ".json" and not path.exists():
        path = Store(options.records).find(options.record)
    print_record(records.read(path), path)
