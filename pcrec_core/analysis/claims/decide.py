"""Decide the paper's claims from comparisons, family by family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from pcrec_core.analysis.claims import outcomes, sides
from pcrec_core.analysis.claims.measurement import (
    Evidence,
    Found,
    Seeds,
    Testable,
    check,
)
from pcrec_core.analysis.claims.paper_uncertainty import (
    EffectRatio,
    PaperSide,
    below,
    fieller,
)
from pcrec_core.analysis.claims.printed_values import side_of_claim
from pcrec_core.analysis.claims.registry import COMPOUND, Claim, claims_from, registry
from pcrec_core.analysis.claims.sides import Sides
from pcrec_core.analysis.crossed_t import PAIRED_FROM
from pcrec_core.analysis.effects import Comparison


@dataclass(frozen=True)
class Verdict:
    """A claim with its verdict and the numbers that a table shows beside it. None is shown as "-".

    Parameters
    ----------
    verdict : str
        Empty for claims that get none (``run-level``, ``described``).
    reason : str
        Why nothing can be decided whatever the numbers; empty where something can.
    adjusted : Sides or None
        The claim's one-sided p after Holm's adjustment.
    amended : bool
        Whether Amendment 1 decided.
    in_noise : bool
        Whether the claimed size is ruled out here but lies within the noise of the paper's
        single run.
    seeds : tuple of tuple of int
        Seeds of the runs of both arms.
    same_candidates : bool or None
        Whether both arms hide a user's seen items, or both rank them; None where no users are
        compared. It is shown beside the verdict, and decides nothing.
    """

    claim: Claim
    found: Found | None
    verdict: str = ""
    grade: str = ""
    reason: str = ""
    adjusted: Sides | None = None
    side: PaperSide | None = None
    er: EffectRatio | None = None
    below_e33: bool = False
    amended: bool = False
    in_noise: bool = False
    seeds: Seeds = ((), ())
    same_candidates: bool | None = None


def decide(
    evidence: Mapping[str, Evidence], claims: pd.DataFrame | None = None, *, original: bool = False
) -> dict[str, Verdict]:
    """Decide every claim (:ref:`statistics-verdicts`).

    A claim without evidence is not tested and counts in its family's size, so that a family cannot
    be shrunk by leaving claims out. A compound claim combines the verdicts that its members get in
    their own families, so their evidence is needed, too.

    Parameters
    ----------
    evidence : mapping from a claim's id
        All comparisons in ``MRR@5``, or all in ``NDCG@20``: that is the same rule with the same e,
        to be shown in brackets.
    claims : DataFrame, optional
        Whole families, as ``paper.claims`` reads them; by default all.
    original : bool
        Decide by the rule before Amendment 1 throughout: the paper's own uncertainty counts in
        "ruled out".

    Raises
    ------
    StatsError
        Evidence for no claim or of the wrong kind, another metric, or a member that is no claim.
    """
    known = registry() if claims is None else claims_from(claims)
    check(known, evidence)
    families: dict[str, list[Claim]] = {}
    for claim in known.values():
        if claim.kind in sides.KINDS:
            families.setdefault(claim.family, []).append(claim)
    verdicts: dict[str, Verdict] = {}
    for family in families.values():
        verdicts |= _decide_family(family, evidence, original)
    for claim in known.values():
        if claim.kind in COMPOUND:
            members = [verdicts[member].verdict for member in claim.members]
            verdicts[claim.id] = Verdict(claim, None, outcomes.all_of(members))
        elif claim.kind not in sides.KINDS:
            verdicts[claim.id] = Verdict(claim, evidence.get(claim.id, Evidence(None)).found)
    return {name: _with_facts(verdicts[name], evidence.get(name)) for name in known}


def _with_facts(verdict: Verdict, given: Evidence | None) -> Verdict:
    """Add what is shown beside the verdict and decides nothing."""
    given = given or Evidence(None)
    return replace(verdict, seeds=given.seeds, same_candidates=given.same_candidates)


def _decide_family(
    claims: list[Claim], evidence: Mapping[str, Evidence], original: bool
) -> dict[str, Verdict]:
    given = [evidence.get(claim.id, Evidence(None)) for claim in claims]
    papers = [side_of_claim(claim, one.found) for claim, one in zip(claims, given, strict=True)]
    amended = [
        not original and _is_amended(claim, one.found)
        for claim, one in zip(claims, given, strict=True)
    ]
    family = [_sides(*one) for one in zip(claims, given, papers, amended, strict=True)]
    adjusted = sides.adjust(family)
    return {
        one[0].id: _verdict(*one)
        for one in zip(claims, given, adjusted, papers, amended, strict=True)
    }


def _is_amended(claim: Claim, found: Found | None) -> bool:
    """Return whether Amendment 1 decides: for comparisons of ten runs, and for its own claims."""
    if claim.amendment or not isinstance(found, Comparison):
        return claim.amendment
    return found.fewest_runs >= PAIRED_FROM and not found.users_only


def _sides(claim: Claim, given: Evidence, side: PaperSide | None, amended: bool) -> Sides:
    if _reason(given) or not isinstance(given.found, Testable):
        return sides.UNTESTED
    Vp = 0.0 if amended or side is None else side.Vp
    return sides.sides(claim.kind, given.found, e=claim.e, theta=claim.theta, Vp=Vp)


def _verdict(
    claim: Claim, given: Evidence, adjusted: Sides, side: PaperSide | None, amended: bool
) -> Verdict:
    found, reason = given.found, _reason(given)
    verdict = outcomes.verdict(adjusted, claim.kind, tested=not _untested(given))
    if side is None or not isinstance(found, Comparison):
        return Verdict(claim, found, verdict, reason=reason, adjusted=adjusted, amended=amended)
    return Verdict(
        claim,
        found,
        verdict,
        outcomes.grade(verdict, claim.kind, found, e=claim.e, theta=claim.theta),
        reason,
        adjusted,
        side,
        fieller(found, claim.size, side.Vp),
        not reason and below(found, side.e33),
        amended,
        verdict == outcomes.RULED_OUT and _in_noise(claim, found, side),
    )


def _in_noise(claim: Claim, found: Comparison, side: PaperSide) -> bool:
    """Return whether the claimed size is excluded only while the paper's noise is left out.

    That noise is the uncertainty of the paper's single run (Amendment 1, item 3).
    """
    with_noise = sides.sides(claim.kind, found, e=claim.e, theta=claim.theta, Vp=side.Vp)
    return with_noise.p_not > 0.05


def _untested(given: Evidence) -> bool:
    """Return whether the claim lacks runs: then it is not tested, whatever its numbers."""
    lacking = given.found is None or given.missing > 0 or given.protocol != "controlled"
    return lacking or getattr(given.found, "few_runs", False)


def _reason(given: Evidence) -> str:
    """Explain why a claim cannot be decided whatever its p; empty where it can."""
    lacking = given.found is None or given.missing > 0
    foreign = given.protocol != "controlled"
    own = given.found.reason if isinstance(given.found, Testable) else ""
    return "; ".join(
        ["a run is missing"] * lacking
        + [f"the protocol is {given.protocol}, not controlled"] * foreign
        + [own] * bool(own)
    )
