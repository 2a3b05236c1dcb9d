"""The planned runs of a claim's arms, and the records that a store has of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache

from pcrec_core.analysis.claims.registry import Claim
from pcrec_core.study import plans
from pcrec_core.study.records import ModelRecord, Store
from pcrec_core.study.variants import Spec, variant

#: A function from a spec to its record, None where there is none.
Reader = Callable[[Spec], ModelRecord | None]


def reader(store: Store, datasets: Collection[str] | None = None) -> Reader:
    """Return a function that looks up the record of a spec and reads each record once.

    Only those on ``datasets`` are looked up, where they are given.
    """

    def read(spec: Spec) -> ModelRecord | None:
        wanted = datasets is None or spec.data.source in datasets
        return store.of_spec(spec) if wanted else None

    return cache(read)


def found_records(read: Reader, claim: Claim, label: str) -> tuple[ModelRecord, ...]:
    """Return the records of an arm's planned runs, without those that are missing."""
    return tuple(record for spec in planned(claim, label) if (record := read(spec)))


def planned(claim: Claim, label: str) -> list[Spec]:
    """List the planned runs of an arm; the label "dnn:base" names its own model."""
    model, _, label = label.rpartition(":")
    model = model or claim.model
    return [
        variant(label, claim.dataset, model, seed)
        for seed in plans.seeds(label, model, claim.dataset)
    ]
