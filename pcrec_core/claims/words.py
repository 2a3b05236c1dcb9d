"""From p-values to words: one-sided p of each kind of claim, Holm, the rule, grades, combinations (STATISTICS.md,
section 4). No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from scipy.special import stdtr

from pcrec_core.crossed import StatsError
from pcrec_core.errors import unknown
from pcrec_core.stats import NOT_DECIDABLE, Comparison

SEEN, CONTRARY, NOT_SEEN = "seen", "contrary", "not seen"
WORDS = (SEEN, NOT_SEEN, CONTRARY, NOT_DECIDABLE)


@dataclass(frozen=True)
class Sides:
    """Three one-sided p: small ``p_for`` speaks for the claim, small ``p_con`` for its contrary, small ``p_not`` against
    the claimed size."""

    p_for: float
    p_con: float
    p_not: float

    @property
    def printed(self) -> float:
        """The two-sided Holm p that a table shows, of sides that are adjusted."""
        return min(1.0, 2 * min(self.p_for, self.p_con))


#: Of a claim that cannot be tested. It still counts in its family's size.
UNTESTED = Sides(1.0, 1.0, 1.0)


def sides(kind: str, comparison: Comparison, *, e: float, theta: float, Vp: float = 0.0) -> Sides:
    """The three one-sided p of a claim, not adjusted.

    Parameters
    ----------
    kind : {"better", "at least", "no better"}
        What is claimed of v against b.
    comparison : Comparison
        With a standard error above 0.
    e : float
        The claim's log ratio, from ``claims.csv``.
    theta : float
        Its margin, from there too.
    Vp : float
        Variance of ``e``; only ``better`` uses it.
    """
    if kind not in _SIDES:
        raise StatsError(unknown("kind of claim", kind, _SIDES))
    c = comparison
    return Sides(*(float(stdtr(c.df, t)) for t in _SIDES[kind](c.L, c.se, e, theta, Vp)))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjustment, in the order given: sorted p times m, m - 1, ..., 1, running maximum, at most 1.

    Examples
    --------
    >>> holm([0.5, 0.01, 0.02])
    [0.5, 0.03, 0.04]
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)))
    return adjusted.tolist()


def adjust(family: Sequence[Sides]) -> list[Sides]:
    """Each of the three columns of a family by Holm; ``UNTESTED`` for the claims that cannot be tested."""
    columns = zip(*map(astuple, family), strict=True)
    return [Sides(*row) for row in zip(*map(holm, columns), strict=True)]


def word(adjusted: Sides) -> str:
    """The first line of the rule that holds; line 1, not decidable, is in the p already: they are all 1."""
    if adjusted.p_for <= 0.025:
        return SEEN
    if adjusted.p_con <= 0.025:
        return CONTRARY
    return NOT_SEEN if adjusted.p_not <= 0.05 else NOT_DECIDABLE


def grade(word: str, kind: str, comparison: Comparison, *, e: float, theta: float) -> str:
    """How large, from the plain 90 % interval of L; empty where nothing can be added.

    Only of ``better``: the other kinds claim no size. Of two grades that hold, the stronger.
    """
    if kind != "better" or word not in (SEEN, NOT_SEEN):
        return ""
    low, high = comparison.bounds(0.95)
    if word == NOT_SEEN:
        return "nil within half the claim" if -theta < low and high < theta else ""
    grades = {"less than half the claim": high < theta, "smaller than claimed": high < e, "larger": low > e}
    return next((name for name, holds in grades.items() if holds), "")


def all_of(words: Sequence[str]) -> str:
    """The word of "always", from its members'; of ``best`` too, whose members are "better than each other one"."""
    if not words:
        raise StatsError("a compound claim needs members; give their words.")
    if all(w == SEEN for w in words):
        return SEEN
    return next((w for w in (CONTRARY, NOT_SEEN) if w in words), NOT_DECIDABLE)


def headline(words: Mapping[str, str]) -> str:
    """One word over data sets: that of all decided ones if they agree, else "differs" and the list; never pooled.

    Examples
    --------
    >>> headline({"ml-100k": "seen", "retailrocket-half": "not seen"})
    'differs: seen on ml-100k, not seen on retailrocket-half'
    """
    decided = {name: w for name, w in words.items() if w != NOT_DECIDABLE}
    if len(set(decided.values())) > 1:
        return "differs: " + ", ".join(f"{w} on {name}" for name, w in decided.items())
    return next(iter(decided.values()), NOT_DECIDABLE)


def _better(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return -L / se, L / se, (L - e) / math.sqrt(se**2 + Vp)


def _at_least(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return -(L + theta) / se, (L + theta) / se, math.inf


def _no_better(L: float, se: float, e: float, theta: float, Vp: float) -> tuple[float, ...]:
    return (L - theta) / se, -L / se, math.inf


#: t of p_for, p_con and p_not; infinity is p = 1.
_SIDES: dict[str, Callable[..., tuple[float, ...]]] = {"better": _better, "at least": _at_least, "no better": _no_better}
KINDS = tuple(_SIDES)
