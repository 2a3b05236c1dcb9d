"""The measurements that claims are decided from, and whether they fit their claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pcrec_core.analysis.claims import sides
from pcrec_core.analysis.claims.registry import Claim
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.effects import Comparison
from pcrec_core.analysis.paired_runs import PairedRuns
from pcrec_core.analysis.welch import Welch
from pcrec_core.metrics import PRIMARY

#: The metric whose verdicts stand in brackets beside those of ``PRIMARY``.
SUPPORTING = "NDCG@20"

#: Seeds of the runs of arm a and of arm b; none for an arm without randomness.
Seeds = tuple[tuple[int, ...], tuple[int, ...]]

#: What a claim with a test can be decided from.
Testable = Comparison | PairedRuns
#: What can be measured of a claim.
Found = Testable | Welch


@dataclass(frozen=True)
class Evidence:
    """The measurement that decides a claim: arm a, as v, against arm b.

    Parameters
    ----------
    found : Comparison, PairedRuns, Welch or None
        A comparison over users and runs; for a claim over seeds, its pairs; for a claim about
        runs, their Welch test. None where runs are missing.
    protocol : str
        Protocol of the runs.
    missing : int
        Number of planned runs that have no record.
    seeds : tuple of tuple of int
        Seeds of the measured runs of both arms, in the order in which paired runs are paired.
    same_candidates : bool or None
        Whether both arms hide a user's seen items, or both rank them; None where no users are
        compared.
    """

    found: Found | None
    protocol: str = "controlled"
    missing: int = 0
    seeds: Seeds = ((), ())
    same_candidates: bool | None = None


def check(known: Mapping[str, Claim], evidence: Mapping[str, Evidence]) -> None:
    """Refuse evidence that does not fit the known claims, and members that are no claims.

    Raises
    ------
    StatsError
        Evidence for no claim or of the wrong kind, another metric, or a member that is no claim.
    """
    if strange := [name for name in evidence if name not in known]:
        raise StatsError(
            f"there is evidence for {strange[0]!r}, which is no claim; give the id of a row of"
            " claims.csv."
        )
    _check_members(known)
    for name, given in evidence.items():
        if given.found is not None and not isinstance(given.found, _type_for(known[name].kind)):
            raise StatsError(
                f"{name} is a claim of kind {known[name].kind!r}: it cannot be decided from a"
                f" {type(given.found).__name__}."
            )
    _check_metrics(given.found for given in evidence.values())


def _check_members(known: Mapping[str, Claim]) -> None:
    tested = {name for name, claim in known.items() if claim.kind in sides.KINDS}
    for claim in known.values():
        if strange := [member for member in claim.members if member not in tested]:
            raise StatsError(
                f"{claim.id} has the member {strange[0]!r}, which is no tested claim; give its"
                " family too."
            )


def _check_metrics(found: Iterable[Found | None]) -> None:
    metrics = sorted({one.metric for one in found if isinstance(one, Comparison)})
    if len(metrics) > 1 or not set(metrics) <= {PRIMARY, SUPPORTING}:
        raise StatsError(
            f"verdicts come from {PRIMARY}, or in brackets from {SUPPORTING}, not from"
            f" {', '.join(metrics)}."
        )


def _type_for(kind: str) -> type[Found] | tuple[()]:
    """Return the type that a claim of this kind is decided from; none without a test."""
    if kind in sides.OF_USERS:
        return Comparison
    return {sides.BY_SEED: PairedRuns, "run-level": Welch}.get(kind, ())
