"""Our effect beside the paper's (:ref:`statistics-paper`)."""

from __future__ import annotations

import math

#: ln 1.01, with the 6 decimals of claims.csv: a smaller claim is too near to 0 to be divided by.
_SMALLEST_CLAIM = 0.009950


def effect_ratio(L: float | None, e: float | None) -> float | None:
    """Compute L / e: 1 is as large as the paper claims, 0 is nothing, below 0 is contrary.

    Parameters
    ----------
    L : float or None
        The log ratio measured here.
    e : float or None
        The paper's log ratio (:ref:`statistics-paper`).

    Returns
    -------
    float or None
        None ("-") if a log ratio is missing, or ``|e|`` < ln 1.01.

    Examples
    --------
    >>> effect_ratio(0.02, 0.04)
    0.5
    """
    if L is None or e is None or math.isnan(e) or abs(e) < _SMALLEST_CLAIM:
        return None
    return L / e


def delta_ri(ri_paper: float | None, ri: float | None) -> float | None:
    """Compute DeltaRI = RI_paper - RI (:ref:`statistics-paper`); None is "-".

    0 is reproduced, above 0 is less than claimed.
    """
    return None if ri_paper is None or ri is None or math.isnan(ri_paper) else ri_paper - ri
