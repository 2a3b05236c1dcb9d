"""Claims that get no verdict, as their unit is a run, a layer or a second: numbers from records and measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcrec_core.analysis import entropy_trained, fig6_invalid_layers, mu
from pcrec_core.analysis.claims.decide import Claim, Evidence, registry
from pcrec_core.analysis.claims.planned_records import Shelf, planned
from pcrec_core.analysis.welch import welch
from pcrec_core.study.replicates import Replicates

#: Two entropies count as equal up to here: at alpha 30 their mu then lies between 0.35 and 0.65.
EQUAL = 0.02


def tested(shelf: Shelf) -> dict[str, Evidence]:
    """The evidence on claims whose unit is a run: what probes of the reported weights hold, by Welch's test; runs that do not
    differ within either arm allow none, and are ``described``."""
    claims = {claim.id: claim for claim in registry().values() if claim.kind == "run-level"}
    values = {name: _by_run(claim, shelf) for name, claim in claims.items()}
    wanted = {name: len(planned(claim, "probed-LE")) for name, claim in claims.items()}
    return {
        name: Evidence(welch(*pair), missing=wanted[name] - min(map(len, pair)))
        for name, pair in values.items()
        if min(map(len, pair)) >= 2 and not _constant(*pair)
    }


def _constant(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether no run differs from another of its arm."""
    return bool(np.ptp(a) == np.ptp(b) == 0)


def _by_run(claim: Claim, shelf: Shelf) -> tuple[np.ndarray, np.ndarray]:
    """A number a run of both sides: the entropy of a merge, or the ratio of invalid block matrices (Figure 6) at 0.5, or at
    the threshold where the claim holds least."""
    if claim.metric == "entropy":
        return _entropies(claim, shelf)
    if claim.metric == "invalid ratio at 0.5":
        return tuple(ratios[:, 0] for ratios in _ratios(claim, shelf, [0.5]))
    pair = _ratios(claim, shelf, fig6_invalid_layers.THRESHOLDS)
    return tuple(ratios[:, _least(*pair)] for ratios in pair) if min(map(len, pair)) else pair


def _entropies(claim: Claim, shelf: Shelf) -> tuple[np.ndarray, np.ndarray]:
    """The mean entropy of the merged layers, and of the same layers in the peers, where both peers' are equal."""
    probes = shelf.found(claim, "probed-LE")
    probed = {probe.spec.parents[0] for probe in probes}
    runs = tuple(run for run in shelf.found(claim, "LE") if run.spec in probed)
    if not runs:
        return np.array([]), np.array([])
    merged = entropy_trained.merges([Replicates("LE", runs)], [Replicates("probed-LE", probes)])
    equal = merged[(merged["peer 0"] - merged["peer 1"]).abs() <= EQUAL]
    means = equal.groupby("seed")[["merged", "mean"]].mean()
    return means["merged"].to_numpy(), means["mean"].to_numpy()


def _ratios(claim: Claim, shelf: Shelf, thresholds: Sequence[float]) -> list[np.ndarray]:
    """(runs, thresholds) of a and of b."""
    probed = [
        Replicates(label, shelf.found(claim, f"probed-{label}")) for label in (claim.a, claim.b)
    ]
    return [
        fig6_invalid_layers.invalid([arm], "block matrices", thresholds)
        .pivot(index="seed", columns="threshold", values="ratio")
        .to_numpy()
        if arm.runs
        else np.empty((0, len(thresholds)))
        for arm in probed
    ]


def _least(a: np.ndarray, b: np.ndarray) -> int:
    """The threshold where a is least below b, among those where runs of one arm differ, so that there is a test."""
    varied = np.ptp(a, axis=0) + np.ptp(b, axis=0) > 0
    return int(np.where(varied, a.mean(0) - b.mean(0), -np.inf).argmax())


@dataclass(frozen=True)
class Fact:
    """Numbers that are measured of a claim beside a test, or where there is none; ``kind`` says of what.

    ``mu``: alpha, shares and median of the larger mu; ``constant``: runs that do not differ; ``by run``: the paired
    difference; ``equal``: up to which difference entropies count as equal; ``thresholds``: at how many the claim
    holds; ``cost``: what was timed for Section 3.3.
    """

    kind: str
    numbers: Mapping[str, Any]


def described(shelf: Shelf) -> dict[str, tuple[Fact, ...]]:
    """Measure what there is beside a test, or where there is none, by the claim's id.

    A claim that nothing was measured of is left out.
    """
    facts = {claim.id: tuple(_described(claim, shelf)) for claim in registry().values()}
    return {name: found for name, found in facts.items() if found}


def _described(claim: Claim, shelf: Shelf) -> Iterator[Fact]:
    if claim.metric == "mu":
        yield from _mu(claim, shelf)
    elif claim.metric == "time and memory":
        yield Fact("cost", {"claim": claim.id})
    elif claim.metric == "invalid ratio":
        yield from _over_thresholds(*_ratios(claim, shelf, fig6_invalid_layers.THRESHOLDS))
    elif claim.kind == "run-level":
        yield from _runs(claim, *_by_run(claim, shelf))


def _mu(claim: Claim, shelf: Shelf) -> Iterator[Fact]:
    found = [
        Replicates(label, records)
        for label in claim.a.split()
        if (records := shelf.found(claim, label))
    ]
    for row in mu.shares_held(mu.dominance(*found)).to_dict("records") if found else ():
        yield Fact("mu", row)


def _runs(claim: Claim, a: np.ndarray, b: np.ndarray) -> Iterator[Fact]:
    if min(len(a), len(b)) < 2:
        return
    if _constant(a, b):
        arms = {"a": claim.a, "b": claim.b, "value of a": a[0], "value of b": b[0]}
        yield Fact("constant", arms | {"runs of a": len(a), "runs of b": len(b)})
    if claim.metric == "entropy":
        if np.ptp(a - b):  # an arm that does not vary makes the test a paired one
            yield Fact("by run", vars(welch(a - b, np.zeros_like(b))))
        yield Fact("equal", {"nats": EQUAL})


def _over_thresholds(a: np.ndarray, b: np.ndarray) -> Iterator[Fact]:
    if min(len(a), len(b)):
        gap = (a.mean(0) - b.mean(0))[np.ptp(np.concatenate([a, b]), axis=0) > 0]
        at = fig6_invalid_layers.THRESHOLDS[_least(a, b)]
        counts = {"smaller": (gap < 0).sum(), "larger": (gap > 0).sum(), "thresholds": len(gap)}
        yield Fact("thresholds", counts | {"at": at})
