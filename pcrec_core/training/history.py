"""The history of a run as columns: what each epoch and each exchange leaves in the record."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcrec_core.cooperation import (
    Exchange,
)
from pcrec_core.metrics import METRICS


def exchange_entry(exchanges: list[Exchange]) -> dict[str, list]:
    """mu, H, and the part kept of a cooperation, where there are any: a list a peer, of one number a layer, rounded to 8
    digits."""
    kept = {
        "mu": [e.mu for e in exchanges],
        "h": [e.h for e in exchanges],
        "kept": [e.kept for e in exchanges],
    }
    return {
        key: np.round(np.array(rows).T, 8).tolist()
        for key, rows in kept.items()
        if None not in rows
    }


def history_columns(history: list[dict[str, Any]]) -> dict[str, Any]:
    """The epochs' entries as columns: small, and what a plot wants. A list of lists runs over peers, then epochs."""
    columns: dict[str, Any] = {
        "loss": [
            [round(x, 8) for x in peer] for peer in zip(*(e["loss"] for e in history), strict=True)
        ],
        "own": _by_metric([e["own"] for e in history]),
    }
    if read := [e["test"] for e in history if "test" in e]:
        columns |= {
            "tests": [epoch for epoch, e in enumerate(history) if "test" in e],
            "test": _by_metric(read),
        }
    exchanges = [
        epoch for epoch, entry in enumerate(history) if "merged" in entry or "after" in entry
    ]
    if not exchanges:
        return columns
    columns["exchanges"] = exchanges
    if "merged" in history[exchanges[0]]:
        columns["merged"] = {
            m: [history[epoch]["merged"][m] for epoch in exchanges] for m in METRICS
        }
    else:
        columns["after"] = _by_metric([history[epoch]["after"] for epoch in exchanges])
    for key in ("mu", "h", "kept"):
        if key in history[exchanges[0]]:
            columns[key] = [history[epoch][key] for epoch in exchanges]
    return columns


def _by_metric(rows: list[list[dict[str, float]]]) -> dict[str, list[list[float]]]:
    """Metrics of every peer, epoch by epoch, as lists by metric over peers, then epochs."""
    return {
        m: list(map(list, zip(*([peer[m] for peer in row] for row in rows), strict=True)))
        for m in METRICS
    }
