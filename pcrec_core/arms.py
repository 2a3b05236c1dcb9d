"""Arms: the runs of one variant, put beside another arm and the paper's numbers, a row a metric. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pcrec_core import paper, records, stats
from pcrec_core.metrics import METRICS
from pcrec_core.records import Record
from pcrec_core.stats import Comparison, Mean


@dataclass(frozen=True)
class Arm:
    """Runs of one variant of one model on one data set that differ in the seed alone, one or more.

    ``variant`` is a label of ``data/paper/claims.csv``: base, LE, ...
    """

    variant: str
    runs: tuple[Record, ...]

    @cached_property
    def ranks(self) -> np.ndarray:
        """(runs, users); ``RecordError`` if the runs are no arm."""
        return records.ranks_of(list(self.runs))

    @property
    def dataset(self) -> str:
        return self.runs[0].spec.data.source

    @property
    def model(self) -> str:
        return self.runs[0].spec.model.name

    def mean(self, metric: str) -> Mean:
        """Mean with its interval."""
        return stats.mean_interval(self.ranks, metric)

    def over(self, base: Arm, metric: str) -> Comparison:
        """This arm over ``base``, on the same users."""
        records.same_users([*self.runs, *base.runs])
        return stats.compare(self.ranks, base.ranks, metric)

    def paper(self, metric: str) -> float | None:
        """The paper's value of this variant on the counterpart of this data set, if it prints one."""
        name = paper.COUNTERPART.get(self.dataset)
        return paper.value(name, self.model, self.variant, metric) if name else None

    def paper_improvement(self, base: Arm, metric: str) -> float | None:
        """The paper's relative improvement of this variant over ``base``."""
        return paper.improvement(self.paper(metric), base.paper(metric))


def values(arms: Sequence[Arm], metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """A row an arm and metric: mean, 95 % interval, SD over runs, the paper's value."""
    rows = []
    for arm in arms:
        for metric in metrics:
            m = arm.mean(metric)
            rows.append({"data set": arm.dataset, "model": arm.model, "variant": arm.variant, "metric": metric,
                         "mean": m.mean, "low": m.low, "high": m.high, "run SD": m.run_sd, "runs": m.runs, "users": m.users,
                         "users only": m.users_only, "paper": arm.paper(metric)})
    return pd.DataFrame(rows)


def comparisons(pairs: Sequence[tuple[Arm, Arm]], metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """A row a pair (variant, base) and metric: our relative improvement with all of STATISTICS.md's section 2, the
    paper's, the effect ratio, and the word (on MRR@5 alone)."""
    return pd.DataFrame([_comparison(over, base, metric) for over, base in pairs for metric in metrics])


def _comparison(over: Arm, base: Arm, metric: str) -> dict[str, object]:
    c, ri_paper = over.over(base, metric), over.paper_improvement(base, metric)
    e = None if ri_paper is None else math.log1p(ri_paper)
    return {"data set": over.dataset, "model": over.model, "comparison": f"{over.variant} over {base.variant}",
            "metric": metric, "RI": c.RI, "low": c.low, "high": c.high, "p": c.p, "df": c.df, "Vseed/V": c.seed_share,
            "MDE": c.mde, "RI paper": ri_paper, "ER": stats.effect_ratio(c.L, e), "DeltaRI": stats.delta_ri(ri_paper, c.RI),
            "runs": f"{c.runs_v}, {c.runs_b}", "users": c.users, "users only": c.users_only,
            "word": stats.word_so_far(c) if metric == "MRR@5" else ""}


def dominance(arm: Arm) -> pd.DataFrame:
    """max(mu, 1 - mu) of every exchange of an arm's pairs: a row a run, epoch and layer, and which peer holds it."""
    rows = []
    for record in arm.runs:
        epochs, mu = record.result["epochs"]["exchanges"], np.array(record.result["epochs"]["mu"])  # (exchange, peer, layer)
        for layer, (name, component) in enumerate(record.result["layers"]):
            rows.append(pd.DataFrame({"seed": record.spec.seed, "epoch": epochs, "layer": name, "component": component,
                                      "max mu": mu[:, :, layer].max(1), "peer": mu[:, :, layer].argmax(1)}))
    return pd.concat(rows, ignore_index=True)
