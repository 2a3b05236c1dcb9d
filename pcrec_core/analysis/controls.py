"""What the pages on controls and deviations show beside the crossed t: strata, other ways to an interval, single lines of the
protocols' table, and what choosing on the test set adds. Frames with one row a comparison and metric. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core.analysis import comparisons, robustness
from pcrec_core.analysis.comparisons import named
from pcrec_core.analysis.strata import Stratum, differ, strata
from pcrec_core.metrics import METRICS, PRIMARY, SELECTION
from pcrec_core.study.records import Record, same_users
from pcrec_core.study.replicates import Replicates, matched

KINDS = ("new", "repeated")


def by_target(
    pairs: Sequence[tuple[Replicates, Replicates]], metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Each pair (variant, base) among users whose target is new to them, and among those whose target is repeated.

    A row a pair, metric and kind of target: its share, both means, RI with its interval, its part of the absolute gain of
    all users, and the p of z, whether the two kinds differ (exploratory). Data whose targets are all of one kind have none.
    """
    both = (pair for pair in pairs if len(np.unique(pair[0].runs[0].repeated)) == 2)
    return pd.DataFrame(
        [row for pair in both for metric in metrics for row in _by_target(*matched(*pair), metric)]
    )


def _by_target(over: Replicates, base: Replicates, metric: str) -> list[dict[str, Any]]:
    same_users([*over.runs, *base.runs])
    found = strata(
        over.ranks_for(metric),
        base.ranks_for(metric),
        np.where(over.runs[0].repeated, *KINDS[::-1]),
        metric,
        paired=comparisons.paired(over, base),
        random_v=over.random,
        random_b=base.random,
    )
    compared = [stratum.comparison for stratum in found]
    z = None if None in compared else differ(*compared)
    return [
        _what(over, base, metric) | _stratum(stratum) | {"p of z": z and z[1]} for stratum in found
    ]


def _what(over: Replicates, base: Replicates, metric: str) -> dict[str, Any]:
    return {
        "data set": over.dataset,
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
        "mean": c and c.mean_v,
        "mean of base": c and c.mean_b,
        "RI": c and c.RI,
        "low": c and c.low,
        "high": c and c.high,
        "users only": bool(c and c.users_only),
        "part of the gain": stratum.part,
    }


def sensitivity(
    pairs: Sequence[tuple[Replicates, Replicates]],
    groups: Mapping[str, Sequence[int]],
    metric: str = PRIMARY,
    resamples: int = robustness.RESAMPLES,
) -> pd.DataFrame:
    """Other ways to an interval or a p of each pair (STATISTICS.md, sections 2 and 5), beside the crossed t.

    ``groups`` says by data set which users have one target item. A row a pair: RI with the interval of the crossed t; that
    of the crossed bootstrap; the p of Welch's test over run means; the share of pairs of single runs with p < .01; and the
    variance by users, clustered by target, over the usual one.
    """
    return pd.DataFrame([_checked(*matched(*pair), groups, metric, resamples) for pair in pairs])


def _checked(
    over: Replicates,
    base: Replicates,
    groups: Mapping[str, Sequence[int]],
    metric: str,
    resamples: int,
) -> dict[str, Any]:
    ranks, c = (
        (over.ranks_for(metric), base.ranks_for(metric)),
        comparisons.compare(over, base, metric),
    )
    how = {"paired": c.paired, "random_v": over.random, "random_b": base.random}
    name = robustness.key(over.dataset, over.variant, base.variant, metric, over.protocol, c)
    again = robustness.bootstrap(*ranks, metric, name=name, resamples=resamples, **how)
    runs = (
        robustness.run_means(*ranks, metric) if min(map(len, ranks)) > 1 and not c.paired else None
    )
    clusters = groups.get(over.dataset) if c.L is not None else None
    ratio = (
        None if clusters is None else robustness.clustered(*ranks, clusters, metric, **how).ratio
    )
    return _what(over, base, metric) | {
        "RI": c.RI,
        "low": c.low,
        "high": c.high,
        "users only": c.users_only,
        "p": c.p,
        "bootstrap low": again.low,
        "bootstrap high": again.high,
        "dropped": again.dropped,
        "p over runs": runs and runs.p,
        "single runs with p < .01": robustness.significant_pairs(*ranks, metric),
        "clustered / Vu": ratio,
        "runs": f"{c.runs_v}, {c.runs_b}",
    }


def independent_peers(trios: Sequence[tuple[Replicates, Replicates, Replicates]]) -> pd.DataFrame:
    """Two peers that never exchange, one by one: how close validation was between them, on which the better one was chosen.

    Parameters
    ----------
    trios : sequence of tuple of Replicates
        Of a model: PCRec; the base, whose run of the same seed is peer 0; and the peers that never exchange.

    Returns
    -------
    DataFrame
        A row a run and peer: its best validation value, whether it is the reported one, and PCRec over it in MRR@5, of which
        nothing is known for a peer that is neither reported nor the base.
    """
    return pd.DataFrame(
        [row for trio in trios for run in trio[2].runs for row in _peers_of(run, *trio)]
    )


def _peers_of(
    run: Record, over: Replicates, base: Replicates, apart: Replicates
) -> list[dict[str, Any]]:
    reported = run.result["chosen"]["peer"]
    known = {0: base.of_seeds({run.spec.seed}), reported: Replicates(apart.variant, (run,))}
    rows = []
    for peer, valid in enumerate(run.result["epochs"]["own"][SELECTION]):
        beside = matched(over, known[peer]) if peer in known and known[peer].runs else None
        c = beside and comparisons.compare(*beside, PRIMARY)
        rows.append(
            {
                "data set": over.dataset,
                "model": over.model,
                "seed": run.spec.seed,
                "peer": peer,
                "best": max(valid),
                "reported": peer == reported,
                **{name: c and getattr(c, name) for name in ("RI", "low", "high")},
                "users only": c and c.users_only,
            }
        )
    return rows
