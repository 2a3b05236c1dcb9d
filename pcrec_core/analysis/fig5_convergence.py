"""Figure 5: the metrics that choose the epoch, and how soon a run comes near its best value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pcrec_core.metrics import SELECTION
from pcrec_core.study.records import RunRecord
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.views import Curves, Numbers

_CASE = ["dataset", "model", "metric"]
_RUN = [*_CASE, "variant", "seed", "peers"]


def convergence(arms: Sequence[Replicates], metrics: Sequence[str]) -> pd.DataFrame:
    """Gather the metrics that could be reported after each epoch (Figure 5).

    Where the peers differ, the value is that of the better one.

    Parameters
    ----------
    arms : sequence of Replicates
        Trained runs; what is derived from runs, such as an ensemble, has no epochs and no row.
    metrics : sequence of str
        Metrics that the records hold by epoch.

    Returns
    -------
    DataFrame
        One row per arm, run, epoch, from 1, and metric: the value on validation, or on the test
        set where the protocol chooses the epoch there. Where it is that of the model after an
        exchange, epochs without one have no row.
    """
    return pd.concat(
        [
            _by_epoch(arm, run, metric)
            for arm in arms
            for run in arm.runs
            if isinstance(run, RunRecord)
            for metric in metrics
        ],
        ignore_index=True,
    )


def _by_epoch(arm: Replicates, run: RunRecord, metric: str) -> pd.DataFrame:
    history, spec = run.outcome.history, run.spec
    part = "test" if history.test else "validation"
    if history.test:
        at, values = history.tests, history.test[metric].max(axis=0)
    elif spec.reported_models == "merged":
        at, values = history.evaluated_exchanges, history.merged[metric]
    else:
        values = _of_chosen_peers(history.validation(spec.reported_models), metric)
        after = spec.reported_models == "after"
        at = history.evaluated_exchanges if after else history.evaluated
    return pd.DataFrame(
        {
            "dataset": arm.dataset,
            "model": arm.model,
            "variant": arm.variant,
            "seed": spec.seed,
            "peers": spec.peers,
            "metric": metric,
            "part": part,
            "epoch": at + 1,
            "value": values,
        }
    )


def _of_chosen_peers(measured: Curves, metric: str) -> Numbers:
    """Take a metric by epoch, of the peer that selection prefers in that epoch."""
    best = np.argmax(measured[SELECTION], axis=0)
    of_best: Numbers = np.take_along_axis(measured[metric], best[None], axis=0)[0]
    return of_best


def first_within(curve: pd.DataFrame, share: float = 0.99) -> pd.DataFrame:
    """Find how soon each run comes near its own best value, and near the base's.

    Parameters
    ----------
    curve : DataFrame
        The frame of ``convergence``.
    share : float
        The share of the best value that counts as near.

    Returns
    -------
    DataFrame
        One row per data set, model, metric, variant and run. ``epoch_near_own`` is the first epoch
        with ``share`` of the run's best; ``epoch_near_base`` the first with ``share`` of what the
        base's runs reach on average, missing if there is none; ``epochs_trained`` the epochs for
        which all peers together have been trained by then.
    """
    best = curve.groupby(_RUN, sort=False)["value"].max()
    usual = best[best.index.get_level_values("variant") == "base"].groupby(_CASE).mean()
    levels = {
        "epoch_near_own": curve.groupby(_RUN)["value"].transform("max"),
        "epoch_near_base": curve.join(usual.rename("usual"), on=_CASE)["usual"],
    }
    first = {
        name: curve[curve["value"] >= share * level].groupby(_RUN)["epoch"].min()
        for name, level in levels.items()
    }
    runs = best.to_frame("best").assign(**first).reset_index()
    return runs.assign(epochs_trained=runs["epoch_near_base"] * runs["peers"]).drop(columns="peers")
