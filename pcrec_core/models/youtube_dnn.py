"""YouTube DNN as the paper's authors released it: a mean of hidden items, softmax over all."""

from __future__ import annotations

from torch import Tensor, nn

from pcrec_core.layers import Layer
from pcrec_core.models._linear_cross_entropy import linear_cross_entropy
from pcrec_core.models._tables import item_scores, lookup


class YouTubeDNN(nn.Module):
    """Deep neural network of Covington et al. (RecSys 2016) with one hidden layer.

    Each input is embedded, transformed and rectified; the mean over the real positions represents
    the user, so the order of the inputs has no influence. The output layer has a bias. Initial
    weights are torch's defaults: an embedding is drawn from N(0, 1), and that of padding is zero.

    Parameters
    ----------
    n_items : int
        Number n of items, with ids 1..n; id 0 is padding.
    d : int
        Hidden dimension.
    mean : {"real", "all"}
        Positions of the mean: without padding, or with it. The row of padding is zero at first and
        gets no gradient.
    """

    def __init__(self, n_items: int, d: int, mean: str = "real") -> None:
        super().__init__()
        self.mean = mean
        self.item = nn.Embedding(n_items + 1, d, padding_idx=0)
        self.hidden = nn.Linear(d, d)
        self.output = nn.Linear(d, n_items + 1)

    def encode(self, inputs: Tensor) -> Tensor:
        """Return the representation (batch, d) of a user after ``inputs`` (batch, length)."""
        if self.mean == "all":
            return self._activations(inputs, frozen=0).mean(1)
        real = (inputs > 0).unsqueeze(-1)
        return (self._activations(inputs) * real).sum(1) / real.sum(1).clamp(min=1)

    def _activations(self, inputs: Tensor, frozen: int | None = None) -> Tensor:
        hidden: Tensor = self.hidden(lookup(self.item, inputs, frozen=frozen))
        return hidden.relu()

    def loss(self, rows: Tensor) -> Tensor:
        """Compute the mean cross-entropy of the last item of each row, given those before it.

        Parameters
        ----------
        rows : Tensor
            Item ids, (batch, t), padded with 0 on the left.

        Returns
        -------
        Tensor
            Mean over the rows, a scalar in nats.
        """
        return linear_cross_entropy(
            self.encode(rows[:, :-1]), self.output.weight, self.output.bias, rows[:, -1]
        )

    def scores(self, users: Tensor, inputs: Tensor, out: Tensor | None = None) -> Tensor:
        """Return the scores of the next item, (batch, n + 1), after ``inputs`` (batch, t - 1).

        ``users`` is not used. ``out`` is an optional buffer, (n + 1, batch).
        """
        return item_scores(self.encode(inputs), self.output.weight, self.output.bias, out)


def layers(model: YouTubeDNN) -> list[Layer]:
    """Return the three layers: item embedding, hidden and output weight, each with its bias."""
    return [
        Layer("item", "embedding", "item.weight"),
        Layer("hidden", "middle", "hidden.weight", ("hidden.bias",)),
        Layer("output", "softmax", "output.weight", ("output.bias",)),
    ]
