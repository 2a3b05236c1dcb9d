"""How the JSON of a record becomes a typed, frozen view.

A view is parsed once, as a whole. A field that is missing, unknown, of another type or of another
shape is refused with its place in the file. Training reads records too, and a machine lent for it
may have no more than torch and what comes with it: hence dataclasses, and no library for them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from pcrec_core.errors import RecordError

# What an array is made of is annotated, because releases of numpy differ in what NDArray is.
#: Ranks or epochs, of shape (users,) or (epochs,); epochs count from 0.
Integers = Annotated[NDArray[np.int64], np.int64]
#: Whether something holds of each user, (users,).
Flags = Annotated[NDArray[np.bool_], np.bool_]
#: Numbers by epoch, peer or layer.
Numbers = Annotated[NDArray[np.float64], np.float64]
#: One value per metric.
Metrics = dict[str, float]
#: One array per metric.
Curves = dict[str, Numbers]


@dataclasses.dataclass(frozen=True)
class View:
    """Base of all views: frozen dataclasses with the fields of the file.

    Where the file has another name for a field, it stands in the metadata as ``name``.
    """

    #: Whether fields of the file that the view does not have are left alone, not refused.
    OPEN: ClassVar[bool] = False


V = TypeVar("V", bound=View)


def parse(kind: type[V], values: Mapping[str, Any], name: str, part: str = "result") -> V:
    """Return the view of the class ``kind`` on the values of a part of the record ``name``.

    Raises
    ------
    RecordError
        If a field is missing or unknown, or is of another type or shape.
    """
    try:
        return _view(kind, values, part)
    except (ValueError, OverflowError) as error:
        raise RecordError(
            f"record {name} does not hold what its kind of record holds ({error}); restore it, or"
            " delete it and train the run again."
        ) from None


def _view(kind: type[V], values: Any, place: str) -> V:
    _require(isinstance(values, dict), place, "an object", values)
    fields = {field.metadata.get("name", field.name): field for field in dataclasses.fields(kind)}
    unknown = [name for name in values if name not in fields and not kind.OPEN]
    missing = [name for name, field in fields.items() if name not in values and _needed(field)]
    for what, names in (("unknown", unknown), ("no", missing)):
        if names:
            raise ValueError(f"{what} field {place}.{names[0]}")
    types = get_type_hints(kind, include_extras=True)
    given = {
        field.name: _value(types[field.name], values[name], f"{place}.{name}")
        for name, field in fields.items()
        if name in values
    }
    return kind(**given)


def _needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _value(kind: Any, value: Any, place: str) -> Any:
    """Return a value of the file as one of the type ``kind``."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (UnionType, Union):  # with None, the last
        return None if value is None else _value(arguments[0], value, place)
    if origin is Annotated:
        return _array(arguments[1], value, place)
    if origin is dict:
        _require(isinstance(value, dict), place, "an object", value)
        return {key: _value(arguments[1], one, f"{place}.{key}") for key, one in value.items()}
    if origin is tuple:
        _require(isinstance(value, list), place, "a list", value)
        return tuple(_value(arguments[0], one, f"{place}[{i}]") for i, one in enumerate(value))
    if issubclass(kind, View):
        return _view(kind, value, place)
    if issubclass(kind, tuple):  # a NamedTuple of texts
        texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        _require(texts and len(value) == len(kind._fields), place, "a pair of texts", value)
        return kind(*value)
    # True is no number, and 1 a float too
    same = type(value) is kind or (kind is float and type(value) is int)
    _require(same, place, f"of type {kind.__name__}", value)
    return value


def _array(dtype: type[np.generic], value: Any, place: str) -> NDArray[Any]:
    """Return the array that a record holds as a list, as text, or as a string of 0 and 1."""
    _require(isinstance(value, (str, list)), place, "a list or text", value)
    try:
        if dtype is np.bool_:
            return np.asarray(np.frombuffer(value.encode(), dtype=np.uint8) == ord("1"))
        return np.array(value.split() if isinstance(value, str) else value, dtype=dtype)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"field {place}: {error}") from None


def _require(condition: bool, place: str, what: str, value: Any) -> None:
    if not condition:
        raise ValueError(f"field {place} must be {what}, not {value!r:.40}")


def require_shape(what: str, curves: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` for the first of ``curves`` that has another shape."""
    for name, curve in curves.items():
        if curve.shape != shape:
            raise ValueError(f"{what} {name} has shape {curve.shape}, not {shape}")
