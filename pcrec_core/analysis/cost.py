"""Measurements of speed and memory: the tables that the commands of ``benchmarks`` write."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pcrec_core import paths
from pcrec_core.errors import DataError, unknown

#: The command that makes each table.
COMMANDS = {
    "benchmarks": "python -m benchmarks",
    "profiles": "python -m benchmarks",
    "modes": "python -m benchmarks.modes",
}


def measured(name: str, folder: str = "") -> pd.DataFrame:
    """Read a table of ``COMMANDS`` from ``folder``, or the committed one if that is empty.

    Raises
    ------
    DataError
        If there is no such table, or the file is missing, empty or no csv.
    """
    if name not in COMMANDS:
        raise DataError(unknown("table of measurements", name, COMMANDS))
    path = (Path(folder) if folder else paths.data()) / f"{name}.csv"
    command = COMMANDS[name]
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        cause = " ".join(str(error).split())
        raise DataError(f"{path} cannot be read ({cause}); make it with: {command}") from error
    if "case" not in frame or frame.empty:
        raise DataError(f"{path} has no column 'case' or no row; make it anew with: {command}")
    return frame
