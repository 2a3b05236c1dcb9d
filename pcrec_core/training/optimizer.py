"""Adam as the peers use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class Adam(torch.optim.Adam):
    """torch's Adam, which a sparse gradient reaches as the dense one it stands for: dense Adam, no lazy one.

    An embedding's dense gradient is almost all zeros, and to make them anew costs more than the step itself. Here it is
    kept from step to step, and only the rows that were touched are cleared.
    """

    def __init__(self, weights: Iterable[Tensor], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(weights, lr=lr, weight_decay=weight_decay, fused=True)
        self._kept: dict[
            Tensor, tuple[Tensor, Tensor]
        ] = {}  # a weight's dense gradient, and its rows that are not zero

    def step(self, closure: Callable | None = None) -> Any:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None and weight.grad.is_sparse:
                    weight.grad = self._dense(weight)
                else:
                    self._kept.pop(weight, None)  # it may be what was kept, with more added to it
        return super().step(closure)

    @torch.no_grad()
    def _dense(self, weight: Tensor) -> Tensor:
        rows, values = weight.grad._indices()[0], weight.grad._values()
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
