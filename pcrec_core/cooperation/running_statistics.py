"""Running statistics of batch normalization: buffers, so no optimizer and no Eq. 8 moves them.

They are merged with the mu of their layer, or recomputed from batches of the training data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from pcrec_core.cooperation.exchange import Exchange
from pcrec_core.errors import SpecError
from pcrec_core.layers import Layer
from pcrec_core.peers import STATISTICS, bare


def followed(
    layers: Iterable[Layer], model: nn.Module, first_names: Mapping[str, str]
) -> list[Layer]:
    """Let the running statistics of a normalization follow the layer that it belongs to.

    That is the layer of its own weight or, if it has no weight, of the parameter before it.
    """
    statistics = [(first_names.get(owner, owner), name) for owner, name in _statistics_of(model)]
    found = []
    for layer in layers:
        own = [name for owner, name in statistics if owner in layer.parameters]
        new = (name for name in own if name not in layer.followers)
        found.append(layer._replace(followers=(*layer.followers, *new)))
    return found


def _statistics_of(model: nn.Module) -> Iterator[tuple[str, str]]:
    """Find the running statistics, each with the parameter that it belongs to, both by name."""
    owner = next((bare(name) for name, _ in model.named_parameters()), "")
    for path, module in model.named_modules():
        prefix = bare(f"{path}.") if path else ""
        owner = next((prefix + name for name, _ in module.named_parameters(recurse=False)), owner)
        for name in STATISTICS:
            if isinstance(getattr(module, name, None), Tensor):
                yield owner, prefix + name


def refuse_batches(batches: Iterable[Any] | None) -> None:
    """Raise ``SpecError`` for batches that can be read only once, or that are known to be none."""
    if isinstance(batches, Iterator):
        raise SpecError("batches must be a list or a DataLoader: every peer reads all of them.")
    with suppress(TypeError):  # no length: a loader of a stream
        if batches is not None and len(batches) == 0:  # type: ignore[arg-type]
            raise SpecError(
                "batches are empty, so the running statistics cannot be recomputed; give some"
                " batches, or none at all to merge the statistics."
            )


def recompute(models: Sequence[nn.Module], batches: Iterable[Any]) -> None:
    """Recompute the statistics of each model with torch's ``update_bn``."""
    for model in models:
        update_bn(batches, model, next(model.parameters()).device)


def reported(
    exchanges: Sequence[Exchange], layers: Sequence[Layer], recomputed: bool
) -> list[Exchange]:
    """Add to each exchange what became of the running statistics of its layer."""
    found = []
    for exchange, layer in zip(exchanges, layers, strict=True):
        if any(name.rpartition(".")[2] in STATISTICS for name in layer.followers):
            kept = "kept" if exchange.mu is None else "merged"
            exchange = exchange._replace(statistics="recomputed" if recomputed else kept)
        found.append(exchange)
    return found
