"""Our effect beside the paper's (:ref:`statistics-paper`)."""

from __future__ import annotations

import math

#: ln 1.01, with the 6 decimals of claims.csv: a smaller claim is too near to 0 to be divided by.
_SMALLEST_CLAIM = 0.009950


def effect_ratio(L: float | None, e: float | None) -> float | None:
    """Compute the effect ratio L / e.

    It is 1 for an effect as large as the paper claims, 0 for none, and negative for the opposite.

    Parameters
    ----------
    L : float or None
        The log ratio measured here.
    e : float or None
        The paper's log ratio (:ref:`statistics-paper`).

    Returns
    -------
    float or None
        None, shown as "-", if a log ratio is missing, or ``|e|`` < ln 1.01.

    Examples
    --------
    >>> effect_ratio(0.02, 0.04)
    0.5
    """
    if L is None or e is None or math.isnan(e) or abs(e) < _SMALLEST_CLAIM:
        return None
    return L / e


def delta_ri(ri_paper: float | None, ri: float | None) -> float | None:
    """Compute DeltaRI = RI_paper - RI (:ref:`statistics-paper`).

    It is 0 where the claim is reproduced exactly, and above 0 where less than claimed was found.
    None, shown as "-", if either is missing.
    """
    return None if ri_paper is None or ri is None or math.isnan(ri_paper) else ri_paper - ri
