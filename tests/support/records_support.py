"""Records of which a test writes only what it is about; all else is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pcrec_core.metrics import METRICS, PRIMARY, value_by_user
from pcrec_core.specs.derived import Derived, Spec
from pcrec_core.specs.run import RunSpec
from pcrec_core.study.records import ModelRecord, new_record

_TENSOR = {"h": 1.0, "h_open": 1.0, "size": 1, "dimensions": 2, "std": 1.0, "largest": 1.0}


def record_with(
    spec: Spec, result: Mapping[str, Any] | None = None, provenance: Mapping[str, Any] | None = None
) -> ModelRecord:
    """Return the record of a spec; ``result`` and ``provenance`` are what the test is about."""
    given = dict(result or {})
    if isinstance(spec, Derived) and spec.operation == "probed":
        whole = {"data": _data(given, 1), "probed": _probed(given.get("probed", {}))}
    else:
        whole = _evaluated(given) | (
            _trained(spec, given) if isinstance(spec, RunSpec) else {"valid": {}}
        )
    return new_record(spec, whole, dict(provenance or {}))


def means(ranks: str) -> dict[str, float]:
    """Return the metrics of ranks, as a result holds them."""
    users = np.array(ranks.split(), dtype=np.int64)
    return {name: round(float(value_by_user(users, name).mean()), 8) for name in METRICS}


def _data(given: Mapping[str, Any], users: int) -> dict[str, Any]:
    return {"fingerprint": "f", "users": users, "items": 99} | given.get("data", {})


def _evaluated(given: Mapping[str, Any]) -> dict[str, Any]:
    ranks = given.get("ranks", "1 2 9 1")
    users = len(ranks.split())
    whole = {"ranks": ranks, "repeated": "0" * users, "test": means(ranks)}
    return whole | given | {"data": _data(given, users)}


def _trained(spec: RunSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    epochs = given.get("epochs", {})
    own = next(iter(epochs.get("own", {}).values()), [[0.0]] * spec.peers)
    loss = [[0.0] * len(curve) for curve in own]
    chosen = {"epoch": 0, "peer": 0, "merged": False, "valid": {}} | given.get("chosen", {})
    measured = epochs.get("h") or epochs.get("mu") or []
    exchanged = {"exchanges": list(range(len(measured))), "mu": measured} if measured else {}
    whole = {
        "chosen": chosen,
        "epochs": {"loss": loss, "own": {}} | exchanged | epochs,
        "layers": given.get("layers", []),
        "weights": given.get("weights", 0),
    }
    return whole | (_on_test(given) if spec.options.chosen_on_test else {})


def _on_test(given: Mapping[str, Any]) -> dict[str, Any]:
    ranks = given.get("ranks", "1 2 9 1")
    one = {"epoch": 0, "peer": 0, "ranks": ranks}
    best = {metric: one | given.get("best", {}).get(metric, {}) for metric in METRICS}
    for metric, kept in best.items():
        kept["value"] = means(kept["ranks"])[metric]
    on_test = {"best": best, "test": {metric: one["value"] for metric, one in best.items()}}
    on_test["ranks"] = best[PRIMARY]["ranks"]
    if kept := given.get("by_validation"):
        on_test["by_validation"] = {"valid": {}, "test": {}} | kept
    return on_test


def _probed(given: Mapping[str, Any]) -> dict[str, Any]:
    tensors = {
        name: _TENSOR | {"l1": 1.0} | tensor for name, tensor in given.get("tensors", {}).items()
    }
    return {"whole": 1.0, "damaged": {}} | dict(given) | {"tensors": tensors}
