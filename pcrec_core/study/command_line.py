"""The command line that makes a given record."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator
from typing import Any

from pcrec_core.errors import SpecError
from pcrec_core.specs import trivial
from pcrec_core.specs.derived import Derived, Spec
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study.set_values import SETTINGS, configured, text_of, values_of
from pcrec_core.study.variants import LABELS, at_alpha

#: Where the file of a csv is not known, for a record holds its content's hash alone.
_FILE = "FILE"


def command_or_api(spec: Spec) -> str:
    """Return what makes a record: the command or, where no label stands for it, Python."""
    try:
        return command(spec)
    except SpecError:
        return "Python's API, since no label of the study stands for it"


def command(spec: Spec) -> str:
    """Return the shortest command line that makes ``spec``, by today's numerics.

    Examples
    --------
    >>> from pcrec_core.study.variants import variant
    >>> command(variant("LE", "ml-100k", "sasrec", 2, {"epochs": 5}))
    'pcrec train LE --dataset ml-100k --model sasrec --seed 2 --set epochs=5'
    """
    spec = current(spec)
    label, settings = _found(spec)
    run = _first(spec)
    words = ["pcrec", "train", label, "--dataset", spec.data.source]
    if spec.data.source == "csv":
        words += ["--csv", spec.data.path or _FILE, "--columns", ",".join(spec.data.columns or ())]
        words += [word for given in spec.data.reading or () for word in _reading_option(given)]
    words += ["--model", run.model.name if isinstance(run, RunSpec) else "sasrec"]
    words += ["--seed", str(spec.seed)]
    if settings:
        words += ["--set", *(text_of(name, value) for name, value in settings.items())]
    return shlex.join(words)


def _reading_option(word: str) -> list[str]:
    """Return the option that gives a part of the reading of a file."""
    name, _, value = word.partition("=")
    option = name.replace("_", "-")
    if value in ("True", "False"):
        return [f"--{'no-' * (value == 'False')}{option}"]
    return [f"--{option}", value]


def current(spec: Spec) -> Spec:
    """Return the spec with the numerics of today's code."""
    if isinstance(spec, RunSpec):
        return dataclasses.replace(spec, numerics=None)
    if isinstance(spec, Trivial):
        return dataclasses.replace(spec, numerics=trivial.NUMERICS)
    parents = tuple(dataclasses.replace(run, numerics=None) for run in spec.parents)
    return dataclasses.replace(spec, parents=parents, numerics=trivial.NUMERICS)


def _found(spec: Spec) -> tuple[str, dict[str, Any]]:
    """Return the label, with settings, that means the spec: the one with the fewest settings."""
    described = []
    for label in _labels(spec):
        if _made(label, spec, {}) == spec:
            return label, {}
        described += [(label, settings) for settings in _settings(label, spec)]
    for label, settings in sorted(described, key=lambda one: len(one[1])):
        if _made(label, spec, settings) == spec:
            return label, settings
    raise SpecError(f"{spec.name} is not a variant of the study: no label stands for it.")


def _settings(label: str, spec: Spec) -> Iterator[dict[str, Any]]:
    """Yield the settings with which a label may mean the spec."""
    values = values_of(spec)
    # these decide what else a label means, or whether it means anything
    own = {name: values[name] for name in ("protocol", "gamma") if values.get(name) is not None}
    for given in ({}, own):
        usual = _made(label, spec, given)
        if usual is None or type(usual) is not type(spec):
            continue
        before = values_of(usual)
        changed = given | {n: values.get(n) for n in SETTINGS if values.get(n) != before.get(n)}
        # what is unset cannot be set
        if None not in changed.values():
            yield changed


def _made(label: str, spec: Spec, settings: dict[str, Any]) -> Spec | None:
    """Return what the label means on the data of the spec, or None if that is impossible."""
    data = dataclasses.replace(spec.data, core=Data("").core, histories=Data("").histories)
    try:
        return configured(label, data, _first(spec).model.name, spec.seed, settings)
    except SpecError:
        return None


def _first(spec: Spec) -> RunSpec | Trivial:
    return spec.parents[0] if isinstance(spec, Derived) else spec


def _labels(spec: Spec) -> list[str]:
    """List the labels that may mean the spec."""
    if isinstance(spec, Derived) and spec.operation == "probed":
        return [f"probed-{label}" for label in _labels(spec.parents[0])]
    if isinstance(spec, Derived) and spec.share is not None:
        return [f"pruned{100 * spec.share:g}{'-tuned' if spec.operation == 'tuned' else ''}"]
    alpha = spec.cooperation.alpha if isinstance(spec, RunSpec) and spec.cooperation else None
    return [*LABELS, *([] if alpha is None else [at_alpha(alpha)])]
