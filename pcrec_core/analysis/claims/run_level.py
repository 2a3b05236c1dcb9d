"""Claims whose unit is a run, a layer or a second: numbers from records, without a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcrec_core.analysis import entropy_trained, fig6_invalid_layers, mu
from pcrec_core.analysis.claims.measurement import Evidence, Seeds
from pcrec_core.analysis.claims.planned_records import Reader, found_records, planned
from pcrec_core.analysis.claims.registry import Claim, registry
from pcrec_core.analysis.welch import welch
from pcrec_core.specs.derived import Derived
from pcrec_core.study.replicates import Replicates

#: Largest difference of two entropies that count as equal, in nats: at alpha 30 mu then lies
#: between 0.35 and 0.65.
EQUAL = 0.02

#: Numbers of two arms, a and b, one row per run.
Pair = tuple[np.ndarray, np.ndarray]


def tested(read: Reader) -> dict[str, Evidence]:
    """Test the claims whose unit is a run, by Welch's test over probes of the reported weights.

    Runs that do not differ within either arm allow no test; ``described`` has their numbers.
    """
    claims = {claim.id: claim for claim in registry().values() if claim.kind == "run-level"}
    values = {name: _by_run(claim, read) for name, claim in claims.items()}
    wanted = {name: len(planned(claim, "probed-LE")) for name, claim in claims.items()}
    return {
        name: Evidence(
            welch(*pair),
            missing=wanted[name] - min(map(len, pair)),
            seeds=_seeds(claims[name], read),
        )
        for name, pair in values.items()
        if min(map(len, pair)) >= 2 and not _constant(*pair)
    }


def _seeds(claim: Claim, read: Reader) -> Seeds:
    """Return the seeds of the probed runs of a and of b; an entropy is that of LE in both."""
    labels = ("LE", "LE") if claim.metric == "entropy" else (claim.a, claim.b)
    a, b = (
        tuple(probe.spec.seed for probe in found_records(read, claim, f"probed-{label}"))
        for label in labels
    )
    return a, b


def _constant(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether the runs of each arm are all equal."""
    return not any(np.ptp(arm, axis=0).any() for arm in (a, b))


def _by_run(claim: Claim, read: Reader) -> Pair:
    """Return one number per run of a and of b, (runs,) each.

    It is the entropy of a merge, or the ratio of invalid block matrices (Figure 6) at 0.5 or, for
    "always", at the threshold where the claim holds least.
    """
    if claim.metric == "entropy":
        return _entropies(claim, read)
    if claim.metric == "invalid ratio at 0.5":
        a, b = _ratios(claim, read, [0.5])
        return a[:, 0], b[:, 0]
    a, b = _ratios(claim, read, fig6_invalid_layers.THRESHOLDS)
    if not min(len(a), len(b)):
        return a, b
    least = _least(a, b)
    return a[:, least], b[:, least]


def _entropies(claim: Claim, read: Reader) -> Pair:
    """Return the mean entropy of the merged layers, and of the same layers in the peers, by run.

    Only layers count whose entropy is equal in both peers.
    """
    probes = found_records(read, claim, "probed-LE")
    probed = {probe.spec.parents[0] for probe in probes if isinstance(probe.spec, Derived)}
    runs = tuple(run for run in found_records(read, claim, "LE") if run.spec in probed)
    if not runs:
        return np.array([]), np.array([])
    merged = entropy_trained.merges([Replicates("LE", runs)], [Replicates("probed-LE", probes)])
    equal = merged[(merged["peer_0"] - merged["peer_1"]).abs() <= EQUAL]
    means = equal.groupby("seed")[["merged", "mean"]].mean()
    return means["merged"].to_numpy(), means["mean"].to_numpy()


def _ratios(claim: Claim, read: Reader, thresholds: Sequence[float]) -> Pair:
    """Return the ratios of invalid block matrices of a and of b, (runs, thresholds) each."""
    a, b = (
        Replicates(label, found_records(read, claim, f"probed-{label}"))
        for label in (claim.a, claim.b)
    )
    return _ratios_of(a, thresholds), _ratios_of(b, thresholds)


def _ratios_of(probed: Replicates, thresholds: Sequence[float]) -> np.ndarray:
    if not probed.runs:
        return np.empty((0, len(thresholds)))
    invalid = fig6_invalid_layers.invalid([probed], "block matrices", thresholds)
    by_run = invalid.pivot(index="seed", columns="threshold", values="ratio")
    return np.asarray(by_run)


def _least(a: np.ndarray, b: np.ndarray) -> int:
    """Return the index of the threshold where a is least below b.

    Only thresholds count where the runs of one arm differ, so that there is a test.
    """
    varied = np.ptp(a, axis=0) + np.ptp(b, axis=0) > 0
    return int(np.where(varied, a.mean(0) - b.mean(0), -np.inf).argmax())


@dataclass(frozen=True)
class Fact:
    """Numbers measured of a claim beside a test, or where there is no test.

    ``kind`` names what they are. ``mu``: alpha, shares and median of the larger mu; ``constant``:
    runs that do not differ; ``by run``: the paired difference; ``equal``: up to which difference
    entropies count as equal; ``thresholds``: at how many the claim holds; ``cost``: the timings of
    Section 3.3.
    """

    kind: str
    numbers: Mapping[str, Any]


def described(read: Reader) -> dict[str, tuple[Fact, ...]]:
    """Collect, by claim, the facts measured beside a test or where there is no test.

    A claim without such facts is left out.
    """
    facts = {claim.id: tuple(_described(claim, read)) for claim in registry().values()}
    return {name: found for name, found in facts.items() if found}


def _described(claim: Claim, read: Reader) -> Iterator[Fact]:
    if claim.metric == "mu":
        yield from _mu(claim, read)
    elif claim.metric == "time and memory":
        yield Fact("cost", {"claim": claim.id})
    elif claim.metric == "invalid ratio":
        yield from _over_thresholds(*_ratios(claim, read, fig6_invalid_layers.THRESHOLDS))
    elif claim.kind == "run-level":
        yield from _runs(claim, *_by_run(claim, read))


def _mu(claim: Claim, read: Reader) -> Iterator[Fact]:
    arms = [
        Replicates(label, records)
        for label in claim.a.split()
        if (records := found_records(read, claim, label))
    ]
    for row in mu.shares_held(mu.dominance(*arms)).to_dict("records") if arms else ():
        yield Fact("mu", row)


def _runs(claim: Claim, a: np.ndarray, b: np.ndarray) -> Iterator[Fact]:
    if min(len(a), len(b)) < 2:
        return
    if _constant(a, b):
        arms = {"a": claim.a, "b": claim.b, "value_a": a[0], "value_b": b[0]}
        yield Fact("constant", arms | {"runs_a": len(a), "runs_b": len(b)})
    if claim.metric == "entropy":
        if np.ptp(a - b):  # an arm that does not vary makes the test a paired one
            yield Fact("by run", vars(welch(a - b, np.zeros_like(b))))
        yield Fact("equal", {"nats": EQUAL})


def _over_thresholds(a: np.ndarray, b: np.ndarray) -> Iterator[Fact]:
    if min(len(a), len(b)):
        gap = (a.mean(0) - b.mean(0))[np.ptp(np.concatenate([a, b]), axis=0) > 0]
        counts = {"smaller": (gap < 0).sum(), "larger": (gap > 0).sum(), "thresholds": len(gap)}
        tested = min(len(a), len(b)) > 1 and not _constant(a, b)
        at = {"at": fig6_invalid_layers.THRESHOLDS[_least(a, b)]} if tested else {}
        yield Fact("thresholds", counts | at)
