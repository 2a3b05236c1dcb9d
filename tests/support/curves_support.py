"""Records of a few ranks, epochs, exchanges or layers, for the tests of tables and figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from records_support import record_with

from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import variant

DATA = {"fingerprint": "f", "users": 4, "items": 9}


def record(label: str, result: Mapping[str, Any], seed: int = 0) -> Record:
    """Return a record of SASRec with this result."""
    return record_with(variant(label, "ml-100k", "sasrec", seed), result)


def arm(label: str, *results: Mapping[str, Any]) -> Replicates:
    """Return replicates of SASRec with these results, one per run."""
    runs = (record(label, result, seed) for seed, result in enumerate(results))
    return Replicates(label, tuple(runs))


def ranked(
    label: str,
    *runs: Sequence[int],
    seeds: Iterable[int] | None = None,
    repeated: str = "",
    model: str = "sasrec",
    given: Mapping[str, Any] | None = None,
    **result: Any,
) -> Replicates:
    """Return replicates with these ranks, one sequence per run; ``result`` is that of each run."""
    users = len(runs[0])
    result |= {"data": DATA | {"users": users}, "repeated": repeated or "0" * users}
    records = (
        record_with(
            variant(label, "ml-100k", model, seed, given),
            result | {"ranks": " ".join(map(str, ranks))},
            {},
        )
        for seed, ranks in zip(range(len(runs)) if seeds is None else seeds, runs, strict=True)
    )
    return Replicates(label, tuple(records))


def tensor(h: float, dimensions: int = 2, h_open: float = 0.0) -> dict[str, Any]:
    """Return what a probe measures of a tensor."""
    return {"h": h, "h_open": h_open, "dimensions": dimensions}


PROBED = {
    "probed": {
        "tensors": {
            "item.weight": tensor(2.0),
            "blocks.0.query.weight": tensor(0.4, h_open=0.3),
            "blocks.0.query.bias": tensor(0.1, 1),
            "blocks.0.attention_norm.weight": tensor(0.2, 1, 0.15),
            "blocks.0.forward_norm.weight": tensor(0.2, 1),
            "blocks.0.outer.weight": tensor(1.0, h_open=0.9),
            "output.weight": tensor(0.5, h_open=0.5),
            "output.bias": tensor(0.0, 1),
        }
    }
}

MERGING = {
    "epochs": {
        "exchanges": [3, 7],
        # (exchange, peer, layer)
        "h": [[[9.0, 9.0], [9.0, 9.0]], [[1.0, 2.0], [3.0, 0.4]]],
        "mu": [[[0.5, 0.5], [0.5, 0.5]], [[0.25, 0.5], [0.75, 0.5]]],
    },
    "chosen": {"epoch": 7},
    "layers": [["item", "embedding"], ["blocks.0.query", "middle"]],
}
