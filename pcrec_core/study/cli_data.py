"""The command ``data``, and the options of all commands that read a user's file."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from pcrec_core import datasets
from pcrec_core.datasets import files
from pcrec_core.datasets.describe import describe
from pcrec_core.datasets.notes import notes
from pcrec_core.datasets.reading.options import FORMATS, Options
from pcrec_core.datasets.split import split
from pcrec_core.errors import SpecError
from pcrec_core.specs.derived import Spec
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.study import forecast
from pcrec_core.study.cli_options import path
from pcrec_core.study.terminal import complain, say
from pcrec_core.training import environment

#: What a file must look like, for ``--help``.
FILE_HELP = """\
A file holds one action per row, in time order or with a time: a user, an item and perhaps a time (a
number or an ISO date). Every row counts as a positive; ratings are not read. It can be delimited
text, one sequence per line (user item item ...), JSON (lines or an array), parquet or feather, and
be packed (.gz, .zip, .zst). What is not given is detected, and an ambiguous file is refused. Users
and items with fewer actions than the core, by default 5, are removed until none is left. A user
needs 3 actions: the last is the test target, the one before it the validation target."""
_READING = tuple(field.name for field in dataclasses.fields(Options))


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = f"List the data sets; or, with FILE, how it is read.\n\n{FILE_HELP}"
    parser.add_argument("file", nargs="?", type=path, metavar="FILE", help="a file of your own")
    add_reading(parser)
    add_core(parser)
    parser.set_defaults(command=_data)


def add_core(parser: argparse.ArgumentParser) -> None:
    """Add the option for the fewest actions of a user and an item."""
    parser.add_argument(
        "--core", type=int, default=5, help="fewest actions of a user and of an item (default: 5)"
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options for the reading of a file."""
    group = parser.add_argument_group("reading of your own file (default: detected)")
    add = group.add_argument
    add("--columns", help="user,item or user,item,time: their names, or numbers from 0")
    add("--sep", help="separator: ',' ';' '|' '::' tab or blank")
    add(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first line holds the names of the columns",
    )
    add("--date-format", metavar="FORMAT", help="of the times, such as '%%d/%%m/%%Y %%H:%%M'")
    add("--encoding", help="such as latin-1 or utf-16 (default: utf-8 or utf-16)")
    add("--format", help=", ".join(FORMATS))
    add("--skip-bad-rows", action="store_true", help="leave bad rows out instead of stopping")


def options_of(given: argparse.Namespace) -> Options:
    """Return the options of the reader that the command line gives."""
    values = {name: getattr(given, name) for name in _READING}
    if given.columns is not None:
        values["columns"] = tuple(given.columns.split(","))
    return Options(**values)


def data_of(given: argparse.Namespace) -> Data:
    """Return the data that ``--dataset``, ``--csv`` and the options of the reader name.

    Raises
    ------
    SpecError
        A file is given without the data set csv, or the reverse.
    """
    if given.dataset == "csv":
        if given.csv is None:
            raise SpecError("--dataset csv needs the file: --csv FILE.")
        return datasets.csv_data(given.csv, options=options_of(given))
    usual = {"csv": None} | vars(Options())
    stray = [name for name in usual if getattr(given, name) != usual[name]]
    if stray:
        named = " and ".join(f"--{name.replace('_', '-')}" for name in stray)
        verb = "belongs" if len(stray) == 1 else "belong"
        raise SpecError(f"{named} {verb} to --dataset csv, not to {given.dataset}.")
    return Data(given.dataset)


def announce(missing: Sequence[Spec], given: argparse.Namespace) -> None:
    """Print to stderr what is strange in a user's file, and the hours of a long training."""
    runs = [spec for spec in missing if isinstance(spec, RunSpec) and spec.data.source == "csv"]
    if not runs or environment.started():
        return
    interactions = datasets.load(runs[0].data)
    for note in notes(interactions, split(interactions)):
        complain(f"note: {note}")
    if given.dask is not None:
        # what this machine can do says nothing about those that train
        return
    rates = forecast.rates(runs, given.device, given.threads)
    if warning := forecast.warning(runs, rates):
        complain(f"warning: {warning}")


def _data(given: argparse.Namespace) -> None:
    if given.file is not None:
        say(describe(given.file, options_of(given), given.core))
        return
    for source in datasets.SOURCES.values():
        say(f"{source.name:<24} {source.title}")
        for file in source.files:
            if isinstance(file, datasets.ManualFile):
                size, address = "by hand", file.page
            else:
                size, address = f"{file.bytes / 1e6:.1f} MB", file.urls[0]
            say(f"{'':<24}   {file.name}, {size}: {files.status(file)}; {address}")
        citation = f" Cite: {source.citation}" if source.citation else ""
        say(f"{'':<24}   {source.terms}{citation}")
