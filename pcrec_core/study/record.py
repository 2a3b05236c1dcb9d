"""A record: the result of a run or data set, small enough to commit (:ref:`protocols-records`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pcrec_core.errors import RecordError, known, require
from pcrec_core.specs import run as specs
from pcrec_core.specs.derived import Derived, Trivial, derived_from_dict
from pcrec_core.specs.fields import canonical_json, digest
from pcrec_core.specs.run import RunSpec

KINDS = ("run", "derived", "trivial", "statistics")


@dataclass(frozen=True)
class Record:
    """A deterministic result, what it is the result of, and its provenance.

    Parameters
    ----------
    kind : {"run", "derived", "trivial", "statistics"}
    name : str
        Path of the file below its folder, without the ending.
    key : dict
        The canonical spec; for ``statistics``, the canonical data.
    result : dict
        The result. It is hashed, so that a changed digit is noticed when the record is read.
    run : dict
        Provenance: versions, commit, device, seconds.
    """

    kind: str
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

    @property
    def spec(self) -> RunSpec | Derived | Trivial:
        """The spec; ``RecordError`` for statistics of a data set, which have none."""
        if self.kind == "statistics":
            raise RecordError(f"{self.name} holds statistics of a data set: no spec makes it.")
        return specs.from_dict(self.key) if self.kind == "run" else derived_from_dict(self.key)

    @property
    def run_spec(self) -> RunSpec:
        """The spec of a trained run; ``RecordError`` for any other kind of record."""
        spec = self.spec
        if not isinstance(spec, RunSpec):
            raise RecordError(f"{self.name} is no record of a trained run, but {self.kind}.")
        return spec

    @property
    def ranks(self) -> np.ndarray:
        """Rank of each user's test target, (users,) int64."""
        return np.array(self.result["ranks"].split(), dtype=np.int64)

    @property
    def repeated(self) -> np.ndarray:
        """Whether each user's test target occurs earlier in the user's history, (users,) bool."""
        flags = np.frombuffer(self.result["repeated"].encode(), dtype=np.uint8)
        return np.asarray(flags == ord("1"))

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


def run_record(
    spec: RunSpec | Derived | Trivial, result: dict[str, Any], run: dict[str, Any]
) -> Record:
    """Return the record of a trained run, a derived result or a trivial baseline."""
    kind = {Derived: "derived", Trivial: "trivial"}.get(type(spec), "run")
    return Record(kind, spec.name, spec.canonical(), result, run)


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
        record = Record(*(parts[name] for name in ("kind", "name", "key", "result", "run")))
        known("kind of record", record.kind, KINDS)
        require(isinstance(record.run, dict), "its provenance is no dict.")
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
            f"{path} is no record ({type(error).__name__}: {error}); delete it and train the run"
            " again."
        ) from None
    if not unchanged:
        raise RecordError(
            f"record {path} was changed: its result has not the hash it says; restore it, or delete"
            " it and train the run again."
        )
    if not named:
        raise RecordError(
            f"record {path} does not match its name; restore it, or delete it and train the run"
            " again."
        )
    return record


def _matches_name(record: Record, path: Path) -> bool:
    """Return whether the key gives the identity in the name, and the name that of the file."""
    in_file = Path(record.name + ".json").name
    return digest(record.key)[:12] == record.identity and path.name == in_file
