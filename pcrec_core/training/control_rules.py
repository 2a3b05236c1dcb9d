"""Control rules: mu of another layer or drawn at random (control 3), and noise (PCRec-N)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pcrec_core.cooperation import Exchange
from pcrec_core.cooperation.rules import LayerWise, median
from pcrec_core.errors import SpecError
from pcrec_core.layers import Layer


@dataclass(frozen=True)
class Permuted(LayerWise):
    """Take mu of each layer from the information of another layer (:ref:`protocols-controls`).

    The other layer is given by a random permutation of all layers.

    Parameters
    ----------
    seed : int
        Seed of the permutation; the other parameters are those of ``LayerWise``.
    """

    seed: int = 0

    def all_shares(self, layers: Sequence[Sequence[Tensor]]) -> list[tuple[Tensor | None, Tensor]]:
        """Return H of each layer, and mu from that of its partner, both of shape (peers,)."""
        h = [self.information(ws) for ws in layers]
        partners = np.random.default_rng(self.seed).permutation(len(h))
        return [
            (own, torch.softmax(self.alpha * h[k], dim=0))
            for own, k in zip(h, partners, strict=True)
        ]


@dataclass(frozen=True)
class Random(LayerWise):
    """Draw mu of each layer at random, for pairs of peers (:ref:`protocols-controls`).

    The difference H1 - H2 is drawn uniformly from the range of the layers' differences at this
    exchange.

    Parameters
    ----------
    seed : int
        Seed of the draws; the other parameters are those of ``LayerWise``.
    """

    seed: int = 0

    def all_shares(self, layers: Sequence[Sequence[Tensor]]) -> list[tuple[Tensor | None, Tensor]]:
        """Return H of each layer, and mu from the drawn differences, both of shape (2,).

        Raises
        ------
        SpecError
            If there are not exactly two peers.
        """
        h = [self.information(ws) for ws in layers]
        if any(len(x) != 2 for x in h):
            raise SpecError("random shares are defined for pairs: two peers.")
        differences = [(x[0] - x[1]).item() for x in h]
        drawn = np.random.default_rng(self.seed).uniform(min(differences), max(differences), len(h))
        return [
            (x, torch.sigmoid(self.alpha * x.new_tensor([d, -d])))
            for x, d in zip(h, drawn, strict=True)
        ]


@dataclass(frozen=True)
class Noise:
    """Gaussian noise instead of a peer (PCRec-N of Section 5.2).

    The noise is added to those weights of a matrix whose absolute value is below the matrix's
    median.

    Parameters
    ----------
    sd : float
        Standard deviation of the noise.
    seeds : tuple of int
        One per peer.
    """

    sd: float
    seeds: tuple[int, ...]
    fewest = 1

    def exchange(
        self, parameters: Sequence[Mapping[str, Tensor]], layers: Sequence[Layer]
    ) -> list[Exchange]:
        """Add the noise of each peer's own seed, in the order of the layers."""
        names = [name for layer in layers for name in layer.parameters]
        for p, seed in zip(parameters, self.seeds, strict=True):
            draw = torch.Generator(next(iter(p.values())).device).manual_seed(seed)
            for w in (p[name] for name in names if p[name].dim() >= 2):
                noise = torch.randn(w.shape, generator=draw, dtype=w.dtype, device=w.device)
                w.add_(noise.mul_(self.sd).mul_(w.abs() < median(w.abs())))
        return [Exchange(layer.name, layer.component) for layer in layers]
