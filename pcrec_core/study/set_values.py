"""Single settings of a label's run by name, such as ``epochs=5``: what ``train --set`` takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pcrec_core.errors import SpecError, require, require_known
from pcrec_core.specs.derived import Derived, Spec
from pcrec_core.specs.protocol import VALUES
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import defaults
from pcrec_core.study.variants import variant

_DATA = ("core", "histories")
_GIVEN = (*defaults.FIELDS, "protocol")
_PEERS = ("peers", "rates", "orders", "starts")
_EXCHANGE = ("criterion", "alpha", "every", "gamma", "shares", "components")
#: Every name that can be set.
SETTINGS = (*_DATA, *_GIVEN, *_PEERS, *_EXCHANGE, *VALUES)


def parse(words: Sequence[str]) -> dict[str, Any]:
    """Return the settings that words such as ``epochs=5`` name; the specs check their types.

    Raises
    ------
    SpecError
        For a word without ``=``, an unknown name, or a name that is given twice.

    Examples
    --------
    >>> parse(["epochs=5", "eta=1e-3", "loss=all", "components=embedding,softmax"])
    {'epochs': 5, 'eta': 0.001, 'loss': 'all', 'components': ('embedding', 'softmax')}
    """
    return {
        name: tuple(text.split(",")) if name == "components" else _value(text)
        for name, text in pairs(words, "--set", "epochs=5", "setting", SETTINGS).items()
    }


def pairs(
    words: Sequence[str], option: str, example: str, kind: str, known: Collection[str]
) -> dict[str, str]:
    """Return the texts of words NAME=VALUE by name.

    Raises
    ------
    SpecError
        For a word without ``=``, an unknown name, or a name that is given twice.
    """
    texts: dict[str, str] = {}
    for word in words:
        name, sign, text = word.partition("=")
        require(bool(sign), f"{option} takes NAME=VALUE, such as {example}, not {word!r}.")
        require_known(kind, name, known)
        require(name not in texts, f"{option} has {name!r} twice; give each once.")
        texts[name] = text
    return texts


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def text_of(name: str, value: Any) -> str:
    """Return the word that ``parse`` reads as this setting."""
    return f"{name}={','.join(value) if isinstance(value, tuple) else value}"


def configured(label: str, data: Data, model: str, seed: int, settings: Mapping[str, Any]) -> Spec:
    """Return what a label means with some settings changed, in each run that it is made of.

    A label that changes a setting itself changes the value that is set: ``half`` with ``d=32`` has
    d = 16.

    Parameters
    ----------
    label, data, model, seed
        As in ``variants.variant``.
    settings : mapping
        Values by name of ``SETTINGS``.

    Raises
    ------
    SpecError
        For a label or setting that is unknown or impossible, or a setting without effect here.
    """
    spec = _make(label, data, model, seed, settings)
    found = values_of(spec)
    for name, value in settings.items():
        if found.get(name) == value:
            continue
        others = {other: kept for other, kept in settings.items() if other != name}
        require(
            _make(label, data, model, seed, others) != spec,
            f"{name}={value} has no effect on {label}; leave it out.",
        )
    return spec


def values_of(spec: Spec) -> dict[str, Any]:
    """Return the values of the settings of a run, or of the first run of a derived result."""
    if isinstance(spec, Trivial):
        return {name: getattr(spec.data, name) for name in _DATA} | {"protocol": spec.protocol}
    run = spec.parents[0] if isinstance(spec, Derived) else spec
    parts = (run.data, run.model, run.training, run, run.cooperation, run.options)
    found = {name: value for part in parts if part for name, value in vars(part).items()}
    return {name: found[name] for name in SETTINGS if name in found}


def _make(label: str, data: Data, model: str, seed: int, settings: Mapping[str, Any]) -> Spec:
    data = dataclasses.replace(data, **_some(settings, _DATA))
    given = _some(settings, (*_GIVEN, "gamma")) | {"options": _some(settings, tuple(VALUES))}
    spec = variant(label, data, model, seed, given)
    peers, exchange = _some(settings, _PEERS), _some(settings, _EXCHANGE)
    if isinstance(spec, Trivial):
        return spec
    if isinstance(spec, RunSpec):
        return _changed(spec, peers, exchange)
    parents = tuple(_changed(run, peers, exchange) for run in spec.parents)
    return dataclasses.replace(spec, parents=parents)


def _some(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: settings[name] for name in names if name in settings}


def _changed(run: RunSpec, peers: Mapping[str, Any], exchange: Mapping[str, Any]) -> RunSpec:
    if exchange and run.cooperation is None:
        raise SpecError(
            f"{' and '.join(exchange)} {'have' if len(exchange) > 1 else 'has'} a meaning only for"
            " models that exchange weights, such as LE."
        )
    if run.cooperation is None:
        return dataclasses.replace(run, **peers)
    cooperation = dataclasses.replace(run.cooperation, **exchange)
    return dataclasses.replace(run, cooperation=cooperation, **peers)
