"""Base classes of specs: fields that are cast and checked on construction, and a canonical form."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar

from pcrec_core.errors import SpecError, require, require_known

_CASTS: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str}


@dataclass(frozen=True)
class Part:
    """A part of a spec, a frozen dataclass.

    Each field is cast to its declared type on construction, so that 30 and 30.0 are equal.

    Raises
    ------
    SpecError
        A value has another type, is out of range, or has no meaning with the other values.
    """

    def __post_init__(self) -> None:
        """Cast all fields, then check them."""
        for field in fields(self):
            object.__setattr__(self, field.name, _cast(field, getattr(self, field.name)))
        self._check()

    def _check(self) -> None:
        """Raise ``SpecError`` for values that have no meaning."""

    def canonical(self) -> dict[str, Any]:
        """Return the nested dict of all that identifies the part.

        It holds no ``None`` and no field that is not compared. A field made by ``added_later`` is
        in it only where its value differs from the one that older records imply.
        """
        values = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.compare and not self._is_as_before(field)
        }
        return {
            name: value.canonical() if isinstance(value, Part) else value
            for name, value in values.items()
            if value is not None
        }

    def _is_as_before(self, field: dataclasses.Field[Any]) -> bool:
        as_before = field.metadata.get("as_before", dataclasses.MISSING)
        return as_before is not dataclasses.MISSING and getattr(self, field.name) == as_before


P = TypeVar("P", bound=Part)


def _cast(field: dataclasses.Field[Any], value: Any) -> Any:
    kind = str(field.type).removesuffix(" | None")
    if value is None and str(field.type).endswith("| None"):
        return None
    if kind.startswith("tuple"):
        texts = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
        require(texts, f"{field.name} must be a list of str, not {value!r}.")
        return tuple(value)
    return _cast_scalar(field.name, kind, value) if kind in _CASTS else value


def _cast_scalar(name: str, kind: str, value: Any) -> Any:
    expected = {"int": "an int", "float": "a finite number", "str": "a str"}[kind]
    error = SpecError(f"{name} must be {expected}, not {value!r}.")
    if isinstance(value, bool) or (kind == "str") != isinstance(value, str):
        raise error
    try:
        cast = _CASTS[kind](value)
    except (TypeError, ValueError, OverflowError):
        raise error from None
    if kind == "str":
        return cast
    # A NaN differs from itself, and 2.5 from its int 2.
    if cast != value or (kind == "float" and math.isinf(cast)):
        raise error
    # -0.0 equals 0.0, so it must have the same identity.
    return cast + 0.0 if kind == "float" else cast


def require_count(name: str, value: int) -> None:
    """Raise ``SpecError`` unless the value is in 1..10**9; torch fails obscurely beyond that."""
    require(value >= 1, f"{name} must be 1 or more, not {value}.")
    require(value <= 10**9, f"{name} must be at most 10**9, not {value}.")


def added_later(as_before: Any) -> Any:
    """Return a field for a property that older records do not hold.

    ``as_before`` is the value they imply, and the default; it is left out of the canonical form,
    so that identities stay.
    """
    return dataclasses.field(default=as_before, metadata={"as_before": as_before})


def require_fields(kind: type[Part], values: Any) -> None:
    """Raise ``SpecError`` unless ``values`` is a dict whose keys are fields of ``kind``."""
    require(
        isinstance(values, dict), f"{kind.__name__} must be a dict of its fields, not {values!r}."
    )
    names = [field.name for field in fields(kind)]
    for name in values:
        require_known(f"field of {kind.__name__}", name, names)


def part_from_dict(kind: type[P], values: dict[str, Any]) -> P:
    """Return the part with these fields; those added later have the value that they imply.

    Raises
    ------
    SpecError
        ``values`` is not a dict, a key is unknown or missing, or a value is refused.
    """
    require_fields(kind, values)
    as_before = {
        field.name: field.metadata["as_before"]
        for field in fields(kind)
        if "as_before" in field.metadata
    }
    try:
        return kind(**as_before | values)
    except TypeError as error:
        raise SpecError(f"{kind.__name__} cannot be read: {error}.") from None


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys, no spaces and no NaN: equal values give equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )


def digest(value: Any) -> str:
    """Return the SHA-256, hex, of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class _Source(Protocol):
    @property
    def source(self) -> str: ...


class _Model(Protocol):
    @property
    def name(self) -> str: ...


class _Spec(Protocol):
    """The properties of a spec from which ``Identified`` makes its identity and name."""

    def canonical(self) -> dict[str, Any]: ...

    @property
    def data(self) -> _Source: ...

    @property
    def model(self) -> _Model: ...

    @property
    def variant(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def identity(self) -> str: ...


class Identified:
    """Base of a spec with a record of its own: an identity, and a name that ends with it."""

    @property
    def identity(self: _Spec) -> str:
        """First 12 hex digits of the SHA-256 of the canonical JSON."""
        return digest(self.canonical())[:12]

    @property
    def name(self: _Spec) -> str:
        """Path of the record below the store, without its suffix."""
        return f"{self.data.source}/{self.model.name}-{self.variant}-s{self.seed}-{self.identity}"
