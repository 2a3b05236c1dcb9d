"""What all parts of a spec share: fields that are cast and checked when it is made, and a canonical form."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import fields
from typing import Any

from pcrec_core.errors import SpecError, require

_CASTS = {"int": int, "float": float, "str": str}


class Part:
    """A part of a spec: its fields are cast to their declared type on construction, so that 30 and 30.0 are equal."""

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, _cast(f, getattr(self, f.name)))
        self._check()

    def _check(self) -> None:
        """Raise ``SpecError`` for a value that cannot be meant."""

    def canonical(self) -> dict[str, Any]:
        """Nested dict of what identifies the part: no ``None``, nothing that is not compared, and a field added later
        (``metadata={"as_before": value}``) only where it differs from its as-before value."""
        values = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.compare and not _as_before(self, f)
        }
        return {
            k: v.canonical() if isinstance(v, Part) else v
            for k, v in values.items()
            if v is not None
        }


def _as_before(part: Part, f: dataclasses.Field) -> bool:
    return "as_before" in f.metadata and getattr(part, f.name) == f.metadata["as_before"]


def _cast(f: dataclasses.Field, value: Any) -> Any:
    kind = str(f.type).removesuffix(" | None")
    if value is None and str(f.type).endswith("| None"):
        return None
    if kind.startswith("tuple"):
        texts = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
        require(texts, f"{f.name} must be a list of str, not {value!r}.")
        return tuple(value)
    if kind not in _CASTS:
        return value
    meant = "a finite number" if kind == "float" else f"{'an' if kind == 'int' else 'a'} {kind}"
    wrong = SpecError(f"{f.name} must be {meant}, not {value!r}.")
    if isinstance(value, bool) or (kind == "str") != isinstance(value, str):
        raise wrong
    try:
        cast = _CASTS[kind](value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if kind != "str" and (
        cast != value or math.isinf(cast)
    ):  # a NaN differs from itself; 2.5 differs from int 2
        raise wrong
    return (
        cast + 0.0 if kind == "float" else cast
    )  # -0.0 equals 0.0, so it must have the same identity


def count(name: str, value: int) -> None:
    """Raise ``SpecError`` unless the value is 1 or more, and not so large that torch could only stumble over it."""
    require(value >= 1, f"{name} must be 1 or more, not {value}.")
    require(value <= 10**9, f"{name} must be at most 10**9, not {value}.")


def later(as_before: Any) -> Any:
    """A field added after records were made, in which it meant ``as_before``: that is its default."""
    return dataclasses.field(default=as_before, metadata={"as_before": as_before})


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, no NaN: equal values give equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )


def digest(value: Any) -> str:
    """SHA-256, hex, of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class Identified:
    """What has a ``canonical`` form, data, a model, a variant and a seed: an identity, and a name that ends with it."""

    @property
    def identity(self) -> str:
        """First 12 hex digits of the SHA-256 of the canonical JSON."""
        return digest(self.canonical())[:12]

    @property
    def name(self) -> str:
        """Path of the record below the store, without its ending."""
        return f"{self.data.source}/{self.model.name}-{self.variant}-s{self.seed}-{self.identity}"
