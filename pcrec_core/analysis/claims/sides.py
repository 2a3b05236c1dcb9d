"""The three one-sided p-values of each kind of claim, and Holm's adjustment over a family.

The kinds and their p-values are those of :ref:`statistics-verdicts`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from scipy.special import stdtr

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.effects import Comparison
from pcrec_core.analysis.paired_runs import PairedRuns
from pcrec_core.errors import unknown

#: The kind of a claim over seeds, which is tested on paired runs, not on users.
BY_SEED = "by seed"


@dataclass(frozen=True)
class Sides:
    """Three one-sided p-values.

    A small ``p_for`` supports the claim, a small ``p_con`` contradicts it, and a small ``p_not``
    rules out the claimed size.
    """

    p_for: float
    p_con: float
    p_not: float

    @property
    def printed(self) -> float:
        """The two-sided p-value of adjusted sides, for tables."""
        return min(1.0, 2 * min(self.p_for, self.p_con))


#: The p-values of a claim that cannot be tested. It still counts in its family's size.
UNTESTED = Sides(1.0, 1.0, 1.0)


def sides(
    kind: str,
    comparison: Comparison | PairedRuns,
    *,
    e: float | None,
    theta: float | None,
    Vp: float = 0.0,
) -> Sides:
    """Compute the three one-sided p-values of a claim, without adjustment.

    Parameters
    ----------
    kind : {"better", "at least", "no better", "by seed"}
        What is claimed of v against b.
    comparison : Comparison or PairedRuns
        With a standard error above 0.
    e : float or None
        The claim's log ratio, from ``claims.csv``; read by ``better`` only.
    theta : float or None
        Its margin, from the same row; read by ``at least`` and ``no better`` only.
    Vp : float
        Variance of ``e``, which only the original rule counts, and only for ``better``.

    Raises
    ------
    StatsError
        For an unknown kind.
    """
    if kind not in _SIDES:
        raise StatsError(unknown("kind of claim", kind, _SIDES))
    c = comparison
    return Sides(*(float(stdtr(c.df, t)) for t in _SIDES[kind](c.L, c.se, e, theta, Vp)))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values by Holm's method, and keep their order.

    The sorted p-values are multiplied by m, m - 1, ..., 1; the running maximum is taken, at most 1.

    Examples
    --------
    >>> holm([0.5, 0.01, 0.02])
    [0.5, 0.03, 0.04]
    """
    plain = np.asarray(p, dtype=float)
    m, order = plain.size, np.argsort(plain, kind="stable")
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(plain[order] * np.arange(m, 0, -1)))
    return [float(each) for each in adjusted]


def adjust(family: Sequence[Sides]) -> list[Sides]:
    """Adjust each of the three p-values over a family by Holm's method.

    Give ``UNTESTED`` for each claim of the family that cannot be tested.
    """
    columns = zip(*map(astuple, family), strict=True)
    return [Sides(*row) for row in zip(*map(holm, columns), strict=True)]


def _better(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return -L / se, L / se, (L - e) / math.sqrt(se**2 + Vp)


def _at_least(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return -(L + theta) / se, (L + theta) / se, math.inf


def _no_better(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return (L - theta) / se, -L / se, math.inf


def _by_seed(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return -L / se, L / se, math.inf


#: The t values of p_for, p_con and p_not by kind of claim; infinity gives p = 1.
_SIDES: dict[str, Callable[..., tuple[float, ...]]] = {
    "better": _better,
    "at least": _at_least,
    "no better": _no_better,
    BY_SEED: _by_seed,
}
KINDS = tuple(_SIDES)
OF_USERS = tuple(kind for kind in KINDS if kind != BY_SEED)
