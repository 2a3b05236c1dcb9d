"""Ensembles of Table 4: the mean of the raw scores of several models."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class ScoreEnsemble(nn.Module):
    """A recommender whose score is the mean of others' scores (Ensemble-M2 and M3; Section 5.2)."""

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        """(batch, n + 1)."""
        return sum(model.scores(users, inputs) for model in self.models) / len(self.models)
