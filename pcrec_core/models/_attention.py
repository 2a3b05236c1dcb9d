"""The self-attention block of SASRec, which skips padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pcrec_core.models._dropout import Dropout


class Block(nn.Module):
    """Causal self-attention with one head, then two point-wise layers.

    Each half is added to its input and normalized. Only the attention has padded positions;
    everything else is computed only at the real positions.

    Parameters
    ----------
    d : int
        Hidden dimension.
    p : float
        Dropout rate, of the attention weights and after each point-wise layer.
    """

    def __init__(self, d: int, p: float) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(d, d) for _ in range(3))
        self.attention_norm = nn.LayerNorm(d)
        self.inner, self.outer = nn.Linear(d, d), nn.Linear(d, d)
        self.forward_norm = nn.LayerNorm(d)
        self.dropout = Dropout(p)

    def forward(self, x: Tensor, real: Tensor, mask: Tensor) -> Tensor:
        """Apply the block.

        Parameters
        ----------
        x : Tensor
            Representations of the real positions, (positions, d).
        real : Tensor
            Indices of the real positions in batch x length, (positions,).
        mask : Tensor
            Minus infinity where a query must not see a key, else 0: (batch, length, length).

        Returns
        -------
        Tensor
            New representations, (positions, d).
        """
        query, key, value = (
            padded(linear(x), real, mask.shape[:2]) for linear in (self.query, self.key, self.value)
        )
        scale = x.shape[-1] ** -0.5
        weights = torch.baddbmm(mask, query, key.transpose(1, 2), alpha=scale).softmax(-1)
        attended = (self.dropout(weights) @ value).flatten(0, 1).index_select(0, real)
        x = self.attention_norm(x + attended)
        y = self.dropout(self.outer(self.dropout(self.inner(x).relu())))
        normalized: Tensor = self.forward_norm(x + y)
        return normalized


def padded(x: Tensor, real: Tensor, shape: torch.Size) -> Tensor:
    """Spread (positions, d) over ``shape`` (batch, length), with zeros at padding."""
    return x.new_zeros(shape[0] * shape[1], x.shape[1]).index_copy_(0, real, x).view(*shape, -1)


def attention_mask(inputs: Tensor, dtype: torch.dtype, all_seen: bool) -> Tensor:
    """Return minus infinity where a query must not see a key, else 0: (batch, length, length)."""
    length, device = inputs.shape[1], inputs.device
    hidden = torch.ones(length, length, dtype=torch.bool, device=device).triu(1)  # later keys
    if not all_seen:
        padding = (inputs == 0).unsqueeze(1)  # (batch, 1, length)
        # A query always sees itself: one at padding would see nothing else and give NaN.
        itself = torch.eye(length, dtype=torch.bool, device=device)
        hidden = hidden | (padding & ~itself)
    mask = torch.zeros(len(inputs), length, length, dtype=dtype, device=device)
    return mask.masked_fill_(hidden, float("-inf"))
