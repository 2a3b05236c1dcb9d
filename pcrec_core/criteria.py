"""Information of a layer (Section 3.1): share in the L1 norm (Eq. 1, 2), or entropy (Eq. 3, 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pcrec_core.errors import require_known

#: Whether the largest weight of a layer is counted.
LAST_BINS = ("closed", "open")
#: Weights per chunk, so that the intermediate values of a chunk stay in a core's cache.
_CELLS = 2**16


def l1_share(ws: Sequence[Tensor]) -> Tensor:
    """Compute the share of each peer in the sum of all peers' L1 norms (Eq. 1 and 2).

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


def entropy(w: Tensor, bins: int = 10, last_bin: str = "closed") -> Tensor:
    """Compute the entropy H(W) of a layer's weights over equal-width bins, in nats (Eq. 3 and 4).

    The bins divide [min, max] of the layer's own weights. The last bin is closed, so that every
    weight is counted, or open as in the released code: then the largest weight is in no bin (unless
    rounding lifts the last edge above it), while the probabilities still divide by the number of
    all weights. Empty bins add nothing; a constant layer has entropy 0.

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

    Raises
    ------
    SpecError
        For an unknown ``last_bin``.

    Examples
    --------
    Half of the weights lie in the first bin and half in the last, which gives ln 2.

    >>> entropy(torch.tensor([0.0, 0.0, 1.0, 1.0])).item()
    0.6931471805599453
    """
    w = w.detach().flatten()
    w = w.to(torch.promote_types(w.dtype, torch.float32))  # bfloat16 has too few bits for the bins
    require_known("last_bin", last_bin, LAST_BINS)
    low, high = w.aminmax()
    find_bins = _closed_bins if last_bin == "closed" else _half_open_bins
    bin_of = find_bins(low, high, bins)
    counts = torch.zeros(bins, dtype=torch.int64, device=w.device)
    for chunk in torch.split(w, _CELLS):
        counts += torch.bincount(bin_of(chunk), minlength=bins)[:bins]
    p = counts.double() / w.numel()  # Eq. 3
    h: Tensor = torch.special.entr(p).sum()  # Eq. 4: entr(p) = -p ln p, and 0 at p = 0
    return h


def _closed_bins(low: Tensor, high: Tensor, bins: int) -> Callable[[Tensor], Tensor]:
    """Return a function from weights to their bins, which puts the largest weight in the last."""
    # The weights of a constant layer are all in the first bin.
    width = torch.where(low == high, torch.ones_like(low), high - low)
    return lambda w: ((w - low) / width).mul_(bins).clamp_(max=bins - 1).to(torch.int64)


def _half_open_bins(low: Tensor, high: Tensor, bins: int) -> Callable[[Tensor], Tensor]:
    """Return a function from weights to their bins, or to ``bins`` where a weight is in none.

    The edges have the precision of the weights and are rounded in the released code's order.
    """
    edges = low + torch.arange(bins + 1, dtype=low.dtype, device=low.device) * ((high - low) / bins)
    return lambda w: torch.bucketize(w, edges, right=True) - 1
