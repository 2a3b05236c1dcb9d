"""The paper's own numbers and claims, as committed in ``data/paper`` (its README says what each file holds). No torch."""

from __future__ import annotations

import functools

import pandas as pd

from pcrec_core import paths
from pcrec_core.errors import PCRecError, unknown

#: The paper's data set that each of ours is confronted with, where there is one.
COUNTERPART = {
    "ml-100k": "ML-20M",
    "ml-1m": "ML-20M",
    "ml-20m": "ML-20M",
    "retailrocket": "Retailrocket",
    "retailrocket-half": "Retailrocket",
    "retailrocket-first-half": "Retailrocket",
    "retailrocket-events": "Retailrocket",
}


class PaperError(PCRecError):
    """A table, or a value, that the paper does not have."""


def table(number: int) -> pd.DataFrame:
    """The paper's Table 1 to 5 as a tidy frame; Tables 3 to 5 have a row a printed number."""
    if number not in range(1, 6):
        raise PaperError(f"the paper has Tables 1 to 5, not {number}.")
    return pd.read_csv(
        paths.paper() / f"table{number}.csv", dtype={"l2": str, "p": str, "eta": str}
    )


def value(dataset: str, model: str, variant: str, metric: str) -> float | None:
    """A printed value of Tables 3 to 5, or None where the paper prints none.

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
    """over / under - 1, or None where one is not printed."""
    return None if over is None or under is None else over / under - 1


def users(dataset: str) -> int:
    """Number of users of a data set of the paper (Table 1).

    Examples
    --------
    >>> users("Retailrocket")
    47000
    """
    counts = table(1).set_index("dataset")["users"]
    if dataset not in counts:
        raise PaperError(unknown("data set of the paper", dataset, counts.index))
    return int(counts[dataset])


#: Rows of ``claims.csv`` that were fixed before any evidence; those after them were registered with Amendment 1.
ORIGINAL_CLAIMS = 216


def claims() -> pd.DataFrame:
    """Read the registry of claims, indexed by id; ``amendment`` marks those of Amendment 1."""
    empty = {"ri_paper": [""], "e": [""], "theta": [""]}
    frame = pd.read_csv(
        paths.paper() / "claims.csv", keep_default_na=False, na_values=empty
    ).set_index("id")
    return frame.assign(amendment=[place >= ORIGINAL_CLAIMS for place in range(len(frame))])


@functools.cache
def _values() -> dict[tuple[str, str, str, str], float]:
    rows = pd.concat([table(3), table(4), table(5)])
    return {tuple(row[:4]): row[4] for row in rows.itertuples(index=False)}
