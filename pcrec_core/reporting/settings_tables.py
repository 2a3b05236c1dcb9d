"""Tables of settings beside the paper's Table 2, and of the trials they were chosen from."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pcrec_core.analysis import paper
from pcrec_core.reporting.formats import (
    count,
    general,
    number,
)
from pcrec_core.reporting.html import Html, sentence, table
from pcrec_core.specs.run import RunSpec
from pcrec_core.study.records import Record


def show_settings(specs: Sequence[RunSpec]) -> Html:
    """What the specs use, beside the paper's Table 2 for the counterpart of their data set."""
    theirs = paper.table(2).rename(columns={"l2": "L2"}).set_index(["dataset", "model"])
    names = {"sasrec": "SASRec", "dnn": "DNN", "bpr": "BPR"}
    rows = []
    for spec in specs:
        ours = {**vars(spec.training), **vars(spec.model)}
        counterpart = paper.COUNTERPART.get(spec.data.source)
        printed = (
            theirs.loc[counterpart, names[spec.model.name]]
            if counterpart
            else pd.Series(dtype=object)
        )
        pairs = {"batch": "b", "d": "d", "eta": "eta", "l2": "L2", "p": "p"}
        rows.append(
            {
                "data set": spec.data.source,
                "model": spec.model.name,
                "epochs": ours["epochs"],
                "t": ours["t"],
                **{
                    f"{symbol}{who}": value
                    for name, symbol in pairs.items()
                    for who, value in ((" here", ours[name]), (" paper", printed.get(symbol)))
                },
            }
        )
    written = (
        {name: general for name in rows[0] if name.endswith((" here", " paper"))} if rows else {}
    )
    return table(
        pd.DataFrame(rows),
        {"t": count, **written},
        "table2",
        "t: items of a sequence; b: rows of a batch; d: size of an embedding; eta: learning rate; p: share of dropout. A"
        " dash is a setting that the model does not have, or that the paper does not print.",
    )


def show_tried(found: Sequence[Record]) -> Html:
    """Runs by their settings and what they reached on validation: what lengths, rates and L2 were chosen from."""
    rows = [
        {
            "data set": r.spec.data.source,
            "model": r.spec.model.name,
            "variant": r.spec.variant,
            "seed": r.spec.seed,
            "epochs": r.spec.training.epochs,
            "eta": r.spec.training.eta,
            "L2": r.spec.training.l2,
            "numerics": r.spec.numerics,
            "chosen epoch": r.result["chosen"]["epoch"] + 1,
            "validation NDCG@20": r.result["chosen"]["valid"]["NDCG@20"],
        }
        for r in found
    ]
    if not rows:
        return sentence(
            "No run here is a trial: base or PCRec with nothing changed but the length, the rate or L2."
        )
    frame = pd.DataFrame(rows).sort_values(
        ["data set", "model", "variant", "seed", "epochs", "eta", "L2"], kind="stable"
    )
    return table(
        frame, {"validation NDCG@20": number(4), "eta": general, "L2": general}, "table2-tried"
    )
