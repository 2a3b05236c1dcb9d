"""Frames of the page on deviations: single protocol options, and choosing on test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.analysis import comparisons
from pcrec_core.analysis.selection_bias import Chosen, chosen, selection_bias
from pcrec_core.metrics import PRIMARY, SELECTION
from pcrec_core.study.records import RunRecord
from pcrec_core.study.replicates import Replicates, matched


def changed_lines(
    lines: Mapping[str, tuple[Replicates, Replicates]],
    usual: tuple[Replicates, Replicates],
    metrics: Sequence[str] = (PRIMARY,),
) -> pd.DataFrame:
    """Compute what single protocol options change (:ref:`protocols-table`).

    Parameters
    ----------
    lines : mapping
        PCRec and its base with one line changed, by the name of the line; the base is the usual one
        where the line is of PCRec alone.
    usual : tuple of Replicates
        PCRec and its base as they are, of the same users.
    metrics : sequence of str
        For example ``["MRR@5"]``.

    Returns
    -------
    DataFrame
        One row per line and metric: the change of the base, that of PCRec, and PCRec over its base
        before and after, each with its interval; and the change from before to after, without one.
    """
    return pd.DataFrame(
        [_changed(name, pair, usual, metric) for name, pair in lines.items() for metric in metrics]
    )


def _changed(
    name: str,
    pair: tuple[Replicates, Replicates],
    usual: tuple[Replicates, Replicates],
    metric: str,
) -> dict[str, Any]:
    steps = {
        "pcrec": (pair[0], usual[0]),
        "base": (pair[1], usual[1]),
        "over_base": pair,
        "over_base_usual": usual,
    }
    row: dict[str, Any] = {"line": name, "metric": metric}
    for step, (over, base) in steps.items():
        row |= _step(step, over, base, metric)
    after, before = row["over_base"], row["over_base_usual"]
    return row | {"change": None if None in (after, before) else (1 + after) / (1 + before) - 1}


def _step(step: str, over: Replicates, base: Replicates, metric: str) -> dict[str, Any]:
    # A line or protocol may have data of its own, whose users cannot be compared.
    same = over is not base and _fingerprint(over) == _fingerprint(base)
    c = comparisons.compare(*matched(over, base), metric) if same else None
    return {
        step: c and c.RI,
        f"{step}_low": c and c.low,
        f"{step}_high": c and c.high,
        f"{step}_users_only": bool(c and c.users_only),
    }


def _fingerprint(arm: Replicates) -> str:
    return arm.runs[0].outcome.data.fingerprint


def choosing(
    pairs: Mapping[str, tuple[Replicates, Replicates]],
    metrics: Sequence[str] = ("MRR@5", "HIT@5", "NDCG@20"),
) -> pd.DataFrame:
    """Compute what choosing the best epoch on the test set adds to an improvement.

    The method is that of :ref:`statistics-selection-bias`.

    Parameters
    ----------
    pairs : mapping
        Pairs (variant, base) by name, of runs whose records hold test metrics by epoch.
    metrics : sequence of str
        Metrics that the records hold by epoch.

    Returns
    -------
    DataFrame
        One row per pair and metric: the mean gain of each arm on the log scale, the p-value of
        their difference, the relative improvement by either choice, and the runs of both arms.

    Raises
    ------
    RecordError
        If an arm is not of trained runs.
    """
    return pd.DataFrame(
        [
            {"what": name, "metric": metric, **_choosing(over, base, metric)}
            for name, (over, base) in pairs.items()
            for metric in metrics
        ]
    )


def _choosing(over: Replicates, base: Replicates, metric: str) -> dict[str, Any]:
    bias = selection_bias(_chosen(over, metric), _chosen(base, metric))
    return {
        "gain_variant": bias.gain_v,
        "gain_base": bias.gain_b,
        "p": bias.difference and bias.difference.p,
        "relative_improvement_test": bias.RI_best,
        "relative_improvement_validation": bias.RI_valid,
        "runs_variant": len(over.runs),
        "runs_base": len(base.runs),
    }


def _chosen(arm: Replicates, metric: str) -> Chosen:
    choices = [_choice_on_validation(run) for run in arm.trained]
    return chosen([run.outcome.history.test[metric] for run in arm.trained], choices)


def _choice_on_validation(run: RunRecord) -> tuple[int, int]:
    """Find the epoch, among those with a test, and the peer that validation picks.

    Ties go to the earlier epoch, then to the lower peer.
    """
    history, models = run.outcome.history, run.spec.reported_models
    # (peers, epochs), or (epochs,) for the merged model
    valid = np.atleast_2d(history.validation(models)[SELECTION])
    if models == "own":
        valid = valid[:, history.tests]
    epoch, peer = np.unravel_index(valid.T.argmax(), valid.T.shape)
    return int(epoch), int(peer)
