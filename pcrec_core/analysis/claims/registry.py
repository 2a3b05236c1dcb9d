"""The paper's claims, as ``data/paper/claims.csv`` registers them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from pcrec_core.analysis import paper

#: Kinds of claims that join others, their ``members``.
COMPOUND = ("all", "best")


@dataclass(frozen=True)
class Claim:
    """A row of ``data/paper/claims.csv``; numbers that it leaves empty are None."""

    id: str
    family: str
    dataset: str
    paper_dataset: str
    model: str
    a: str
    b: str
    kind: str
    metric: str
    ri_paper: float | None
    e: float | None
    theta: float | None
    members: tuple[str, ...]
    sentence: str
    where: str
    rq: str
    amendment: bool = False

    @property
    def size(self) -> float | None:
        """The claimed gain ``e``; None where ``e`` is only a margin.

        It is a margin in ``at least`` and ``no better`` without printed values: no effect is
        divided by it.
        """
        return None if self.kind != "better" and self.ri_paper is None else self.e


def registry() -> dict[str, Claim]:
    """Return every registered claim by its id."""
    return claims_from(paper.claims())


def claims_from(frame: pd.DataFrame) -> dict[str, Claim]:
    """Return the claims in ``frame``, which is laid out as ``paper.claims`` reads it, by id."""
    return {
        row.Index: Claim(
            row.Index,
            row.family,
            row.dataset,
            row.paper_dataset,
            row.model,
            row.a,
            row.b,
            row.kind,
            row.metric,
            _number(row.ri_paper),
            _number(row.e),
            _number(row.theta),
            tuple(row.members.split()),
            row.sentence,
            row.where,
            row.rq,
            bool(row.amendment),
        )
        for row in frame.itertuples()
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
