"""A record: the result of a run or data set, small enough to commit (:ref:`protocols-records`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

from pcrec_core.errors import RecordError
from pcrec_core.specs import run as specs
from pcrec_core.specs.derived import Derived, Spec, derived_from_dict
from pcrec_core.specs.fields import canonical_json, digest
from pcrec_core.specs.run import RunSpec
from pcrec_core.specs.trivial import Trivial, trivial_from_dict
from pcrec_core.study.probes import Probe, ProbedResult
from pcrec_core.study.results import (
    DerivedResult,
    Evaluated,
    Provenance,
    RunResult,
    StatisticsResult,
    TrivialResult,
)
from pcrec_core.study.views import parse

#: Number of the form of a record's file, raised when that form changes. The first had no number and
#: no seal.
SCHEMA = 2


@dataclass(frozen=True)
class Record:
    """A deterministic result, what it is the result of, and its provenance.

    Each kind of record has a class of its own.

    Parameters
    ----------
    name : str
        Path of the file below its folder, without the ending.
    key : dict
        The canonical spec, whose view is ``spec``; for ``statistics``, the canonical data.
    result : dict
        The JSON of the result, whose view is ``outcome``. It is hashed, so that a changed digit is
        noticed when the record is read.
    run : dict
        The JSON of the ``provenance``: versions, commit, device, seconds.
    sealed : bool
        Whether its file has a hash over all of this, as every new one has. Of one without, only
        the result and the key are known to be unchanged.
    """

    kind: ClassVar[str]
    #: What it is a record of, for the refusal of another kind.
    of_what: ClassVar[str]

    name: str
    key: dict[str, Any]
    result: dict[str, Any]
    run: dict[str, Any]
    sealed: bool = field(default=True, compare=False)

    @property
    def identity(self) -> str:
        """The hash that ends the name."""
        return self.name.rsplit("-", 1)[1]

    @property
    def expected_name(self) -> str:
        """The name that the key gives."""
        raise NotImplementedError

    @property
    def result_hash(self) -> str:
        """Hash of the result, as written in the file."""
        return digest(self.result)

    @cached_property
    def provenance(self) -> Provenance:
        """How it was made; ``RecordError`` if a field is of another type."""
        return parse(Provenance, self.run, self.name, "run")

    @property
    def seal(self) -> str:
        """Hash of all that the record holds, as written in the file."""
        return digest([SCHEMA, self.kind, self.name, self.key, self.result, self.run])

    def to_json(self) -> str:
        """Return the text of the file, one line per part."""
        parts: dict[str, Any] = {
            "kind": self.kind,
            "name": self.name,
            "key": self.key,
            "result": self.result,
            "result_sha256": self.result_hash,
            "run": self.run,
        }
        if self.sealed:
            parts = {"schema": SCHEMA, **parts, "seal": self.seal}
        lines = (f"{canonical_json(k)}:{canonical_json(v)}" for k, v in parts.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"


class StatisticsRecord(Record):
    """The statistics of a data set, which no spec makes."""

    kind, of_what = "statistics", "the statistics of a data set"

    @property
    def expected_name(self) -> str:
        """The name that the data give."""
        return statistics_name(specs.Data(**self.key))

    @cached_property
    def outcome(self) -> StatisticsResult:
        """The statistics; ``RecordError`` if some are missing or of another type."""
        return parse(StatisticsResult, self.result, self.name)


class ModelRecord(Record):
    """The result of a model: of a trained run, derived from runs, or of a trivial baseline."""

    of_what = "the result of a model"

    @classmethod
    def of(cls, spec: Spec, result: dict[str, Any], run: dict[str, Any]) -> Self:
        """Return the record of a spec."""
        return cls(spec.name, spec.canonical(), result, run)

    @property
    def spec(self) -> Spec:
        """What the record is the result of."""
        raise NotImplementedError

    @property
    def expected_name(self) -> str:
        """The name of the spec."""
        return self.spec.name

    @property
    def outcome(self) -> Evaluated:
        """What the result holds; ``RecordError`` if it is not of the shape of its kind."""
        raise NotImplementedError


class RunRecord(ModelRecord):
    """The result of a trained run."""

    kind, of_what = "run", "a trained run"

    @cached_property
    def spec(self) -> RunSpec:
        """The run."""
        return specs.from_dict(self.key)

    @cached_property
    def outcome(self) -> RunResult:
        """What the result holds, with a best epoch per metric where the protocol has it so."""
        found = parse(RunResult, self.result, self.name)
        if bool(found.best_by_metric) != self.spec.options.chosen_on_test:
            raise RecordError(
                f"record {self.name} does not choose the epoch as its protocol does: a run has a"
                " best epoch of each metric if, and only if, it is chosen on the test set."
            )
        return found


class DerivedRecord(ModelRecord):
    """A result derived from the weights of trained runs."""

    kind, of_what = "derived", "a result derived from runs"

    @cached_property
    def spec(self) -> Derived:
        """The operation and its runs."""
        return derived_from_dict(self.key)

    @cached_property
    def outcome(self) -> DerivedResult:
        """What the result of an operation but a probe holds."""
        return parse(DerivedResult, self.result, self.name)

    @cached_property
    def probe(self) -> Probe:
        """What a probe measured; ``RecordError`` for another operation."""
        return parse(ProbedResult, self.result, self.name).probed


class TrivialRecord(ModelRecord):
    """The result of a baseline without training."""

    kind, of_what = "trivial", "a trivial baseline"

    @cached_property
    def spec(self) -> Trivial:
        """The baseline and its data."""
        return trivial_from_dict(self.key)

    @cached_property
    def outcome(self) -> TrivialResult:
        """What the result holds."""
        return parse(TrivialResult, self.result, self.name)


#: The classes by the kind that stands in the file.
CLASSES: dict[str, type[Record]] = {
    cls.kind: cls for cls in (RunRecord, DerivedRecord, TrivialRecord, StatisticsRecord)
}
_OF_SPECS = {RunSpec: RunRecord, Derived: DerivedRecord, Trivial: TrivialRecord}
#: A class of records.
Kind = TypeVar("Kind", bound=Record)


def new_record(spec: Spec, result: dict[str, Any], run: dict[str, Any]) -> ModelRecord:
    """Return the record of a trained run, a derived result or a trivial baseline."""
    return _OF_SPECS[type(spec)].of(spec, result, run)


def statistics_name(data: specs.Data) -> str:
    """Return the name of the record of a data set's statistics."""
    return f"{data.source}/statistics-{digest(data.canonical())[:12]}"


def of_kind(record: Record, kind: type[Kind]) -> Kind:
    """Return the record as one of the class ``kind``; ``RecordError`` if it is of another."""
    if not isinstance(record, kind):
        raise RecordError(f"{record.name} is a record of kind {record.kind!r}, not {kind.of_what}.")
    return record
