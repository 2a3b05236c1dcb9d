"""How the JSON of a record becomes a typed, frozen view.

A view is parsed once, as a whole. A field that is missing, unknown, of another type or of another
shape is refused with its place in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from pcrec_core.errors import RecordError

#: Ranks or epochs, of shape (users,) or (epochs,); epochs count from 0.
Integers = NDArray[np.int64]
#: Whether something holds of each user, (users,).
Flags = NDArray[np.bool_]
#: Numbers by epoch, peer or layer.
Numbers = NDArray[np.float64]
#: One value per metric.
Metrics = dict[str, float]
#: One array per metric.
Curves = dict[str, Numbers]


class View(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all views."""


_V = TypeVar("_V", bound=msgspec.Struct)


def parse(kind: type[_V], values: Mapping[str, Any], name: str) -> _V:
    """Return the view of the class ``kind`` on a part of the record called ``name``.

    Raises
    ------
    RecordError
        If a field is missing or unknown, or is of another type or shape.
    """
    try:
        return msgspec.convert(values, kind, dec_hook=_array)
    except msgspec.ValidationError as error:
        raise RecordError(
            f"record {name} does not hold what its kind of record holds ({error}); restore it, or"
            " delete it and train the run again."
        ) from None


def _array(kind: Any, value: Any) -> NDArray[Any]:
    """Return the array that a record holds as a list, as text, or as a line of 0 and 1."""
    dtype = get_args(get_args(kind)[1])[0]
    if dtype is np.bool_:
        return np.asarray(np.frombuffer(value.encode(), dtype=np.uint8) == ord("1"))
    return np.array(value.split() if isinstance(value, str) else value, dtype=dtype)


def require_shape(what: str, curves: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` for the first of ``curves`` that has another shape."""
    for name, curve in curves.items():
        if curve.shape != shape:
            raise ValueError(f"{what} {name} has shape {curve.shape}, not {shape}")
