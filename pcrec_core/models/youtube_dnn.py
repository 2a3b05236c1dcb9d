"""YouTube DNN as the paper's authors released it: the mean of transformed items, softmax over all items."""

from __future__ import annotations

from torch import Tensor, nn

from pcrec_core.layers import Layer
from pcrec_core.models._linear_cross_entropy import linear_cross_entropy
from pcrec_core.models._tables import item_scores, lookup


class YouTubeDNN(nn.Module):
    """Deep neural network of Covington et al. (RecSys 2016) with one hidden layer: it sees which items, not their order.

    Each input is embedded, transformed and rectified; the mean over the real positions is the user. The output layer has a
    bias. First weights are torch's own, so those of the embedding N(0, 1), and zero for padding.

    Parameters
    ----------
    n_items : int
        Items 1..n; id 0 is padding.
    d : int
        Hidden dimension.
    mean : {"real", "all"}
        Over which positions, with padding (whose row is zero at first and gets no gradient) or without.
    """

    def __init__(self, n_items: int, d: int, mean: str = "real") -> None:
        super().__init__()
        self.mean = mean
        self.item = nn.Embedding(n_items + 1, d, padding_idx=0)
        self.hidden = nn.Linear(d, d)
        self.output = nn.Linear(d, n_items + 1)

    def encode(self, inputs: Tensor) -> Tensor:
        """The user after ``inputs`` (batch, length): (batch, d)."""
        if self.mean == "all":
            return self.hidden(lookup(self.item, inputs, frozen=0)).relu().mean(1)
        real = (inputs > 0).unsqueeze(-1)
        return (self.hidden(lookup(self.item, inputs)).relu() * real).sum(1) / real.sum(1).clamp(
            min=1
        )

    def loss(self, rows: Tensor) -> Tensor:
        """Mean cross-entropy of the last item of each of ``rows`` (batch, t) given the items before it."""
        return linear_cross_entropy(
            self.encode(rows[:, :-1]), self.output.weight, self.output.bias, rows[:, -1]
        )

    def scores(self, users: Tensor, inputs: Tensor, out: Tensor | None = None) -> Tensor:
        """Scores (batch, n + 1) of the next item after ``inputs`` (batch, t - 1); ``users`` is not used."""
        return item_scores(self.encode(inputs), self.output.weight, self.output.bias, out)


def layers(model: YouTubeDNN) -> list[Layer]:
    """Item embedding, hidden and output weight; biases follow."""
    return [
        Layer("item", "embedding", "item.weight"),
        Layer("hidden", "middle", "hidden.weight", ("hidden.bias",)),
        Layer("output", "softmax", "output.weight", ("output.bias",)),
    ]
