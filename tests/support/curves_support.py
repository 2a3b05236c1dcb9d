"""Records of a few epochs, exchanges or layers, for the tests of what is drawn of them."""

from __future__ import annotations

from pcrec_core.study.records import Record, run_record
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import variant

DATA = {"fingerprint": "f", "users": 4, "items": 9}


def record(label: str, result: dict, seed: int = 0) -> Record:
    every = {"data": DATA, "ranks": "1 2 9 1", "repeated": "0000"}
    return run_record(variant(label, "ml-100k", "sasrec", seed), every | result, {})


def arm(label: str, *results: dict) -> Replicates:
    return Replicates(
        label, tuple(record(label, result, seed) for seed, result in enumerate(results))
    )


def tensor(h: float, dimensions: int = 2, h_open: float = 0.0) -> dict:
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

H = [[[9.0, 9.0], [9.0, 9.0]], [[1.0, 2.0], [3.0, 0.4]]]  # exchanges, peers, layers
MERGING = {
    "epochs": {"exchanges": [3, 7], "h": H},
    "chosen": {"epoch": 7},
    "layers": [["item", "embedding"], ["blocks.0.query", "middle"]],
}
MERGING["epochs"]["mu"] = [[[0.5, 0.5], [0.5, 0.5]], [[0.25, 0.5], [0.75, 0.5]]]
