"""SASRec as the paper's authors released it: two post-norm blocks, one head, softmax over items."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pcrec_core.layers import Layer
from pcrec_core.models._dropout import Dropout
from pcrec_core.models._linear_cross_entropy import linear_cross_entropy
from pcrec_core.models._tables import item_scores, lookup

BLOCKS = 2  # l of Section 4.3


class Block(nn.Module):
    """Causal self-attention with one head, then two point-wise layers.

    Each half is added to its input and normalized. Padding only takes part in the shape of the
    attention; everything else is computed at the real positions alone.

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
            _padded(linear(x), real, mask.shape[:2])
            for linear in (self.query, self.key, self.value)
        )
        scale = x.shape[-1] ** -0.5
        weights = torch.baddbmm(mask, query, key.transpose(1, 2), alpha=scale).softmax(-1)
        attended = (self.dropout(weights) @ value).flatten(0, 1).index_select(0, real)
        x = self.attention_norm(x + attended)
        y = self.dropout(self.outer(self.dropout(self.inner(x).relu())))
        normalized: Tensor = self.forward_norm(x + y)
        return normalized


def _padded(x: Tensor, real: Tensor, shape: torch.Size) -> Tensor:
    """Spread (positions, d) over ``shape`` (batch, length), with zeros at padding."""
    return x.new_zeros(shape[0] * shape[1], x.shape[1]).index_copy_(0, real, x).view(*shape, -1)


class SASRec(nn.Module):
    """Self-attentive sequential recommendation in the variant of the released PCRec code.

    The model is that of Kang and McAuley (ICDM 2018). Embeddings are drawn from a normal
    distribution with mean 0 and standard deviation 0.01, and are not scaled; no LayerNorm follows
    the last block; the output layer is untied and has a bias. Padding is left of the items, masked
    as a key and left out of the loss. As released, positions belong to the slots of a sequence and
    not to its items, and the last of the ``t`` position rows is never used. ``loss`` and
    ``attention`` = "all" let padding take part; its row gets no gradient.

    Parameters
    ----------
    n_items : int
        Number n of items, with ids 1..n; id 0 is padding.
    d : int
        Hidden dimension.
    t : int
        Number of items in a training sequence, including the last target.
    p : float
        Dropout rate, of the embedding sum, the attention weights and after each point-wise layer.
    loss : {"real", "all"}
        Positions that are in the loss.
    attention : {"real", "all"}
        Positions that are seen as keys.
    """

    def __init__(
        self, n_items: int, d: int, t: int, p: float, loss: str = "real", attention: str = "real"
    ) -> None:
        super().__init__()
        self.all_in_loss, self.all_seen = loss == "all", attention == "all"
        self.item = nn.Embedding(n_items + 1, d)
        self.position = nn.Embedding(t, d)
        self.blocks = nn.ModuleList(Block(d, p) for _ in range(BLOCKS))
        self.output = nn.Linear(d, n_items + 1)
        self.dropout = Dropout(p)
        for table in (self.item, self.position):
            # The padding row is drawn too, although it is never looked up.
            nn.init.normal_(table.weight, std=0.01)

    def encode(self, inputs: Tensor) -> Tensor:
        """Return the representation after each input, zero at padding that takes no part.

        Parameters
        ----------
        inputs : Tensor
            Item ids, (batch, length).

        Returns
        -------
        Tensor
            Representations, (batch, length, d).
        """
        return _padded(*self._encode_real(inputs), inputs.shape)

    def _encode_real(self, inputs: Tensor, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Encode the real positions, or all positions if padding takes part.

        Return the representations, (positions, d), and their indices in batch x length.
        """
        flat, padding = inputs.flatten(), self.all_in_loss or self.all_seen
        at = torch.arange(len(flat), device=flat.device) if padding else _real(flat, count)
        items = lookup(self.item, flat[at], frozen=0 if padding else None)
        x = items + self.position(at % inputs.shape[1])
        x, mask = self.dropout(x), _attention_mask(inputs, x.dtype, self.all_seen)
        for block in self.blocks:
            x = block(x, at, mask)
        return x, at

    def loss(self, rows: Tensor, count: int | None = None) -> Tensor:
        """Compute the mean cross-entropy of each item given those before it.

        Parameters
        ----------
        rows : Tensor
            Item ids, (batch, t), padded with 0 on the left.
        count : int, optional
            Number of real inputs, if it is known already.

        Returns
        -------
        Tensor
            Mean over the real positions, a scalar in nats. If all positions are in the loss, those
            of padding count too; their target is the next id, which is mostly 0.
        """
        x, at = self._encode_real(rows[:, :-1], count)
        if self.all_seen and not self.all_in_loss:
            at = _real(rows[:, :-1].flatten(), count)
            x = x[at]
        targets = rows[:, 1:].flatten()[at]
        return linear_cross_entropy(x, self.output.weight, self.output.bias, targets)

    def scores(self, users: Tensor, inputs: Tensor, out: Tensor | None = None) -> Tensor:
        """Return the scores of the next item, (batch, n + 1), after ``inputs`` (batch, t - 1).

        ``users`` is not used. ``out`` is an optional buffer, (n + 1, batch).
        """
        return item_scores(self.encode(inputs)[:, -1], self.output.weight, self.output.bias, out)


def _real(flat: Tensor, count: int | None) -> Tensor:
    """Return the indices of the ids that are not padding; ``count`` of them, if it is known."""
    return (flat.nonzero() if count is None else torch.nonzero_static(flat, size=count)).squeeze(1)


def _attention_mask(inputs: Tensor, dtype: torch.dtype, all_seen: bool) -> Tensor:
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


def layers(model: SASRec, norms: Sequence[str] = ()) -> list[Layer]:
    """Return the 13 weight matrices; biases and LayerNorms follow the matrix before them.

    Parameters
    ----------
    model : SASRec
        Model whose layers are listed.
    norms : sequence of {"attention_norm", "forward_norm"}
        LayerNorms whose weight is measured on its own, as in the released code: the former by
        entropy (15 layers), both by L1 (17 layers).
    """
    found = [Layer(name, "embedding", f"{name}.weight") for name in ("item", "position")]
    for i in range(len(model.blocks)):
        for name in ("query", "key", "value", "attention_norm", "inner", "outer", "forward_norm"):
            at = f"blocks.{i}.{name}"
            if name.endswith("_norm") and name not in norms:
                followers = (*found[-1].followers, f"{at}.weight", f"{at}.bias")
                found[-1] = found[-1]._replace(followers=followers)
            else:
                found.append(Layer(at, "middle", f"{at}.weight", (f"{at}.bias",)))
    return [*found, Layer("output", "softmax", "output.weight", ("output.bias",))]
