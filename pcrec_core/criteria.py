"""How much information a layer holds: Section 3.1 of the paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

#: Weights at a time, so that what is computed of them stays in a core's cache.
_CELLS = 2**16


def entropy(w: Tensor, bins: int = 10, last_bin: str = "closed") -> Tensor:
    """Entropy H(W) of a layer's weights over equal-width bins, in nats (Eq. 3 and 4).

    The bins divide [min, max] of the layer's own weights. The last one is closed, so that every weight is counted, or open
    as in the released code: then the largest weight is in no bin (unless rounding lifts the last edge above it), while the
    probabilities are still those of all weights.
    Empty bins add nothing; a constant layer has entropy 0.

    Parameters
    ----------
    w : Tensor
        Weights of any shape, at least one.
    bins : int
        m of Section 3.1.2.
    last_bin : {"closed", "open"}
        Whether the largest weight is counted.

    Returns
    -------
    Tensor
        A float64 scalar on the device of ``w``, between 0 and ln(bins).

    Examples
    --------
    >>> entropy(torch.tensor([0.0, 0.0, 1.0, 1.0])).item()  # half in the first bin, half in the last: ln 2
    0.6931471805599453
    """
    w = w.detach().flatten()
    low, high = w.aminmax()
    places = _scaled(low, high, bins) if last_bin == "closed" else _between_edges(low, high, bins)
    counts = torch.zeros(bins, dtype=torch.int64, device=w.device)
    for part in w.split(_CELLS):
        counts += torch.bincount(places(part), minlength=bins)[:bins]
    p = counts.double() / w.numel()
    return torch.special.entr(p).sum()  # entr(p) = -p ln p, and 0 at p = 0


def _scaled(low: Tensor, high: Tensor, bins: int) -> Callable[[Tensor], Tensor]:
    """The bin of each weight, the largest in the last one."""
    width = torch.where(
        low == high, torch.ones_like(low), high - low
    )  # a constant layer is in the first bin
    return lambda w: ((w - low) / width).mul_(bins).clamp_(max=bins - 1).to(torch.int64)


def _between_edges(low: Tensor, high: Tensor, bins: int) -> Callable[[Tensor], Tensor]:
    """The half-open bin of each weight, by edges in the weights' own precision, in the released code's order of rounding;
    ``bins`` for what is in none."""
    edges = low + torch.arange(bins + 1, dtype=low.dtype, device=low.device) * ((high - low) / bins)
    return lambda w: torch.bucketize(w, edges, right=True) - 1


def l1_share(ws: Sequence[Tensor]) -> Tensor:
    """Share of each peer in the L1 norm that all peers' layers have together (Eq. 1 and 2).

    Parameters
    ----------
    ws : sequence of Tensor
        The same layer of every peer.

    Returns
    -------
    Tensor
        Float64 of shape (peers,), summing to 1; equal shares where all weights are zero.
    """
    norms = torch.stack([w.detach().abs().sum(dtype=torch.float64) for w in ws])
    total = norms.sum()
    return torch.where(total > 0, norms / total, torch.full_like(norms, 1 / len(ws)))
