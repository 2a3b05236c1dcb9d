"""The names that readers see: of data sets, of models, and of what is compared.

Frames, files and commands keep the labels of ``study.labels``; pages show these.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from pcrec_core.reporting.wording import option_name

DATASETS = {
    "retailrocket-half": "RR-half",
    "retailrocket-first-half": "RR-first-half",
    "retailrocket": "RR",
    "retailrocket-events": "RR-events",
    "ml-100k": "ML-100K",
    "ml-1m": "ML-1M",
    "ml-20m": "ML-20M",
    "beauty": "Beauty",
    "video-games": "Video Games",
}
MODELS = {"sasrec": "SASRec", "dnn": "DNN", "bpr": "BPR"}
#: What a label means; labels that explain themselves, such as "base" or "recency", are left out.
ARMS = {
    "LE": "PCRec (LE)",
    "LN": "PCRec by L1 norm (LN)",
    "W": "parameter-wise (W)",
    "N": "noise (N)",
    "M2": "ensemble of two (M2)",
    "M3": "ensemble of three (M3)",
    "SD": "same learning rate (SD)",
    "DS": "same data order (DS)",
    "E": "embedding only (E)",
    "M": "middle only (M)",
    "S": "softmax only (S)",
    "LE@random": "PCRec at the other α",
    "LE@10..50": "PCRec at every α",
    "avg": "plain averaging",
    "permuted": "permuted μ",
    "random": "random μ",
    "base-constant": "base without a schedule",
    "LE-constant": "PCRec without a schedule",
    "base-2x-epochs": "one model, twice the epochs",
    "LE-2x-epochs": "PCRec, twice the epochs",
    "base-batch-256": "one model, twice the epochs and batch",
    "base-half-eta": "one model, half the learning rate",
    "ema": "one model, EMA of the weights",
    "swa": "one model, SWA of the weights",
    "apart-best": "better of two independent models",
    "apart-ensemble": "ensemble of two independent models",
    "LE-k2": "merge every 2 epochs",
    "LE-k5": "merge every 5 epochs",
    "LE-once": "one merge at the end",
    "LE-same-start": "equal initial weights",
    "LE-own-eta": "PCRec, its own learning rate",
    "base-own-l2": "base, its own L2",
    "LE-own-l2": "PCRec, its own L2",
    "base-200-epochs": "base, 200 epochs",
    "LE-200-epochs": "PCRec, 200 epochs",
    "base-paper-data": "base, the paper's data rule",
    "LE-paper-data": "PCRec, the paper's data rule",
    "ladder-base": "released base, constant rate",
    "ladder-base-cosine": "released base, cosine",
    "ladder-LE": "released PCRec",
    "shuffled": "shuffled histories",
    "half": "half the dimension",
    "probed-base": "base",
    "probed-LE": "PCRec (LE)",
}


def dataset_name(name: str) -> str:
    """Return the short name of a data set; another text, such as "csv", stays as it is."""
    return DATASETS.get(name, name)


def model_name(name: str) -> str:
    """Return the name of a model, or of several, such as "sasrec dnn"."""
    return " ".join(MODELS.get(part, part) for part in name.split(" "))


def arm_name(label: str) -> str:
    """Return what a label means.

    Examples
    --------
    >>> arm_name("LE@30"), arm_name("sasrec:base"), arm_name("pruned30")
    ('PCRec (α 30)', 'SASRec base', '30 % pruned')
    """
    if label in ARMS:
        return ARMS[label]
    if ", " in label:  # a part of an arm, such as one of its peers
        first, _, part = label.partition(", ")
        return f"{arm_name(first)}, {part}"
    if at := re.fullmatch(r"LE@([\d.]+)", label):
        return f"PCRec (α {at[1]})"
    if at := re.fullmatch(r"pruned(\d+)(-tuned)?", label):
        return f"{at[1]} % pruned{', fine-tuned' if at[2] else ''}"
    if of := re.fullmatch(rf"({'|'.join(MODELS)})[: ](.+)", label):
        return f"{model_name(of[1])} {arm_name(of[2])}"
    return label


def variant_name(model: str, label: str) -> str:
    """Return what a label means next to its model, whose own name a ranking without a model has.

    Examples
    --------
    >>> variant_name("dnn", "avg"), variant_name("recency", "recency")
    ('plain averaging', 'without training')
    """
    return "without training" if model == label else arm_name(label)


#: The artifacts of families of claims, such as ``table3/ml-100k``; others keep their names.
_ARTIFACTS = {"table": "Table ", "fig": "Figure "}


def claim_family(name: str) -> str:
    """Return a family's name.

    Examples
    --------
    >>> claim_family("table3/ml-100k"), claim_family("controls/beauty")
    ('Table 3 on ML-100K', 'controls on Beauty')
    """
    artifact, _, dataset = name.partition("/")
    for short, long in _ARTIFACTS.items():
        artifact = re.sub(rf"^{short}(?=\d)", long, artifact)
    return f"{artifact} on {dataset_name(dataset)}"


def comparison_name(comparison: str) -> str:
    """Return a comparison of two labels by their names.

    Examples
    --------
    >>> comparison_name("LE over avg"), comparison_name("LE over base, paper")
    ('PCRec (LE) over plain averaging', 'PCRec (LE) over base, paper')
    """
    pair, comma, more = comparison.partition(",")
    return " over ".join(arm_name(part) for part in pair.split(" over ")) + comma + more


def compared_by_model(frame: pd.DataFrame) -> list[str]:
    """Name the comparison of each row after its model, such as "DNN: PCRec (LE) over base"."""
    return [
        f"{model_name(model)}: {comparison_name(comparison)}"
        for model, comparison in zip(frame["model"], frame["comparison"], strict=True)
    ]


#: The function that names the cells of a column for readers, by column.
READABLE: dict[str, Callable[[str], str]] = {
    "dataset": dataset_name,
    "model": model_name,
    "variant": arm_name,
    "comparison": comparison_name,
    "line": option_name,
}


def listed(items: list[str]) -> str:
    """Join items by commas, the last by "and".

    Examples
    --------
    >>> listed(["SASRec", "DNN", "BPR"])
    'SASRec, DNN and BPR'
    """
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
