"""The memory that a run needs, estimated before it begins, and what the machine has free.

A process that takes more than is free may be killed without a message. A run that cannot fit is
therefore refused, and the error names the setting to lower.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from pcrec_core import evaluation, free_memory
from pcrec_core.datasets.split import Split
from pcrec_core.errors import TrainingError
from pcrec_core.models import _linear_cross_entropy as softmax
from pcrec_core.models.sasrec import BLOCKS
from pcrec_core.specs.run import RunSpec

_BYTES = 4  # of a float32
#: Tensors of (positions, d) that a block of SASRec, another model, or a row of BPR keeps per batch.
_PER_BLOCK, _PER_ROW = 24, 6
#: Usual values of the settings that decide; the one furthest above its own should be lowered first.
_USUAL = {"d": 128, "t": 100, "batch": 2048, "peers": 2}
#: Least values, where they are not 1.
_LEAST = {"t": 2}


@dataclass(frozen=True)
class Needs:
    """The quantities that decide how much memory a run needs.

    Parameters
    ----------
    model : {"sasrec", "dnn", "bpr"}
    d, t, batch, peers : int
        Settings of the run; ``t`` is 2 for a model that reads no items.
    items, users, actions : int
        Sizes of the data.
    apart : bool
        Whether the peers never exchange, so that the best model of each is kept.
    device : str
        Type of the device.
    """

    model: str
    d: int
    t: int
    batch: int
    peers: int
    items: int
    users: int
    actions: int
    apart: bool
    device: str = "cpu"

    @classmethod
    def of(cls, spec: RunSpec, split: Split, peers: int, device: torch.device) -> Needs:
        """Return the needs of a run of which this process trains ``peers`` peers."""
        model, apart = spec.model, spec.cooperation is None
        sizes = (split.n_items, split.n_users, len(split.items))
        t, batch = model.t or 2, spec.training.batch
        return cls(model.name, model.d, t, batch, peers, *sizes, apart, device.type)

    @property
    def weights(self) -> int:
        """Number of weights of one model, up to biases."""
        if self.model == "bpr":
            return (self.users + self.items + 1) * self.d
        blocks = 6 * BLOCKS if self.model == "sasrec" else 1
        return (self.items + 1) * (2 * self.d + 1) + (self.t + blocks * self.d) * self.d

    @property
    def bytes(self) -> int:
        """Memory in bytes, beyond that of the process before it trains."""
        # Each peer has weights, gradients and two moments of Adam, and one step's new gradients. A
        # checkpoint is a copy of weights, moments and choices, and the final evaluation needs one
        # more model.
        choices = self.peers if self.apart else 1
        models = 5 * self.peers + choices + 1
        checkpoint = 3 * self.peers + choices
        return _BYTES * (self.weights * (models + checkpoint) + self._step + self._data)

    @property
    def _step(self) -> int:
        """Floats of the larger of a training step and a chunk of the ranking."""
        rows = max(evaluation.FEWEST, evaluation.CELLS[self.device] // (self.items + 1))
        ranking = min(rows, self.users) * (self.items + 1)
        if self.model == "bpr":
            return max(ranking, _PER_ROW * 3 * self.batch * self.d)
        # SASRec skips padding, so there are no more positions than actions.
        positions = min(self.batch * (self.t - 1), self.actions)
        rows = softmax.chunk_rows(self.items + 1, torch.device(self.device))
        activations = _PER_ROW * positions * self.d
        if self.model == "sasrec":
            block = _PER_BLOCK * positions * self.d + 4 * positions * self.t
            activations += BLOCKS * block
        return max(ranking, activations + rows * (self.items + 1))

    @property
    def _data(self) -> int:
        """4-byte integers of the training examples and of the inputs and targets to rank."""
        if self.model == "bpr":
            return 24 * self.actions
        return 4 * self.t * self.users + 6 * self.actions


def require_memory(needs: Needs, name: str) -> None:
    """Refuse a run that needs more memory than is free.

    Raises
    ------
    TrainingError
        With the setting to lower, and the largest value that fits.
    """
    free = free_bytes(needs.device)
    if needs.bytes <= free:
        return
    raise TrainingError(
        f"{name} needs about {needs.bytes / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB"
        f" are free; {_advice(needs, free)}."
    )


def lower_first(needs: Needs) -> str:
    """Return which setting to lower where memory ran out in spite of the estimate.

    It is the one that saves the most when it is halved, or brought to its usual value if that is
    less.
    """

    def lowered(name: str) -> Needs:
        least, half = _LEAST.get(name, 1), getattr(needs, name) // 2
        return _with(needs, name, max(least, min(_USUAL[name], half)))

    best = min(_settings(needs), key=lambda name: lowered(name).bytes)
    less = lowered(best)
    return (
        f"lower {best} first: {getattr(less, best)} instead of {getattr(needs, best)} takes"
        f" {1 - less.bytes / needs.bytes:.0%} less"
    )


def _settings(needs: Needs) -> dict[str, int]:
    """Return the settings that decide, the one furthest above its usual value first."""
    found = {name: getattr(needs, name) for name in _USUAL}
    if needs.model == "bpr":
        del found["t"]
    return dict(sorted(found.items(), key=lambda pair: _USUAL[pair[0]] / pair[1]))


def _with(needs: Needs, name: str, value: int) -> Needs:
    changed: dict[str, Any] = {name: value}
    return replace(needs, **changed)


def _advice(needs: Needs, free: int) -> str:
    """Return which setting to lower, and to what."""
    for name, given in _settings(needs).items():
        low, high = _LEAST.get(name, 1), given
        if _with(needs, name, low).bytes > free:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            fits = _with(needs, name, middle).bytes <= free
            low, high = (middle, high) if fits else (low, middle)
        return f"with {name} {low} instead of {given} it fits"
    return f"no smaller setting alone makes {needs.items} items fit: use a machine with more memory"


def free_bytes(device: str = "cpu") -> int:
    """Return the bytes that this process can still allocate on a device."""
    return int(torch.cuda.mem_get_info()[0]) if device == "cuda" else free_memory.free_bytes()
