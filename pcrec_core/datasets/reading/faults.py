"""Bad rows: how many, of which kinds, and the first of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pcrec_core.datasets.reading.opening import shown
from pcrec_core.errors import DataError

_NAMED = 2


@dataclass(frozen=True)
class Fault:
    """One kind of bad row.

    Parameters
    ----------
    kind : str
        What is wrong with such a row: "2 fields instead of 3". It holds no value of the file.
    rows : int
        How many rows there are of this kind; a row counts for its first fault.
    first : str
        Where the first one is: "line 7" or "row 7".
    """

    kind: str
    rows: int
    first: str

    def __str__(self) -> str:
        """Return the fault as a part of a sentence."""
        if self.rows == 1:
            return f"{self.kind} in {self.first}"
        return f"{self.kind} in {self.rows:,} rows, first in {self.first}"


def refuse(
    path: Path,
    faults: Sequence[Fault],
    rows: int,
    advice: str = "correct them, or leave them out by --skip-bad-rows (skip_bad_rows)",
) -> None:
    """Raise ``DataError``, with the most frequent kinds, if there are faults."""
    if not faults:
        return
    worst = sorted(faults, key=lambda fault: -fault.rows)
    more = len(worst) - _NAMED
    named = "; ".join(str(fault) for fault in worst[:_NAMED])
    rest = f"; and {more} more kinds" if more > 0 else ""
    bad = sum(fault.rows for fault in faults)
    raise DataError(
        f"{shown(path)}: {bad:,} of {rows:,} rows {'is' if bad == 1 else 'are'} bad: {named}{rest}:"
        f" {advice}."
    )
