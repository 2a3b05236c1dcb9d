"""The trainings behind a result, by which dependent variants are found."""

from __future__ import annotations

import dataclasses

from pcrec_core.specs.consistency import has_meaning
from pcrec_core.specs.derived import Derived, Spec
from pcrec_core.specs.run import RunSpec
from pcrec_core.specs.trivial import Trivial

#: Options that change only the evaluation, and options that change only an exchange.
_EVALUATION = ("candidates", "hidden", "evaluated", "choice")
_EXCHANGE = ("layers", "last_bin")


def trainings(spec: Spec) -> set[tuple[object, ...]]:
    """Return the trainings behind a result, each as a tuple of all that decides its weights.

    An average of weights has the training of its model; the evaluation decides nothing; of peers
    that never exchange, the first one is the base model (:ref:`protocols-common`). Variants that
    share a training are not independent (:ref:`statistics-estimand`).
    """
    if isinstance(spec, Trivial):
        return set()
    if isinstance(spec, Derived):
        return set().union(*map(trainings, spec.parents))
    exchange = None if _exchanges_at_the_end(spec) else spec.cooperation
    without = _EVALUATION if exchange else (*_EVALUATION, *_EXCHANGE)
    options = tuple(
        (name, value)
        for name, value in vars(spec.options).items()
        if name not in without and has_meaning(name, spec)
    )
    peers = (spec.peers, spec.rates, spec.orders, spec.starts) if exchange else (1,)
    training = dataclasses.replace(spec.training, average=None)
    return {(spec.data, spec.model, training, exchange, spec.seed, spec.numerics, peers, options)}


def _exchanges_at_the_end(spec: RunSpec) -> bool:
    """Return whether the training is over when its only exchange comes."""
    return spec.cooperation is not None and spec.cooperation.every == spec.training.epochs
