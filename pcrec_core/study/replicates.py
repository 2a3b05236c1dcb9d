"""Replicates: the runs of one variant that differ only in the seed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from pcrec_core.errors import RecordError
from pcrec_core.specs.trainings import trainings
from pcrec_core.study import records
from pcrec_core.study.records import DerivedRecord, ModelRecord, RunRecord, TrivialRecord


@dataclass(frozen=True)
class Replicates:
    """One or more runs of one variant of one model on one data set that differ only in the seed.

    Parameters
    ----------
    variant : str
        A label of ``data/paper/claims.csv``: base, LE, ...
    runs : tuple of ModelRecord
    """

    variant: str
    runs: tuple[ModelRecord, ...]

    def ranks_for(self, metric: str) -> np.ndarray:
        """Return the ranks from which a metric is reported, (runs, users) int64.

        Raises
        ------
        RecordError
            If the runs differ in more than the seed.
        """
        return records.ranks_of(self.runs, metric)

    @property
    def users(self) -> int:
        """Number of users."""
        return self.runs[0].outcome.data.users

    @property
    def trained(self) -> tuple[RunRecord, ...]:
        """The runs; ``RecordError`` if they are not trained ones, but derived or trivial."""
        return tuple(records.of_kind(run, RunRecord) for run in self.runs)

    @property
    def probes(self) -> tuple[DerivedRecord, ...]:
        """The records of probes; ``RecordError`` if they are not derived ones."""
        return tuple(records.of_kind(run, DerivedRecord) for run in self.runs)

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.runs[0].spec.data.source

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.runs[0].spec.model.name

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return self.runs[0].spec.protocol

    @property
    def alpha(self) -> float:
        """Factor alpha of the cooperation; 0 for averaging, the limit of Eq. 9."""
        cooperation = self.trained[0].spec.cooperation
        if cooperation is None:
            raise RecordError(f"{self.runs[0].name} has no cooperation, and so no alpha.")
        return cooperation.alpha or 0.0

    @property
    def random(self) -> bool:
        """Whether another run could give another result; false for the trivial baselines."""
        return not isinstance(self.runs[0], TrivialRecord)

    def shares(self, base: Replicates) -> bool:
        """Return whether the two arms have a training in common."""
        mine, theirs = (
            set().union(*(trainings(run.spec) for run in arm.runs)) for arm in (self, base)
        )
        return not mine.isdisjoint(theirs)

    def of_seeds(self, seeds: Collection[int]) -> Replicates:
        """Return the runs with these seeds."""
        return Replicates(self.variant, tuple(run for run in self.runs if run.spec.seed in seeds))


def matched(over: Replicates, base: Replicates) -> tuple[Replicates, Replicates]:
    """Return two arms, reduced to their common seeds where they share a training.

    Such arms are compared run by run.
    """
    if not over.shares(base):
        return over, base
    seeds = {run.spec.seed for run in over.runs} & {run.spec.seed for run in base.runs}
    return over.of_seeds(seeds), base.of_seeds(seeds)
