"""PCRec's gain with one thing changed, beside the main result (:ref:`protocols-ladder`)."""

from __future__ import annotations

import math

import pandas as pd
from scipy.special import ndtr

from pcrec_core.analysis.claims.outcomes import NOT_TESTED
from pcrec_core.analysis.claims.table import RUNS

HALF, OTHER_HALF = "retailrocket-half", "retailrocket-first-half"
#: What is changed: data set, and a over b of ``claims.csv``; the main result comes first.
CHANGES = {
    "no change (the main result)": (HALF, "LE", "base"),
    "twice the epochs": (HALF, "LE-2x-epochs", "base-2x-epochs"),
    "a learning rate of PCRec's own": (HALF, "LE-own-eta", "base"),
    "the paper's data rule": (HALF, "LE-paper-data", "base-paper-data"),
    "an L2 chosen on RR-half": (HALF, "LE-own-l2", "base-own-l2"),
    "RR-first-half": (OTHER_HALF, "LE", "base"),
    "over plain averaging": (HALF, "LE", "avg"),
    "over plain averaging, RR-first-half": (OTHER_HALF, "LE", "avg"),
}
_NUMBERS = ("relative_improvement", "low", "high", "log_ratio", "se", *RUNS, "users")


def gains(frame: pd.DataFrame) -> pd.DataFrame:
    """Take PCRec's improvement under each change from the decided claims.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``evidence.decided``.

    Returns
    -------
    DataFrame
        One row per change and model that has it, in the order of ``CHANGES``. The numbers of a
        change that is not tested are missing: too few runs show nothing.
    """
    single = frame[
        (frame["kind"] == "better") & frame["family"].str.match("table3|controls|robust")
    ]
    arms = single.groupby(["dataset", "a", "b"], sort=False)
    rows = [
        arms.get_group(key)[["model", "dataset", "a", "b", "metric", "verdict", *_NUMBERS]].assign(
            change=change
        )
        for change, key in CHANGES.items()
    ]
    found = pd.concat(rows, ignore_index=True)
    found.loc[found["verdict"] == NOT_TESTED, list(_NUMBERS)] = None
    main = arms.get_group(next(iter(CHANGES.values()))).set_index("model")
    printed = found["model"].map(main["paper_relative_improvement"])
    return found.assign(paper_relative_improvement=printed)


def halves(gains: pd.DataFrame) -> pd.DataFrame:
    """Set the two halves of the sessions side by side.

    ``gains`` is the frame of the function of that name.

    Returns
    -------
    DataFrame
        One row per model and comparison: both improvements with their intervals, and the two-sided
        p-value of their difference, by the normal distribution as for strata
        (:ref:`statistics-strata`); missing while a half is not tested.
    """
    keys = ["model", "a", "b"]
    half, other = (gains[gains["dataset"] == name] for name in (HALF, OTHER_HALF))
    both = half.merge(other, on=keys, suffixes=("", "_other_half"))
    return both.assign(p=[_p_of_difference(*row) for row in both[_PAIR].to_numpy(float)])


_PAIR = ["log_ratio", "log_ratio_other_half", "se", "se_other_half"]


def _p_of_difference(one: float, other: float, se: float, se_other: float) -> float:
    return 2 * float(ndtr(-abs(one - other) / math.hypot(se, se_other)))
