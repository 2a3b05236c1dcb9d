"""Where a model meets its large tables of items and users: rows looked up, and scores of all."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def lookup(table: nn.Embedding, ids: Tensor, frozen: int | None = None) -> Tensor:
    """``table(ids)`` with a gradient that is sparse: a batch touches few rows. ``optimizer.Adam`` takes it as a dense one.

    ``frozen`` is a row that gets no gradient.

    Returns
    -------
    Tensor
        (*ids.shape, d).
    """
    return F.embedding(ids, table.weight, frozen, sparse=True)


def item_scores(x: Tensor, w: Tensor, b: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """``F.linear(x, w, b)``, with the items along the rows in memory: on a CPU twice as fast where there are many.

    Parameters
    ----------
    x : Tensor
        (rows, d) representations.
    w, b : Tensor
        (items, d) and (items,), the output layer; ``b`` None adds nothing.
    out : Tensor, optional
        (items, rows): where the products are written.

    Returns
    -------
    Tensor
        (rows, items), a transposed view.
    """
    if b is None:
        return torch.mm(w, x.t(), out=out).t()
    return torch.addmm(b.unsqueeze(1), w, x.t(), out=out).t()
