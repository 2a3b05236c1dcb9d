"""The answers of single pages, one sentence each."""

from __future__ import annotations

import pandas as pd

from pcrec_core.metrics import PRIMARY
from pcrec_core.reporting.formats import count, number, percent, share
from pcrec_core.reporting.names import dataset_name, model_name

#: The values of alpha between which the paper sees most μ between 0.7 and 1 (Section 5.3.2).
_ALPHAS = (30, 40)


def sizes(found: pd.DataFrame, printed: pd.DataFrame) -> str:
    """State how many users our data sets have, and the paper's (Table 1).

    Both frames have the columns ``dataset`` and ``users``; synthetic data are left out, where there
    are others.
    """
    real = found[found["dataset"] != "synthetic"]
    ours, theirs = (
        f"{count(users.min())} to {count(users.max())}"
        for users in ((real if len(real) else found)["users"], printed["users"])
    )
    return (
        f"Our data sets have {ours} users (sessions, on Retailrocket); the paper's have {theirs}."
    )


def unequal(shares: pd.DataFrame) -> str:
    """State how often a layer's larger μ is 0.7 or more near the paper's α (Figure 4).

    ``shares`` is the frame of ``mu.shares_held``; without these α the answer is empty.
    """
    near = shares[shares["alpha"].isin(_ALPHAS)]
    if near.empty:
        return ""
    top = near.loc[near["strong_share"].idxmax()]
    most = "" if top["strong_share"] >= 0.5 else ", not in most"
    return (
        f"With α from {_ALPHAS[0]} to {_ALPHAS[1]}, the larger μ of a layer is 0.7 or more in at"
        f" most {share(top['strong_share'])} of layers and merges"
        f" ({model_name(top['model'])} on {dataset_name(top['dataset'])}){most}."
    )


def entropy(correlations: pd.DataFrame, agreement: pd.DataFrame) -> str:
    """State what the entropy of a layer goes along with, and whether it finds the better peer.

    Parameters
    ----------
    correlations : DataFrame
        The frame of ``entropy_trained.rank_correlations``.
    agreement : DataFrame
        The frame of ``entropy_agreement.summarize_agreement``.
    """
    about_h = correlations[(correlations["of"] == "h") & (correlations["with"] == "outlier")]
    rows = about_h[about_h["layers"] == "measured layers"]
    every = agreement[agreement["exchanges"] == "all"]
    sentences = []
    if len(rows):
        row = rows.iloc[0]
        sentences.append(
            "Mainly how far the largest weight reaches: over the layers of"
            f" {model_name(row['model'])} the rank correlation of the entropy with the largest"
            f" weight, in standard deviations, is {number(2)(row['mean'])}."
        )
    if len(every):
        row = every.iloc[0]
        sentences.append(
            f"In {model_name(row['model'])} on {dataset_name(row['dataset'])} the peer with the"
            " higher entropy is the better one in"
            f" {share(row['agreement'])} of layers and merges, where chance gives"
            f" {share(row['by_chance'])}."
        )
    return " ".join(sentences)


def best_alpha(among: pd.DataFrame) -> str:
    """State how far the paper's α is from every other one in MRR@5, of runs that can be tested.

    ``among`` is the frame of ``comparisons.comparisons`` of PCRec at the paper's α over others.
    """
    rows = among[(among["metric"] == PRIMARY) & ~among["users_only"].astype(bool)]
    sentences = []
    for dataset, own in rows.groupby("dataset", sort=False):
        others = own[~own["comparison"].str.endswith(" avg")]["relative_improvement"]
        if len(others):
            sentences.append(
                f"On {dataset_name(str(dataset))} the paper's α gives from {percent(others.min())}"
                f" to {percent(others.max())} more MRR@5 than another α."
            )
    return " ".join(sentences)


def first_merge(first: pd.DataFrame) -> str:
    """State whether H falls further with a merge after the first epoch than without one.

    ``first`` is the frame of ``entropy_trained.first_exchanges``.
    """
    second = first[first["epoch"] == 2].groupby(["model", "variant"], sort=False)["h"].mean()
    means = second.unstack()
    if not {"LE", "LE-k2"} <= set(means):
        return ""
    sentences = [
        f"For {model_name(str(model))} the mean H before the merge after the second epoch is"
        f" {number(2)(row['LE'])} with a merge after the first one and {number(2)(row['LE-k2'])}"
        f" without: that merge {'lowered' if row['LE'] < row['LE-k2'] else 'did not lower'} it."
        for model, row in means.dropna(subset=["LE", "LE-k2"]).iterrows()
    ]
    return " ".join(sentences)
