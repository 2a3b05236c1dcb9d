"""SASRec as the paper's authors released it: two post-norm blocks, one head, softmax over all items."""

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
    """Causal self-attention with one head, then two point-wise layers; each half is added to its input and normalised.

    Padding takes part in nothing but the shape of the attention: all else works on the real positions alone.
    """

    def __init__(self, d: int, p: float) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(d, d) for _ in range(3))
        self.attention_norm = nn.LayerNorm(d)
        self.inner, self.outer = nn.Linear(d, d), nn.Linear(d, d)
        self.forward_norm = nn.LayerNorm(d)
        self.dropout = Dropout(p)

    def forward(self, x: Tensor, real: Tensor, hidden: Tensor) -> Tensor:
        """``x``: (positions, d), the real ones; ``real``: (positions,), their places in batch x length; ``hidden``: (batch,
        length, length), minus infinity where a query must not see a key, else 0."""
        query, key, value = (
            _padded(linear(x), real, hidden.shape[:2])
            for linear in (self.query, self.key, self.value)
        )
        weights = torch.baddbmm(
            hidden, query, key.transpose(1, 2), alpha=x.shape[-1] ** -0.5
        ).softmax(-1)
        seen = (self.dropout(weights) @ value).flatten(0, 1).index_select(0, real)
        x = self.attention_norm(x + seen)
        y = self.dropout(self.outer(self.dropout(self.inner(x).relu())))
        return self.forward_norm(x + y)


def _padded(x: Tensor, real: Tensor, shape: tuple[int, int]) -> Tensor:
    """(positions, d) to (batch, length, d), zero at padding."""
    return x.new_zeros(shape[0] * shape[1], x.shape[1]).index_copy_(0, real, x).view(*shape, -1)


class SASRec(nn.Module):
    """Self-attentive sequential recommendation (Kang and McAuley, ICDM 2018) in the variant of the released PCRec code.

    Embeddings are N(0, 0.01) (standard deviation) and not scaled; there is no LayerNorm after the last block; the output
    layer is untied, with bias. Padding is left of the items, masked as a key and left out of the loss. Piece slots, not
    items, carry positions, and the last of the ``t`` position rows is never used: both as released. ``loss`` and
    ``attention`` = "all" bring padding back; its row gets no gradient.

    Parameters
    ----------
    n_items : int
        Items 1..n; id 0 is padding.
    d : int
        Hidden dimension.
    t : int
        Items in a training piece, target counted.
    p : float
        Dropout rate, on the embedding sum, the attention weights, and after each point-wise layer.
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
            nn.init.normal_(
                table.weight, std=0.01
            )  # the padding row too: it is drawn, then never looked up

    def encode(self, inputs: Tensor) -> Tensor:
        """Representation after each input, zero at padding that takes no part: (batch, length) ids to (batch, length, d)."""
        return _padded(*self._encode_real(inputs), inputs.shape)

    def _encode_real(self, inputs: Tensor, count: int | None = None) -> tuple[Tensor, Tensor]:
        """The same of the real positions alone, (positions, d), and their places in batch x length; of all positions where
        padding takes part."""
        flat, padding = inputs.flatten(), self.all_in_loss or self.all_seen
        at = torch.arange(len(flat), device=flat.device) if padding else _real(flat, count)
        x = lookup(self.item, flat[at], frozen=0 if padding else None) + self.position(
            at % inputs.shape[1]
        )
        x, hidden = self.dropout(x), _hidden(inputs, x.dtype, self.all_seen)
        for block in self.blocks:
            x = block(x, at, hidden)
        return x, at

    def loss(self, rows: Tensor, count: int | None = None) -> Tensor:
        """Mean cross-entropy over the real positions of ``rows`` (batch, t): each item predicted from those before it.

        With all positions in the loss, that of padding too: what it is to predict is the next id, which is mostly 0.

        ``count``: how many inputs are real, if that is known already.
        """
        x, at = self._encode_real(rows[:, :-1], count)
        if self.all_seen and not self.all_in_loss:
            at = _real(rows[:, :-1].flatten(), count)
            x = x[at]
        return linear_cross_entropy(
            x, self.output.weight, self.output.bias, rows[:, 1:].flatten()[at]
        )

    def scores(self, users: Tensor, inputs: Tensor, out: Tensor | None = None) -> Tensor:
        """Scores (batch, n + 1) of the next item after ``inputs`` (batch, t - 1); ``users`` is not used."""
        return item_scores(self.encode(inputs)[:, -1], self.output.weight, self.output.bias, out)


def _real(flat: Tensor, count: int | None) -> Tensor:
    """Where the ids are no padding; ``count`` of them, if that is known."""
    return (flat.nonzero() if count is None else torch.nonzero_static(flat, size=count)).squeeze(1)


def _hidden(inputs: Tensor, dtype: torch.dtype, all_seen: bool) -> Tensor:
    """Minus infinity where a query must not see a key, else 0: (batch, length, length)."""
    length = inputs.shape[1]
    later = torch.ones(length, length, dtype=torch.bool, device=inputs.device).triu(1)
    if all_seen:
        return torch.zeros(
            len(inputs), length, length, dtype=dtype, device=inputs.device
        ).masked_fill_(later, float("-inf"))
    padding = (inputs == 0).unsqueeze(1)  # (batch, 1, length)
    itself = torch.eye(
        length, dtype=torch.bool, device=inputs.device
    )  # or a padded query would see nothing: NaN
    hidden = torch.zeros(len(inputs), length, length, dtype=dtype, device=inputs.device)
    return hidden.masked_fill_(later | (padding & ~itself), float("-inf"))


def layers(model: SASRec, norms: Sequence[str] = ()) -> list[Layer]:
    """The 13 weight matrices; biases and both LayerNorms follow the matrix before them.

    ``norms`` names the LayerNorms, of ``attention_norm`` and ``forward_norm``, whose weight is measured on its own, as in
    the released code: the former by entropy (15 layers), both by L1 (17).
    """
    found = [Layer(name, "embedding", f"{name}.weight") for name in ("item", "position")]
    for i in range(len(model.blocks)):
        for name in ("query", "key", "value", "attention_norm", "inner", "outer", "forward_norm"):
            at = f"blocks.{i}.{name}"
            if name.endswith("_norm") and name not in norms:
                found[-1] = found[-1]._replace(
                    followers=(*found[-1].followers, f"{at}.weight", f"{at}.bias")
                )
            else:
                found.append(Layer(at, "middle", f"{at}.weight", (f"{at}.bias",)))
    return [*found, Layer("output", "softmax", "output.weight", ("output.bias",))]
