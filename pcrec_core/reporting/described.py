"""Sentences on claims that get no verdict, from the facts of ``analysis.claims.run_level``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pcrec_core.analysis import cost
from pcrec_core.analysis.claims.run_level import Fact
from pcrec_core.reporting.formats import count, number, share
from pcrec_core.reporting.glue import glue_modes


def described(facts: Sequence[Fact]) -> str:
    """Join what is measured of a claim, fact by fact; empty without any."""
    return "; ".join(_SENTENCES[fact.kind](fact.numbers) for fact in facts)


def _mu(row: Mapping[str, Any]) -> str:
    return (
        f"at alpha {row['alpha']:g} the larger mu of a layer is 0.7 or more in {share(row['0.7 or more'])} of all layers"
        f" and exchanges, its median {number(2)(row['median'])}, and peer 0 holds it in {share(row['held by peer 0'])}"
    )


def _constant(n: Mapping[str, Any]) -> str:
    return (
        f"{n['a']} {n['value of a']:.3f}, {n['b']} {n['value of b']:.3f} in every run, so no test can be made"
        f" (runs {n['runs of a']}, {n['runs of b']})"
    )


def _by_run(n: Mapping[str, Any]) -> str:
    return (
        f"run by run, as the merged layers are made of the peers' own, {n['difference']:+.4f}"
        f" [{n['low']:+.4f}, {n['high']:+.4f}]"
    )


def _equal(n: Mapping[str, Any]) -> str:
    return f"of layers whose peers' entropies differ by at most {n['nats']} nats"


def _thresholds(n: Mapping[str, Any]) -> str:
    return (
        f"smaller at {n['smaller']}, larger at {n['larger']} of the {n['thresholds']} thresholds where runs differ;"
        f" compared at {n['at']:.2f}, where the claim holds least"
    )


def _cost(n: Mapping[str, Any]) -> str:
    """Say what the committed measurements of ``python -m benchmarks.modes`` show of Section 3.3."""
    modes = cost.measured("modes")
    told, weights = glue_modes(modes), modes.set_index("case")["weights"]
    return {
        "cost-ml-inference": f"what is kept of a pair are {count(weights['SASRec, a pair in turn'])} weights, and one model"
        f" has {count(weights['SASRec, one model'])}; ranking with an ensemble of two takes"
        f" {told['cost-ensemble-2']} times as long as with either",
        "cost-ml-parallel": f"SASRec's pair trains in {told['cost-parallel']} times the time of one model; BPR's on the whole"
        f" of Retailrocket takes {told['cost-parallel-memory']} MB in two processes, one model"
        f" {told['cost-one-memory']} MB",
        "cost-ml-serial": f"SASRec's pair trains in {told['cost-serial']} times the time of one model; BPR's on the whole of"
        f" Retailrocket takes {told['cost-serial-memory']} MB, one model {told['cost-one-memory']} MB",
    }[n["claim"]]


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "mu": _mu,
    "constant": _constant,
    "by run": _by_run,
    "equal": _equal,
    "thresholds": _thresholds,
    "cost": _cost,
}
