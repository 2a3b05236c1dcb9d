"""Magnitude pruning of a trained model, and its fine-tuning (Figure 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from pcrec_core.layers import Layer
from pcrec_core.specs.consistency import has_meaning
from pcrec_core.specs.protocol import PROTOCOLS
from pcrec_core.specs.run import RunSpec
from pcrec_core.training.peer import Peer

#: Learning rate of the fine-tuning relative to that of the run (protocols-figures).
RATE = 0.1


@torch.no_grad()
def prune(model: nn.Module, layers: Sequence[Layer], share: float) -> dict[str, Tensor]:
    """Set the smallest ``share`` of all weights of the measured matrices to 0.

    The weights of all matrices are ranked together; biases and LayerNorms stay. Of equal weights
    at the threshold, only as many as needed are removed.

    Parameters
    ----------
    model : nn.Module
        Model that is pruned in place.
    layers : sequence of Layer
        Layers whose measured matrices are pruned.
    share : float
        Share of the weights, in [0, 1].

    Returns
    -------
    dict of str to bool Tensor
        By name of the matrix: True where a weight is kept.

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
    pruned = torch.zeros(len(sizes), dtype=torch.bool, device=sizes.device)
    pruned[sizes.argsort(stable=True)[: round(share * len(sizes))]] = True
    kept = torch.split(~pruned, [w.numel() for w in matrices.values()])
    masks = {name: mask.view_as(w) for (name, w), mask in zip(matrices.items(), kept, strict=True)}
    for name, w in matrices.items():
        w.mul_(masks[name])
    return masks


@dataclass
class MaskedPeer(Peer):
    """A peer whose pruned weights stay 0.

    Parameters
    ----------
    masks : dict of str to bool Tensor
        Where a weight is kept, as ``prune`` returns it; the other parameters are those of ``Peer``.
    """

    masks: dict[str, Tensor] = field(default_factory=dict)

    def _step(self, *batch: Tensor | int) -> Tensor:
        loss = super()._step(*batch)
        with torch.no_grad():
            for name, mask in self.masks.items():
                self.model.get_parameter(name).mul_(mask)
        return loss


def tuning(run: RunSpec) -> RunSpec:
    """Return the spec of a run's fine-tuning: one model, at a tenth of the rate, constant.

    Its ten epochs are numbered after those of the run (:ref:`protocols-figures`).
    """
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
        custom_options=None,
    )
    options = {
        name: value for name, value in run.changed_options.items() if has_meaning(name, alone)
    }
    return dataclasses.replace(
        alone, custom_options=dataclasses.replace(PROTOCOLS[run.protocol], **options)
    )
