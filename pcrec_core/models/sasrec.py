"""SASRec as the paper's authors released it: two post-norm blocks, one head, softmax over items."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pcrec_core.layers import Layer
from pcrec_core.models._attention import Block, attention_mask, padded
from pcrec_core.models._dropout import Dropout
from pcrec_core.models._linear_cross_entropy import linear_cross_entropy
from pcrec_core.models._tables import item_scores, lookup

BLOCKS = 2  # l of Section 4.3


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
        return padded(*self._encode_real(inputs), inputs.shape)

    def _encode_real(self, inputs: Tensor, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Encode the real positions, or all positions if padding takes part.

        Return the representations, (positions, d), and their indices in batch x length.
        """
        flat, padding = inputs.flatten(), self.all_in_loss or self.all_seen
        at = torch.arange(len(flat), device=flat.device) if padding else _real(flat, count)
        items = lookup(self.item, flat[at], frozen=0 if padding else None)
        x = items + self.position(at % inputs.shape[1])
        x, mask = self.dropout(x), attention_mask(inputs, x.dtype, self.all_seen)
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
            Number of real inputs, if known.

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
    """Return the indices of the ids that are not padding; ``count`` is their number, if known."""
    return (flat.nonzero() if count is None else torch.nonzero_static(flat, size=count)).squeeze(1)


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
