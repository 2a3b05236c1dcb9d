"""What more runs would show on the same users: the interval's half-width and the effect that is found, projected from the
variances of a comparison (STATISTICS.md, section 6). No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtr  # scipy.stats takes a second to import

from pcrec_core.analysis import comparisons
from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.claims.decide import printed
from pcrec_core.analysis.claims.paper_uncertainty import correlation, paper_side
from pcrec_core.analysis.crossed import Spread, StatsError
from pcrec_core.analysis.crossed_t import PAIRED_FROM, Comparison
from pcrec_core.study.replicates import Replicates


@dataclass(frozen=True)
class Projection:
    """Half-width of the 95 % interval of RI around no effect, and the RI that is found with 80 % power."""

    runs: int
    half: float
    mde: float
    spread: Spread


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
        raise StatsError(
            f"a projection needs arms with equally many runs, two or more, and means above 0, and at least two runs"
            f" to project to; these have {c.runs_v} and {c.runs_b} runs, to {runs}."
        )
    fewer = c.runs_v / runs
    vu, vs, ve, vseed = (
        max(c.Vu - c.Ve, 0.0) + c.Ve * fewer,
        c.Vs * fewer,
        c.Ve * fewer,
        c.Vseed * fewer,
    )
    arms = 1 if c.paired else 2
    df = (vu + vseed) ** 2 / (vu**2 / (c.users - 1) + vs**2 / arms / (runs - 1))
    v = Spread(vu, vs, ve, vseed, math.sqrt(vu + vseed), float(np.clip(df, runs - 1, c.users - 1)))
    half = v.width(0.975)
    return Projection(runs, math.expm1(half), math.expm1(half + v.width(0.8)), v)


def projections(
    pairs: Sequence[tuple[Replicates, Replicates]],
    metrics: Sequence[str],
    runs: Sequence[int] = (3, 5, 10),
) -> pd.DataFrame:
    """A row a pair (variant, base) and metric: what was measured of users and runs (c, the correlation of a user's values in
    the arms; rv, their relative variance; the SD of runs), half-widths with so many runs an arm, the RI that the largest
    number of runs finds, and the paper's. Pairs that have one run an arm, or different numbers of runs, have no row."""
    rows = []
    for over, base in _projectable(pairs):
        for metric in metrics:
            c = comparisons.compare(over, base, metric)
            found = [projected(c, many) for many in runs]
            rows.append(
                _of(over, metric)
                | {
                    "users": c.users,
                    "c": correlation(c),
                    "rv": (c.rv_v + c.rv_b) / 2,
                    "run SD": math.sqrt(c.runs_v * c.Vseed / 2),
                    **{f"+- with {p.runs} runs": p.half for p in found},
                    f"found with {runs[-1]} runs": found[-1].mde,
                    "RI of the paper": comparisons.paper_improvement(over, base, metric),
                }
            )
    return pd.DataFrame(rows)


def _projectable(
    pairs: Sequence[tuple[Replicates, Replicates]],
) -> list[tuple[Replicates, Replicates]]:
    return [pair for pair in pairs if len(pair[0].runs) == len(pair[1].runs) > 1]


def _of(arm: Replicates, metric: str) -> dict[str, str]:
    return {"data set": arm.dataset, "model": arm.model, "metric": metric}


#: Simulated studies of ``expected_words``.
_STUDIES = 10_000


def expected_words(
    pairs: Sequence[tuple[Replicates, Replicates]], metric: str, runs: Sequence[int] = (3, 10)
) -> pd.DataFrame:
    """How often a single claim of the paper's improvement would get each word, if it were not true at all, half true, or true.

    One row per pair whose improvement the paper prints, number of runs and truth, with the share of simulated studies that
    get each word: L is normal around the truth with the projected variance, which is itself estimated.
    """
    rows = []
    for over, base in _projectable(pairs):
        c, claimed = (
            comparisons.compare(over, base, metric),
            comparisons.paper_improvement(over, base, metric),
        )
        if claimed is None:
            continue
        Vp = paper_side(
            c,
            printed(
                metric,
                comparisons.counterpart(over),
                comparisons.name_in_paper(over),
                comparisons.name_in_paper(base),
            ),
        ).Vp
        for many in runs:
            v, e = projected(c, many).spread, math.log1p(claimed)
            noise = (
                0.0 if many >= PAIRED_FROM else Vp
            )  # of the paper's run: the rule counts it below ten runs only
            for truth, name in ((0.0, "nothing"), (e / 2, "half"), (e, "the claim")):
                shares = _words(truth, v, e, noise)
                rows.append(_of(over, metric) | {"runs": many, "true is": name} | shares)
    return pd.DataFrame(rows)


def _words(truth: float, v: Spread, e: float, Vp: float) -> dict[str, float]:
    """Shares of the words of a claim of kind better (STATISTICS.md, section 4), alone in its family."""
    draw = np.random.default_rng(0)
    V = v.se**2 * draw.chisquare(v.df, _STUDIES) / v.df
    L = truth + v.se * draw.standard_normal(_STUDIES)
    supported, contradicted = (stdtr(v.df, sign * L / np.sqrt(V)) <= 0.025 for sign in (-1, 1))
    ruled_out = (stdtr(v.df, (L - e) / np.sqrt(V + Vp)) <= 0.05) & ~supported & ~contradicted
    return {
        outcomes.SUPPORTED: supported.mean(),
        outcomes.CONTRADICTED: contradicted.mean(),
        outcomes.RULED_OUT: ruled_out.mean(),
        outcomes.INCONCLUSIVE: (~(supported | contradicted | ruled_out)).mean(),
    }
