"""Tables of the page on the baselines, and its answer in one sentence per data set."""

from __future__ import annotations

import pandas as pd

from pcrec_core.metrics import PRIMARY, SELECTION
from pcrec_core.reporting.formats import count, improvements, missing, number
from pcrec_core.reporting.html import Html, sentence, table
from pcrec_core.reporting.names import dataset_name, model_name, variant_name


def show_answer(over_best: pd.DataFrame) -> Html:
    """State, one sentence per data set, how the bases compare with the best comparable ranking.

    ``over_best`` is the frame of ``baselines.over_best``.
    """
    return sentence(
        " ".join(
            _answer(str(name), rows) for name, rows in over_best.groupby("dataset", sort=False)
        )
    )


def _answer(dataset: str, rows: pd.DataFrame) -> str:
    listed = "; ".join(
        f"{model_name(row['model'])} {_place(row)} {row['best']}" for row in rows.to_dict("records")
    )
    below = int((rows["high"].astype(float) < 0).sum())
    return (
        f"On {dataset_name(dataset)}, in {rows['metric'].iloc[0]}, {below or 'none'} of {len(rows)}"
        f" base models {'is' if below == 1 else 'are'} below the best comparable ranking without"
        f" training: {listed}."
    )


def _place(row: dict[str, float]) -> str:
    """Place a base by its interval: above, below, or not distinguished."""
    if missing(row["low"]):
        return "cannot be compared with"
    if row["low"] > 0:
        return "is above"
    return "is below" if row["high"] < 0 else "does not clearly differ from"


def show_over_best(over_best: pd.DataFrame, name: str) -> Html:
    """Show each base beside the best comparable ranking, the frame of ``baselines.over_best``."""
    shown = over_best[["dataset", "model", "mean", "best", "mean_of_best", "runs"]].copy()
    shown.insert(5, "improvement", improvements(over_best))
    formats = {"mean": number(4), "mean_of_best": number(4), "runs": count}
    note = (
        f"{PRIMARY}. The best ranking is chosen among those that treat seen items as the model"
        " does. RI of the base over it, with crossed t on the log ratio, 95 %, not adjusted."
    )
    return table(shown, formats, name, note, over_best)


def show_values(frame: pd.DataFrame, name: str) -> Html:
    """Show every arm with its mean in every metric, the frame of ``baselines.values``."""
    keys = ["dataset", "model", "variant", "seen_items", "runs"]
    shown = frame.pivot(index=keys, columns="metric", values="mean")
    order = pd.MultiIndex.from_frame(frame[keys].drop_duplicates())
    metrics = list(frame["metric"].unique())
    whole = shown.reindex(order)[metrics].reset_index()
    whole["variant"] = list(map(variant_name, whole["model"], whole["variant"]))
    formats = dict.fromkeys(metrics, number(4)) | {"runs": count}
    note = (
        "Mean over runs and users; the CSV has intervals and run SDs. Seen items: whether the items"
        " of a user's training history are candidates of the ranking or hidden from it. Rows that"
        " differ in this are not comparable."
    )
    first = [metric for metric in (PRIMARY, "HIT@20", SELECTION) if metric in metrics]
    return table(whole[[*keys, *first]], formats, name, note, frame, whole=whole)
