"""Does PCRec help on these data? The comparisons of a trial, and the verdict that each gets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from pcrec_core.analysis import baselines, comparisons
from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.claims.sides import UNTESTED, Sides, adjust, sides
from pcrec_core.analysis.effects import Comparison
from pcrec_core.analysis.projection import projectable, projected
from pcrec_core.analysis.run_variance import pooled_over
from pcrec_core.metrics import PRIMARY
from pcrec_core.study.records import RunRecord
from pcrec_core.study.replicates import Replicates

#: What is compared: PCRec and plain averaging with the base, and with each other.
COUPLES = (("LE", "base"), ("avg", "base"), ("LE", "avg"))
#: Most runs per arm that are projected.
_MOST = 100


def decided(
    groups: Sequence[Mapping[str, Replicates]], gain: float, metric: str = PRIMARY
) -> pd.DataFrame:
    """Compare the arms of each model, and give each comparison the verdict of the study's rule.

    The claim is that the first arm is better by ``gain``. All comparisons are one family, over
    which p is adjusted by Holm (:ref:`statistics-verdicts`).

    Parameters
    ----------
    groups : sequence of mappings
        The replicates by label, one mapping per model.
    gain : float
        The relative improvement that would matter, such as 0.05.
    metric : str
        For example ``"MRR@5"``.

    Returns
    -------
    DataFrame
        One row per model and pair of ``COUPLES``: the relative improvement with its 95 % interval,
        the adjusted p, the smallest gain found with 80 % power (``mde``), the verdict, why nothing
        can be decided (``reason``), whether more runs can be projected (``projectable``), and the
        runs per arm that would find ``gain`` with 80 % power (``runs_needed``; missing if a hundred
        would not, or nothing can be projected).
    """
    found = list(_compared(groups, metric))
    adjusted = adjust([_sides(c, gain) for _, _, c in found])
    return pd.DataFrame(
        [
            _row(pair, arms, c, sides, gain)
            for (pair, arms, c), sides in zip(found, adjusted, strict=True)
        ]
    )


def _row(
    pair: tuple[Replicates, Replicates],
    arms: Sequence[Replicates],
    c: Comparison,
    adjusted: Sides,
    gain: float,
) -> dict[str, object]:
    over, base = pair
    return {
        "dataset": over.dataset,
        "model": over.model,
        "comparison": comparisons.named(over, base),
        "metric": c.metric,
        "relative_improvement": c.RI,
        "low": c.low,
        "high": c.high,
        "p": adjusted.printed,
        "mde": c.mde,
        "verdict": outcomes.verdict(adjusted, tested=not c.few_runs),
        "reason": c.reason,
        "runs": c.fewest_runs,
        "projectable": _projectable(c),
        "runs_needed": runs_needed(c, arms, gain),
        "users": c.users,
        "users_only": c.users_only,
    }


def _compared(
    groups: Sequence[Mapping[str, Replicates]], metric: str
) -> Iterator[tuple[tuple[Replicates, Replicates], list[Replicates], Comparison]]:
    for group in groups:
        for a, b in COUPLES:
            if {a, b} <= group.keys():
                pair = group[a], group[b]
                yield pair, list(group.values()), comparisons.compare(*pair, metric)


def _sides(c: Comparison, gain: float) -> Sides:
    if c.reason or c.L is None:
        return UNTESTED
    e = math.log1p(gain)
    return sides("better", c, e=e, theta=e / 2)


def runs_needed(c: Comparison, arms: Sequence[Replicates], gain: float) -> int | None:
    """Return the smallest number of runs per arm that finds ``gain`` with 80 % power.

    The search starts at the present number. The variance of runs is pooled over ``arms``, those of
    the model (:ref:`statistics-power`). None where nothing can be projected, or a hundred runs do
    not suffice because there are too few users.
    """
    if not _projectable(c):
        return None
    of_runs = pooled_over(arms, c.metric)
    tried = range(c.runs_v, _MOST + 1)
    return next((n for n in tried if projected(c, of_runs, n).mde <= gain), None)


def _projectable(c: Comparison) -> bool:
    return projectable(c) and bool(c.se)


def costs(groups: Sequence[Mapping[str, Replicates]]) -> pd.DataFrame:
    """Tabulate what a run of each arm took: seconds, memory and the weights of the reported model.

    One row per arm; means over its runs.
    """
    rows = []
    for arm in (arm for group in groups for arm in group.values() if arm.random):
        runs = [run.provenance for run in arm.trained]
        rows.append(
            {
                "model": arm.model,
                "variant": arm.variant,
                "runs": len(runs),
                "seconds": sum(sum(run.seconds.values()) for run in runs) / len(runs),
                "peak_bytes": sum(run.peak_bytes for run in runs) / len(runs),
                "weights": arm.trained[0].outcome.weights,
            }
        )
    return pd.DataFrame(rows)


def last_epochs(groups: Sequence[Mapping[str, Replicates]]) -> tuple[int, int]:
    """Count the trained runs whose best epoch is in their last tenth, and all trained runs."""
    runs = [run for group in groups for arm in group.values() for run in arm.runs]
    late = [
        run.outcome.chosen.epoch + 1 > 0.9 * run.spec.training.epochs
        for run in runs
        if isinstance(run, RunRecord)
    ]
    return sum(late), len(late)


def below_trivial(
    groups: Sequence[Mapping[str, Replicates]], trivial: Sequence[Replicates]
) -> list[tuple[str, float, str, float]]:
    """List the models whose base has a lower MRR@5 than the best ranking without a model.

    Only rankings count that treat a user's seen items as the base does.

    Returns
    -------
    list of (model, its mean, the best ranking, its mean)
    """
    found = []
    for base in (group["base"] for group in groups if "base" in group):
        best = baselines.best_comparable(base, trivial, PRIMARY)
        if best is not None:
            mean, reached = (comparisons.mean_of(arm, PRIMARY).mean for arm in (base, best))
            if mean < reached:
                found.append((base.model, mean, best.variant, reached))
    return found
