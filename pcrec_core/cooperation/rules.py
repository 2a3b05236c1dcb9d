"""The rules of cooperation (Section 3.2; Eq. 6 to 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pcrec_core import criteria
from pcrec_core.cooperation.exchange import Exchange
from pcrec_core.errors import SpecError, require, require_known
from pcrec_core.layers import Layer
from pcrec_core.peers import at_least_float32


@dataclass(frozen=True)
class ParameterWise:
    """Parameter-wise cooperation (Section 3.2.1, Eq. 6 and 7; Algorithm 1).

    A weight whose absolute value is too small is replaced by the next peer's, in a ring; all peers
    read the weights from before the exchange. Biases and other one-dimensional parameters stay.

    Parameters
    ----------
    gamma : float, optional
        The threshold of Eq. 7, which a kept weight reaches. If not given, it is each matrix's own
        median absolute value, which a kept weight exceeds, as in the released code.
    """

    gamma: float | None = None
    fewest = 2

    def __post_init__(self) -> None:
        """Raise ``SpecError`` for a negative threshold, or one that is not a number."""
        require(
            self.gamma is None or self.gamma >= 0, f"gamma must be 0 or more, not {self.gamma}."
        )

    def exchange(
        self, parameters: Sequence[Mapping[str, Tensor]], layers: Sequence[Layer]
    ) -> list[Exchange]:
        """Replace the weights that are not important (Eq. 6), layer by layer."""
        return [
            Exchange(layer.name, layer.component, kept=self._exchange_layer(parameters, layer))
            for layer in layers
        ]

    def _exchange_layer(
        self, parameters: Sequence[Mapping[str, Tensor]], layer: Layer
    ) -> tuple[float, ...] | None:
        """Exchange the matrices of a layer, and return the part that each peer kept of them."""
        matrices = [name for name in layer.parameters if parameters[0][name].dim() >= 2]
        kept = [0] * len(parameters)
        for name in matrices:
            ws = [p[name] for p in parameters]
            masks = [important(w, self.gamma) for w in ws]
            others = [w.clone() for w in (*ws[1:], ws[0])]
            for w, mask, other in zip(ws, masks, others, strict=True):
                w.copy_(torch.where(mask, w, other))
            kept = [count + int(mask.sum()) for count, mask in zip(kept, masks, strict=True)]
        weights = sum(parameters[0][name].numel() for name in matrices)
        return tuple(count / weights for count in kept) if matrices else None


def important(w: Tensor, gamma: float | None = None) -> Tensor:
    """Return 1 - I of Eq. 7: where a peer keeps its weight.

    Parameters
    ----------
    w : Tensor
        Weights of any shape.
    gamma : float, optional
        A weight is kept where ``|w|`` is ``gamma`` or more. If not given, it is kept where ``|w|``
        is above the tensor's median, as in the released code.

    Returns
    -------
    bool Tensor, shape of ``w``

    Examples
    --------
    >>> important(torch.tensor([[0.1, -0.4], [0.3, -0.2]])).tolist()
    [[False, True], [True, False]]
    """
    size = w.abs()
    return size > median(size) if gamma is None else size >= gamma


def median(x: Tensor) -> Tensor:
    """Return the median: for an even number of values, the mean of the middle two."""
    # torch's own median is the lower one of the middle two.
    return (x.median() - (-x).median()) / 2


class Merging:
    """A rule that gives every peer the same weighted mean of all peers' layers (Eq. 8).

    A subclass defines ``shares``, or ``all_shares`` where the layers depend on each other.
    """

    fewest = 2

    def shares(self, ws: Sequence[Tensor]) -> tuple[Tensor | None, Tensor]:
        """Compute H and mu of one layer.

        Parameters
        ----------
        ws : sequence of Tensor
            The measured matrix of the layer in each peer.

        Returns
        -------
        h : Tensor or None
            Information, float64 of shape (peers,), if the rule measures any.
        mu : Tensor
            Shares, float64 of shape (peers,), summing to 1.
        """
        raise NotImplementedError

    def all_shares(self, layers: Sequence[Sequence[Tensor]]) -> list[tuple[Tensor | None, Tensor]]:
        """Compute H and mu of every layer, given its measured matrix in each peer."""
        return [self.shares(ws) for ws in layers]

    def exchange(
        self, parameters: Sequence[Mapping[str, Tensor]], layers: Sequence[Layer]
    ) -> list[Exchange]:
        """Merge the layers of all peers (Eq. 8), after the shares of all layers are computed."""
        shares = self.all_shares([[p[layer.measured] for p in parameters] for layer in layers])
        exchanges = []
        for layer, (h, mu) in zip(layers, shares, strict=True):
            for name in layer.parameters:
                _merge([p[name] for p in parameters], mu)
            h_values = None if h is None else tuple(h.tolist())
            exchanges.append(Exchange(layer.name, layer.component, h_values, tuple(mu.tolist())))
        return exchanges


def _merge(ws: Sequence[Tensor], mu: Tensor) -> None:
    """Set every tensor of ``ws`` to the sum of mu[k] * ws[k] over the peers k (Eq. 8)."""
    merged, *others = (w.to(at_least_float32(w)) for w in ws)
    first, *shares = mu.to(merged.dtype)
    merged.mul_(first)  # in place, unless the weights have fewer bits than float32
    for w, share in zip(others, shares, strict=True):
        merged.addcmul_(w, share)
    for w in ws:
        w.copy_(merged)


@dataclass(frozen=True)
class LayerWise(Merging):
    """Layer-wise cooperation (Section 3.2.2, Eq. 8 and 9; Algorithm 2).

    mu is the softmax of alpha H over the peers, which for two peers is the sigmoid of Eq. 9.

    Parameters
    ----------
    criterion : {"entropy", "l1"}
        H of Eq. 4, or the share of Eq. 2.
    alpha : float
        How strongly the layer with more information is preferred; above 0.
    last_bin : {"closed", "open"}
        Whether the entropy counts the largest weight of a layer (``criteria.entropy``).
    """

    criterion: str
    alpha: float
    last_bin: str = "closed"

    def __post_init__(self) -> None:
        """Raise ``SpecError`` for an unknown criterion or bin, or an alpha out of range."""
        require_known("criterion", self.criterion, ("entropy", "l1"))
        require_known("last_bin", self.last_bin, criteria.LAST_BINS)
        # With an infinite alpha, or a product that overflows, equal entropies would give NaN.
        if not 0 < self.alpha <= 1e12:
            raise SpecError(
                f"alpha must be above 0 and at most 1e12, not {self.alpha}; for alpha = 0 use"
                " Averaging()."
            )

    def information(self, ws: Sequence[Tensor]) -> Tensor:
        """Compute H of a layer in each peer, float64 of shape (peers,)."""
        if self.criterion == "entropy":
            return torch.stack([criteria.entropy(w, last_bin=self.last_bin) for w in ws])
        return criteria.l1_share(ws)

    def shares(self, ws: Sequence[Tensor]) -> tuple[Tensor | None, Tensor]:
        """Compute H by the criterion, and mu from it (Eq. 9)."""
        h = self.information(ws)
        return h, torch.softmax(self.alpha * h, dim=0)


@dataclass(frozen=True)
class Averaging(Merging):
    """Plain averaging, mu = 1/n for every layer: a control, and what alpha = 0 would be."""

    def shares(self, ws: Sequence[Tensor]) -> tuple[Tensor | None, Tensor]:
        """Return no H, and equal shares."""
        return None, torch.full((len(ws),), 1 / len(ws), dtype=torch.float64, device=ws[0].device)
