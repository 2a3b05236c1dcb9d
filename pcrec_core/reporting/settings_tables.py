"""Tables of settings beside the paper's Table 2, and of the trials they were chosen from."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pcrec_core.analysis import paper
from pcrec_core.reporting.formats import Formatter, count, general, number
from pcrec_core.reporting.html import Html, sentence, table
from pcrec_core.specs.run import RunSpec
from pcrec_core.study.records import RunRecord

#: Symbols of the settings that the paper's Table 2 prints.
_SYMBOLS = {"batch": "b", "d": "d", "eta": "eta", "l2": "L2", "p": "p"}
_MODELS = {"sasrec": "SASRec", "dnn": "DNN", "bpr": "BPR"}


def show_settings(specs: Sequence[RunSpec]) -> Html:
    """Show the settings of specs beside those of the paper's Table 2.

    The paper's are those for the counterpart of the spec's data set.
    """
    rows = [_settings(spec) for spec in specs]
    formats: dict[str, Formatter] = {"t": count}
    for symbol in _SYMBOLS.values():
        formats |= {f"{symbol} here": general, f"{symbol} paper": general}
    note = (
        "t: items of a sequence; b: rows of a batch; d: size of an embedding; eta: learning rate;"
        " p: share of dropout. A dash is a setting that the model does not have, or that the paper"
        " does not print."
    )
    return table(pd.DataFrame(rows), formats, "table2", note)


def _settings(spec: RunSpec) -> dict[str, object]:
    ours, printed = {**vars(spec.training), **vars(spec.model)}, _printed(spec)
    row = {
        "data set": spec.data.source,
        "model": spec.model.name,
        "epochs": ours["epochs"],
        "t": ours["t"],
    }
    for name, symbol in _SYMBOLS.items():
        row |= {f"{symbol} here": ours[name], f"{symbol} paper": printed.get(symbol)}
    return row


def _printed(spec: RunSpec) -> pd.Series:
    """Look up the paper's settings by symbol; empty where the data set has no counterpart."""
    counterpart = paper.COUNTERPART.get(spec.data.source)
    if not counterpart:
        return pd.Series(dtype=object)
    theirs = paper.table(2).rename(columns={"l2": "L2"}).set_index(["dataset", "model"])
    return theirs.loc[counterpart, _MODELS[spec.model.name]]


def show_tried(found: Sequence[RunRecord]) -> Html:
    """Show the trials by their settings and what they reached on validation.

    The lengths, rates and L2 of the study were chosen from them.
    """
    rows = [_trial(record) for record in found]
    if not rows:
        return sentence(
            "No run here is a trial: base or PCRec with nothing changed but the length, the rate or"
            " L2."
        )
    order = ["data set", "model", "variant", "seed", "epochs", "eta", "L2"]
    frame = pd.DataFrame(rows).sort_values(order, kind="stable")
    formats = {"validation NDCG@20": number(4), "eta": general, "L2": general}
    return table(frame, formats, "table2-tried")


def _trial(record: RunRecord) -> dict[str, object]:
    chosen, spec = record.result["chosen"], record.spec
    return {
        "data set": spec.data.source,
        "model": spec.model.name,
        "variant": spec.variant,
        "seed": spec.seed,
        "epochs": spec.training.epochs,
        "eta": spec.training.eta,
        "L2": spec.training.l2,
        "numerics": spec.numerics,
        "chosen epoch": chosen["epoch"] + 1,
        "validation NDCG@20": chosen["valid"]["NDCG@20"],
    }
