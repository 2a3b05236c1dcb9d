"""mu: which peer holds the larger share of a layer, and how often it is large (Section 5.3.2)."""

from __future__ import annotations

import pandas as pd

from pcrec_core.study.records import RunRecord
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.views import Numbers

#: The columns of ``dominance``, also where nothing is exchanged.
_COLUMNS = (
    *("dataset", "model", "variant", "alpha", "seed", "epoch", "chosen"),
    *("layer", "component", "max_mu", "peer"),
)


def shares_held(held: pd.DataFrame) -> pd.DataFrame:
    """Count how often max(mu, 1 - mu) is 0.7 or more, as Section 5.3.2 reports it.

    Parameters
    ----------
    held : DataFrame
        The frame of ``dominance``.

    Returns
    -------
    DataFrame
        One row per data set, model, variant and alpha: the share in all exchanges and in those up
        to the chosen epoch; the median of max(mu, 1 - mu); and how often the peer with the full
        learning rate, peer 0, holds it.
    """
    strong = held["max_mu"] >= 0.7
    marked = held.assign(
        strong=strong, early=strong.where(held["epoch"] <= held["chosen"]), first=held["peer"] == 0
    )
    return (
        marked.groupby(["dataset", "model", "variant", "alpha"], sort=False)
        .agg(
            strong_share=("strong", "mean"),
            strong_share_to_chosen=("early", "mean"),
            median=("max_mu", "median"),
            held_by_peer_0=("first", "mean"),
        )
        .reset_index()
    )


def first_mu(held: pd.DataFrame) -> pd.DataFrame:
    """Compute mu of peer 0, the one with the full learning rate, over epochs and alphas (Figure 4).

    Parameters
    ----------
    held : DataFrame
        The frame of ``dominance``, for pairs.

    Returns
    -------
    DataFrame
        One row per data set, model, layer and epoch, from 1, and one column per alpha: the mean
        over runs. Layers stay in their order.
    """
    mu = held["max_mu"].where(held["peer"] == 0, 1 - held["max_mu"])
    keys = ["dataset", "model", "layer", "epoch", "alpha"]
    by_epoch = held.assign(mu=mu, epoch=held["epoch"] + 1)
    return by_epoch.groupby(keys, sort=False)["mu"].mean().unstack()


def dominance(*pairs: Replicates) -> pd.DataFrame:
    """Gather max(mu, 1 - mu) of every exchange of pairs, and which peer holds it.

    One row per run, epoch and layer. Runs that exchange nothing layer by layer have no mu and no
    row.
    """
    frames = [
        _dominance(run, mu, arm)
        for arm in pairs
        for run in arm.runs
        if isinstance(run, RunRecord) and (mu := run.outcome.history.mu) is not None
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=_COLUMNS)


def _dominance(record: RunRecord, mu: Numbers, arm: Replicates) -> pd.DataFrame:
    outcome = record.outcome
    keys = {"dataset": arm.dataset, "model": arm.model, "variant": arm.variant, "alpha": arm.alpha}
    return pd.concat(
        pd.DataFrame(
            {
                **keys,
                "seed": record.spec.seed,
                "epoch": outcome.history.exchanges,
                "chosen": outcome.chosen.epoch,
                "layer": name,
                "component": component,
                "max_mu": mu[:, :, layer].max(1),
                "peer": mu[:, :, layer].argmax(1),
            }
        )
        for layer, (name, component) in enumerate(outcome.layers)
    )
