"""What each claim was called at three runs, and what either rule calls it now.

That is the table of item 7 of the amendment (:ref:`statistics-amendment-1`).
"""

from __future__ import annotations

import pandas as pd

from pcrec_core import paths
from pcrec_core.analysis.claims.outcomes import VERDICTS
from pcrec_core.analysis.claims.table import RUNS

#: The columns with a verdict, in order.
COLUMNS = ("verdict_then", "original_verdict", "verdict")


def since_three_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """Set the verdicts of the three-run look beside those of both rules now.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``evidence.decided``.

    Returns
    -------
    DataFrame
        One row per claim that had a verdict at three runs (``data/looks.csv``): relative
        improvement, interval, Holm p and runs of both arms, then and now; the verdict then; and the
        verdicts now, by the rule before the amendment and by the amended one.
    """
    then = pd.read_csv(paths.data() / "looks.csv", index_col="id").rename(
        columns={"RI": "relative_improvement", "Holm p": "holm_p", "word": "verdict"}
    )
    runs = then.pop("runs").str.split(", ", expand=True).apply(pd.to_numeric).astype("Int64")
    then = then.join(runs.set_axis(RUNS, axis=1))
    numbers = [column for column in then if column != "verdict"]
    verdicts = ["original_verdict", "verdict", "rule"]
    now = frame[["family", "dataset", "model", "claim", *numbers, *verdicts]]
    return now.join(then.add_suffix("_then"), how="inner").reset_index()


def by_family(looks: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts of each family, then and now.

    ``looks`` is the frame of ``since_three_runs``. One row per family and verdict that either
    rule gives, the column ``outcome``, and one count per entry of ``COLUMNS``.
    """
    counts = pd.concat(
        [looks.groupby("family", sort=False)[column].value_counts() for column in COLUMNS], axis=1
    )
    counts = counts.set_axis(COLUMNS, axis=1).fillna(0).astype(int)
    order = [
        (family, outcome)
        for family in looks["family"].unique()
        for outcome in VERDICTS
        if (family, outcome) in counts.index
    ]
    index = pd.MultiIndex.from_tuples(order, names=["family", "outcome"])
    return counts.reindex(index).reset_index()
