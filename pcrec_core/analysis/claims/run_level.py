"""Claims that get no word, as their unit is a run, a layer or a second: what records and measurements say of each
(STATISTICS.md, section 1). No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pcrec_core import cost, curves, trained
from pcrec_core.analysis import mu
from pcrec_core.analysis.claims.decide import Claim, Evidence, registry
from pcrec_core.analysis.claims.planned_records import Shelf, planned
from pcrec_core.analysis.welch import welch
from pcrec_core.report import count, number, share
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
    pair = _ratios(claim, shelf, curves.THRESHOLDS)
    return tuple(ratios[:, _least(*pair)] for ratios in pair) if min(map(len, pair)) else pair


def _entropies(claim: Claim, shelf: Shelf) -> tuple[np.ndarray, np.ndarray]:
    """The mean entropy of the merged layers, and of the same layers in the peers, where both peers' are equal."""
    probes = shelf.found(claim, "probed-LE")
    probed = {probe.spec.parents[0] for probe in probes}
    runs = tuple(run for run in shelf.found(claim, "LE") if run.spec in probed)
    if not runs:
        return np.array([]), np.array([])
    merged = trained.merges([Replicates("LE", runs)], [Replicates("probed-LE", probes)])
    equal = merged[(merged["peer 0"] - merged["peer 1"]).abs() <= EQUAL]
    means = equal.groupby("seed")[["merged", "mean"]].mean()
    return means["merged"].to_numpy(), means["mean"].to_numpy()


def _ratios(claim: Claim, shelf: Shelf, thresholds: Sequence[float]) -> list[np.ndarray]:
    """(runs, thresholds) of a and of b."""
    probed = [
        Replicates(label, shelf.found(claim, f"probed-{label}")) for label in (claim.a, claim.b)
    ]
    return [
        curves.invalid([arm], "block matrices", thresholds)
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


def described(shelf: Shelf) -> dict[str, str]:
    """What there is to say of claims beside a test, or where there is none; a claim that nothing was measured of is left
    out."""
    return {
        claim.id: text
        for claim in registry().values()
        if (text := "; ".join(_described(claim, shelf)))
    }


def _described(claim: Claim, shelf: Shelf) -> Iterator[str]:
    if claim.metric == "mu":
        yield from _mu(claim, shelf)
    elif claim.metric == "time and memory":
        yield _cost(claim.id)
    elif claim.metric == "invalid ratio":
        yield from _over_thresholds(*_ratios(claim, shelf, curves.THRESHOLDS))
    elif claim.kind == "run-level":
        yield from _runs(claim, *_by_run(claim, shelf))


def _mu(claim: Claim, shelf: Shelf) -> Iterator[str]:
    found = [
        Replicates(label, records)
        for label in claim.a.split()
        if (records := shelf.found(claim, label))
    ]
    for row in mu.shares_held(mu.dominance(*found)).to_dict("records") if found else ():
        yield (
            f"at alpha {row['alpha']:g} the larger mu of a layer is 0.7 or more in {share(row['0.7 or more'])} of all layers"
            f" and exchanges, its median {number(2)(row['median'])}, and peer 0 holds it in {share(row['held by peer 0'])}"
        )


def _runs(claim: Claim, a: np.ndarray, b: np.ndarray) -> Iterator[str]:
    if min(len(a), len(b)) >= 2:
        if _constant(a, b):
            yield f"{claim.a} {a[0]:.3f}, {claim.b} {b[0]:.3f} in every run, so no test can be made (runs {len(a)}, {len(b)})"
        if claim.metric == "entropy":
            if np.ptp(a - b):
                own = welch(a - b, np.zeros_like(b))  # an arm that does not vary: the paired test
                yield (
                    f"run by run, as the merged layers are made of the peers' own, {own.difference:+.4f} [{own.low:+.4f},"
                    f" {own.high:+.4f}]"
                )
            yield f"of layers whose peers' entropies differ by at most {EQUAL} nats"


def _over_thresholds(a: np.ndarray, b: np.ndarray) -> Iterator[str]:
    if min(len(a), len(b)):
        gap = (a.mean(0) - b.mean(0))[np.ptp(np.concatenate([a, b]), axis=0) > 0]
        at = curves.THRESHOLDS[_least(a, b)]
        yield (
            f"smaller at {(gap < 0).sum()}, larger at {(gap > 0).sum()} of the {len(gap)} thresholds where runs differ;"
            f" compared at {at:.2f}, where the claim holds least"
        )


def _cost(name: str) -> str:
    """What the committed measurements of ``python -m benchmarks.modes`` say of Section 3.3."""
    modes = cost.measured("modes")
    said, by = cost.said_modes(modes), modes.set_index("case")["weights"]
    return {
        "cost-ml-inference": f"what is kept of a pair are {count(by['SASRec, a pair in turn'])} weights, and one model has"
        f" {count(by['SASRec, one model'])}; ranking with an ensemble of two takes"
        f" {said['cost-ensemble-2']} times as long as with either",
        "cost-ml-parallel": f"SASRec's pair trains in {said['cost-parallel']} times the time of one model; BPR's on the whole of"
        f" Retailrocket takes {said['cost-parallel-memory']} MB in two processes, one model"
        f" {said['cost-one-memory']} MB",
        "cost-ml-serial": f"SASRec's pair trains in {said['cost-serial']} times the time of one model; BPR's on the whole of"
        f" Retailrocket takes {said['cost-serial-memory']} MB, one model {said['cost-one-memory']} MB",
    }[name]
