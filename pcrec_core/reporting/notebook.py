"""Check the parameters of a notebook before anything is trained.

A typo, a value of the wrong type or an impossible value stops the notebook; papermill would let it
pass.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, get_args, get_origin

from pcrec_core.datasets import SOURCES
from pcrec_core.errors import SpecError, unknown
from pcrec_core.reporting.changed_parameters import show_note
from pcrec_core.specs.protocol import PROTOCOLS
from pcrec_core.specs.run import NUMERICS
from pcrec_core.training.environment import require_device

_DATA = (str, int, float, complex, type(None), list, tuple, set, dict)
_IPYTHON = ("In", "Out")
_GUARDED = "_pcrec_guarded"

#: Parameters whose values are names, by the singular: what they name, and the known names.
_NAMES: dict[str, tuple[str, Collection[str]]] = {
    "dataset": ("data set", SOURCES),
    "tried": ("data set", SOURCES),
    "model": ("model", NUMERICS),
    "protocol": ("protocol", PROTOCOLS),
}
#: Parameters that are numbers of 0 or more, by the singular, with the largest allowed value.
_NUMBERS = {"epochs": math.inf, "seed": math.inf, "alpha": math.inf, "gamma": math.inf, "share": 99}
#: Lists that must not be empty, since the page is about their items.
_NEEDED = ("datasets", "models", "alphas", "variants")


def check_parameters(namespace: dict[str, Any]) -> None:
    """Refuse parameters that are not declared, not of their declared type, or impossible.

    The first cell after the parameters cell calls it with ``globals()``. The parameters cell has
    only lines ``name: type = literal  # help``, so its annotations are the declaration; papermill
    adds a cell of assignments without annotations. When the cell is run again in an open notebook,
    where later cells have left their names, only types and values are checked. Values are checked
    by the parameter's name, so that a typo at the end of a list is found before the trainings of
    the items before it. Where values are not those of the page, a note below the cell names them.

    Parameters
    ----------
    namespace : dict
        The notebook's globals. Types: ``str``, ``int``, ``float`` (an int will do), ``bool``, and
        ``list`` of one of them.

    Raises
    ------
    SpecError
        For a value that is not declared (with the nearest declared name), of another type, twice
        in a list, an unknown name, or out of range; for one without effect here: a ``csv`` or
        ``columns`` without the data set ``csv``, and the reverse, or ``gamma`` without W.

    Examples
    --------
    >>> check_parameters({"__annotations__": {"seeds": list[int]}, "seeds": "[3, 4]"})
    Traceback (most recent call last):
    pcrec_core.errors.SpecError: parameter 'seeds' must be list[int], not the str \
'[3, 4]': papermill's -p passes a string, -y 'seeds: [3, 4]' passes a list.
    """
    declared = namespace.get("__annotations__", {})
    if _GUARDED not in namespace:
        _refuse_undeclared(namespace, declared)
    for name, kind in declared.items():
        _check_type(name, kind, namespace[name])
        _check_value(name, namespace[name])
    given = {name: namespace[name] for name in declared}
    _check_csv(given)
    _check_variants(given)
    namespace[_GUARDED] = True
    show_note(namespace)


def _refuse_undeclared(namespace: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    for name, value in namespace.items():
        private = name.startswith("_") or name in _IPYTHON
        if name not in declared and not private and isinstance(value, _DATA):
            raise SpecError(unknown("parameter", name, declared))


def _check_type(name: str, kind: Any, value: Any) -> None:
    if get_origin(kind) is not list:
        if not _is(value, kind):
            raise SpecError(f"parameter {name!r} must be {kind.__name__}, not the {_typed(value)}.")
    elif not isinstance(value, list):
        items = f"{value}".strip("[]")
        raise SpecError(
            f"parameter {name!r} must be {kind}, not the {_typed(value)}: papermill's -p passes a"
            f" string, -y '{name}: [{items}]' passes a list."
        )
    else:
        for place, item in enumerate(value):
            if not _is(item, get_args(kind)[0]):
                raise SpecError(
                    f"parameter {name!r} must be {kind}, but its item {place} is the"
                    f" {_typed(item)}."
                )


def _check_value(name: str, value: Any) -> None:
    values = value if isinstance(value, list) else [value]
    _check_list(name, values)
    if name == "device":
        require_device(value)
    singular = name if name in _NAMES | _NUMBERS else name.removesuffix("s")
    if singular in _NAMES:
        what, known = _NAMES[singular]
        for item in values:
            if item not in known:
                raise SpecError(unknown(what, item, known))
    for item in values:
        if isinstance(item, float) and not math.isfinite(item):
            raise SpecError(f"parameter {name!r} must be a number, not {item}.")
        if singular in _NUMBERS:
            _check_range(name, item, _NUMBERS[singular])


def _check_list(name: str, values: list[Any]) -> None:
    if name in _NEEDED and not values:
        raise SpecError(f"parameter {name!r} is empty; name at least one.")
    if twice := [item for place, item in enumerate(values) if item in values[:place]]:
        raise SpecError(f"parameter {name!r} has {twice[0]!r} twice; give each once.")
    if name == "alpha" and len(values) > 1:
        raise SpecError(
            f"parameter 'alpha' is one alpha for all models, not {values}; Figure 4 is the page of"
            " several."
        )


def _check_range(name: str, value: float, most: float) -> None:
    if not 0 <= value <= most:
        span = f"from 0 to {most}" if most < math.inf else "0 or more"
        raise SpecError(f"parameter {name!r} must be {span}, not {value}.")


def _check_csv(given: Mapping[str, Any]) -> None:
    asked = "csv" in [given.get("dataset"), *given.get("datasets", ())]
    if asked and "csv" not in given:
        raise SpecError(
            "this page takes no file of your own; the data set 'csv' is for pages with a"
            " parameter 'csv'."
        )
    for name in ("csv", "columns"):
        if given.get(name) and not asked:
            raise SpecError(
                f"parameter {name!r} is {given[name]!r}, but the data set 'csv' is not asked for:"
                " name it."
            )


def _check_variants(given: Mapping[str, Any]) -> None:
    """Refuse variants without accuracy, and a threshold that none of them has."""
    variants = given.get("variants", ())
    for label in variants:
        if label.startswith("probed-"):
            raise SpecError(
                f"variant {label!r} measures layers, and has no accuracy to compare; Figure 6 is"
                " the page of these."
            )
    if given.get("gamma") and "W" not in variants:
        raise SpecError(
            f"parameter 'gamma' is {given['gamma']}, but W, which alone has a threshold, is not"
            " among the variants: name it."
        )


def _is(value: Any, kind: type) -> bool:
    """Return whether ``value`` is of a type; an int passes as a float, a bool is no number."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _typed(value: Any) -> str:
    """Format a value after the name of its type, such as "str 'x'"."""
    return f"{type(value).__name__} {value!r}"
