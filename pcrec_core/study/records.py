"""Records and stores, and what records that are compared or averaged must have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pcrec_core.errors import RecordError
from pcrec_core.specs.fields import canonical_json, digest
from pcrec_core.study.reading import read
from pcrec_core.study.record import ModelRecord, Record, of_kind
from pcrec_core.study.record_kinds import (
    DerivedRecord,
    RunRecord,
    StatisticsRecord,
    TrivialRecord,
    new_record,
    statistics_name,
)
from pcrec_core.study.store import Store

__all__ = [
    "DerivedRecord",
    "ModelRecord",
    "Record",
    "RunRecord",
    "StatisticsRecord",
    "Store",
    "TrivialRecord",
    "digest",
    "new_record",
    "of_kind",
    "ranks_of",
    "read",
    "same_users",
    "statistics_name",
]


def same_users(records: Sequence[ModelRecord]) -> None:
    """Refuse records that cannot be compared user by user: other data, or another protocol.

    Raises
    ------
    RecordError
        Naming the first two that differ.
    """

    def users(record: ModelRecord) -> tuple[str, str]:
        return record.outcome.data.fingerprint, record.spec.protocol

    for record in records[1:]:
        if users(record) != users(records[0]):
            raise RecordError(
                f"{records[0].name} and {record.name} differ in data or protocol: their users"
                " cannot be compared."
            )


def ranks_of(records: Sequence[ModelRecord], metric: str) -> np.ndarray:
    """Return the ranks from which the runs of one arm report a metric, (runs, users) int64.

    Raises
    ------
    RecordError
        If the runs differ in more than the seed, or two have the same seed.
    """
    same_users(records)
    arms = {canonical_json(_without_seed(r.key)) for r in records}
    if len(arms) != 1 or len({r.spec.seed for r in records}) != len(records):
        raise RecordError(
            f"the runs {', '.join(r.name for r in records)} are not replicates: they must differ"
            " only in the seed."
        )
    return np.stack([record.outcome.ranks_for(metric) for record in records])


def _without_seed(key: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in key.items() if name != "seed"}
    if "parents" in key:
        rest["parents"] = [_without_seed(parent) for parent in key["parents"]]
    return rest
