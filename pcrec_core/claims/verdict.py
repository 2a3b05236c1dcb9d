"""The claims of the paper, decided family by family from comparisons (STATISTICS.md, section 4). No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pcrec_core import paper
from pcrec_core.claims import words
from pcrec_core.claims.paper_side import EffectRatio, PaperSide, Printed, below, fieller, paper_side
from pcrec_core.claims.welch import Welch
from pcrec_core.claims.words import Sides
from pcrec_core.crossed import StatsError
from pcrec_core.metrics import PRIMARY, parse
from pcrec_core.stats import Comparison

SUPPORTING = "NDCG@20"
COMPOUND = ("all", "best")


@dataclass(frozen=True)
class Evidence:
    """What a claim is decided from: the comparison of its a (as v) with its b, or for a claim about runs their Welch test.

    ``found`` is None where runs are missing; ``missing`` counts those that were planned and are not there.
    """

    found: Comparison | Welch | None
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

    @property
    def size(self) -> float | None:
        """e where it is a size that the paper gives its winner; that of a control, which is the study's own, and a margin of
        ``at least`` or ``no better`` without printed values are none, so nothing is divided by them."""
        own = self.family.startswith("controls/") or (self.kind != "better" and self.ri_paper is None)
        return None if own else self.e


@dataclass(frozen=True)
class Verdict:
    """A claim with its word and all that a table shows beside it. None is "-".

    ``word`` is empty for claims without one (``run-level``, ``described``); ``reason`` says why one is not decidable whatever
    the numbers; ``adjusted`` are its Holm p.
    """

    claim: Claim
    found: Comparison | Welch | None
    word: str = ""
    grade: str = ""
    reason: str = ""
    adjusted: Sides | None = None
    side: PaperSide | None = None
    er: EffectRatio | None = None
    below_e33: bool = False


def decide(evidence: Mapping[str, Evidence], claims: pd.DataFrame | None = None) -> dict[str, Verdict]:
    """A verdict on every claim.

    A tested claim without evidence is not decidable and counts in its family's size, so that a family cannot be shrunk by
    leaving claims out. Compound claims take the words that their members' own families give them: give their evidence too.

    Parameters
    ----------
    evidence : mapping from a claim's id
        All comparisons in ``MRR@5``, or all in ``NDCG@20``: that is the same rule with the same e, to be shown in brackets.
    claims : DataFrame, optional
        Whole families, as ``paper.claims`` reads them; by default all.

    Raises
    ------
    StatsError
        Evidence for no claim or of the wrong kind, another metric, or a member that is no claim.
    """
    known = registry() if claims is None else {claim.id: claim for claim in _rows(claims)}
    _check(known, evidence)
    verdicts: dict[str, Verdict] = {}
    tested = [claim for claim in known.values() if claim.kind in words.KINDS]
    for family in dict.fromkeys(claim.family for claim in tested):
        verdicts |= _family([claim for claim in tested if claim.family == family], evidence)
    for claim in known.values():
        if claim.kind in COMPOUND:
            verdicts[claim.id] = Verdict(claim, None, words.all_of([verdicts[member].word for member in claim.members]))
        elif claim.kind not in words.KINDS:
            verdicts[claim.id] = Verdict(claim, evidence[claim.id].found if claim.id in evidence else None)
    return {name: verdicts[name] for name in known}


def registry() -> dict[str, Claim]:
    """Every claim by its id."""
    return {claim.id: claim for claim in _rows(paper.claims())}


def _rows(claims: pd.DataFrame) -> list[Claim]:
    def number(value: float) -> float | None:
        return None if math.isnan(value) else float(value)

    return [Claim(row.Index, row.family, row.dataset, row.paper_dataset, row.model, row.a, row.b, row.kind, row.metric,
                  number(row.ri_paper), number(row.e), number(row.theta), tuple(row.members.split()), row.sentence, row.where,
                  row.rq)
            for row in claims.itertuples()]


def _check(registry: Mapping[str, Claim], evidence: Mapping[str, Evidence]) -> None:
    if strange := [name for name in evidence if name not in registry]:
        raise StatsError(f"there is evidence for {strange[0]!r}, which is no claim; give the id of a row of claims.csv.")
    for claim in registry.values():
        if strange := [m for m in claim.members if m not in registry or registry[m].kind not in words.KINDS]:
            raise StatsError(f"{claim.id} has the member {strange[0]!r}, which is no tested claim; give its family too.")
    for name, given in evidence.items():
        wanted = Comparison if registry[name].kind in words.KINDS else Welch if registry[name].kind == "run-level" else ()
        if given.found is not None and not isinstance(given.found, wanted):
            raise StatsError(f"{name} is a claim of kind {registry[name].kind!r}: it cannot be decided from a"
                             f" {type(given.found).__name__}.")
    metrics = sorted({given.found.metric for given in evidence.values() if isinstance(given.found, Comparison)})
    if len(metrics) > 1 or not set(metrics) <= {PRIMARY, SUPPORTING}:
        raise StatsError(f"words come from {PRIMARY}, or in brackets from {SUPPORTING}, not from {', '.join(metrics)}.")


def _family(claims: list[Claim], evidence: Mapping[str, Evidence]) -> dict[str, Verdict]:
    given = {claim.id: evidence.get(claim.id, Evidence(None)) for claim in claims}
    paper_sides = {claim.id: _paper_side(claim, given[claim.id].found) for claim in claims}
    reasons = {name: _reason(each) for name, each in given.items()}
    family = [words.UNTESTED if reasons[claim.id] else
              words.sides(claim.kind, given[claim.id].found, e=claim.e, theta=claim.theta, Vp=paper_sides[claim.id].Vp)
              for claim in claims]
    return {claim.id: _verdict(claim, given[claim.id].found, reasons[claim.id], adjusted, paper_sides[claim.id])
            for claim, adjusted in zip(claims, words.adjust(family), strict=True)}


def _verdict(claim: Claim, found: Comparison | None, reason: str, adjusted: Sides, side: PaperSide | None) -> Verdict:
    word = words.word(adjusted)
    if side is None:
        return Verdict(claim, found, word, reason=reason, adjusted=adjusted)
    return Verdict(claim, found, word, words.grade(word, claim.kind, found, e=claim.e, theta=claim.theta), reason, adjusted,
                   side, fieller(found, claim.size, side.Vp), not reason and below(found, side.e33))


def _reason(given: Evidence) -> str:
    """Line 1 of the rule: why a claim is not decidable whatever its p; empty where it is tested."""
    lacking = given.found is None or given.missing > 0
    foreign = given.protocol != "controlled"
    return "; ".join(["a run is missing"] * lacking + [f"the protocol is {given.protocol}, not controlled"] * foreign
                     + ([given.found.reason] if given.found and given.found.reason else []))


def _paper_side(claim: Claim, found: Comparison | None) -> PaperSide | None:
    if found is None or found.L is None:
        return None
    if found.metric == SUPPORTING:
        return paper_side(found, None)
    return paper_side(found, printed(claim.metric, claim.paper_dataset, _arm(claim, claim.a), _arm(claim, claim.b)))


def printed(metric: str, dataset: str, over: tuple[str, str], base: tuple[str, str]) -> Printed | None:
    """The paper's values of two arms, each a model and a variant; None where it does not print the metric and HIT of both."""
    hit = f"HIT@{parse(metric)[1]}"
    values = [paper.value(dataset, *arm, name) for name in (metric, hit) for arm in (over, base)]
    return None if None in values else Printed(metric, *values, users=paper.users(dataset))


def _arm(claim: Claim, name: str) -> tuple[str, str]:
    """Model and variant: "dnn:base" names its own model."""
    model, _, variant = name.rpartition(":")
    return model or claim.model, variant
