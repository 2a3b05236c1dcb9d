"""Adam for models whose embedding tables have sparse gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class Adam(torch.optim.Adam):
    """torch's Adam, with each sparse gradient treated as the dense one that it represents.

    This is dense Adam, not a lazy variant: every row moves in every step. The dense gradient of an
    embedding is almost all zeros, and allocating it again would cost more than the step itself. It
    is kept from step to step, and only the rows of the last batch are cleared.

    Parameters
    ----------
    weights : iterable of Tensor
        Parameters to optimize.
    lr : float
        Learning rate.
    weight_decay : float
        L2 penalty added to the gradient.
    """

    def __init__(self, weights: Iterable[Tensor], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(weights, lr=lr, weight_decay=weight_decay, fused=True)
        # The dense gradient of a weight, and its rows that are not zero.
        self._kept: dict[Tensor, tuple[Tensor, Tensor]] = {}

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Perform one step, as ``torch.optim.Adam`` does."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None and weight.grad.is_sparse:
                    weight.grad = self._dense(weight, weight.grad)
                else:
                    # This gradient may be the kept one, with more added to it.
                    self._kept.pop(weight, None)
        return super().step(closure)

    @torch.no_grad()
    def _dense(self, weight: Tensor, sparse: Tensor) -> Tensor:
        rows, values = sparse._indices()[0], sparse._values()
        if weight in self._kept:
            dense, touched = self._kept[weight]
            if len(touched) < len(dense):
                dense.index_fill_(0, touched, 0)
            else:  # more lookups than rows: a small table
                dense.zero_()
        else:
            dense = torch.zeros_like(weight)
        self._kept[weight] = dense, rows
        return dense.index_add_(0, rows, values)
