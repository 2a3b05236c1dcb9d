"""Magnitude pruning of a trained model, and its fine-tuning (Figure 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from pcrec_core.layers import Layer
from pcrec_core.specs.protocol import PROTOCOLS
from pcrec_core.specs.run import RunSpec, has_meaning
from pcrec_core.training.peer import Peer

#: The part of the run's learning rate that fine-tuning has (PROTOCOLS.md, section 5).
RATE = 0.1


@torch.no_grad()
def prune(model: nn.Module, layers: Sequence[Layer], share: float) -> dict[str, Tensor]:
    """Set the smallest ``share`` of all weights of the measured matrices to 0, whichever matrix they stand in.

    Biases and LayerNorms stay. Of weights that are equally small at the threshold all stay but as many as are needed.

    Returns
    -------
    dict of str to bool Tensor
        By name of a matrix, where a weight is kept.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> _ = model.weight.data.copy_(torch.tensor([[0.1, -0.4], [0.3, -0.2]]))
    >>> prune(model, [Layer("all", "middle", "weight")], 0.5)["weight"].tolist()
    [[False, True], [True, False]]
    """
    matrices = {layer.measured: model.get_parameter(layer.measured) for layer in layers}
    matrices = {name: w for name, w in matrices.items() if w.dim() >= 2}
    sizes = torch.cat([w.abs().flatten() for w in matrices.values()])
    lost = torch.zeros(len(sizes), dtype=torch.bool, device=sizes.device)
    lost[sizes.argsort(stable=True)[: round(share * len(sizes))]] = True
    parts = (~lost).split([w.numel() for w in matrices.values()])
    masks = {name: part.view_as(w) for (name, w), part in zip(matrices.items(), parts, strict=True)}
    for name, w in matrices.items():
        w.mul_(masks[name])
    return masks


@dataclass
class MaskedPeer(Peer):
    """A peer whose pruned weights stay 0."""

    masks: dict[str, Tensor] = field(default_factory=dict)

    def _step(self, *batch: Any) -> Tensor:
        loss = super()._step(*batch)
        with torch.no_grad():
            for name, mask in self.masks.items():
                self.model.get_parameter(name).mul_(mask)
        return loss


def tuning(run: RunSpec) -> RunSpec:
    """The training of a fine-tuning: ten epochs at a tenth of the rate, constant. Its numbers go on after the run's."""
    training = dataclasses.replace(
        run.training, eta=run.training.eta * RATE, schedule="constant", average=None
    )
    alone = dataclasses.replace(
        run,
        training=training,
        peers=1,
        cooperation=None,
        rates="spread",
        orders="own",
        starts="own",
        rules=None,
    )
    lines = {name: value for name, value in run.changed_rules.items() if has_meaning(name, alone)}
    return dataclasses.replace(alone, rules=dataclasses.replace(PROTOCOLS[run.protocol], **lines))
