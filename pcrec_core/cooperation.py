"""Peers that exchange weights: Section 3.2 of the paper, for any list of equal ``torch.nn.Module``.

Nothing here knows a recommender. A model of your own needs no base class::

    from pcrec_core.cooperation import LayerWise, cooperate

    for epoch in range(epochs):
        for peer in peers:
            ...                                   # train it for an epoch, your way
        cooperate(peers, LayerWise("entropy", alpha=30))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from pcrec_core import criteria
from pcrec_core.errors import SpecError, known
from pcrec_core.layers import Layer, checked, default_layers


class Exchange(NamedTuple):
    """What a cooperation did to one layer, a value a peer: information H, share mu, or the part of its weights that a peer
    kept; None where a rule has no such thing."""

    layer: str
    component: str
    h: tuple[float, ...] | None = None
    mu: tuple[float, ...] | None = None
    kept: tuple[float, ...] | None = None


class Rule(Protocol):
    """How peers exchange weights."""

    #: Peers it needs at least.
    fewest: int

    def exchange(
        self, parameters: Sequence[Mapping[str, Tensor]], layers: Sequence[Layer]
    ) -> list[Exchange]:
        """Change the peers' ``parameters`` in place, and say what was done to each layer."""


class Merging:
    """A rule that gives every peer the same mixture of all (Eq. 8). A subclass has ``shares``: of one layer, given by each
    peer's weights, H (or None) and mu, both of shape (peers,), float64."""

    fewest = 2

    def shares(self, ws: Sequence[Tensor]) -> tuple[Tensor | None, Tensor]:
        """H of a layer, if the rule has one, and mu: (peers,) each, of its weights in each peer."""
        raise NotImplementedError

    def all_shares(self, layers: Sequence[Sequence[Tensor]]) -> list[tuple[Tensor | None, Tensor]]:
        """The shares of every layer."""
        return [self.shares(ws) for ws in layers]

    def exchange(
        self, parameters: Sequence[Mapping[str, Tensor]], layers: Sequence[Layer]
    ) -> list[Exchange]:
        shares = self.all_shares([[p[layer.measured] for p in parameters] for layer in layers])
        for layer, (_, mu) in zip(layers, shares, strict=True):
            for name in layer.parameters:
                _merge([p[name] for p in parameters], mu)
        return [
            Exchange(
                layer.name,
                layer.component,
                None if h is None else tuple(h.tolist()),
                tuple(mu.tolist()),
            )
            for layer, (h, mu) in zip(layers, shares, strict=True)
        ]


@dataclass(frozen=True)
class LayerWise(Merging):
    """Layer-wise cooperation (Section 3.2.2): mu is the softmax of alpha H over the peers, for two the sigmoid of Eq. 9.

    Parameters
    ----------
    criterion : {"entropy", "l1"}
        H of Eq. 4, or the share of Eq. 2.
    alpha : float
        How strongly the layer with more information is preferred; above 0.
    last_bin : {"closed", "open"}
        Whether the largest weight of a layer is counted (``criteria.entropy``); of the entropy.
    """

    criterion: str
    alpha: float
    last_bin: str = "closed"

    def __post_init__(self) -> None:
        known("criterion", self.criterion, ("entropy", "l1"))
        if (
            not 0 < self.alpha <= 1e12
        ):  # with infinity, or what overflows, equal entropies would give NaN
            raise SpecError(
                f"alpha must be above 0 and at most 1e12, not {self.alpha}; for alpha = 0 take Averaging()."
            )

    def information(self, ws: Sequence[Tensor]) -> Tensor:
        """H of a layer in each peer, (peers,)."""
        if self.criterion == "entropy":
            return torch.stack([criteria.entropy(w, last_bin=self.last_bin) for w in ws])
        return criteria.l1_share(ws)

    def shares(self, ws: Sequence[Tensor]) -> tuple[Tensor | None, Tensor]:
        h = self.information(ws)
        return h, torch.softmax(self.alpha * h, dim=0)


@dataclass(frozen=True)
class Averaging(Merging):
    """Plain averaging, mu = 1/n for every layer: a control, and what alpha = 0 would be."""

    def shares(self, ws: Sequence[Tensor]) -> tuple[Tensor | None, Tensor]:
        return None, torch.full((len(ws),), 1 / len(ws), dtype=torch.float64, device=ws[0].device)


@dataclass(frozen=True)
class ParameterWise:
    """Parameter-wise cooperation (Section 3.2.1, Eq. 6 and 7): a weight whose absolute value is too small is replaced by the
    next peer's, in a ring; all read what was there before.

    Parameters
    ----------
    gamma : float, optional
        The threshold of Eq. 7, which a kept weight reaches. Without one it is each matrix's own median absolute value, which
        a kept weight exceeds, as in the released code. Biases and other parameters of one dimension stay.
    """

    gamma: float | None = None
    fewest = 2

    def exchange(
        self, parameters: Sequence[Mapping[str, Tensor]], layers: Sequence[Layer]
    ) -> list[Exchange]:
        done = []
        for layer in layers:
            kept = np.zeros(len(parameters))
            matrices = [name for name in layer.parameters if parameters[0][name].dim() >= 2]
            for name in matrices:
                ws = [p[name] for p in parameters]
                masks = [important(w, self.gamma) for w in ws]
                others = [w.clone() for w in (*ws[1:], ws[0])]
                for w, mask, other in zip(ws, masks, others, strict=True):
                    w.copy_(torch.where(mask, w, other))
                kept += [mask.double().mean().item() / len(matrices) for mask in masks]
            done.append(
                Exchange(layer.name, layer.component, kept=tuple(kept) if matrices else None)
            )
        return done


@dataclass(frozen=True)
class Noise:
    """Gaussian noise, N(0, sd) with standard deviation ``sd``, on the weights of matrices whose absolute value is below the
    matrix's median (PCRec-N of Section 5.2): no peer is needed. ``seeds``: one a peer."""

    sd: float
    seeds: tuple[int, ...]
    fewest = 1

    def exchange(
        self, parameters: Sequence[Mapping[str, Tensor]], layers: Sequence[Layer]
    ) -> list[Exchange]:
        for p, seed in zip(parameters, self.seeds, strict=True):
            draw = torch.Generator(next(iter(p.values())).device).manual_seed(seed)
            for w in (
                p[name] for layer in layers for name in layer.parameters if p[name].dim() >= 2
            ):
                noise = torch.randn(w.shape, generator=draw, dtype=w.dtype, device=w.device).mul_(
                    self.sd
                )
                w.add_(noise.mul_(w.abs() < _median(w.abs())))
        return [Exchange(layer.name, layer.component) for layer in layers]


def _median(x: Tensor) -> Tensor:
    """The mean of the two middle values where their number is even (torch's median is the lower one)."""
    return (x.median() - (-x).median()) / 2


def important(w: Tensor, gamma: float | None = None) -> Tensor:
    """1 - I of Eq. 7: where ``|w|`` is ``gamma`` or more; without one, where it is above the tensor's median, as in the
    released code.

    Examples
    --------
    >>> important(torch.tensor([[0.1, -0.4], [0.3, -0.2]])).tolist()
    [[False, True], [True, False]]
    """
    size = w.abs()
    return size > _median(size) if gamma is None else size >= gamma


@torch.no_grad()
def cooperate(
    peers: Sequence[nn.Module], rule: Rule, layers: Sequence[Layer] | None = None
) -> list[Exchange]:
    """Let the peers exchange weights by a rule (lines 7-12 of Algorithms 1 and 2).

    A merging rule gives every peer the same weights: since the mu of a layer sum to 1 over the peers, Eq. 8 does, and they
    are computed once and copied. Every share is computed, and every check made, before the first weight changes. Optimizer
    states stay, and so do buffers (such as the running means of a BatchNorm): they are no parameters.

    Parameters
    ----------
    peers : sequence of nn.Module
        Two or more (one will do for ``Noise``), equal in names, shapes and types of their parameters. Changed in place.
    rule : Rule
        ``LayerWise``, ``Averaging``, ``ParameterWise``, ``Noise``, or one of your own: most are a subclass of ``Merging``.
    layers : sequence of Layer, optional
        ``default_layers(peers[0])`` if not given. Parameters that no layer names stay as they are.

    Returns
    -------
    list of Exchange
        What was done to every layer, in the order of ``layers``.

    Raises
    ------
    SpecError
        For too few peers, tied, integer or NaN parameters, peers that differ, or a layer that names no parameter.
    """
    layers = default_layers(peers[0]) if layers is None and peers else list(layers or ())
    parameters = checked(
        peers, [name for layer in layers for name in layer.parameters], rule.fewest
    )
    return rule.exchange(parameters, layers)


def _merge(ws: Sequence[Tensor], mu: Tensor) -> None:
    merged, *others = ws
    first, *shares = mu.to(merged.dtype)
    merged.mul_(first)
    for w, share in zip(others, shares, strict=True):
        merged.addcmul_(w, share)
    for w in others:
        w.copy_(merged)
