"""The guard of a notebook's parameters: a typo or a value of another type stops the run (papermill would let it pass)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pcrec_core.errors import SpecError, unknown

_DATA = (str, int, float, complex, type(None), list, tuple, set, dict)
_IPYTHON = ("In", "Out")
_GUARDED = "_pcrec_guarded"


def check_parameters(namespace: dict[str, Any]) -> None:
    """Stop the notebook unless every parameter is declared in its parameters cell and has the declared type.

    The first cell after the parameters cell calls it with ``globals()``. The parameters cell holds lines
    ``name: type = literal  # help`` only, so its annotations are the declaration; papermill adds a cell of assignments
    without annotations. When the cell is run again in an open notebook, where later cells have left their names, only
    the types are checked.

    Parameters
    ----------
    namespace : dict
        The notebook's globals. Types: ``str``, ``int``, ``float`` (an int will do), ``bool``, and ``list`` of one of them.

    Raises
    ------
    SpecError
        For a value under a name that is not declared (with the nearest declared name), or of another type.

    Examples
    --------
    >>> check_parameters({"__annotations__": {"seeds": list[int]}, "seeds": "[3, 4]"})
    Traceback (most recent call last):
    pcrec_core.errors.SpecError: parameter 'seeds' must be list[int], not the str '[3, 4]': papermill's -p passes a \
string, -y 'seeds: [3, 4]' passes a list.
    """
    declared = namespace.get("__annotations__", {})
    if _GUARDED not in namespace:
        _refuse_undeclared(namespace, declared)
    for name, kind in declared.items():
        _check_type(name, kind, namespace[name])
    namespace[_GUARDED] = True


def _refuse_undeclared(namespace: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    for name, value in namespace.items():
        private = name.startswith("_") or name in _IPYTHON
        if name not in declared and not private and isinstance(value, _DATA):
            raise SpecError(unknown("parameter", name, declared))


def _check_type(name: str, kind: Any, value: Any) -> None:
    if get_origin(kind) is not list:
        if not _is(value, kind):
            raise SpecError(f"parameter {name!r} must be {kind.__name__}, not the {_said(value)}.")
    elif not isinstance(value, list):
        items = f"{value}".strip("[]")
        raise SpecError(f"parameter {name!r} must be {kind}, not the {_said(value)}: papermill's -p passes a string,"
                        f" -y '{name}: [{items}]' passes a list.")
    else:
        for place, item in enumerate(value):
            if not _is(item, get_args(kind)[0]):
                raise SpecError(f"parameter {name!r} must be {kind}, but its item {place} is the {_said(item)}.")


def _is(value: Any, kind: type) -> bool:
    """Whether ``value`` is of a plain type: an int will do for a float, a bool is no number."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _said(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"
