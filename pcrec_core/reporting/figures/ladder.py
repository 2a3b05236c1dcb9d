"""The ladder: PCRec's gain from the released code's habits to the controlled comparison."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from pcrec_core.metrics import PRIMARY
from pcrec_core.reporting.figures.rows import gains


def ladder(frame: pd.DataFrame) -> Figure:
    """Draw the ladder in MRR@5, from the first rung, at the top, to the last, with 95 % intervals.

    There is one panel per model, one row per rung; the paper's value is a line. A rung without
    enough seeds is marked as not tested.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``ladder.climbed``.
    """
    shown = frame[frame["metric"] == PRIMARY]
    numbers = shown["rung"].astype(str)
    rows = shown.assign(row=shown["rung"], name=numbers + ". " + shown["what"])
    return gains(rows, "PCRec over its base, 95 %", "-")
