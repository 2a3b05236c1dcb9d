"""A record: the result of a run or data set, small enough to commit (:ref:`protocols-records`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

from pcrec_core.errors import RecordError
from pcrec_core.specs.derived import Spec
from pcrec_core.specs.fields import canonical_json, digest
from pcrec_core.study.record_provenance import Provenance
from pcrec_core.study.results import Evaluated
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
    #: What it is a record of, for the error about another kind.
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


#: A class of records.
Kind = TypeVar("Kind", bound=Record)


def of_kind(record: Record, kind: type[Kind]) -> Kind:
    """Return the record as one of the class ``kind``; ``RecordError`` if it is of another."""
    if not isinstance(record, kind):
        raise RecordError(f"{record.name} is a record of kind {record.kind!r}, not {kind.of_what}.")
    return record
