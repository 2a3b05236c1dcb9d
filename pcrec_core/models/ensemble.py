"""The ensembles of Table 4: the mean of the raw scores of several models."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ScoreEnsemble(nn.Module):
    """Average the scores of several recommenders (Ensemble-M2 and M3; Section 5.2).

    Parameters
    ----------
    models : sequence of nn.Module
        Recommenders with ``scores(users, inputs)``.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        """Return the mean scores of all items, (batch, n + 1)."""
        # nn.Module does not declare the method that every recommender has.
        each = (model.scores(users, inputs) for model in self.models)  # type: ignore[operator]
        return sum(each, start=torch.zeros(())) / len(self.models)
