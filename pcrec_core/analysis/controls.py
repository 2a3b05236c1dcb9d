"""Frames of the page on controls: strata, robustness checks, and peers that never exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.analysis import alternative_tests, comparisons
from pcrec_core.analysis.comparisons import named
from pcrec_core.analysis.strata import Stratum, differ, strata
from pcrec_core.metrics import METRICS, PRIMARY, SELECTION
from pcrec_core.study.records import RunRecord, same_users
from pcrec_core.study.replicates import Replicates, matched

KINDS = ("new", "repeated")


def by_target(
    pairs: Sequence[tuple[Replicates, Replicates]], metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Compare each pair (variant, base) by whether the target is new to the user or repeated.

    Returns
    -------
    DataFrame
        One row per pair, metric and kind of target: its share of users, both means, RI with its
        interval, its part of the absolute gain of all users, and the p-value of z, which tests
        whether the two kinds differ (exploratory, :ref:`statistics-strata`). A data set with one
        kind of target has no row.
    """
    both = (pair for pair in pairs if len(np.unique(pair[0].runs[0].outcome.repeated)) == 2)
    return pd.DataFrame(
        [row for pair in both for metric in metrics for row in _by_target(*matched(*pair), metric)]
    )


def _by_target(over: Replicates, base: Replicates, metric: str) -> list[dict[str, Any]]:
    same_users([*over.runs, *base.runs])
    kinds = strata(
        over.ranks_for(metric),
        base.ranks_for(metric),
        np.where(over.runs[0].outcome.repeated, *KINDS[::-1]),
        metric,
        paired=comparisons.paired(over, base),
        random_v=over.random,
        random_b=base.random,
    )
    new, repeated = (stratum.comparison for stratum in kinds)
    z = differ(new, repeated) if new and repeated else None
    key = _key(over, base, metric)
    return [key | _stratum(stratum) | {"p_of_z": z and z[1]} for stratum in kinds]


def _key(over: Replicates, base: Replicates, metric: str) -> dict[str, Any]:
    return {
        "dataset": over.dataset,
        "model": over.model,
        "comparison": named(over, base),
        "metric": metric,
    }


def _stratum(stratum: Stratum) -> dict[str, Any]:
    c = stratum.comparison
    return {
        "targets": stratum.name,
        "users": stratum.users,
        "share": stratum.share,
        "mean_variant": c and c.mean_v,
        "mean_base": c and c.mean_b,
        "relative_improvement": c and c.RI,
        "low": c and c.low,
        "high": c and c.high,
        "users_only": bool(c and c.users_only),
        "part_of_gain": stratum.part,
    }


def sensitivity(
    pairs: Sequence[tuple[Replicates, Replicates]],
    groups: Mapping[str, Sequence[int]],
    metric: str = PRIMARY,
    resamples: int = alternative_tests.RESAMPLES,
) -> pd.DataFrame:
    """Compute alternative intervals and p-values of each pair, to be read beside the crossed t.

    The methods are those of :ref:`statistics-interval` and :ref:`statistics-tables`.

    Parameters
    ----------
    pairs : sequence of (variant, base)
        Arms of the same users.
    groups : mapping
        By data set, one number per user, equal for users with the same target item; users of a
        data set without an entry are not clustered.
    metric : str
        For example ``"MRR@5"``.
    resamples : int
        Number of bootstrap resamples.

    Returns
    -------
    DataFrame
        One row per pair: RI with the interval of the crossed t; that of the crossed bootstrap; the
        p-value of Welch's test over run means; the share of pairs of single runs with p < .01; and
        the variance by users, clustered by target, over the usual one.
    """
    return pd.DataFrame([_checked(*matched(*pair), groups, metric, resamples) for pair in pairs])


def _checked(
    over: Replicates,
    base: Replicates,
    groups: Mapping[str, Sequence[int]],
    metric: str,
    resamples: int,
) -> dict[str, Any]:
    ranks = over.ranks_for(metric), base.ranks_for(metric)
    c = comparisons.compare(over, base, metric)
    options = {"paired": c.paired, "random_v": over.random, "random_b": base.random}
    name = alternative_tests.key(over.dataset, over.variant, base.variant, metric, over.protocol, c)
    again = alternative_tests.bootstrap(*ranks, metric, name=name, resamples=resamples, **options)
    several = min(map(len, ranks)) > 1
    runs = alternative_tests.run_means(*ranks, metric) if several and not c.paired else None
    targets = groups.get(over.dataset) if c.L is not None else None
    ratio = (
        None
        if targets is None
        else alternative_tests.clustered(*ranks, targets, metric, **options).ratio
    )
    return _key(over, base, metric) | {
        "relative_improvement": c.RI,
        "low": c.low,
        "high": c.high,
        "users_only": c.users_only,
        "p": c.p,
        "bootstrap_low": again.low,
        "bootstrap_high": again.high,
        "dropped": again.dropped,
        "p_over_runs": runs and runs.p,
        "significant_single_runs": alternative_tests.significant_pairs(*ranks, metric),
        "clustered_variance_ratio": ratio,
        "runs_variant": c.runs_v,
        "runs_base": c.runs_b,
    }


def independent_peers(trios: Sequence[tuple[Replicates, Replicates, Replicates]]) -> pd.DataFrame:
    """Tabulate each of two peers that never exchange, of which validation chose the better one.

    Parameters
    ----------
    trios : sequence of tuple of Replicates
        Of one model: PCRec; the base, whose run of the same seed is peer 0; and the peers that
        never exchange.

    Returns
    -------
    DataFrame
        One row per run and peer: its best validation value, whether it is the reported one, and
        PCRec over it in MRR@5, which is missing for a peer that is neither reported nor the base.
    """
    return pd.DataFrame(
        [row for trio in trios for run in trio[2].trained for row in _peers_of(run, *trio)]
    )


def _peers_of(
    run: RunRecord, over: Replicates, base: Replicates, apart: Replicates
) -> list[dict[str, Any]]:
    reported, seed = run.outcome.chosen.peer, run.spec.seed
    known = {0: base.of_seeds({seed}), reported: Replicates(apart.variant, (run,))}
    rows = []
    for peer, valid in enumerate(run.outcome.history.own[SELECTION]):
        compared = matched(over, known[peer]) if peer in known and known[peer].runs else None
        c = compared and comparisons.compare(*compared, PRIMARY)
        rows.append(
            {
                "dataset": over.dataset,
                "model": over.model,
                "seed": seed,
                "peer": peer,
                "best_on_validation": float(valid.max()),
                "reported": peer == reported,
                "relative_improvement": c and c.RI,
                "low": c and c.low,
                "high": c and c.high,
                "users_only": c and c.users_only,
            }
        )
    return rows
