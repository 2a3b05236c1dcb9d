"""The folders in which records are found and to which new ones are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pcrec_core import paths
from pcrec_core.errors import RecordError
from pcrec_core.specs.derived import Spec
from pcrec_core.study.reading import read
from pcrec_core.study.record import ModelRecord, Record, of_kind
from pcrec_core.study.record_kinds import RunRecord
from pcrec_core.writing import write_whole


@dataclass(frozen=True)
class Store:
    """A folder of records, or the committed records together with the reader's own.

    Without a folder, nothing is added to the committed records: a new record goes to the reader's
    own folder, which git ignores.

    Parameters
    ----------
    folder : Path, optional
        The only folder that is read and written.
    """

    folder: Path | None = None

    @classmethod
    def of(cls, folder: str, *, existing: bool = False) -> Store:
        """Return the store that a notebook's parameter names; an empty one is the committed store.

        Parameters
        ----------
        folder : str
        existing : bool
            Whether the folder must exist already, as for a page that only reads.

        Raises
        ------
        RecordError
            If the folder is a file, or must exist and does not.
        """
        if folder and (Path(folder).is_file() or (existing and not Path(folder).exists())):
            raise RecordError(
                f"there is no folder {folder}; records is a folder of records, or empty for the"
                " committed ones."
            )
        return cls(Path(folder)) if folder else cls()

    def path(self, name: str) -> Path:
        """Return where the record of that name lies, or would be written."""
        found = (folder / f"{name}.json" for folder in self._folders)
        return next((path for path in found if path.exists()), self._folders[-1] / f"{name}.json")

    @property
    def _folders(self) -> tuple[Path, ...]:
        """The folders in which records are looked for; new ones go to the last."""
        if self.folder is not None:
            return (self.folder,)
        return (*([paths.records()] if paths.clone() else []), paths.own_records())

    @property
    def _committed(self) -> tuple[Path, ...]:
        """The folder of the committed records, or the given one."""
        return (paths.records(),) if self.folder is None else (self.folder,)

    def get(self, name: str) -> Record | None:
        """Return the verified record of that name, or None."""
        path = self.path(name)
        return read(path) if path.exists() else None

    def of_spec(self, spec: Spec) -> ModelRecord | None:
        """Return the verified record of a spec, or None."""
        found = self.get(spec.name)
        return None if found is None else of_kind(found, ModelRecord)

    def put(self, record: Record) -> Path:
        """Write the record as a whole and read it back; ``FileError`` where that is impossible."""
        path = self.path(record.name)
        write_whole(path, record.to_json().encode())
        read(path)
        return path

    def all(self, own: bool = False) -> Iterator[Record]:
        """Read every record of the folder in the order of the names.

        Without a folder these are the committed records, with ``own`` also those of the reader.
        """
        return map(read, self._paths(self._folders if own else self._committed))

    def readable(self) -> tuple[list[Record], list[RecordError]]:
        """Return every readable record, the reader's own too, and an error for each damaged one."""
        found: list[Record] = []
        errors: list[RecordError] = []
        for path in self._paths(self._folders):
            try:
                found.append(read(path))
            except RecordError as error:
                errors.append(error)
        return found, errors

    @staticmethod
    def _paths(folders: Sequence[Path]) -> list[Path]:
        """Sort the files by name; of equal names, that of the first folder is kept."""
        found = {
            path.relative_to(folder): path
            for folder in reversed(folders)
            for path in folder.rglob("*-*.json")
        }
        return [found[name] for name in sorted(found)]

    def runs(self, dataset: str) -> list[RunRecord]:
        """List every run on a data set in the order of the names, reading no other records."""
        found = (read(path) for path in self._paths(self._committed) if path.parent.name == dataset)
        return [record for record in found if isinstance(record, RunRecord)]

    def find(self, name: str) -> Path:
        """Return the path of the one record that matches ``name``.

        Parameters
        ----------
        name : str
            A record's name, the name without its folder, or the first 4 or more digits of its
            identity; in a name, the identity may be cut, too.

        Raises
        ------
        RecordError
            If no record or more than one matches.
        """
        # a name ends with it
        identity = name.rsplit("-", 1)[-1]
        if len(identity) < 4:
            raise RecordError(
                f"{name!r} is too short to name a record; give a path, a name, or 4 or more digits"
                " of its identity."
            )
        found = [
            path
            for path in self._paths(self._folders)
            if path.stem.rsplit("-", 1)[1].startswith(identity) and name in path.as_posix()
        ]
        if not found and self.folder is None:
            paths.data()  # the error names the missing clone, where there is none
        if len(found) != 1:
            where = " and ".join(map(str, self._folders))
            raise RecordError(
                f"{len(found)} records in {where} are named {name!r}, or have an identity that"
                " begins so; give a path, a name, or 4 or more digits of one identity."
            )
        return found[0]
