"""The paper's numbers and claims, from ``data/paper``; its README describes the files."""

from __future__ import annotations

import functools

import pandas as pd

from pcrec_core import paths
from pcrec_core.errors import PCRecError, unknown

#: The paper's data set with which each of ours is confronted, where there is one.
COUNTERPART = {
    "ml-100k": "ML-20M",
    "ml-1m": "ML-20M",
    "ml-20m": "ML-20M",
    "retailrocket": "Retailrocket",
    "retailrocket-half": "Retailrocket",
    "retailrocket-first-half": "Retailrocket",
    "retailrocket-events": "Retailrocket",
}
#: The first rows of ``claims.csv``, fixed before any evidence; Amendment 1 registered the others.
ORIGINAL_CLAIMS = 216
#: What the original rows on controls show as their place: the pinned file names a document there.
_CONTROLS = "the study's controls"


class PaperError(PCRecError):
    """A table, or a value, that the paper does not have."""


def table(number: int) -> pd.DataFrame:
    """Read the paper's Table 1 to 5 as a tidy frame.

    Tables 3 to 5 have one row per printed number.

    Raises
    ------
    PaperError
        For another number.
    """
    if number not in range(1, 6):
        raise PaperError(f"the paper has Tables 1 to 5, not {number}.")
    return pd.read_csv(
        paths.paper() / f"table{number}.csv", dtype={"l2": str, "p": str, "eta": str}
    )


def value(dataset: str, model: str, variant: str, metric: str) -> float | None:
    """Look up a printed value of Tables 3 to 5; None where the paper prints none.

    Raises
    ------
    PaperError
        For an unknown data set.

    Examples
    --------
    >>> value("ML-20M", "sasrec", "LE", "MRR@5")
    0.136
    """
    names = sorted({key[0] for key in _values()})
    if dataset not in names:
        raise PaperError(unknown("data set of the paper", dataset, names))
    return _values().get((dataset, model, variant, metric))


def improvement(over: float | None, under: float | None) -> float | None:
    """Compute over / under - 1; None where one is not printed."""
    return None if over is None or under is None else over / under - 1


def users(dataset: str) -> int:
    """Look up the number of users of a data set of the paper (Table 1).

    Raises
    ------
    PaperError
        For an unknown data set.

    Examples
    --------
    >>> users("Retailrocket")
    47000
    """
    counts = table(1).set_index("dataset")["users"]
    if dataset not in counts:
        raise PaperError(unknown("data set of the paper", dataset, counts.index))
    return int(counts[dataset])


def claims() -> pd.DataFrame:
    """Read the registry of claims, indexed by id; ``amendment`` marks those of Amendment 1."""
    empty = {"ri_paper": [""], "e": [""], "theta": [""]}
    frame = pd.read_csv(
        paths.paper() / "claims.csv", keep_default_na=False, na_values=empty
    ).set_index("id")
    amendment = pd.Series(range(len(frame)), frame.index) >= ORIGINAL_CLAIMS
    controls = frame["family"].str.startswith("controls/") & ~amendment
    return frame.assign(where=frame["where"].mask(controls, _CONTROLS), amendment=amendment)


@functools.cache
def _values() -> dict[tuple[str, str, str, str], float]:
    rows = pd.concat([table(3), table(4), table(5)])
    return {tuple(row[:4]): row[4] for row in rows.itertuples(index=False)}
