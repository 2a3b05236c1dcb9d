"""From p-values to words: one-sided p of each kind of claim, Holm, the rule, grades, combinations.

The rule is in :ref:`statistics-verdicts`, what Amendment 1 changed in it in
:ref:`statistics-amendment-1`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from scipy.special import stdtr

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import Comparison
from pcrec_core.analysis.paired_runs import PairedRuns
from pcrec_core.errors import unknown

SUPPORTED, CONTRADICTED, RULED_OUT = "supported", "contradicted", "ruled out"
INCONCLUSIVE, NOT_TESTED = "inconclusive", "not tested"
DECIDED = (SUPPORTED, RULED_OUT, CONTRADICTED)
WORDS = (*DECIDED, INCONCLUSIVE, NOT_TESTED)
#: The kind of a claim over seeds, which is tested on paired runs, not on users.
BY_SEED = "by seed"
#: One-sided levels of p_for and p_con: 5 % two-sided; a claim over seeds has only one side.
_LEVEL, _LEVEL_BY_SEED = 0.025, 0.05


@dataclass(frozen=True)
class Sides:
    """Three one-sided p.

    A small ``p_for`` supports the claim, a small ``p_con`` its contrary; a small ``p_not`` speaks
    against the claimed size.
    """

    p_for: float
    p_con: float
    p_not: float

    @property
    def printed(self) -> float:
        """The two-sided Holm p of adjusted sides, for tables."""
        return min(1.0, 2 * min(self.p_for, self.p_con))


#: The p of a claim that cannot be tested. It still counts in its family's size.
UNTESTED = Sides(1.0, 1.0, 1.0)


def sides(
    kind: str,
    comparison: Comparison | PairedRuns,
    *,
    e: float | None,
    theta: float | None,
    Vp: float = 0.0,
) -> Sides:
    """Compute the three one-sided p of a claim, without adjustment.

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
    """Adjust p by Holm's method, in the order given.

    The sorted p are multiplied by m, m - 1, ..., 1; the running maximum is taken, at most 1.

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
    """Adjust each of the three p over a family by Holm.

    Give ``UNTESTED`` for each claim of the family that cannot be tested.
    """
    columns = zip(*map(astuple, family), strict=True)
    return [Sides(*row) for row in zip(*map(holm, columns), strict=True)]


def level(kind: str) -> float:
    """Return the one-sided level of p_for and p_con for a kind of claim."""
    return _LEVEL_BY_SEED if kind == BY_SEED else _LEVEL


def word(adjusted: Sides, kind: str = "better", *, tested: bool = True) -> str:
    """Return the first line of the rule that holds.

    A claim that is not ``tested`` lacks runs. A tested claim with p of 1 on every side (fewer than
    30 users above 0, no variation) is inconclusive.
    """
    if not tested:
        return NOT_TESTED
    if adjusted.p_for <= level(kind):
        return SUPPORTED
    if adjusted.p_con <= level(kind):
        return CONTRADICTED
    return RULED_OUT if adjusted.p_not <= 0.05 else INCONCLUSIVE


def grade(
    word: str, kind: str, comparison: Comparison, *, e: float | None, theta: float | None
) -> str:
    """Grade the size of an effect by the plain 90 % interval of L; empty where no grade holds.

    Only claims of kind ``better`` are graded: the other kinds claim no size. Of two grades that
    hold, the stronger is returned.
    """
    if kind != "better" or e is None or theta is None or word not in (SUPPORTED, RULED_OUT):
        return ""
    low, high = comparison.bounds(0.95)
    if word == RULED_OUT:
        return "nil within half the claim" if -theta < low and high < theta else ""
    grades = {
        "less than half the claim": high < theta,
        "smaller than claimed": high < e,
        "larger": low > e,
    }
    return next((name for name, holds in grades.items() if holds), "")


def all_of(words: Sequence[str]) -> str:
    """Combine the members' words into that of "always" (or "best": better than each other one).

    It is supported if every member is, contradicted or ruled out if any member is, not tested if
    any other member is not, and inconclusive otherwise.

    Raises
    ------
    StatsError
        Without members.
    """
    if not words:
        raise StatsError("a compound claim needs members; give their words.")
    if all(w == SUPPORTED for w in words):
        return SUPPORTED
    return next((w for w in (CONTRADICTED, RULED_OUT, NOT_TESTED) if w in words), INCONCLUSIVE)


def headline(words: Mapping[str, str]) -> str:
    """Return one word over data sets, without pooling: that of the decided ones if they agree.

    If they differ, return "differs" and the list; if none is decided, inconclusive where any is.

    Examples
    --------
    >>> headline({"ml-100k": "supported", "retailrocket-half": "ruled out"})
    'differs: supported on ml-100k, ruled out on retailrocket-half'
    """
    decided = {name: w for name, w in words.items() if w in DECIDED}
    if len(set(decided.values())) > 1:
        return "differs: " + ", ".join(f"{w} on {name}" for name, w in decided.items())
    return next(
        iter(decided.values()), INCONCLUSIVE if INCONCLUSIVE in words.values() else NOT_TESTED
    )


def _better(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return -L / se, L / se, (L - e) / math.sqrt(se**2 + Vp)


def _at_least(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return -(L + theta) / se, (L + theta) / se, math.inf


def _no_better(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return (L - theta) / se, -L / se, math.inf


def _by_seed(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return -L / se, L / se, math.inf


#: The t of p_for, p_con and p_not by kind of claim; infinity gives p = 1.
_SIDES: dict[str, Callable[..., tuple[float, ...]]] = {
    "better": _better,
    "at least": _at_least,
    "no better": _no_better,
    BY_SEED: _by_seed,
}
KINDS = tuple(_SIDES)
OF_USERS = tuple(kind for kind in KINDS if kind != BY_SEED)
