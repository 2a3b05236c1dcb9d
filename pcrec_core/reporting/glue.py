"""Numbers and verdicts for the sentences of pages, under the keys that the prose names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pcrec_core.analysis.entropy_agreement import summarize_agreement
from pcrec_core.reporting.formats import (
    count,
    improvement,
    improvements,
    number,
    percent,
    share,
)
from pcrec_core.study.records import StatisticsRecord


def glue_statistics(found: Sequence[StatisticsRecord]) -> dict[str, str]:
    """Format the numbers of ``show_statistics``, under keys such as ``ml-100k-users``."""
    forms = {
        "users": ("users", count),
        "items": ("items", count),
        "actions": ("actions", count),
        "ties": ("tie_share", share),
        "repeats": ("repeat_share_test", share),
    }
    return {
        f"{r.outcome.source}-{key}": form(getattr(r.outcome, name))
        for r in found
        for key, (name, form) in forms.items()
    }


def glue_shares_held(frame: pd.DataFrame) -> dict[str, str]:
    """Format how often max(mu, 1 - mu) is 0.7 or more.

    Keys are such as ``mu-ml-100k-sasrec-30`` (all exchanges) and ``mu-ml-100k-sasrec-30-early``
    (up to the chosen epoch).
    """
    columns = {"": "strong_share", "-early": "strong_share_to_chosen"}
    return {
        f"mu-{row['dataset']}-{row['model']}-{row['alpha']:g}{end}": share(row[column])
        for row in frame.to_dict("records")
        for end, column in columns.items()
    }


def glue_below(frame: pd.DataFrame) -> dict[str, str]:
    """Format the ratios of ``fig6_invalid_layers.below``.

    Keys are such as ``block-matrices-sasrec-base-under-0.50``.
    """
    ratios = {
        f"{row['layers']}-{row['model']}-{row['variant']}-{column}": share(row[column])
        for row in frame.to_dict("records")
        for column in row
        if column.startswith("under_")
    }
    return {key.replace(" ", "-").replace("_", "-"): ratio for key, ratio in ratios.items()}


def glue_values(frame: pd.DataFrame, metric: str) -> dict[str, str]:
    """Format the means of ``comparisons.values``, under keys such as ``ml-100k-bpr-base-MRR@5``."""
    rows = frame[frame["metric"] == metric].to_dict("records")
    return {
        f"{row['dataset']}-{row['model']}-{row['variant']}-{metric}": number(4)(row["mean"])
        for row in rows
    }


def glue_comparisons(frame: pd.DataFrame) -> dict[str, str]:
    """Format the improvements of ``show_comparisons``.

    Keys are such as ``ml-100k-bpr-LE-over-base-MRR@5`` (RI with its interval), with ``-mde`` after
    it (the MDE) and with ``-paper`` (the paper's RI).
    """
    values: dict[str, str] = {}
    for row in frame.to_dict("records"):
        comparison = row["comparison"].replace(" ", "-")
        key = f"{row['dataset']}-{row['model']}-{comparison}-{row['metric']}"
        values |= {
            key: improvement(row),
            f"{key}-mde": percent(row["mde"]),
            f"{key}-paper": percent(row["paper_relative_improvement"]),
        }
    return values


def glue_claims(frame: pd.DataFrame) -> dict[str, str]:
    """Format words and improvements of claims.

    Keys are such as ``table3-ml-sasrec-le-word`` and ``table3-ml-sasrec-le-RI``.
    """
    rows = frame.to_dict("index")
    words = {f"{name}-word": row["verdict"] for name, row in rows.items()}
    return {f"{name}-RI": improvement(row) for name, row in rows.items()} | words


def glue_entropy(
    correlations: pd.DataFrame, trusted: pd.DataFrame, strangers: pd.DataFrame
) -> dict[str, str]:
    """Format what the page on the entropy measures.

    Keys are such as

    - ``sasrec-base-lost-pruned``, the mean correlation of H, and
      ``sasrec-base-lost-pruned-blocks``, that of the block matrices alone;
    - ``sasrec-trusted``, how often up to the reported epoch the peer with more H is the better one,
      ``sasrec-trusted-first``, the same in the first exchange, and ``sasrec-by-chance``;
    - ``sasrec-LE-epoch-1``, H by epoch.
    """
    means = strangers.groupby(["model", "variant", "epoch"], sort=False)["h"].mean()
    return (
        _glue_correlations(correlations)
        | _glue_trusted(trusted)
        | {
            f"{model}-{variant}-epoch-{epoch}": number(2)(h)
            for (model, variant, epoch), h in means.items()
        }
    )


def _glue_correlations(frame: pd.DataFrame) -> dict[str, str]:
    ends = {"measured layers": "", "block matrices": "-blocks"}
    values = {}
    for row in frame[frame["of"] == "h"].to_dict("records"):
        measure = row["with"].replace("_", "-")
        key = f"{row['model']}-{row['variant']}-{measure}{ends[row['layers']]}"
        values[key] = number(2)(row["mean"])
    return values


def _glue_trusted(frame: pd.DataFrame) -> dict[str, str]:
    agreement = summarize_agreement(frame).to_dict("records")
    rows = {(row["model"], row["exchanges"]): row for row in agreement}
    values: dict[str, str] = {}
    for model in frame["model"].unique():
        reported, first = rows[model, "up to the reported"], rows[model, "the first"]
        values |= {
            f"{model}-trusted": share(reported["agreement"]),
            f"{model}-by-chance": share(reported["by_chance"]),
            f"{model}-trusted-first": share(first["agreement"]),
        }
    return values


def glue_independent_peers(frame: pd.DataFrame) -> dict[str, str]:
    """Format the numbers of ``show_independent_peers``.

    Keys are such as ``ml-100k-dnn-apart-0`` (the best validation value of peer 0) and
    ``LE-over-ml-100k-dnn-apart-0``.
    """
    values: dict[str, str] = {}
    for row, over in zip(frame.to_dict("records"), improvements(frame), strict=True):
        key = f"{row['dataset']}-{row['model']}-apart-{row['peer']}"
        values |= {key: number(5)(row["best_on_validation"]), f"LE-over-{key}": over}
    return values


def glue_choosing(frame: pd.DataFrame) -> dict[str, str]:
    """Format the improvements of ``show_choosing``.

    Keys are such as ``released-choosing-MRR@5-best`` (on test) and
    ``released-choosing-MRR@5-valid``.
    """
    ends = {"-best": "relative_improvement_test", "-valid": "relative_improvement_validation"}
    rows = {
        f"{row['what']}-choosing-{row['metric']}".replace(" ", "-"): row
        for row in frame.to_dict("records")
    }
    return {
        f"{key}{end}": percent(row[column])
        for key, row in rows.items()
        for end, column in ends.items()
    }


def keep(values: Mapping[str, str]) -> None:
    """Store values under their keys for the prose of every page, and show nothing."""
    from myst_nb import glue

    for key, text in values.items():
        glue(key, text, display=False)
