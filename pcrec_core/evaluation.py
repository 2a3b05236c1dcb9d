"""Full ranking: the rank of every user's target among all items (Section 4.4; PROTOCOLS.md, section 1)."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pcrec_core.datasets.split import Split
from pcrec_core.errors import TrainingError
from pcrec_core.metrics import METRICS, value_by_user
from pcrec_core.specs.run import RunSpec
from pcrec_core.training.precision import products

#: Scores in memory at a time: on a CPU few enough to stay in its cache (float32: 4 MiB), on a GPU enough to keep it busy.
CELLS = {"cpu": 2**20, "cuda": 2**26}
FEWEST = 64  # users at a time, or products are slow


class Ranker:
    """Ranks targets of one split for any model with ``scores(users, inputs)``; what it needs lies on the device once.

    Parameters
    ----------
    split : Split
        Whose users are ranked.
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
        self._targets = {part: self._put(split.targets(part)).long() for part in ("valid", "test")}
        self._inputs = {
            part: self._put(split.histories(part=part, t=t or 2)) for part in ("valid", "test")
        }
        offsets, items = (
            split.seen()
            if hide_seen
            else (np.zeros(split.n_users + 1, np.int64), np.zeros(0, np.int32))
        )
        self._counts, self._seen = self._put(np.diff(offsets)), self._put(items).long()
        self._offsets = offsets

    def _put(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    @torch.no_grad()
    def ranks(self, model: nn.Module, part: str) -> np.ndarray:
        """Rank of each user's target: 1 + the other candidates that score at least as high, so a tie counts against it.

        Parameters
        ----------
        model : nn.Module
            ``scores(users, inputs)`` gives (batch, n + 1); column 0 is padding. If it takes ``out`` too, one buffer holds
            the scores of all batches in turn: pieces of this size that come and go leave the allocator with gigabytes of holes.
        part : {"valid", "test"}
            Whose targets.

        Returns
        -------
        array of int32, shape (users,)

        Raises
        ------
        TrainingError
            If a score is NaN.
        """
        training = model.training
        model.eval()
        users = torch.arange(len(self._targets[part]), device=self._device)
        chunks = users.split(max(FEWEST, CELLS[self._device.type] // (self._n_items + 1)))
        buffer = self._buffer(model, len(chunks[0]))
        with products("float32", self._device):  # whatever precision is set outside
            found = [self._chunk(model, part, rows, buffer) for rows in chunks]
        model.train(training)
        ranks, top = (torch.cat(parts) for parts in zip(*found, strict=True))
        if top.isnan().any():
            raise TrainingError(
                "a score is NaN, so nothing can be ranked: the training diverged; lower the learning rate."
            )
        return ranks.cpu().numpy()

    def _buffer(self, model: nn.Module, users: int) -> Tensor | None:
        if "out" not in inspect.signature(model.scores).parameters:
            return None
        return next(model.parameters()).new_empty(users * (self._n_items + 1))

    def _chunk(
        self, model: nn.Module, part: str, rows: Tensor, buffer: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Ranks, and the best score of each user, which is NaN if one of them is."""
        out = (
            {}
            if buffer is None
            else {"out": buffer[: len(rows) * (self._n_items + 1)].view(-1, len(rows))}
        )
        scores = model.scores(rows, self._inputs[part][rows], **out)
        top = scores.amax(1)
        target = self._targets[part][rows].unsqueeze(1)
        mine = scores.gather(1, target)  # from the same product as the others
        if not self._padding:
            scores[:, 0] = float("-inf")
        self._hide(scores, rows)
        scores.scatter_(1, target, mine)
        return scores.ge_(mine).sum(1).to(
            torch.int32
        ), top  # ones and zeros as floats: a tenth of the time of booleans

    def _hide(self, scores: Tensor, rows: Tensor) -> None:
        first, last = int(rows[0]), int(rows[-1]) + 1
        local = torch.arange(len(rows), device=self._device).repeat_interleave(
            self._counts[first:last]
        )
        scores[local, self._seen[self._offsets[first] : self._offsets[last]]] = float("-inf")


def as_text(ranks: np.ndarray) -> str:
    """Ranks as records keep them."""
    return " ".join(map(str, ranks))


def by_user(split: Split, ranks: np.ndarray) -> dict[str, str]:
    """What a record keeps of every user of the test set: the rank, and whether the target had been met before."""
    return {
        "ranks": as_text(ranks),
        "repeated": "".join(map(str, split.repeated("test").astype(np.int8))),
    }


def summary(ranks: np.ndarray) -> dict[str, float]:
    """Mean over users of each metric that the tables show, rounded to 8 digits after the point.

    Examples
    --------
    >>> summary(np.array([1, 7]))["HIT@5"]
    0.5
    """
    return {name: round(float(value_by_user(ranks, name).mean()), 8) for name in METRICS}


def ranker_of(spec: RunSpec, split: Split, device: torch.device) -> Ranker:
    """The ranking by the run's protocol."""
    bpr = spec.model.name == "bpr"
    hide, padding = (
        spec.lines.hidden == "seen" or not split.repeats,
        spec.lines.candidates == "padding too",
    )
    return Ranker(split, spec.model.t, bpr and hide, device, padding=padding and not bpr)


def facts(split: Split) -> dict[str, Any]:
    """What a result says of its data."""
    return {
        "data": {"fingerprint": split.fingerprint(), "users": split.n_users, "items": split.n_items}
    }
