"""What more runs would show on the same users: the interval's half-width and the effect that is found, projected from the
variances of a comparison (STATISTICS.md, section 6). No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pcrec_core.arms import Arm
from pcrec_core.crossed import Spread, StatsError
from pcrec_core.report import Html, count, percent, table
from pcrec_core.stats import Comparison


@dataclass(frozen=True)
class Projection:
    """Half-width of the 95 % interval of RI around no effect, and the RI that is found with 80 % power."""

    runs: int
    half: float
    mde: float


def projected(c: Comparison, runs: int) -> Projection:
    """What ``runs`` runs an arm would give if variances stay as they were estimated.

    Vu holds the users' own differences and the run-by-user noise Ve; the noise and Vseed shrink as 1 / runs. What the runs
    vary by is taken to be shared equally by the arms.

    Parameters
    ----------
    c : Comparison
        Of two arms with the same number of runs, two or more.
    runs : int
        Two or more.

    Raises
    ------
    StatsError
        Arms of one run or of different numbers of runs, a mean of 0, or ``runs`` below 2.
    """
    if c.users_only or c.runs_v != c.runs_b or c.L is None or runs < 2:
        raise StatsError(f"a projection needs arms with equally many runs, two or more, and means above 0, and at least two runs"
                         f" to project to; these have {c.runs_v} and {c.runs_b} runs, to {runs}.")
    fewer = c.runs_v / runs
    vu, vs, ve, vseed = max(c.Vu - c.Ve, 0.0) + c.Ve * fewer, c.Vs * fewer, c.Ve * fewer, c.Vseed * fewer
    arms = 1 if c.paired else 2
    df = (vu + vseed) ** 2 / (vu**2 / (c.users - 1) + vs**2 / arms / (runs - 1))
    v = Spread(vu, vs, ve, vseed, math.sqrt(vu + vseed), float(np.clip(df, runs - 1, c.users - 1)))
    half = v.width(0.975)
    return Projection(runs, math.expm1(half), math.expm1(half + v.width(0.8)))


def projections(pairs: Sequence[tuple[Arm, Arm]], metrics: Sequence[str], runs: Sequence[int] = (3, 5, 10)) -> pd.DataFrame:
    """A row a pair (variant, base) and metric: half-widths with so many runs an arm, the RI that the largest number of runs
    finds, and the paper's. Pairs that have one run an arm, or different numbers of runs, have no row."""
    rows = []
    for over, base in (pair for pair in pairs if len(pair[0].runs) == len(pair[1].runs) > 1):
        for metric in metrics:
            found = [projected(over.over(base, metric), number) for number in runs]
            rows.append({"data set": over.dataset, "model": over.model, "metric": metric, "users": over.ranks.shape[1],
                         **{f"+- with {p.runs} runs": p.half for p in found}, f"found with {runs[-1]} runs": found[-1].mde,
                         "RI of the paper": over.paper_improvement(base, metric)})
    return pd.DataFrame(rows)


def show_projections(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``projections``."""
    heads = {column: column.replace("+-", "±") for column in frame.columns}
    formats = {head: _size for head in heads.values() if "runs" in head} | {"users": count, "RI of the paper": percent}
    note = ("Half-width of the 95 % interval of RI around no effect, and the improvement found four times in five, if the"
            " variances stay as these runs have them.")
    return table(frame.rename(columns=heads), formats, name, note, frame)


def _size(x: float) -> str:
    return f"{100 * x:.1f} %"
