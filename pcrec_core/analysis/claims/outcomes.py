"""From p-values to verdicts: the rule, grades, and combinations of verdicts.

The rule is in :ref:`statistics-verdicts`, what Amendment 1 changed in it in
:ref:`statistics-amendment-1`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pcrec_core.analysis.claims.sides import BY_SEED, Sides
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.effects import Comparison

SUPPORTED, CONTRADICTED, RULED_OUT = "supported", "contradicted", "ruled out"
INCONCLUSIVE, NOT_TESTED = "inconclusive", "not tested"
DECIDED = (SUPPORTED, RULED_OUT, CONTRADICTED)
VERDICTS = (*DECIDED, INCONCLUSIVE, NOT_TESTED)
#: One-sided levels of p_for and p_con: 5 % two-sided; a claim over seeds has only one side.
_LEVEL, _LEVEL_BY_SEED = 0.025, 0.05


def level(kind: str) -> float:
    """Return the one-sided level of p_for and p_con for a kind of claim."""
    return _LEVEL_BY_SEED if kind == BY_SEED else _LEVEL


def verdict(adjusted: Sides, kind: str = "better", *, tested: bool = True) -> str:
    """Decide a claim by the first line of the rule that holds (:ref:`statistics-verdicts`).

    Parameters
    ----------
    adjusted : Sides
        The one-sided p-values after Holm's adjustment; all 1 where nothing can be computed, which
        is inconclusive.
    kind : str
        The kind of the claim.
    tested : bool
        False if runs are missing or too few.
    """
    if not tested:
        return NOT_TESTED
    if adjusted.p_for <= level(kind):
        return SUPPORTED
    if adjusted.p_con <= level(kind):
        return CONTRADICTED
    return RULED_OUT if adjusted.p_not <= 0.05 else INCONCLUSIVE


def grade(
    verdict: str, kind: str, comparison: Comparison, *, e: float | None, theta: float | None
) -> str:
    """Grade the size of an effect by the unadjusted 90 % interval of L; empty without a grade.

    Only claims of kind ``better`` are graded: the other kinds claim no size. Of two grades that
    hold, the stronger is returned.

    Parameters
    ----------
    verdict, kind : str
        Verdict and kind of the claim.
    comparison : Comparison
        The comparison behind the verdict.
    e, theta : float or None
        The claimed log ratio and the margin, from ``claims.csv``.
    """
    if kind != "better" or e is None or theta is None or verdict not in (SUPPORTED, RULED_OUT):
        return ""
    low, high = comparison.bounds(0.95)
    if verdict == RULED_OUT:
        return "nil within half the claim" if -theta < low and high < theta else ""
    grades = {
        "less than half the claim": high < theta,
        "smaller than claimed": high < e,
        "larger": low > e,
    }
    return next((name for name, holds in grades.items() if holds), "")


def all_of(verdicts: Sequence[str]) -> str:
    """Combine the members' verdicts into that of "always" (or "best": better than each other one).

    It is supported if every member is, contradicted or ruled out if any member is, not tested if
    any other member is not, and inconclusive otherwise.

    Raises
    ------
    StatsError
        Without members.
    """
    if not verdicts:
        raise StatsError("a compound claim needs members; give their verdicts.")
    if all(one == SUPPORTED for one in verdicts):
        return SUPPORTED
    return next(
        (one for one in (CONTRADICTED, RULED_OUT, NOT_TESTED) if one in verdicts), INCONCLUSIVE
    )


def headline(verdicts: Mapping[str, str]) -> str:
    """Return one verdict over data sets, without pooling: the decided one if all that decide agree.

    If they differ, return "differs" and the list; if none decides, inconclusive where any is.

    Examples
    --------
    >>> headline({"ml-100k": "supported", "retailrocket-half": "ruled out"})
    'differs: supported on ml-100k, ruled out on retailrocket-half'
    """
    decided = {name: one for name, one in verdicts.items() if one in DECIDED}
    if len(set(decided.values())) > 1:
        return "differs: " + ", ".join(f"{one} on {name}" for name, one in decided.items())
    return next(
        iter(decided.values()), INCONCLUSIVE if INCONCLUSIVE in verdicts.values() else NOT_TESTED
    )
