"""Cooperation of peers (Section 3.2; Eq. 5 to 9), for any list of equal ``torch.nn.Module``.

Nothing here depends on a recommender. A model of your own needs no base class::

    from pcrec_core.cooperation import LayerWise, cooperate

    for epoch in range(epochs):
        for peer in peers:
            ...                                   # train it for an epoch, your way
        cooperate(peers, LayerWise("entropy", alpha=30))

``exchange`` has Eq. 5 and ``rules`` Eq. 6 to 9.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from pcrec_core.cooperation import running_statistics
from pcrec_core.cooperation.exchange import Exchange, Rule
from pcrec_core.cooperation.rules import (
    Averaging,
    LayerWise,
    Merging,
    ParameterWise,
    important,
)
from pcrec_core.errors import SpecError
from pcrec_core.layers import Layer, chosen_layers, joined
from pcrec_core.peers import (
    first_names,
    models_of,
    refuse_differences,
    refuse_values,
    tensors_of,
)

__all__ = [
    "Averaging",
    "Exchange",
    "LayerWise",
    "Merging",
    "ParameterWise",
    "Rule",
    "cooperate",
    "important",
]


@torch.no_grad()
def cooperate(
    peers: Iterable[nn.Module],
    rule: Rule,
    layers: Iterable[Layer] | None = None,
    batches: Iterable[Any] | None = None,
) -> list[Exchange]:
    """Let the peers exchange weights by a rule (Eq. 5; lines 7-12 of Algorithms 1 and 2).

    Every check is made, and every share computed, before the first weight changes. Optimizer states
    stay, and so do buffers other than the running statistics of batch normalization, which a
    merging rule merges with the mu of their layer.

    Parameters
    ----------
    peers : iterable of nn.Module
        Two or more (``Noise`` accepts one), equal in names, shapes and types of their parameters.
        Changed in place, inside of wrappers such as ``torch.compile`` or DDP.
    rule : Rule
        ``LayerWise``, ``Averaging``, ``ParameterWise``, ``Noise``, or one of your own: most are a
        subclass of ``Merging``.
    layers : iterable of Layer, optional
        ``default_layers(peers[0])`` if not given. Parameters that no layer names stay as they are.
        Layers that measure one tensor under two names are joined.
    batches : iterable, optional
        Batches of the training data, such as a DataLoader. If given, torch's ``update_bn`` computes
        the running statistics of every peer from them after the exchange.

    Returns
    -------
    list of Exchange
        What was done to every layer, in the order of ``layers``.

    Raises
    ------
    SpecError
        For peers, layers, weights or a rule that cannot take part; nothing has changed then.
    """
    _refuse_rule(rule)
    running_statistics.refuse_batches(batches)
    models = models_of(peers, rule.fewest)
    tensors = [tensors_of(model) for model in models]
    refuse_differences(tensors)
    names = first_names(tensors[0])
    used = joined(chosen_layers(models, layers), names)
    used = running_statistics.followed(used, models[0], names)
    refuse_values(tensors, [name for layer in used for name in layer.parameters])
    exchanges = rule.exchange(tensors, used)
    if batches is not None:
        running_statistics.recompute(models, batches)
    return running_statistics.reported(exchanges, used, recomputed=batches is not None)


def _refuse_rule(rule: object) -> None:
    """Raise ``SpecError`` unless ``rule`` is an object with the attributes of a ``Rule``."""
    if isinstance(rule, type) or not (hasattr(rule, "exchange") and hasattr(rule, "fewest")):
        shown = f"the class {rule.__name__}" if isinstance(rule, type) else repr(rule)
        raise SpecError(
            f'the rule must be an object such as LayerWise("entropy", alpha=30), not {shown}.'
        )
