"""The claims of the paper, decided family by family from comparisons. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pcrec_core.analysis import paper
from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.claims.outcomes import Sides
from pcrec_core.analysis.claims.paper_uncertainty import (
    EffectRatio,
    PaperSide,
    Printed,
    below,
    fieller,
    paper_side,
)
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import PAIRED_FROM, Comparison
from pcrec_core.analysis.paired_runs import PairedRuns
from pcrec_core.analysis.welch import Welch
from pcrec_core.metrics import PRIMARY, parse

SUPPORTING = "NDCG@20"
COMPOUND = ("all", "best")


@dataclass(frozen=True)
class Evidence:
    """What a claim is decided from: the comparison of its a (as v) with its b; for a claim over seeds its pairs, for one about
    runs their Welch test.

    ``found`` is None where runs are missing; ``missing`` counts those that were planned and are not there.
    """

    found: Comparison | PairedRuns | Welch | None
    protocol: str = "controlled"
    missing: int = 0


@dataclass(frozen=True)
class Claim:
    """A row of ``data/paper/claims.csv``; numbers that it leaves empty are None."""

    id: str
    family: str
    dataset: str
    paper_dataset: str
    model: str
    a: str
    b: str
    kind: str
    metric: str
    ri_paper: float | None
    e: float | None
    theta: float | None
    members: tuple[str, ...]
    sentence: str
    where: str
    rq: str
    amendment: bool = False

    @property
    def size(self) -> float | None:
        """e where it is the size of a gain: a margin of ``at least`` or ``no better`` without printed values is none, so nothing
        is divided by it."""
        return None if self.kind != "better" and self.ri_paper is None else self.e


@dataclass(frozen=True)
class Verdict:
    """A claim with its word and all that a table shows beside it. None is "-".

    ``word`` is empty for claims without one (``run-level``, ``described``); ``reason`` says why nothing can be decided whatever
    the numbers; ``adjusted`` are its Holm p. ``amended`` says that Amendment 1 decided; ``in_noise``, that the claimed size is
    ruled out here but lies within the noise of the paper's single run.
    """

    claim: Claim
    found: Comparison | PairedRuns | Welch | None
    word: str = ""
    grade: str = ""
    reason: str = ""
    adjusted: Sides | None = None
    side: PaperSide | None = None
    er: EffectRatio | None = None
    below_e33: bool = False
    amended: bool = False
    in_noise: bool = False


def decide(
    evidence: Mapping[str, Evidence], claims: pd.DataFrame | None = None, *, original: bool = False
) -> dict[str, Verdict]:
    """Decide every claim.

    A claim without evidence is not tested and counts in its family's size, so that a family cannot be shrunk by
    leaving claims out. Compound claims take the words that their members' own families give them: give their evidence too.

    Parameters
    ----------
    evidence : mapping from a claim's id
        All comparisons in ``MRR@5``, or all in ``NDCG@20``: that is the same rule with the same e, to be shown in brackets.
    claims : DataFrame, optional
        Whole families, as ``paper.claims`` reads them; by default all.
    original : bool
        Decide by the rule before Amendment 1 throughout: the paper's own uncertainty counts in "ruled out".

    Raises
    ------
    StatsError
        Evidence for no claim or of the wrong kind, another metric, or a member that is no claim.
    """
    known = registry() if claims is None else {claim.id: claim for claim in _rows(claims)}
    _check(known, evidence)
    verdicts: dict[str, Verdict] = {}
    tested = [claim for claim in known.values() if claim.kind in outcomes.KINDS]
    for family in dict.fromkeys(claim.family for claim in tested):
        verdicts |= _family(
            [claim for claim in tested if claim.family == family], evidence, original
        )
    for claim in known.values():
        if claim.kind in COMPOUND:
            verdicts[claim.id] = Verdict(
                claim, None, outcomes.all_of([verdicts[member].word for member in claim.members])
            )
        elif claim.kind not in outcomes.KINDS:
            verdicts[claim.id] = Verdict(
                claim, evidence[claim.id].found if claim.id in evidence else None
            )
    return {name: verdicts[name] for name in known}


def registry() -> dict[str, Claim]:
    """Every claim by its id."""
    return {claim.id: claim for claim in _rows(paper.claims())}


def _rows(claims: pd.DataFrame) -> list[Claim]:
    def number(value: float) -> float | None:
        return None if math.isnan(value) else float(value)

    return [
        Claim(
            row.Index,
            row.family,
            row.dataset,
            row.paper_dataset,
            row.model,
            row.a,
            row.b,
            row.kind,
            row.metric,
            number(row.ri_paper),
            number(row.e),
            number(row.theta),
            tuple(row.members.split()),
            row.sentence,
            row.where,
            row.rq,
            bool(row.amendment),
        )
        for row in claims.itertuples()
    ]


def _check(registry: Mapping[str, Claim], evidence: Mapping[str, Evidence]) -> None:
    if strange := [name for name in evidence if name not in registry]:
        raise StatsError(
            f"there is evidence for {strange[0]!r}, which is no claim; give the id of a row of claims.csv."
        )
    for claim in registry.values():
        if strange := [
            m for m in claim.members if m not in registry or registry[m].kind not in outcomes.KINDS
        ]:
            raise StatsError(
                f"{claim.id} has the member {strange[0]!r}, which is no tested claim; give its family too."
            )
    for name, given in evidence.items():
        if given.found is not None and not isinstance(given.found, _wanted(registry[name].kind)):
            raise StatsError(
                f"{name} is a claim of kind {registry[name].kind!r}: it cannot be decided from a"
                f" {type(given.found).__name__}."
            )
    metrics = sorted(
        {given.found.metric for given in evidence.values() if isinstance(given.found, Comparison)}
    )
    if len(metrics) > 1 or not set(metrics) <= {PRIMARY, SUPPORTING}:
        raise StatsError(
            f"words come from {PRIMARY}, or in brackets from {SUPPORTING}, not from {', '.join(metrics)}."
        )


def _wanted(kind: str) -> type | tuple[()]:
    """What a claim of this kind is decided from; nothing for one without a test."""
    by_kind = {outcomes.BY_SEED: PairedRuns, "run-level": Welch} | dict.fromkeys(
        outcomes.OF_USERS, Comparison
    )
    return by_kind.get(kind, ())


def _family(
    claims: list[Claim], evidence: Mapping[str, Evidence], original: bool
) -> dict[str, Verdict]:
    given = {claim.id: evidence.get(claim.id, Evidence(None)) for claim in claims}
    paper_sides = {claim.id: _paper_side(claim, given[claim.id].found) for claim in claims}
    amended = {
        claim.id: not original and _is_amended(claim, given[claim.id].found) for claim in claims
    }
    family = [
        _sides(claim, given[claim.id], paper_sides[claim.id], amended[claim.id]) for claim in claims
    ]
    return {
        claim.id: _verdict(
            claim, given[claim.id], adjusted, paper_sides[claim.id], amended[claim.id]
        )
        for claim, adjusted in zip(claims, outcomes.adjust(family), strict=True)
    }


def _is_amended(claim: Claim, found: Comparison | PairedRuns | None) -> bool:
    """Whether Amendment 1 decides: it does for looks at ten runs, and for the claims it registered."""
    return claim.amendment or (isinstance(found, Comparison) and found.fewest_runs >= PAIRED_FROM)


def _sides(claim: Claim, given: Evidence, side: PaperSide | None, amended: bool) -> Sides:
    if _reason(given):
        return outcomes.UNTESTED
    Vp = 0.0 if amended or side is None else side.Vp
    return outcomes.sides(claim.kind, given.found, e=claim.e, theta=claim.theta, Vp=Vp)


def _verdict(
    claim: Claim, given: Evidence, adjusted: Sides, side: PaperSide | None, amended: bool
) -> Verdict:
    found, reason = given.found, _reason(given)
    word = outcomes.word(adjusted, claim.kind, tested=not _untested(given))
    if side is None:
        return Verdict(claim, found, word, reason=reason, adjusted=adjusted, amended=amended)
    return Verdict(
        claim,
        found,
        word,
        outcomes.grade(word, claim.kind, found, e=claim.e, theta=claim.theta),
        reason,
        adjusted,
        side,
        fieller(found, claim.size, side.Vp),
        not reason and below(found, side.e33),
        amended,
        word == outcomes.RULED_OUT and _in_noise(claim, found, side),
    )


def _in_noise(claim: Claim, found: Comparison, side: PaperSide) -> bool:
    """Whether the claimed size is excluded only as long as the paper's own uncertainty is left out (Amendment 1, item 3)."""
    with_noise = outcomes.sides(claim.kind, found, e=claim.e, theta=claim.theta, Vp=side.Vp)
    return with_noise.p_not > 0.05


def _untested(given: Evidence) -> bool:
    """Whether the claim lacks runs: then it is not tested, whatever its numbers."""
    lacking = given.found is None or given.missing > 0 or given.protocol != "controlled"
    return lacking or getattr(given.found, "few_runs", False)


def _reason(given: Evidence) -> str:
    """Say why a claim cannot be decided whatever its p; empty where it can."""
    lacking = given.found is None or given.missing > 0
    foreign = given.protocol != "controlled"
    return "; ".join(
        ["a run is missing"] * lacking
        + [f"the protocol is {given.protocol}, not controlled"] * foreign
        + ([given.found.reason] if given.found and given.found.reason else [])
    )


def _paper_side(claim: Claim, found: Comparison | PairedRuns | None) -> PaperSide | None:
    if not isinstance(found, Comparison) or found.L is None:
        return None
    if found.metric == SUPPORTING:
        return paper_side(found, None)
    if not claim.paper_dataset:
        return paper_side(found, None)
    return paper_side(
        found,
        printed(claim.metric, claim.paper_dataset, _arm(claim, claim.a), _arm(claim, claim.b)),
    )


def printed(
    metric: str, dataset: str, over: tuple[str, str], base: tuple[str, str]
) -> Printed | None:
    """The paper's values of two arms, each a model and a variant; None where it does not print the metric and HIT of both."""
    hit = f"HIT@{parse(metric)[1]}"
    values = [paper.value(dataset, *arm, name) for name in (metric, hit) for arm in (over, base)]
    return None if None in values else Printed(metric, *values, users=paper.users(dataset))


def _arm(claim: Claim, name: str) -> tuple[str, str]:
    """Model and variant as the paper names them.

    "dnn:base" names its own model; a robustness claim changes base and LE, so their printed values stand beside it.
    """
    model, _, variant = name.rpartition(":")
    robust = claim.family.startswith("robustness/")
    return model or claim.model, variant.partition("-")[0] if robust else variant
