"""The ladder: from PCRec's improvement as the released code measures it to that of this study.

Each rung names two trainings and how their epoch and peer are chosen; one training serves several
rungs, since its record keeps both choices (:ref:`protocols-ladder`). The ladder was registered with
Amendment 1, before the first of these runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pcrec_core.analysis import crossed_t, paper
from pcrec_core.analysis.claims.measurement import Evidence
from pcrec_core.analysis.claims.planned_records import Reader, found_records, planned
from pcrec_core.analysis.claims.registry import Claim, registry
from pcrec_core.analysis.claims.sides import BY_SEED
from pcrec_core.analysis.crossed_t import FEWEST_RUNS, PAIRED_FROM
from pcrec_core.analysis.paired_runs import paired_runs
from pcrec_core.metrics import PRIMARY, value_by_user
from pcrec_core.study.records import ModelRecord
from pcrec_core.study.results import RunResult

#: The metrics in which the ladder was registered.
METRICS = (PRIMARY, "HIT@5")


@dataclass(frozen=True)
class Rung:
    """One step of the ladder: two arms, and the set on which epoch and peer are chosen.

    Parameters
    ----------
    number : int
        The place on the ladder, from 1.
    over, base : str
        Labels of the variants.
    chosen : {"test", "validation"}
        The set that chooses.
    what : str
        Description for readers.
    """

    number: int
    over: str
    base: str
    chosen: str
    what: str


RUNGS = (
    Rung(
        1,
        "ladder-LE",
        "ladder-base",
        "test",
        "the released commands: a schedule for PCRec only, each metric's best epoch on test",
    ),
    Rung(2, "ladder-LE", "ladder-base-cosine", "test", "released, but the schedule for both"),
    Rung(
        3, "ladder-LE", "ladder-base", "validation", "released, but the epoch chosen on validation"
    ),
    Rung(
        4,
        "ladder-LE",
        "ladder-base-cosine",
        "validation",
        "released, with the schedule for both and the epoch chosen on validation",
    ),
    Rung(
        5,
        "LE-200-epochs",
        "base-200-epochs",
        "validation",
        "the protocol controlled, with 200 epochs",
    ),
    Rung(6, "LE", "base", "validation", "the protocol controlled, as in Table 3"),
)


def evidence(claim: Claim, read: Reader, metric: str) -> Evidence:
    """Compare rung 1 with rung 4, seed by seed, in ``metric``.

    That is the ladder's one claim (Amendment 1, item 6, in :ref:`statistics-amendment-1`).
    """
    first, fourth = (improvements(RUNGS[place], claim, read, metric) for place in (0, 3))
    wanted = len(planned(claim, RUNGS[0].over))
    seeds = sorted(first.keys() & fourth.keys())
    if len(seeds) < 2:
        return Evidence(None, missing=wanted - len(seeds))
    found = paired_runs(*([rung[seed] for seed in seeds] for rung in (first, fourth)))
    return Evidence(found, missing=wanted - len(seeds), seeds=(tuple(seeds), tuple(seeds)))


def improvements(rung: Rung, claim: Claim, read: Reader, metric: str) -> dict[int, float]:
    """Compute PCRec's relative improvement on a rung by seed, for the seeds of both its arms."""
    arms = _ranks_by_seed(rung, claim, read, metric)
    return {
        seed: _mean(over, metric) / _mean(base, metric) - 1 for seed, (over, base) in arms.items()
    }


def climbed(read: Reader) -> pd.DataFrame:
    """Tabulate PCRec's relative improvement on every rung, with its 95 % interval.

    The interval covers users and runs (:ref:`statistics-interval`); equal seeds are paired where
    there are ten.

    Returns
    -------
    DataFrame
        One row per metric, model and rung: the number of seeds that both arms have, the
        improvement with its interval, and the paper's value. A rung with fewer than three seeds is
        not tested: its numbers are missing.
    """
    claims = [claim for claim in registry().values() if claim.kind == BY_SEED]
    return pd.DataFrame(
        [
            _row(rung, claim, read, metric)
            for metric in METRICS
            for claim in claims
            for rung in RUNGS
        ]
    )


def _row(rung: Rung, claim: Claim, read: Reader, metric: str) -> dict[str, object]:
    arms = list(_ranks_by_seed(rung, claim, read, metric).values())
    found = None
    if len(arms) >= FEWEST_RUNS:
        over, base = map(np.stack, zip(*arms, strict=True))
        found = crossed_t.compare(over, base, metric, paired=len(arms) >= PAIRED_FROM)
    printed = [paper.value(claim.paper_dataset, claim.model, arm, metric) for arm in ("LE", "base")]
    return {
        "metric": metric,
        "dataset": claim.dataset,
        "model": claim.model,
        "rung": rung.number,
        "what": rung.what,
        "seeds": len(arms),
        "relative_improvement": found.RI if found else np.nan,
        "low": found.low if found else np.nan,
        "high": found.high if found else np.nan,
        "paper_relative_improvement": paper.improvement(*printed),
    }


def _ranks_by_seed(
    rung: Rung, claim: Claim, read: Reader, metric: str
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return the ranks of both arms by seed, for the seeds that both have."""
    over, base = (
        {
            record.spec.seed: ranks(record, rung.chosen, metric)
            for record in found_records(read, claim, label)
        }
        for label in (rung.over, rung.base)
    )
    return {seed: (over[seed], base[seed]) for seed in sorted(over.keys() & base.keys())}


def ranks(record: ModelRecord, chosen: str, metric: str) -> np.ndarray:
    """Return the ranks of the model that was chosen on the test set or on validation.

    Parameters
    ----------
    record : ModelRecord
        A record that keeps both choices, or one of a run that was chosen on validation.
    chosen : {"test", "validation"}
        The set that chooses epoch and peer.
    metric : str
        The metric whose best epoch counts if the test set chooses.

    Returns
    -------
    array of int64, shape (users,)
    """
    outcome = record.outcome
    if isinstance(outcome, RunResult) and outcome.by_validation and chosen == "validation":
        return outcome.by_validation.ranks
    return outcome.ranks_for(metric)


def _mean(ranks: np.ndarray, metric: str) -> float:
    return float(value_by_user(ranks, metric).mean())
