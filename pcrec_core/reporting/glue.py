"""Numbers and verdicts for sentences of pages, under keys that the prose names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pcrec_core.analysis.entropy_trained import _summed
from pcrec_core.reporting.formats import (
    _improvement,
    _intervals,
    count,
    number,
    percent,
    share,
    size,
    with_interval,
)
from pcrec_core.study.records import Record


def glue_statistics(found: Sequence[Record]) -> dict[str, str]:
    """Numbers of ``show_statistics`` for sentences of other pages, under keys such as ``ml-100k-users``."""
    forms = {
        "users": ("users", count),
        "items": ("items", count),
        "actions": ("actions", count),
        "ties": ("tie_share", share),
        "repeats": ("repeat_share_test", share),
    }
    return {
        f"{r.result['source']}-{key}": form(r.result[name])
        for r in found
        for key, (name, form) in forms.items()
    }


def glue_shares_held(frame: pd.DataFrame) -> dict[str, str]:
    """How often max(mu, 1 - mu) is 0.7 or more, for sentences, under keys such as ``mu-ml-100k-sasrec-30`` (all exchanges) and
    ``mu-ml-100k-sasrec-30-early`` (up to the chosen epoch)."""
    columns = {"": "0.7 or more", "-early": "0.7 or more, to the chosen epoch"}
    return {
        f"mu-{row['data set']}-{row['model']}-{row['alpha']:g}{end}": share(row[column])
        for row in frame.to_dict("records")
        for end, column in columns.items()
    }


def glue_below(frame: pd.DataFrame) -> dict[str, str]:
    """The ratios of ``curves.below`` for sentences, under keys such as ``block-matrices-sasrec-base-under-0.50``."""
    return {
        f"{row['layers']}-{row['model']}-{row['variant']}-{column}".replace(" ", "-"): share(
            row[column]
        )
        for row in frame.to_dict("records")
        for column in row
        if column.startswith("under ")
    }


def glue_values(frame: pd.DataFrame, metric: str) -> dict[str, str]:
    """Means of ``arms.values`` for sentences of other pages, under keys such as ``ml-100k-bpr-base-MRR@5``."""
    rows = frame[frame["metric"] == metric].to_dict("records")
    return {
        f"{row['data set']}-{row['model']}-{row['variant']}-{metric}": number(4)(row["mean"])
        for row in rows
    }


def glue_comparisons(frame: pd.DataFrame) -> dict[str, str]:
    """The improvements of ``show_comparisons`` for sentences of other pages, under keys such as
    ``ml-100k-bpr-LE-over-base-MRR@5``: RI with its interval; the MDE (``...-mde``); and the paper's RI (``...-paper``)."""
    said = {}
    for row in frame.to_dict("records"):
        key = f"{row['data set']}-{row['model']}-{row['comparison'].replace(' ', '-')}-{row['metric']}"
        said |= {
            key: with_interval(percent, row["RI"], row["low"], row["high"], row["users only"]),
            f"{key}-mde": percent(row["MDE"]),
            f"{key}-paper": percent(row["RI paper"]),
        }
    return said


def glue_claims(frame: pd.DataFrame) -> dict[str, str]:
    """Words and improvements of claims for other pages, under keys such as ``table3-ml-sasrec-le-word`` and ``...-RI``."""
    rows = frame.to_dict("index")
    improvements = {f"{name}-RI": _improvement(row) for name, row in rows.items()}
    return improvements | {f"{name}-word": row["word"] for name, row in rows.items()}


def glue_entropy(
    correlations: pd.DataFrame, trusted: pd.DataFrame, strangers: pd.DataFrame
) -> dict[str, str]:
    """For sentences of other pages: the mean correlation of H, under keys such as ``sasrec-base-lost-pruned`` and, of the block
    matrices alone, ``sasrec-base-lost-pruned-blocks``; how often up to the reported epoch, or in the first exchange, the peer
    with more H is the better one, under ``sasrec-trusted``, ``sasrec-by-chance`` and ``sasrec-trusted-first``; and H by epoch,
    under ``sasrec-LE-epoch-1``."""
    ends = {"measured layers": "", "block matrices": "-blocks"}
    found = {
        f"{row['model']}-{row['variant']}-{row['with'].replace(', ', '-')}{ends[row['layers']]}": number(
            2
        )(row["mean"])
        for row in correlations[correlations["of"] == "H"].to_dict("records")
    }
    rows = {(row["model"], row["exchanges"]): row for row in _summed(trusted).to_dict("records")}
    for model in trusted["model"].unique():
        row = rows[model, "up to the reported"]
        found |= {
            f"{model}-trusted": share(row["the one with more H is better"]),
            f"{model}-by-chance": share(row["by chance"]),
            f"{model}-trusted-first": share(
                rows[model, "the first"]["the one with more H is better"]
            ),
        }
    means = strangers.groupby(["model", "variant", "epoch"], sort=False)["H"].mean()
    return found | {
        f"{model}-{variant}-epoch-{epoch}": number(2)(h)
        for (model, variant, epoch), h in means.items()
    }


#: Bytes that a weight needs from one step to the next: itself and Adam's two moments, float32.
_STATE = 12


def glue_modes(frame: pd.DataFrame) -> dict[str, str]:
    """What the cases say of each other, for the sentences of pages, under keys such as ``cost-serial``."""
    by = frame.set_index("case")

    def ratio(column: str, case: str, other: str) -> str:
        return f"{by.at[case, column] / by.at[other, column]:.1f}"

    one, serial, parallel = "one model", "a pair in turn", "a pair, a process a peer"
    exchange = by.at[f"SASRec, {serial}", "exchange"] / by.at[f"SASRec, {serial}", "seconds"]
    return {
        "cost-serial": ratio("training", f"SASRec, {serial}", f"SASRec, {one}"),
        "cost-parallel": ratio("training", f"SASRec, {parallel}", f"SASRec, {one}"),
        "cost-serial-wall": ratio("seconds", f"SASRec, {serial}", f"SASRec, {one}"),
        "cost-parallel-wall": ratio("seconds", f"SASRec, {parallel}", f"SASRec, {one}"),
        "cost-exchange": size(exchange),
        "cost-state": count(_STATE * by.at[f"BPR, {one}", "weights"] / 1e6),
        "cost-one-memory": count(by.at[f"BPR, {one}", "MB"]),
        "cost-serial-memory": count(by.at[f"BPR, {serial}", "MB"]),
        "cost-parallel-memory": count(2 * by.at[f"BPR, {parallel}", "MB"]),
        "cost-workers": ratio("seconds", "8 runs, one worker", "8 runs, two workers"),
        "cost-ensemble-2": ratio("seconds", "ranking, ensemble of 2", "ranking, one peer"),
        "cost-ensemble-3": ratio("seconds", "ranking, ensemble of 3", "ranking, one peer"),
    }


def glue_never_met(frame: pd.DataFrame) -> dict[str, str]:
    """What ``show_never_met`` shows, for sentences, under keys such as ``ml-100k-dnn-apart-0`` (the best validation value of
    peer 0) and ``LE-over-ml-100k-dnn-apart-0``."""
    said = {}
    for row, improvement in zip(frame.to_dict("records"), _intervals(frame), strict=True):
        key = f"{row['data set']}-{row['model']}-apart-{row['peer']}"
        said |= {key: number(5)(row["best"]), f"LE-over-{key}": improvement}
    return said


def glue_choosing(frame: pd.DataFrame) -> dict[str, str]:
    """The improvements of ``show_choosing`` for sentences of other pages, under keys such as ``released-choosing-MRR@5-best`` (on
    test) and ``released-choosing-MRR@5-valid``."""
    ends = {"-best": "RI, best on test", "-valid": "RI, chosen on validation"}
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
    """Keep values by their keys for the prose of every page, and show nothing here."""
    from myst_nb import glue

    for key, text in values.items():
        glue(key, text, display=False)
