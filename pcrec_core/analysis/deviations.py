"""What single lines of the protocols' table change, and what choosing the epoch on the test set adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.analysis import comparisons
from pcrec_core.analysis.selection_bias import Chosen, chosen, selection_bias
from pcrec_core.metrics import PRIMARY, SELECTION
from pcrec_core.study.records import Record
from pcrec_core.study.replicates import Replicates, matched


def changed_lines(
    lines: Mapping[str, tuple[Replicates, Replicates]],
    usual: tuple[Replicates, Replicates],
    metrics: Sequence[str] = (PRIMARY,),
) -> pd.DataFrame:
    """What single lines of the protocols' table change.

    Parameters
    ----------
    lines : mapping
        PCRec and its base with one line changed, by the name of the line; the base is the usual one where the line is of
        PCRec alone.
    usual : tuple of Replicates
        PCRec and its base as they are, of the same users.

    Returns
    -------
    DataFrame
        A row a line and metric: the change of the base, that of PCRec, and PCRec over its base before and after, each with
        its interval; and the change from before to after, without one.
    """
    return pd.DataFrame(
        [_changed(name, pair, usual, metric) for name, pair in lines.items() for metric in metrics]
    )


def _changed(
    name: str,
    pair: tuple[Replicates, Replicates],
    usual: tuple[Replicates, Replicates],
    metric: str,
) -> dict[str, Any]:
    steps = {
        "PCRec": (pair[0], usual[0]),
        "base": (pair[1], usual[1]),
        "over base": pair,
        "over base, usual": usual,
    }
    row: dict[str, Any] = {"line": name, "metric": metric}
    for step, (over, base) in steps.items():
        if over is base or _fingerprint(over) != _fingerprint(
            base
        ):  # a rule or protocol may have data of its own
            row |= {
                step: None,
                f"{step} low": None,
                f"{step} high": None,
                f"{step} users only": False,
            }
            continue
        over, base = matched(over, base)
        c = comparisons.compare(over, base, metric)
        row |= {
            step: c.RI,
            f"{step} low": c.low,
            f"{step} high": c.high,
            f"{step} users only": c.users_only,
        }
    after, before = row["over base"], row["over base, usual"]
    return row | {"change": None if None in (after, before) else (1 + after) / (1 + before) - 1}


def _fingerprint(arm: Replicates) -> str:
    return arm.runs[0].result["data"]["fingerprint"]


def choosing(
    pairs: Mapping[str, tuple[Replicates, Replicates]],
    metrics: Sequence[str] = ("MRR@5", "HIT@5", "NDCG@20"),
) -> pd.DataFrame:
    """What choosing the best epoch on the test set adds to an improvement (STATISTICS.md, section 5), of runs that kept test
    metrics by epoch: a row a pair (variant, base), by name, and metric."""
    rows = []
    for name, (over, base) in pairs.items():
        for metric in metrics:
            found = selection_bias(*(_chosen(arm, metric) for arm in (over, base)))
            rows.append(
                {
                    "what": name,
                    "metric": metric,
                    "gain": found.gain_v,
                    "gain of base": found.gain_b,
                    "p": found.difference and found.difference.p,
                    "RI, best on test": found.RI_best,
                    "RI, chosen on validation": found.RI_valid,
                    "runs": f"{len(over.runs)}, {len(base.runs)}",
                }
            )
    return pd.DataFrame(rows)


def _chosen(arm: Replicates, metric: str) -> Chosen:
    return chosen(
        [run.result["epochs"]["test"][metric] for run in arm.runs],
        [_picked(run) for run in arm.runs],
    )


def _picked(run: Record) -> tuple[int, int]:
    """Which of the epochs with a test, and which peer, validation picks: ties to the earlier epoch, then the lower peer."""
    epochs, column = run.result["epochs"], run.spec.evaluates
    valid = np.atleast_2d(
        epochs[column][SELECTION]
    )  # (peers, epochs), or of the merged model (epochs,)
    if column == "own":
        valid = valid[:, epochs["tests"]]
    epoch, peer = np.unravel_index(valid.T.argmax(), valid.T.shape)
    return int(epoch), int(peer)
