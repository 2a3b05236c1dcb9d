"""A record: the result of a run or data set, small enough to commit (:ref:`protocols-records`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pcrec_core.errors import RecordError, require, require_known
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
    """

    kind: ClassVar[str]
    #: What it is a record of, for the refusal of another kind.
    of_what: ClassVar[str]

    name: str
    key: dict[str, Any]
    result: dict[str, Any]
    run: dict[str, Any]

    @property
    def identity(self) -> str:
        """The hash that ends the name."""
        return self.name.rsplit("-", 1)[1]

    @property
    def result_hash(self) -> str:
        """Hash of the result, as written in the file."""
        return digest(self.result)

    @cached_property
    def provenance(self) -> Provenance:
        """How it was made; ``RecordError`` if a field is of another type."""
        return parse(Provenance, self.run, self.name)

    def to_json(self) -> str:
        """Return the text of the file, one line per part."""
        parts = {
            "kind": self.kind,
            "name": self.name,
            "key": self.key,
            "result": self.result,
            "result_sha256": self.result_hash,
            "run": self.run,
        }
        lines = (f"{canonical_json(k)}:{canonical_json(v)}" for k, v in parts.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"


class StatisticsRecord(Record):
    """The statistics of a data set, which no spec makes."""

    kind, of_what = "statistics", "the statistics of a data set"

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


_CLASSES = {cls.kind: cls for cls in (RunRecord, DerivedRecord, TrivialRecord, StatisticsRecord)}
_OF_SPECS = {RunSpec: RunRecord, Derived: DerivedRecord, Trivial: TrivialRecord}
#: A class of records.
Kind = TypeVar("Kind", bound=Record)


def new_record(spec: Spec, result: dict[str, Any], run: dict[str, Any]) -> ModelRecord:
    """Return the record of a trained run, a derived result or a trivial baseline."""
    return _OF_SPECS[type(spec)].of(spec, result, run)


def statistics_name(data: specs.Data) -> str:
    """Return the name of the record of a data set's statistics."""
    return f"{data.source}/statistics-{digest(data.canonical())[:12]}"


def read(path: Path) -> Record:
    """Read and verify the record at ``path``.

    Raises
    ------
    RecordError
        If there is no file or it is no record, or if its result does not match its hash, or its
        key does not match its name.
    """
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))
        require_known("kind of record", parts["kind"], _CLASSES)
        cls = _CLASSES[parts["kind"]]
        record = cls(*(parts[name] for name in ("name", "key", "result", "run")))
        require(isinstance(record.run, dict), "its provenance is not a dict.")
        unchanged = record.result_hash == parts["result_sha256"]
        named = _matches_name(record, path)
    except FileNotFoundError:
        raise RecordError(f"there is no record at {path}.") from None
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read ({error.strerror or error}); give the file of a record."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise RecordError(
            f"{path} is not a record ({type(error).__name__}: {error}); delete it and train the run"
            " again."
        ) from None
    if not unchanged:
        raise RecordError(
            f"record {path} was changed: its result does not match its hash; restore it, or delete"
            " it and train the run again."
        )
    if not named:
        raise RecordError(
            f"record {path} does not match its name; restore it, or delete it and train the run"
            " again."
        )
    return record


def of_kind(record: Record, kind: type[Kind]) -> Kind:
    """Return the record as one of the class ``kind``; ``RecordError`` if it is of another."""
    if not isinstance(record, kind):
        raise RecordError(f"{record.name} is a record of kind {record.kind!r}, not {kind.of_what}.")
    return record


def _matches_name(record: Record, path: Path) -> bool:
    """Return whether the key gives the identity in the name, and the name that of the file."""
    in_file = Path(record.name + ".json").name
    return digest(record.key)[:12] == record.identity and path.name == in_file
