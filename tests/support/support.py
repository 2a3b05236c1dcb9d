"""Small splits, models and scorers with a known answer, which the tests of training share."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pcrec_core.datasets.split import Split
from pcrec_core.specs.run import Cooperation, Data, Model, RunSpec, Training
from pcrec_core.trainer import Trainer
from pcrec_core.training.checkpoints import Checkpoint
from pcrec_core.training.outcome import Outcome

# Tensors are tiny here, so more threads only wait for each other. Results are equal to the bit at
# equal numbers of threads.
torch.set_num_threads(1)

CPU = torch.device("cpu")
NOWHERE = Checkpoint(None, "")


def split_of(histories: Sequence[Sequence[int]], repeats: bool = False) -> Split:
    """Return a split with one history per user: training items, then validation, then test item."""
    offsets = np.concatenate([[0], np.cumsum([len(h) for h in histories])]).astype(np.int64)
    items = np.concatenate(histories).astype(np.int32)
    return Split("made-up", len(histories), int(items.max()), repeats, items, offsets)


def two_rings(size: int = 8, users: int = 48, length: int = 7) -> Split:
    """Return histories of ``length`` < ``size`` steps along one of two rings of items.

    The rings are 1..size and size + 1..2 size. The target is predictable: for a model that sees the
    order it is the next item of the ring, and for one that does not, an item of the user's own ring
    that is not in training.
    """

    def history(u: int) -> list[int]:
        return [1 + u % 2 * size + (u // 2 + step) % size for step in range(length)]

    return split_of([history(u) for u in range(users)])


_MODELS = {"sasrec": {"d": 16, "t": 5, "p": 0.1}, "dnn": {"d": 16, "t": 4}, "bpr": {"d": 16}}


def spec_of(
    model: str = "sasrec",
    *,
    peers: int = 1,
    cooperation: Cooperation | None = None,
    seed: int = 0,
    epochs: int = 3,
    batch: int = 16,
    eta: float = 0.01,
    l2: float = 0.0,
    schedule: str = "cosine",
    **given: Any,
) -> RunSpec:
    """Return the spec of a small run; ``given`` are fields of ``Model``."""
    fields = Model(model, **(_MODELS[model] | given))
    training = Training(epochs, batch, eta, l2, schedule)
    return RunSpec(Data("synthetic"), fields, training, peers, cooperation, seed=seed)


LAYERWISE = Cooperation("layerwise", "entropy", 30)
AVERAGING = Cooperation("averaging")


def fit(spec: RunSpec, split: Split, checkpoint: Checkpoint = NOWHERE) -> tuple[Trainer, Outcome]:
    """Train a run on the CPU, by default without a checkpoint."""
    trainer = Trainer(spec, split, CPU)
    return trainer, trainer.fit(checkpoint)


def digest(result: Any) -> str:
    """Hash a result, so that a change of one bit of any number changes the hash."""
    return hashlib.sha256(json.dumps(result, sort_keys=True, allow_nan=False).encode()).hexdigest()


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Copy the state of a model."""
    return {name: w.detach().clone() for name, w in model.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Check whether two states are equal to the bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class TableOfScores(nn.Module):
    """A recommender with given scores: row u of ``table`` (users, n + 1) has those of user u."""

    def __init__(self, table: Iterable[Iterable[float]]) -> None:
        super().__init__()
        self.table = torch.as_tensor(np.asarray(table), dtype=torch.float32)
        self.asked: list[tuple[Tensor, Tensor]] = []

    def scores(self, users: Tensor, inputs: Tensor) -> Tensor:
        self.asked.append((users.clone(), inputs.clone()))
        return self.table[users].clone()


class Plain(nn.Module):
    """A model with no base class of the package, a raw parameter, norms, and a buffer."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(width))
        self.table = nn.Embedding(9, width)
        self.body = nn.Sequential(nn.Linear(width, 5), nn.LayerNorm(5), nn.ReLU(), nn.Linear(5, 4))
        self.head = nn.Parameter(torch.randn(4, 3))
        self.register_buffer("seen", torch.rand(2, 2))

    def forward(self, ids: Tensor) -> Tensor:
        return self.body(self.table(ids) * self.scale) @ self.head


def peers_of(
    n: int, kind: type[nn.Module] = Plain, dtype: torch.dtype = torch.float64
) -> list[nn.Module]:
    """Return ``n`` peers whose weights all differ, the one-dimensional ones too."""
    torch.manual_seed(n)
    peers = [kind().to(dtype) for _ in range(n)]
    with torch.no_grad():
        for k, peer in enumerate(peers):
            for w in peer.parameters():
                w.add_(torch.randn_like(w) * (k + 1) / 3)
    return peers


def spread(model: nn.Module, seed: int = 1) -> nn.Module:
    """Make all weights of ``model``, biases and norms too, float64 and clearly different."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for w in model.double().parameters():
            w.add_(0.5 * torch.randn(w.shape, generator=draw, dtype=w.dtype))
    return model.eval()


def without_progress(err: str) -> str:
    """Return what a command printed on stderr without the lines of progress."""
    progress = r"(run \d+ of \d+: |training, |derived, ).*, \d+ of \d+ \w+s.*\n|training, .*\n"
    return re.sub(rf"^({progress})", "", err, flags=re.M)
