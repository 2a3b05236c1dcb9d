"""Reading of records: whole and unchanged, or refused with the name of the file and the field."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from pcrec_core.errors import NewerRecord, PCRecError, RecordError
from pcrec_core.metrics import METRICS, parse, value_by_user
from pcrec_core.specs.fields import digest
from pcrec_core.study.record import SCHEMA, ModelRecord, Record
from pcrec_core.study.record_kinds import CLASSES, DerivedRecord, StatisticsRecord
from pcrec_core.study.results import Evaluated

#: The fields of a file and their types; those of the second line since it has a seal.
_FIELDS = {"kind": str, "name": str, "key": dict, "result": dict, "result_sha256": str, "run": dict}
_SEALED = {"schema": int, "seal": str}
#: How the file of a record ends.
_NAMED = re.compile(r"-[0-9a-f]{12}\.json$")
#: What the content of another file can raise.
_OTHER = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
#: Means are kept to 8 digits.
_CLOSE = 1.01e-8


class _FieldError(ValueError):
    """A field that is not as it must be."""


def read(path: Path) -> Record:
    """Read and verify the record at ``path``.

    Raises
    ------
    RecordError
        If there is no file or it is not a record; if it does not match its seal, hash or name; or
        if its fields do not match each other.
    NewerRecord
        If later code wrote it.
    """
    try:
        # reading a pipe or a device could block, or never end
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise RecordError(f"{path} is not an ordinary file; give the file of a record.")
        return _record(json.loads(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        raise RecordError(f"there is no record at {path}.") from None
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read ({error.strerror or error}); give the file of a record."
        ) from None
    except RecordError:
        raise
    except _OTHER as e:
        kind = "" if isinstance(e, _FieldError) else f"{type(e).__name__}: "
        # only a file that is named like a record can be a damaged one
        named = _NAMED.search(path.name)
        advice = "delete it and train the run again" if named else "give the file of a record"
        raise RecordError(f"{path} is not a record ({kind}{e}); {advice}.") from None


def _record(parts: Any, path: Path) -> Record:
    """Check the parts of a file, and return their record."""
    _require(isinstance(parts, dict), "it is not an object")
    schema = parts.get("schema", 1)
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerRecord(
            f"record {path} was written by later code (schema {schema}, here {SCHEMA}); update this"
            " code, or move the record away."
        )
    sealed = "schema" in parts
    _check_types(parts, _FIELDS | (_SEALED if sealed else {}))
    _require(parts["kind"] in CLASSES, f"field kind: unknown kind {parts['kind']!r}")
    cls = CLASSES[parts["kind"]]
    record = cls(parts["name"], parts["key"], parts["result"], parts["run"], sealed)
    _check_hashes(record, parts, path)
    try:
        named = record.expected_name
    except PCRecError as error:
        # the seal holds, so the file is as it was written
        if not sealed:
            raise
        raise NewerRecord(
            f"record {path} was written by later code (its key: {error}); update this code, or move"
            " the record away."
        ) from None
    identity, file = digest(record.key)[:12], f"{Path(named).name}.json"
    if (record.name, path.name) != (named, file) or not named.endswith(f"-{identity}"):
        raise RecordError(
            f"record {path} does not match its name; restore it, or delete it and train the run"
            " again."
        )
    _check_meaning(record)
    return record


def _check_hashes(record: Record, parts: dict[str, Any], path: Path) -> None:
    what = ""
    if parts["result_sha256"] != record.result_hash:
        what = "its result does not match its hash (field result_sha256)"
    elif record.sealed and parts["seal"] != record.seal:
        what = "it does not match its seal (field seal)"
    if what:
        raise RecordError(
            f"record {path} was changed: {what}; restore it, or delete it and train the run again."
        )


def _check_meaning(record: Record) -> None:
    """Check the types of all fields, and the metrics against the ranks."""
    _ = record.provenance
    if isinstance(record, DerivedRecord) and "probed" in record.result:
        _ = record.probe
    elif isinstance(record, ModelRecord):
        _check_users(record.outcome)
    elif isinstance(record, StatisticsRecord):
        _ = record.outcome


def _check_users(outcome: Evaluated) -> None:
    """Check that every metric is there, and that it is the mean over the ranks of the users."""
    missing = set(METRICS) - set(outcome.reported)
    _require(not missing, f"field result.test: no {', '.join(sorted(missing))}")
    for name, value in outcome.reported.items():
        ranks = outcome.ranks_for(name)
        # the padding id is ranked in one protocol
        valid = 1 <= ranks.min(initial=1) <= ranks.max(initial=1) <= outcome.data.items + 1
        _require(bool(valid), "field result.ranks: not all from 1 to the number of items")
        # summed by rank: a page reads hundreds of records with tens of thousands of users
        first = parse(name)[1]
        users = np.bincount(ranks[ranks <= first], minlength=first + 1)[1:]
        mean = float(users @ value_by_user(np.arange(1, first + 1), name)) / max(len(ranks), 1)
        _require(
            abs(value - mean) <= _CLOSE,
            f"field result.test.{name}: {value!r}, but the ranks give {mean:.8f}",
        )


def _check_types(parts: dict[str, Any], fields: dict[str, Any]) -> None:
    """Check that there are exactly these fields, of the right types."""
    for name in sorted(set(fields) ^ set(parts)):
        raise _FieldError(f"{'no' if name in fields else 'unknown'} field {name}")
    for name, kind in fields.items():
        _require(type(parts[name]) is kind, f"field {name}: {str(parts[name])[:40]!r}")


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise _FieldError(sentence)
