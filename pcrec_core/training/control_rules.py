"""Control rules: mu from another layer's information, or drawn at random (control 3 of the study)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pcrec_core.cooperation import LayerWise
from pcrec_core.errors import SpecError


@dataclass(frozen=True)
class Permuted(LayerWise):
    """A control: mu of each layer from the information of another one, by a random permutation of the layers.

    ``seed`` decides the permutation.
    """

    seed: int = 0

    def all_shares(self, layers: Sequence[Sequence[Tensor]]) -> list[tuple[Tensor | None, Tensor]]:
        h = [self.information(ws) for ws in layers]
        other = np.random.default_rng(self.seed).permutation(len(h))
        return [
            (mine, torch.softmax(self.alpha * h[k], dim=0))
            for mine, k in zip(h, other, strict=True)
        ]


@dataclass(frozen=True)
class Random(LayerWise):
    """A control for pairs: mu of each layer from a difference H1 - H2 that is uniform over the range which the layers'
    differences have at this exchange. ``seed`` decides the draws."""

    seed: int = 0

    def all_shares(self, layers: Sequence[Sequence[Tensor]]) -> list[tuple[Tensor | None, Tensor]]:
        h = [self.information(ws) for ws in layers]
        if any(len(x) != 2 for x in h):
            raise SpecError("random shares are defined for pairs: two peers.")
        differences = [(x[0] - x[1]).item() for x in h]
        drawn = np.random.default_rng(self.seed).uniform(min(differences), max(differences), len(h))
        mus = (
            torch.sigmoid(self.alpha * x.new_tensor([d, -d])) for x, d in zip(h, drawn, strict=True)
        )
        return list(zip(h, mus, strict=True))
