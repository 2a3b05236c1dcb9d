"""Tables of settings beside the paper's Table 2, and of the trials they were chosen from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from pcrec_core.analysis import paper
from pcrec_core.reporting.formats import DASH, Formatter, general, number
from pcrec_core.reporting.html import Html, sentence, table
from pcrec_core.reporting.names import model_name
from pcrec_core.specs.run import RunSpec
from pcrec_core.study.records import RunRecord

#: Symbols of the settings that the paper's Table 2 prints.
_SYMBOLS = {"batch": "b", "d": "d", "eta": "eta", "l2": "l2", "p": "p"}


def show_settings(specs: Sequence[RunSpec]) -> Html:
    """Show the settings of runs beside those of the paper's Table 2.

    The paper's settings are those of the data set with which the run's is confronted.
    """
    whole = pd.DataFrame([_settings(spec) for spec in specs])
    rows = whole.to_dict("records")
    beside = ("t", *(name for name in _SYMBOLS if name != "batch"))
    shown = whole[["dataset", "model", "epochs"]].assign(
        **{name: [_beside(row, name) for row in rows] for name in beside}
    )
    formats: dict[str, Formatter] = {}
    for name in ("t", *_SYMBOLS):
        formats |= {f"{name}_here": general, f"{name}_paper": general}
    note = (
        "In brackets: the paper's value for its own data set, where it differs. b: batch size; t:"
        " items of a sequence; d: size of an embedding; η: learning rate; p: dropout (in this table"
        " only). A dash: the model does not have the setting, or the paper does not print it."
    )
    return table(shown, formats, "table2", note, whole=whole)


def _beside(row: Mapping[Hashable, object], name: str) -> str:
    """Format our value of a setting, with the paper's in brackets where it differs."""
    ours, printed = (general(row[f"{name}_{side}"]) for side in ("here", "paper"))
    return ours if ours == printed else f"{ours} ({printed})"


def _settings(spec: RunSpec) -> dict[str, object]:
    ours, printed = {**vars(spec.training), **vars(spec.model)}, _printed(spec)
    row = {
        "dataset": spec.data.source,
        "model": spec.model.name,
        "epochs": ours["epochs"],
        "t_here": ours["t"],
        "t_paper": _length(spec),
    }
    for name, symbol in _SYMBOLS.items():
        row |= {f"{name}_here": ours[name], f"{name}_paper": printed.get(symbol)}
    return row


def _length(spec: RunSpec) -> int | None:
    """Return t of the paper's Table 1 for a model that reads sequences; None without one."""
    counterpart = paper.COUNTERPART.get(spec.data.source)
    if not counterpart or spec.model.t is None:
        return None
    return int(paper.table(1).set_index("dataset").loc[counterpart, "t"])


def _printed(spec: RunSpec) -> pd.Series:
    """Look up the paper's settings by symbol; empty where the data set has no counterpart."""
    counterpart = paper.COUNTERPART.get(spec.data.source)
    if not counterpart:
        return pd.Series(dtype=object)
    theirs = paper.table(2).set_index(["dataset", "model"])
    return theirs.loc[counterpart, model_name(spec.model.name)]


def show_tried(found: Sequence[RunRecord]) -> Html:
    """Show the trials from which epochs, learning rates and L2 were chosen, one row per trial.

    A row has the settings and the validation NDCG@20 that they reached.
    """
    if not found:
        return sentence(
            "No run here is a trial: base or PCRec with only the length, the learning rate or L2"
            " changed."
        )
    formats = {"validation_ndcg20": number(4), "eta": general, "l2": general}
    return table(trials(found), formats, "table2-tried")


def trials(found: Sequence[RunRecord]) -> pd.DataFrame:
    """Tabulate trials: settings, chosen epoch and validation NDCG@20, one row per run."""
    order = ["dataset", "model", "variant", "epochs", "eta", "l2", "seed"]
    return pd.DataFrame([_trial(record) for record in found]).sort_values(order, kind="stable")


def show_search(found: Sequence[RunRecord], name: str) -> Html:
    """Show the values that were tried for each model and variant, and the range they reached.

    ``found`` are trials; ``show_tried`` lists them one by one.
    """
    if not found:
        return sentence("No run here is a trial.")
    every = trials(found)
    searched = every.groupby(["dataset", "model", "variant"], sort=True)
    rows = [
        dict(zip(("dataset", "model", "variant"), key, strict=True))
        | {"trials": len(rows)}
        | {tried: _listed(rows[tried]) for tried in ("epochs", "eta", "l2")}
        | {"least_on_validation": rows["validation_ndcg20"].min()}
        | {"best_on_validation": rows["validation_ndcg20"].max()}
        for key, rows in searched
    ]
    formats = {"least_on_validation": number(4), "best_on_validation": number(4)}
    return table(pd.DataFrame(rows), formats, name, "Every trial has seed 0.", every)


def _listed(values: pd.Series) -> str:
    return ", ".join(general(value) for value in sorted(values.dropna().unique())) or DASH


def _trial(record: RunRecord) -> dict[str, object]:
    chosen, spec = record.outcome.chosen, record.spec
    return {
        "dataset": spec.data.source,
        "model": spec.model.name,
        "variant": "LE" if spec.peers > 1 else "base",
        "epochs": spec.training.epochs,
        "eta": spec.training.eta,
        "l2": spec.training.l2,
        "seed": spec.seed,
        "numerics": spec.numerics,
        "chosen_epoch": chosen.epoch + 1,
        "validation_ndcg20": chosen.valid["NDCG@20"],
    }
