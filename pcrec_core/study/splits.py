"""The split that a run is trained on, and the statistics of a data set."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from pcrec_core import datasets, provenance
from pcrec_core.datasets.split import Split, split
from pcrec_core.datasets.statistics import statistics as describe
from pcrec_core.datasets.without_repeats import split_without_repeats
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.study import records
from pcrec_core.study.records import StatisticsRecord, Store


def statistics(data: Data, store: Store | None = None) -> StatisticsRecord:
    """Return the record of a data set's statistics: read, or computed from the raw files."""
    store = store or Store()
    name = records.statistics_name(data)
    found = store.get(name)
    if found is None:
        result = describe(datasets.load(data, progress=True))
        made = StatisticsRecord(name, data.canonical(), result, provenance.provenance())
        # as it is read the next time
        found = records.read(store.put(made))
    return records.of_kind(found, StatisticsRecord)


def target_groups(data: Data, store: Store | None = None) -> np.ndarray:
    """Return a number per user that users with the same test target share, (users,) int64."""
    return statistics(data, store).outcome.test_groups


def split_for(spec: RunSpec) -> Split:
    """Return the split a run is trained on: that of all models, or BPR's own."""
    return split_of(*data_of(spec))


def data_of(spec: RunSpec) -> tuple[Data, bool]:
    """Return the data that is split, and whether it is split in BPR's own way."""
    own = spec.model.name == "bpr" and spec.options.data == "own"
    return dataclasses.replace(spec.data, histories="ordered"), own


@functools.lru_cache(maxsize=4)
def split_of(data: Data, own: bool = False) -> Split:
    """Return the split of a data set, or BPR's own, kept for the next run on it."""
    return (split_without_repeats if own else split)(datasets.load(data, progress=True))
