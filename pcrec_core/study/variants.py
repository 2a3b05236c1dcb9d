"""The spec of a label: what the variants of the paper and the controls are.

The labels are those of ``data/paper/claims.csv`` (:ref:`protocols-variants`,
:ref:`protocols-controls`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from pcrec_core.errors import SpecError, require, unknown
from pcrec_core.specs.derived import Derived, Spec
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.study import defaults
from pcrec_core.study.labels import LABELS, MODELS, Maker

__all__ = ["LABELS", "MODELS", "Maker", "Spec", "at_alpha", "is_trial", "variant"]


def variant(
    label: str, data: str | Data, model: str, seed: int = 0, given: Mapping[str, Any] | None = None
) -> Spec:
    """Return the run, or the derived result, that a label means.

    Parameters
    ----------
    label : str
        One of ``LABELS``, ``LE@`` with an alpha, ``pruned`` with a percentage, with ``-tuned`` or
        without, or ``probed-`` and a label.
    data : str or Data
        The data set.
    model : str
        Name of the model; a trivial baseline has none.
    seed : int
        Seed of the run; a trivial baseline has none.
    given : mapping, optional
        Settings of ``defaults.run_spec`` that differ from the study's, for all runs; and
        ``gamma``, for W.

    Raises
    ------
    SpecError
        For an unknown label, or one that the model does not have.
    NotChosen
        For a label whose setting is chosen by trials that have not been run.

    Examples
    --------
    >>> variant("LE@30", "ml-100k", "sasrec").variant
    'le-a30'
    """
    data, given = data if isinstance(data, Data) else Data(data), dict(given or {})
    if label.startswith("probed-"):
        parent = variant(label.removeprefix("probed-"), data, model, seed, given)
        if not isinstance(parent, RunSpec):
            raise SpecError("parents must be runs.")
        return Derived("probed", (parent,))
    gamma = given.pop("gamma", None)
    make = Maker(data, model, seed, given, gamma)
    if label in LABELS:
        models = MODELS.get(label, (model,))
        require(
            model in models,
            f"{label} is a variant only of {' and '.join(models)}, not of {model}.",
        )
        return LABELS[label](make)
    if at := re.fullmatch(r"LE@(\d+(?:\.\d+)?)", label):
        return make.pair(defaults.layerwise(model, alpha=float(at[1])))
    if at := re.fullmatch(r"pruned(\d+)(-tuned)?", label):
        return Derived("tuned" if at[2] else "pruned", (make.base(),), int(at[1]) / 100)
    raise SpecError(unknown("variant", label, [*LABELS, "LE@30", "pruned30", "pruned30-tuned"]))


def at_alpha(alpha: float) -> str:
    """Return the label of PCRec at an alpha; at 0 it is plain averaging.

    Examples
    --------
    >>> at_alpha(30.0), at_alpha(0.00001), at_alpha(0)
    ('LE@30', 'LE@0.00001', 'avg')
    """
    return f"LE@{np.format_float_positional(alpha, trim='-')}" if alpha else "avg"


#: Settings that were chosen by trials, on validation.
_TRIED = ("epochs", "eta", "l2")


def is_trial(spec: Spec) -> bool:
    """Return whether a run is one of the trials by which length, rate and L2 were chosen.

    Such a run is the base or PCRec of seed 0 with nothing else changed, whatever its numerics.
    """
    if not isinstance(spec, RunSpec) or spec.seed != 0:
        return False
    given = {name: getattr(spec.training, name) for name in _TRIED}
    data = dataclasses.replace(spec.data, histories="ordered")
    usual = (variant(label, data, spec.model.name, spec.seed, given) for label in ("base", "LE"))
    return any(
        isinstance(run, RunSpec) and dataclasses.replace(run, numerics=spec.numerics) == spec
        for run in usual
    )
