"""The records of a store, and the runs that are planned for the arms of a claim. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from pcrec_core.analysis.claims.decide import Claim
from pcrec_core.study import plans
from pcrec_core.study.records import Record, Store
from pcrec_core.study.variants import Spec, variant


@dataclass(frozen=True)
class Shelf:
    """The records of a store, each read once."""

    store: Store
    _read: dict[Spec, Record | None] = field(default_factory=dict)

    def __getitem__(self, spec: Spec) -> Record | None:
        if spec not in self._read:
            self._read[spec] = self.store.get(spec.name)
        return self._read[spec]

    def found(self, claim: Claim, label: str) -> tuple[Record, ...]:
        """The records of an arm that are there."""
        return tuple(record for spec in planned(claim, label) if (record := self[spec]))


def planned(claim: Claim, label: str) -> list[Spec]:
    """The runs of an arm; "dnn:base" names its own model."""
    model, _, label = label.rpartition(":")
    model = model or claim.model
    return [
        variant(label, claim.dataset, model, seed)
        for seed in plans.seeds(label, model, claim.dataset)
    ]
