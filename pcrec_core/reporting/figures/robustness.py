"""Robustness: PCRec's gain as it is, and with one thing changed at a time."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.rows import gains


def robustness(frame: pd.DataFrame) -> Figure:
    """Draw PCRec's gain, the main result at the top and one change below the other.

    There is one panel per model. A change without enough runs is marked as not tested; where a
    model lacks a change, its row is empty.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``one_change.gains``.
    """
    places = {name: place for place, name in enumerate(frame["change"].unique())}
    rows = frame.assign(row=frame["change"].map(places), name=frame["change"])
    return gains(rows, "PCRec over what the row names, 95 %", "")
