"""Sentences about claims without a verdict, from the facts of ``claims.run_level``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pcrec_core.analysis import cost
from pcrec_core.analysis.claims.run_level import Fact
from pcrec_core.reporting.cost_formats import format_modes
from pcrec_core.reporting.formats import count, number, share, signed, with_interval
from pcrec_core.reporting.names import arm_name


def described(facts: Sequence[Fact]) -> str:
    """Describe the measurements of a claim, fact by fact; empty without facts."""
    return "; ".join(_SENTENCES[fact.kind](fact.numbers) for fact in facts)


def _mu(row: Mapping[str, Any]) -> str:
    return (
        f"at α = {row['alpha']:g} the larger μ of a layer is 0.7 or more in"
        f" {share(row['strong_share'])} of all layers and merges; its median is"
        f" {number(2)(row['median'])}, and it belongs to peer 0 in {share(row['held_by_peer_0'])}"
    )


def _constant(n: Mapping[str, Any]) -> str:
    return (
        f"{arm_name(n['a'])} {n['value_a']:.3f}, {arm_name(n['b'])} {n['value_b']:.3f} in every"
        f" run, so there is nothing to test (runs {n['runs_a']} and {n['runs_b']})"
    )


def _by_run(n: Mapping[str, Any]) -> str:
    return (
        f"within each run, since merged layers are computed from the peers' own,"
        f" {with_interval(signed, n['difference'], n['low'], n['high'])}"
    )


def _equal(n: Mapping[str, Any]) -> str:
    return f"only layers whose peers' entropies differ by at most {n['nats']} nats"


def _thresholds(n: Mapping[str, Any]) -> str:
    tested = f"; tested at {n['at']:.2f}, where the claim fares worst" if "at" in n else ""
    return (
        f"smaller at {n['smaller']} and larger at {n['larger']} of the {n['thresholds']} thresholds"
        f" where runs differ{tested}"
    )


def _cost(n: Mapping[str, Any]) -> str:
    """Describe the committed measurements of ``python -m benchmarks.modes`` (Section 3.3)."""
    modes = cost.measured("modes")
    times, weights = format_modes(modes), modes.set_index("case")["weights"]
    one_memory = times["cost-one-memory"]
    pair = "a pair of SASRec trains in {} times the time of one model; a pair of BPR on the whole"
    of_pair, of_one = (
        count(weights[f"SASRec, {case}"]) for case in ("a pair in turn", "one model")
    )
    sentences = {
        "cost-ml-inference": f"{of_pair} weights are kept of a pair, and one model has {of_one};"
        f" ranking with an ensemble of two takes {times['cost-ensemble-2']} times as long as with"
        " one model",
        "cost-ml-parallel": f"{pair.format(times['cost-parallel'])} of RR takes"
        f" {times['cost-parallel-memory']} MB in two processes, one model {one_memory} MB",
        "cost-ml-serial": f"{pair.format(times['cost-serial'])} of RR takes"
        f" {times['cost-serial-memory']} MB, one model {one_memory} MB",
    }
    return sentences[n["claim"]]


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "mu": _mu,
    "constant": _constant,
    "by run": _by_run,
    "equal": _equal,
    "thresholds": _thresholds,
    "cost": _cost,
}
