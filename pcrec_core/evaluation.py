"""Full ranking (Section 4.4): the rank of every user's target among all items.

What counts as a candidate, and how ties are ranked, is in :ref:`protocols-common`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pcrec_core.datasets.split import Split
from pcrec_core.errors import SpecError, TrainingError, require_known
from pcrec_core.metrics import METRICS, value_by_user
from pcrec_core.specs.run import RunSpec
from pcrec_core.training.precision import products

#: Scores in memory at a time, by device: on a CPU few enough to stay in its cache (float32: 4 MiB),
#: on a GPU enough to keep it busy.
CELLS = {"cpu": 2**20, "cuda": 2**26}
#: Whose targets are ranked.
PARTS = ("valid", "test")
#: Users per chunk at least, because products of fewer rows are slow.
FEWEST = 64


class Ranker:
    """Rank the targets of one split for any model with a method ``scores(users, inputs)``.

    The inputs, targets and hidden items are copied to the device once.

    Parameters
    ----------
    split : Split
        The data whose users are ranked.
    t : int or None
        The model reads the last t - 1 items before the target; None where it reads none (BPR).
    hide_seen : bool
        Leave a user's training items out of the candidates. The target is always a candidate.
    device : torch.device
        Where the scores are computed.
    padding : bool
        Whether the padding id is a candidate too.
    """

    def __init__(
        self,
        split: Split,
        t: int | None,
        hide_seen: bool,
        device: torch.device,
        padding: bool = False,
    ) -> None:
        self._n_items, self._device, self._padding = split.n_items, device, padding
        self._targets = {part: self._put(split.targets(part)).long() for part in PARTS}
        self._inputs = {part: self._put(split.histories(part=part, t=t or 2)) for part in PARTS}
        if hide_seen:
            self._offsets, items = split.seen()
        else:
            self._offsets, items = np.zeros(split.n_users + 1, np.int64), np.zeros(0, np.int32)
        self._counts, self._seen = self._put(np.diff(self._offsets)), self._put(items).long()

    def _put(self, array: NDArray[np.integer[Any]]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    @torch.no_grad()
    def ranks(self, model: nn.Module, part: str) -> NDArray[np.int32]:
        """Compute the rank of each user's target.

        The rank is 1 + the number of other candidates that score at least as high, so a tie counts
        against the target.

        Parameters
        ----------
        model : nn.Module
            ``scores(users, inputs)`` returns (batch, n + 1); column 0 is padding. If it takes
            ``out`` too, one buffer holds the scores of all batches in turn: allocating and freeing
            tensors of this size leaves gigabytes of holes in the allocator's memory.
        part : {"valid", "test"}
            Which targets to rank.

        Returns
        -------
        array of int32, shape (users,)

        Raises
        ------
        SpecError
            For an unknown part, and for a model on another device or whose scores do not fit.
        TrainingError
            If a score is NaN.
        """
        require_known("part", part, PARTS)
        _refuse_model(model, self._counts.device)
        users = torch.arange(len(self._targets[part]), device=self._device)
        size = max(FEWEST, CELLS[self._device.type] // (self._n_items + 1))
        chunks = torch.split(users, size)
        buffer = self._buffer(model, len(chunks[0]))
        # float32 whatever precision is set outside
        with _evaluating(model), products("float32", self._device):
            pairs = [self._rank_chunk(model, part, rows, buffer) for rows in chunks]
        ranks, top = (torch.cat(tensors) for tensors in zip(*pairs, strict=True))
        if top.isnan().any():
            raise TrainingError(
                "a score is NaN, so nothing can be ranked: the training diverged; lower the"
                " learning rate."
            )
        return cast(NDArray[np.int32], ranks.cpu().numpy())

    def _buffer(self, model: nn.Module, users: int) -> Tensor | None:
        """Allocate the scores of ``users`` users for a model that takes a buffer."""
        if "out" not in inspect.signature(_scores_of(model)).parameters:
            return None
        return next(model.parameters()).new_empty(users * (self._n_items + 1))

    def _rank_chunk(
        self, model: nn.Module, part: str, rows: Tensor, buffer: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the ranks and the best score of each user, which is NaN if any score is."""
        inputs, target = self._inputs[part][rows], self._targets[part][rows].unsqueeze(1)
        if buffer is None:
            scores = _scores_of(model)(rows, inputs)
        else:
            out = buffer[: len(rows) * (self._n_items + 1)].view(-1, len(rows))
            scores = _scores_of(model)(rows, inputs, out=out)
        _refuse_scores(scores, (len(rows), self._n_items + 1), self._counts.device)
        top = scores.amax(1)
        own = scores.gather(1, target)  # from the same product as the others
        # NaN is no candidate: it is not at least as high as anything, not even as minus infinity
        if not self._padding:
            scores[:, 0] = float("nan")
        self._hide_seen(scores, rows)
        scores.scatter_(1, target, own)
        # Ones and zeros as floats take a tenth of the time of booleans.
        return scores.ge_(own).sum(1).to(torch.int32), top

    def _hide_seen(self, scores: Tensor, rows: Tensor) -> None:
        first, last = int(rows[0]), int(rows[-1]) + 1
        counts = self._counts[first:last]
        users = torch.arange(len(rows), device=self._device).repeat_interleave(counts)
        items = self._seen[self._offsets[first] : self._offsets[last]]
        scores[users, items] = float("nan")


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model into evaluation mode, and each of its modules back into its own mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _refuse_model(model: nn.Module, device: torch.device) -> None:
    if not callable(getattr(model, "scores", None)):
        raise SpecError(f"{type(model).__name__} has no method scores(users, inputs) to rank by.")
    found = next((w.device for w in model.parameters()), device)
    if found != device:
        raise SpecError(f"the model is on {found}, the ranker on {device}: move one of them.")


def _refuse_scores(scores: Tensor, shape: tuple[int, int], device: torch.device) -> None:
    if (*scores.shape, scores.device) != (*shape, device) or not scores.is_floating_point():
        raise SpecError(
            f"scores must be floats of shape {shape} on {device}, with column 0 for the padding id"
            f" and one column per item; the model returned {scores.dtype} of shape"
            f" {tuple(scores.shape)} on {scores.device}."
        )


def _scores_of(model: nn.Module) -> Callable[..., Tensor]:
    """Return the method ``scores``, which ``nn.Module`` types as a parameter or a child."""
    return cast(Callable[..., Tensor], model.scores)


def ranker_of(spec: RunSpec, split: Split, device: torch.device) -> Ranker:
    """Return the ranker that the run's protocol demands."""
    bpr = spec.model.name == "bpr"
    hide_seen = bpr and (spec.options.hidden == "seen" or not split.repeats)
    padding = not bpr and spec.options.candidates == "padding too"
    return Ranker(split, spec.model.t, hide_seen, device, padding)


def summary(ranks: NDArray[np.integer[Any]]) -> dict[str, float]:
    """Compute the mean over users of each metric of the tables, rounded to 8 decimal places.

    Examples
    --------
    >>> summary(np.array([1, 7]))["HIT@5"]
    0.5
    """
    return {name: round(float(value_by_user(ranks, name).mean()), 8) for name in METRICS}
