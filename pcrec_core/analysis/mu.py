"""mu: which peer holds the larger share of each layer, and how often it is large (Section 5.3.2, Figure 4)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates


def shares_held(held: pd.DataFrame) -> pd.DataFrame:
    """How often max(mu, 1 - mu) is 0.7 or more (what Section 5.3.2 observes of mu), in all exchanges and in those up to the
    chosen epoch; its median; and how often the peer with the full learning rate holds it.

    A row a data set, model, variant and alpha of ``dominance``.
    """
    strong = held["max mu"] >= 0.7
    told = held.assign(
        strong=strong, early=strong.where(held["epoch"] <= held["chosen"]), first=held["peer"] == 0
    )
    return (
        told.groupby(["data set", "model", "variant", "alpha"], sort=False)
        .agg(
            **{
                "0.7 or more": ("strong", "mean"),
                "0.7 or more, to the chosen epoch": ("early", "mean"),
                "median": ("max mu", "median"),
                "held by peer 0": ("first", "mean"),
            }
        )
        .reset_index()
    )


def first_mu(held: pd.DataFrame) -> pd.DataFrame:
    """mu of peer 0, the one with the full learning rate, from ``dominance`` of pairs: a row a model (with its data set), layer
    and epoch, a column an alpha; of several runs, the mean. Layers stay in their order."""
    mu = held["max mu"].where(held["peer"] == 0, 1 - held["max mu"])
    named = held.assign(
        mu=mu, model=held["data set"] + ", " + held["model"], epoch=held["epoch"] + 1
    )
    return named.groupby(["model", "layer", "epoch", "alpha"], sort=False)["mu"].mean().unstack()


def dominance(*pairs: Replicates) -> pd.DataFrame:
    """max(mu, 1 - mu) of every exchange of pairs: a row a run, epoch and layer, and which peer holds it. Runs without a mu, since
    nothing is exchanged layer by layer, have no row."""
    found = [
        _dominance(run, arm)
        for arm in pairs
        for run in arm.runs
        if "mu" in run.result.get("epochs", ())
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=_HELD)


_HELD = [
    "data set",
    "model",
    "variant",
    "alpha",
    "seed",
    "epoch",
    "chosen",
    "layer",
    "component",
    "max mu",
    "peer",
]


def _dominance(record: Record, arm: Replicates) -> pd.DataFrame:
    epochs, mu = (
        record.result["epochs"]["exchanges"],
        np.array(record.result["epochs"]["mu"]),
    )  # (exchange, peer, layer)
    arm_is = {
        "data set": arm.dataset,
        "model": arm.model,
        "variant": arm.variant,
        "alpha": arm.alpha,
    }
    return pd.concat(
        [
            pd.DataFrame(
                {
                    **arm_is,
                    "seed": record.spec.seed,
                    "epoch": epochs,
                    "chosen": record.result["chosen"]["epoch"],
                    "layer": name,
                    "component": component,
                    "max mu": mu[:, :, layer].max(1),
                    "peer": mu[:, :, layer].argmax(1),
                }
            )
            for layer, (name, component) in enumerate(record.result["layers"])
        ]
    )
