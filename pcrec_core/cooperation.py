"""Peers that exchange weights: Section 3.2 of the paper, for any list of equal ``torch.nn.Module``.

Nothing here knows a recommender. A model of your own needs no base class::

    from pcrec_core.cooperation import LayerWise, cooperate

    for epoch in range(epochs):
        for peer in peers:
            ...                                   # train it for an epoch, your way
        cooperate(peers, LayerWise("entropy", alpha=30))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from pcrec_core import criteria
from pcrec_core.errors import SpecError, unknown


class Layer(NamedTuple):
    """A layer: parameters that share one mu. ``measured`` names the weight matrix whose information counts, ``followers``
    the bias and normalization terms that "share the same mu" (Section 3.3)."""

    name: str
    component: str
    measured: str
    followers: tuple[str, ...] = ()


class Exchange(NamedTuple):
    """What a cooperation did to one layer: information H and share mu of each peer (H is None for averaging)."""

    layer: str
    component: str
    h: tuple[float, ...] | None
    mu: tuple[float, ...]


class Rule(Protocol):
    """Anything that gives a layer's shares: H (or None) and mu, both of shape (peers,), float64."""

    def shares(self, ws: Sequence[Tensor]) -> tuple[Tensor | None, Tensor]: ...


@dataclass(frozen=True)
class LayerWise:
    """Layer-wise cooperation (Section 3.2.2): mu is the softmax of alpha H over the peers, for two the sigmoid of Eq. 9.

    Parameters
    ----------
    criterion : {"entropy", "l1"}
        H of Eq. 4, or the share of Eq. 2.
    alpha : float
        How strongly the layer with more information is preferred; above 0.
    """

    criterion: str
    alpha: float

    def __post_init__(self) -> None:
        if self.criterion not in ("entropy", "l1"):
            raise SpecError(unknown("criterion", self.criterion, ("entropy", "l1")))
        if not 0 < self.alpha < float("inf"):  # infinity times an equal H would be NaN
            raise SpecError(f"alpha must be a finite number above 0, not {self.alpha}; for alpha = 0 take Averaging().")

    def shares(self, ws: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        if self.criterion == "entropy":
            h = torch.stack([criteria.entropy(w) for w in ws])
        else:
            h = criteria.l1_share(ws)
        return h, torch.softmax(self.alpha * h, dim=0)


@dataclass(frozen=True)
class Averaging:
    """Plain averaging, mu = 1/n for every layer: a control, and what alpha = 0 would be."""

    def shares(self, ws: Sequence[Tensor]) -> tuple[None, Tensor]:
        return None, torch.full((len(ws),), 1 / len(ws), dtype=torch.float64, device=ws[0].device)


def default_layers(model: nn.Module) -> list[Layer]:
    """A layer rule for any module: a parameter with two or more dimensions opens a layer, one-dimensional ones follow.

    Parameters before the first matrix follow the first one. The component is the name of the top-level child.

    Raises
    ------
    SpecError
        If no parameter has two or more dimensions.
    """
    opened: list[tuple[str, list[str]]] = []
    early: list[str] = []
    for name, parameter in model.named_parameters():
        if parameter.dim() >= 2:
            opened.append((name, early))
            early = []
        else:
            (opened[-1][1] if opened else early).append(name)
    if not opened:
        raise SpecError(f"{type(model).__name__} has no parameter with two or more dimensions, so it has no layer.")
    return [Layer(name.removesuffix(".weight"), name.split(".")[0], name, tuple(follow)) for name, follow in opened]


@torch.no_grad()
def cooperate(peers: Sequence[nn.Module], rule: Rule, layers: Sequence[Layer] | None = None) -> list[Exchange]:
    """Merge the peers' layers and give every peer the merged weights (Eq. 5, 8 and 9; lines 7-12 of Algorithm 2).

    Since the mu of a layer sum to 1 over the peers, Eq. 8 gives every peer the same weights: they are computed once and
    copied. Every share is computed, and every check made, before the first weight changes. Optimizer states stay, and so
    do buffers (such as the running means of a BatchNorm): they are no parameters.

    Parameters
    ----------
    peers : sequence of nn.Module
        Two or more, equal in names, shapes and types of their parameters. Changed in place.
    rule : Rule
        ``LayerWise`` or ``Averaging``.
    layers : sequence of Layer, optional
        ``default_layers(peers[0])`` if not given. Parameters that no layer names stay as they are.

    Returns
    -------
    list of Exchange
        H and mu of every layer, in the order of ``layers``.

    Raises
    ------
    SpecError
        For fewer than two peers, tied, integer or NaN parameters, peers that differ, or a layer that names no parameter.
    """
    layers = default_layers(peers[0]) if layers is None and peers else list(layers or ())
    parameters = _checked(peers, layers)
    shares = [rule.shares([p[layer.measured] for p in parameters]) for layer in layers]
    for layer, (_, mu) in zip(layers, shares, strict=True):
        for name in (layer.measured, *layer.followers):
            _merge([p[name] for p in parameters], mu)
    return [_exchange(layer, h, mu) for layer, (h, mu) in zip(layers, shares, strict=True)]


def _merge(ws: Sequence[Tensor], mu: Tensor) -> None:
    merged, *others = ws
    first, *shares = mu.to(merged.dtype)
    merged.mul_(first)
    for w, share in zip(others, shares, strict=True):
        merged.addcmul_(w, share)
    for w in others:
        w.copy_(merged)


def _exchange(layer: Layer, h: Tensor | None, mu: Tensor) -> Exchange:
    return Exchange(layer.name, layer.component, None if h is None else tuple(h.tolist()), tuple(mu.tolist()))


def _checked(peers: Sequence[nn.Module], layers: Sequence[Layer]) -> list[dict[str, Tensor]]:
    """Parameters by name of each peer, after every reason to refuse."""
    if len(peers) < 2:
        raise SpecError(f"cooperation needs two or more peers, not {len(peers)}.")
    parameters = [dict(peer.named_parameters(remove_duplicate=False)) for peer in peers]
    _refuse_ties(parameters)
    _refuse_differences(parameters)
    named = [name for layer in layers for name in (layer.measured, *layer.followers)]
    for name in named:
        if name not in parameters[0]:
            raise SpecError(unknown("parameter in the list of layers", name, parameters[0]))
        if named.count(name) > 1:
            raise SpecError(f"parameter {name!r} stands in two layers; it can share one mu only.")
        for k, p in enumerate(parameters):
            _refuse_values(name, k, p[name])
    return parameters


def _refuse_ties(parameters: list[dict[str, Tensor]]) -> None:
    owners: dict[int, str] = {}
    for k, peer in enumerate(parameters):
        for name, w in peer.items():
            first = owners.setdefault(w.data_ptr() if w.numel() else id(w), f"{name!r} of peer {k}")
            if first != f"{name!r} of peer {k}":
                raise SpecError(f"{name!r} of peer {k} is tied to {first}: one tensor would be merged twice; untie them.")


def _refuse_differences(parameters: list[dict[str, Tensor]]) -> None:
    first = {name: (tuple(w.shape), w.dtype) for name, w in parameters[0].items()}
    for k, peer in enumerate(parameters[1:], start=1):
        for name in first.keys() ^ peer.keys():
            raise SpecError(f"parameter {name!r} is in peer 0 or in peer {k}, not in both: peers share one architecture.")
        for name, w in peer.items():
            if (tuple(w.shape), w.dtype) != first[name]:
                raise SpecError(f"parameter {name!r} is {first[name]} in peer 0 and {(tuple(w.shape), w.dtype)} in peer {k}:"
                                " peers share one architecture.")


def _refuse_values(name: str, k: int, w: Tensor) -> None:
    if not w.is_floating_point():
        raise SpecError(f"parameter {name!r} holds {w.dtype}, which cannot be merged: leave it out of the layers.")
    if w.numel() and not torch.stack(w.aminmax()).isfinite().all():  # a NaN is both smallest and largest
        raise SpecError(f"parameter {name!r} of peer {k} holds NaN or infinity: nothing was exchanged.")
