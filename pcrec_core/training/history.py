"""The history of a run as columns: the values of each epoch and each exchange in the record."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcrec_core.cooperation import Exchange
from pcrec_core.metrics import METRICS
from pcrec_core.training.selection import Choice


def exchange_entry(exchanges: list[Exchange]) -> dict[str, list[list[float]]]:
    """Collect mu, H and the kept share of an exchange, each if the rule has it.

    Parameters
    ----------
    exchanges : list of Exchange
        One per layer.

    Returns
    -------
    dict of str to list of list of float
        By "mu", "h" and "kept": one list per peer with one number per layer, rounded to 8 digits.
    """
    values = {
        "mu": [e.mu for e in exchanges],
        "h": [e.h for e in exchanges],
        "kept": [e.kept for e in exchanges],
    }
    return {
        key: np.round(np.array(rows).T, 8).tolist()
        for key, rows in values.items()
        if None not in rows
    }


def history_columns(history: list[dict[str, Any]]) -> dict[str, Any]:
    """Turn the entries of the epochs into columns, which are small and ready to plot.

    Nested lists run over peers, then epochs.

    Parameters
    ----------
    history : list of dict
        One entry per epoch, as the trainer keeps it.
    """
    losses = zip(*(entry["loss"] for entry in history), strict=True)
    columns: dict[str, Any] = {
        "loss": [[round(x, 8) for x in peer] for peer in losses],
        "own": _by_metric([entry["own"] for entry in history if "own" in entry]),
    }
    if tested := [epoch for epoch, entry in enumerate(history) if "test" in entry]:
        columns["tests"] = tested
        columns["test"] = _by_metric([history[epoch]["test"] for epoch in tested])
    if exchanges := [epoch for epoch, entry in enumerate(history) if "exchange" in entry]:
        columns["exchanges"] = exchanges
        columns |= _exchange_columns([history[epoch] for epoch in exchanges])
    return columns


def chosen_entry(history: list[dict[str, Any]], models: str, choice: Choice) -> dict[str, Any]:
    """Return the chosen epoch and peer, which of its models was evaluated, and its metrics.

    Parameters
    ----------
    history : list of dict
        One entry per epoch, as the trainer keeps it.
    models : {"own", "merged", "after"}
        The models that the run reports (``RunSpec.reported_models``).
    choice : Choice
        The chosen model.
    """
    valid = history[choice.epoch][models]
    chosen = {
        "epoch": choice.epoch,
        "peer": choice.peer,
        "merged": models == "merged",
        "valid": valid if models == "merged" else valid[choice.peer],
    }
    return chosen | ({"after": True} if models == "after" else {})


def _exchange_columns(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the columns of the epochs with an exchange."""
    measured = [entry["exchange"] for entry in entries]
    columns: dict[str, Any] = {key: [each[key] for each in measured] for key in measured[0]}
    if merged := [entry["merged"] for entry in entries if "merged" in entry]:
        columns["merged"] = {m: [each[m] for each in merged] for m in METRICS}
    if after := [entry["after"] for entry in entries if "after" in entry]:
        columns["after"] = _by_metric(after)
    return columns


def _by_metric(epochs: list[list[dict[str, float]]]) -> dict[str, list[list[float]]]:
    """Turn the metrics of each epoch and peer into one list of peers, then epochs, per metric."""
    return {
        m: list(map(list, zip(*([peer[m] for peer in epoch] for epoch in epochs), strict=True)))
        for m in METRICS
    }
