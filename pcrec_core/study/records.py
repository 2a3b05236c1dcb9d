"""Records: what a run or a data set gave, small enough to commit (PROTOCOLS.md, section 7). No torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pcrec_core import paths
from pcrec_core.errors import RecordError, known, require
from pcrec_core.paths import write_whole
from pcrec_core.specs import run as specs
from pcrec_core.specs.derived import Derived, Trivial, derived_from_dict
from pcrec_core.specs.fields import canonical_json, digest
from pcrec_core.specs.run import RunSpec

KINDS = ("run", "derived", "trivial", "statistics")


@dataclass(frozen=True)
class Record:
    """A deterministic ``result`` and a ``run`` of provenance, of what ``kind`` and ``key`` name.

    ``key`` of a ``run``, and of what is ``derived`` from runs or ``trivial``, is the canonical spec; of ``statistics``, the
    canonical data. The result is hashed, so that a changed digit is noticed when the record is read.
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
        """The spec of a run, or of what was made from runs or data, whole; statistics have none (``RecordError``)."""
        if self.kind == "statistics":
            raise RecordError(f"{self.name} holds statistics of a data set: no spec makes it.")
        return specs.from_dict(self.key) if self.kind == "run" else derived_from_dict(self.key)

    @property
    def ranks(self) -> np.ndarray:
        """Rank of each user's test target, (users,) int64."""
        return np.array(self.result["ranks"].split(), dtype=np.int64)

    @property
    def repeated(self) -> np.ndarray:
        """Whether each user's test target occurs earlier in the user's history, (users,) bool."""
        return np.frombuffer(self.result["repeated"].encode(), dtype=np.uint8) == ord("1")

    def to_json(self) -> str:
        """Text of the file: a line a part."""
        parts = {
            "kind": self.kind,
            "name": self.name,
            "key": self.key,
            "result": self.result,
            "result_sha256": self.result_hash,
            "run": self.run,
        }
        return (
            "{\n"
            + ",\n".join(f"{canonical_json(k)}:{canonical_json(v)}" for k, v in parts.items())
            + "\n}\n"
        )


def run_record(
    spec: RunSpec | Derived | Trivial, result: dict[str, Any], run: dict[str, Any]
) -> Record:
    """The record of a trained run, or of what was made from runs or data."""
    kind = {Derived: "derived", Trivial: "trivial"}.get(type(spec), "run")
    return Record(kind, spec.name, spec.canonical(), result, run)


def statistics_name(data: specs.Data) -> str:
    """Name of the record of a data set's statistics."""
    return f"{data.source}/statistics-{digest(data.canonical())[:12]}"


def read(path: Path) -> Record:
    """Read and verify the record at ``path``.

    Raises
    ------
    RecordError
        If there is none, it is no record, its result is not what its hash says, or its key is not what its name says.
    """
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))
        record = Record(*(parts[name] for name in ("kind", "name", "key", "result", "run")))
        known("kind of record", record.kind, KINDS)
        require(isinstance(record.run, dict), "its provenance is no dict.")
        sound = record.result_hash == parts["result_sha256"]
        named = (
            digest(record.key)[:12] == record.identity
            and path.name == Path(record.name + ".json").name
        )
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
    if not sound:
        raise RecordError(
            f"record {path} was changed: its result has not the hash it says; restore it, or delete it and"
            " train the run again."
        )
    if not named:
        raise RecordError(
            f"record {path} is not the one its name says; restore it, or delete it and train the run again."
        )
    return record


@dataclass(frozen=True)
class Store:
    """A folder of records that is read and written; or, without one, the committed records, to which nothing is added: a
    new record goes to the reader's own folder, which git ignores, and is found there.

    Parameters
    ----------
    folder : Path, optional
        The one folder of records.
    """

    folder: Path | None = None

    @classmethod
    def of(cls, folder: str, *, made: bool = False) -> Store:
        """The store in ``folder``, or the committed one if that is empty: a notebook's parameter.

        Raises
        ------
        RecordError
            If the folder is a file, or, for a page that only reads (``made``), is not there.
        """
        if folder and (Path(folder).is_file() or (made and not Path(folder).exists())):
            raise RecordError(
                f"there is no folder {folder}; records is a folder of records, or empty for the committed ones."
            )
        return cls(Path(folder)) if folder else cls()

    def path(self, name: str) -> Path:
        """Where the record of that name lies, or would lie."""
        found = (folder / f"{name}.json" for folder in self._folders)
        return next((path for path in found if path.exists()), self._folders[-1] / f"{name}.json")

    @property
    def _folders(self) -> tuple[Path, ...]:
        """Where records are looked for; the last one takes new ones."""
        return (paths.records(), paths.own_records()) if self.folder is None else (self.folder,)

    def get(self, name: str) -> Record | None:
        """The verified record of that name, or None."""
        path = self.path(name)
        return read(path) if path.exists() else None

    def put(self, record: Record) -> Path:
        """Write the record whole and read it back; ``FileError`` where that cannot be done."""
        path = self.path(record.name)
        write_whole(path, record.to_json().encode())
        read(path)
        return path

    def all(self, own: bool = False) -> Iterator[Record]:
        """Every record of the folder, or every committed one, with ``own`` those of the reader too; in the order of the names."""
        return map(read, self._paths(self._folders if own else self._folders[:1]))

    @staticmethod
    def _paths(folders: Sequence[Path]) -> list[Path]:
        """By name; of a name in several folders the first's, as ``path`` has it."""
        found = {
            path.relative_to(folder): path
            for folder in reversed(folders)
            for path in folder.rglob("*-*.json")
        }
        return [found[name] for name in sorted(found)]

    def runs(self, dataset: str) -> list[Record]:
        """Every run on a data set, in the order of the names."""
        return [
            record
            for record in self.all()
            if record.kind == "run" and record.key["data"]["source"] == dataset
        ]

    def find(self, name: str) -> Path:
        """Path of the record of that name, or of the one whose identity begins with ``name`` (4 digits or more); also a name
        without its folder, or with an identity that is cut.

        Raises
        ------
        RecordError
            If there is none, or more than one.
        """
        identity = name.rsplit("-", 1)[-1]  # the hash that ends a name
        if len(identity) < 4:
            raise RecordError(
                f"{name!r} is too short to name a record; give a path, a name, or 4 or more digits of its"
                " identity."
            )
        found = [
            path
            for path in self._paths(self._folders)
            if path.stem.rsplit("-", 1)[1].startswith(identity) and name in path.as_posix()
        ]
        if len(found) != 1:
            where = " and ".join(map(str, self._folders))
            raise RecordError(
                f"{len(found)} records in {where} are named {name!r}, or have an identity that begins so; give"
                " a path, a name, or 4 or more digits of one identity."
            )
        return found[0]


def same_users(records: list[Record]) -> None:
    """Refuse records that cannot be compared user by user: other data, or another protocol.

    Raises
    ------
    RecordError
        Naming the first two that differ.
    """

    def what(record: Record) -> tuple[str, str]:
        return record.result["data"]["fingerprint"], record.spec.protocol

    for record in records[1:]:
        if what(record) != what(records[0]):
            raise RecordError(
                f"{records[0].name} and {record.name} differ in data or protocol: their users cannot be"
                " compared."
            )


def _without_seed(key: dict[str, Any]) -> dict[str, Any]:
    parents = (
        {"parents": [_without_seed(parent) for parent in key["parents"]]}
        if "parents" in key
        else {}
    )
    return {k: v for k, v in key.items() if k != "seed"} | parents


def ranks_of(records: list[Record]) -> np.ndarray:
    """Ranks of the runs of one arm, (runs, users) int64.

    Raises
    ------
    RecordError
        If the runs differ in more than the seed (or share one).
    """
    same_users(records)
    arms = {canonical_json(_without_seed(r.key)) for r in records}
    if len(arms) != 1 or len({r.spec.seed for r in records}) != len(records):
        raise RecordError(
            f"the runs {', '.join(r.name for r in records)} are no arm: they must differ in the seed alone."
        )
    return np.stack([record.ranks for record in records])
