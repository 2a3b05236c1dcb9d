"""Arms: the runs of one variant, put beside another arm and the paper's numbers, a row a metric. No torch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from pcrec_core.analysis import crossed_t, paper
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import Comparison, Mean
from pcrec_core.metrics import METRICS
from pcrec_core.specs.derived import trainings
from pcrec_core.study import records
from pcrec_core.study.defaults import ALPHA
from pcrec_core.study.records import Record


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

    def ranks_for(self, metric: str) -> np.ndarray:
        """(runs, users) of what is reported in ``metric``: where the epoch is chosen on the test set, that metric's own."""
        best = [run.result.get("best", {}).get(metric) for run in self.runs]
        if None in best:
            return self.ranks
        return np.array([entry["ranks"].split() for entry in best], dtype=np.int64)

    @property
    def dataset(self) -> str:
        """Name of its data set."""
        return self.runs[0].spec.data.source

    @property
    def model(self) -> str:
        """Name of its model."""
        return self.runs[0].spec.model.name

    @property
    def protocol(self) -> str:
        """Name of its protocol."""
        return self.runs[0].spec.protocol

    @property
    def alpha(self) -> float:
        """alpha of its cooperation; 0 for averaging, which is what alpha = 0 would be."""
        return self.runs[0].spec.cooperation.alpha or 0.0

    @property
    def random(self) -> bool:
        """Whether another run could give something else: not so of the trivial baselines."""
        return self.runs[0].kind != "trivial"

    def mean(self, metric: str) -> Mean:
        """Mean with its interval, cut at 1, which no metric exceeds."""
        mean = crossed_t.mean_interval(self.ranks_for(metric), metric, random=self.random)
        return mean if mean.high is None else replace(mean, high=min(mean.high, 1.0))

    def over(self, base: Arm, metric: str, *, by_seed: bool = True) -> Comparison:
        """Compare this arm with ``base`` on the same users, ``paired`` where the runs belong together.

        Raises
        ------
        StatsError
            Where only some runs share a training: then the arms are neither paired nor independent.
        """
        records.same_users([*self.runs, *base.runs])
        return crossed_t.compare(
            self.ranks_for(metric),
            base.ranks_for(metric),
            metric,
            paired=self.paired(base, by_seed=by_seed),
            random_v=self.random,
            random_b=base.random,
        )

    def paired(self, base: Arm, *, by_seed: bool = True) -> bool:
        """Tell whether the runs are compared pair by pair (Amendment 1, item 2).

        They are where each run shares a training with the base's of its seed, and, unless ``by_seed`` is
        False (the rule before the amendment), where both arms have the same ten seeds or more.

        Raises
        ------
        StatsError
            Where only some runs share a training.
        """
        if not self.shares(base):
            return by_seed and self.same_seeds(base)
        mine, theirs = ([trainings(run.spec) for run in arm.runs] for arm in (self, base))
        if len(mine) != len(theirs) or any(
            a.isdisjoint(b) for a, b in zip(mine, theirs, strict=True)
        ):
            raise StatsError(
                f"{self.variant} and {base.variant} share trainings, but not run by run; give both the same seeds."
            )
        return True

    def same_seeds(self, base: Arm) -> bool:
        """Tell whether both arms are random and have the same seeds, ten or more."""
        mine, theirs = ([run.spec.seed for run in arm.runs] for arm in (self, base))
        return self.random and base.random and mine == theirs and len(mine) >= crossed_t.PAIRED_FROM

    def shares(self, base: Arm) -> bool:
        """Whether the arms have any training in common."""
        mine, theirs = (
            set().union(*(trainings(run.spec) for run in arm.runs)) for arm in (self, base)
        )
        return not mine.isdisjoint(theirs)

    def of_seeds(self, seeds: Collection[int]) -> Arm:
        """The runs with these seeds."""
        return Arm(self.variant, tuple(run for run in self.runs if run.spec.seed in seeds))

    @property
    def counterpart(self) -> str | None:
        """The paper's data set that this one is confronted with."""
        return paper.COUNTERPART.get(self.dataset)

    def paper(self, metric: str) -> float | None:
        """The paper's value of this variant on the counterpart of this data set, if it prints one."""
        name = self.counterpart
        return paper.value(name, *self.in_paper, metric) if name else None

    @property
    def in_paper(self) -> tuple[str, str]:
        """Model and variant as the paper's tables name them: Table 3 has the best alpha's."""
        return (
            self.model,
            "LE" if self.variant == f"LE@{ALPHA.get(self.model, 0):g}" else self.variant,
        )

    def paper_improvement(self, base: Arm, metric: str) -> float | None:
        """The paper's relative improvement of this variant over ``base``."""
        return paper.improvement(self.paper(metric), base.paper(metric))


def matched(over: Arm, base: Arm) -> tuple[Arm, Arm]:
    """The arms, cut to the seeds that both have where they share a training, so that they are compared run by run."""
    if not over.shares(base):
        return over, base
    seeds = {run.spec.seed for run in over.runs} & {run.spec.seed for run in base.runs}
    return over.of_seeds(seeds), base.of_seeds(seeds)


def named(over: Arm, base: Arm) -> str:
    """LE over base; of two models, base over bpr base."""
    return f"{over.variant} over {'' if over.model == base.model or not base.random else base.model + ' '}{base.variant}"


def values(arms: Sequence[Arm], metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """A row an arm and metric: mean, 95 % interval, SD over runs, the paper's value."""
    rows = []
    for arm in arms:
        for metric in metrics:
            m = arm.mean(metric)
            rows.append(
                {
                    "data set": arm.dataset,
                    "model": arm.model,
                    "variant": arm.variant,
                    "metric": metric,
                    "mean": m.mean,
                    "low": m.low,
                    "high": m.high,
                    "run SD": m.run_sd,
                    "runs": m.runs,
                    "users": m.users,
                    "users only": m.users_only,
                    "paper": arm.paper(metric),
                    "paper's data": arm.counterpart,
                }
            )
    return pd.DataFrame(rows)


def comparisons(pairs: Sequence[tuple[Arm, Arm]], metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """A row a pair (variant, base), ``matched``, and metric: our relative improvement with all of STATISTICS.md's section 2,
    the paper's, and the effect ratio."""
    rows = [_comparison(*matched(*pair), metric) for pair in pairs for metric in metrics]
    return pd.DataFrame(rows, columns=None if rows else _COMPARED)


#: What ``comparisons`` has, also where nothing is compared.
_COMPARED = (
    "data set",
    "model",
    "comparison",
    "metric",
    "RI",
    "low",
    "high",
    "p",
    "df",
    "Vseed/V",
    "MDE",
    "RI paper",
    "paper's data",
    "DeltaRI",
    "runs",
    "users",
    "users only",
)


def _comparison(over: Arm, base: Arm, metric: str) -> dict[str, object]:
    c, ri_paper = over.over(base, metric), over.paper_improvement(base, metric)
    return {
        "data set": over.dataset,
        "model": over.model,
        "comparison": named(over, base),
        "metric": metric,
        "RI": c.RI,
        "low": c.low,
        "high": c.high,
        "p": c.p,
        "df": c.df,
        "Vseed/V": c.seed_share,
        "MDE": c.mde,
        "RI paper": ri_paper,
        "paper's data": over.counterpart,
        "DeltaRI": crossed_t.delta_ri(ri_paper, c.RI),
        "runs": f"{c.runs_v}, {c.runs_b}",
        "users": c.users,
        "users only": c.users_only,
    }


def curve(sweep: Sequence[Arm], metrics: Sequence[str]) -> pd.DataFrame:
    """``values`` of arms that cooperate, with their alpha (Figure 4)."""
    return pd.concat(
        [values([arm], metrics).assign(alpha=arm.alpha) for arm in sweep], ignore_index=True
    )


def shares_held(held: pd.DataFrame) -> pd.DataFrame:
    """How often max(mu, 1 - mu) is 0.7 or more (what Section 5.3.2 observes of mu), in all exchanges and in those up to the
    chosen epoch; its median; and how often the peer with the full learning rate holds it.

    A row a data set, model, variant and alpha of ``dominance``.
    """
    strong = held["max mu"] >= 0.7
    told = held.assign(
        strong=strong, early=strong.where(held["epoch"] <= held["chosen"]), first=held["peer"] == 0
    )
    return (
        told.groupby(["data set", "model", "variant", "alpha"], sort=False)
        .agg(
            **{
                "0.7 or more": ("strong", "mean"),
                "0.7 or more, to the chosen epoch": ("early", "mean"),
                "median": ("max mu", "median"),
                "held by peer 0": ("first", "mean"),
            }
        )
        .reset_index()
    )


def first_mu(held: pd.DataFrame) -> pd.DataFrame:
    """mu of peer 0, the one with the full learning rate, from ``dominance`` of pairs: a row a model (with its data set), layer
    and epoch, a column an alpha; of several runs, the mean. Layers stay in their order."""
    mu = held["max mu"].where(held["peer"] == 0, 1 - held["max mu"])
    named = held.assign(
        mu=mu, model=held["data set"] + ", " + held["model"], epoch=held["epoch"] + 1
    )
    return named.groupby(["model", "layer", "epoch", "alpha"], sort=False)["mu"].mean().unstack()


def dominance(*pairs: Arm) -> pd.DataFrame:
    """max(mu, 1 - mu) of every exchange of pairs: a row a run, epoch and layer, and which peer holds it. Runs without a mu, since
    nothing is exchanged layer by layer, have no row."""
    found = [
        _dominance(run, arm)
        for arm in pairs
        for run in arm.runs
        if "mu" in run.result.get("epochs", ())
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=_HELD)


_HELD = [
    "data set",
    "model",
    "variant",
    "alpha",
    "seed",
    "epoch",
    "chosen",
    "layer",
    "component",
    "max mu",
    "peer",
]


def _dominance(record: Record, arm: Arm) -> pd.DataFrame:
    epochs, mu = (
        record.result["epochs"]["exchanges"],
        np.array(record.result["epochs"]["mu"]),
    )  # (exchange, peer, layer)
    arm_is = {
        "data set": arm.dataset,
        "model": arm.model,
        "variant": arm.variant,
        "alpha": arm.alpha,
    }
    return pd.concat(
        [
            pd.DataFrame(
                {
                    **arm_is,
                    "seed": record.spec.seed,
                    "epoch": epochs,
                    "chosen": record.result["chosen"]["epoch"],
                    "layer": name,
                    "component": component,
                    "max mu": mu[:, :, layer].max(1),
                    "peer": mu[:, :, layer].argmax(1),
                }
            )
            for layer, (name, component) in enumerate(record.result["layers"])
        ]
    )
