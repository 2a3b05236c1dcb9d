"""The cases of the table: timed code on made-up data, with a lower bound of the time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from benchmarks import reference
from pcrec_core.cooperation import LayerWise, cooperate
from pcrec_core.datasets.split import Split
from pcrec_core.evaluation import Ranker
from pcrec_core.models import sasrec
from pcrec_core.models.bpr import BPR
from pcrec_core.models.sasrec import SASRec
from pcrec_core.models.youtube_dnn import YouTubeDNN
from pcrec_core.training.examples import Positives
from pcrec_core.training.optimizer import Adam

CPU = torch.device("cpu")

M = TypeVar("M", bound=nn.Module)
Step = Callable[[], None]
Negatives = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Parameters
    ----------
    name : str
        Name of the case in the table.
    target : float
        Ratio of the times, reference to ours, to reach.
    ours, reference : callable
        One repetition of each side.
    products : tuple of (rows, inner, columns, times)
        Matrix products that both sides need.
    traffic : float
        Bytes that both sides move: for a step those of Adam, seven times the weights.
    second : callable, optional
        A vectorized reference.
    bf16_target : float, optional
        Ratio to reach with bf16 products, where the processor has them.
    gradient : callable, optional
        Our gradient as one vector, without dropout; its change with bf16 products is reported.
    """

    name: str
    target: float
    ours: Callable[[], object]
    reference: Callable[[], object]
    products: tuple[tuple[int, int, int, int], ...]
    traffic: float
    second: Callable[[], object] | None = None
    bf16_target: float | None = None
    gradient: Callable[[], Tensor] | None = None


def all_cases() -> Iterator[tuple[str, Callable[[], Case]]]:
    """Yield the name of each case with a function that builds it, so that one exists at a time."""
    yield "sasrec-1349", lambda: sasrec_step(1349, 64, 50, 0.17, 0.2, (2.2, 2.5))
    yield "sasrec-33144", lambda: sasrec_step(33144, 64, 10, 0.29, 0.3, (2.5, 3.5))
    yield "sasrec-3416", lambda: sasrec_step(3416, 64, 50, 0.11, 0.2, (2.2, 2.7))
    yield "sasrec-3416-d256", lambda: sasrec_step(3416, 256, 100, 0.24, 0.2, (1.8, 3.0))
    yield "dnn-33144", dnn_step
    yield "bpr-epoch", bpr_epoch
    yield "ranking", ranking
    yield "cooperation", cooperation


def padded_rows(batch: int, t: int, items: int, padding: float) -> Tensor:
    """Draw random ids, (batch, t), padded on the left up to a share of ``padding`` of all places.

    Some rows are whole; the lengths of the others are spread evenly over 2 to t.
    """
    draw = np.random.default_rng(0)
    short = round(batch * padding / (0.5 - 1 / t))
    lengths = draw.permutation(
        np.append(np.full(batch - short, t), np.linspace(2, t, short).round())
    )
    rows = draw.integers(1, items + 1, (batch, t), dtype=np.int32)
    rows[np.arange(t) < (t - lengths)[:, None]] = 0
    return torch.from_numpy(rows)


def stepper(
    model: M, loss: Callable[[M, Tensor], Tensor], rows: Tensor, adam: type[torch.optim.Adam]
) -> Step:
    """Return a training step of a copy of ``model``."""
    model = copy.deepcopy(model)
    optimizer = adam(model.parameters(), lr=1e-3)
    return lambda: _step(model, loss, rows, optimizer)


def _step(
    model: M,
    loss: Callable[[M, Tensor], Tensor],
    rows: Tensor,
    optimizer: torch.optim.Optimizer,
) -> None:
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss(model, rows))
    optimizer.step()


def _weights(model: nn.Module) -> int:
    return sum(w.numel() for w in model.parameters())


def sasrec_step(
    items: int, d: int, t: int, padding: float, p: float, targets: tuple[float, float]
) -> Case:
    """Return the case of a SASRec step; ``targets`` are those of float32 and bf16 products."""
    torch.manual_seed(0)
    model, rows = SASRec(items, d=d, t=t, p=p), padded_rows(128, t, items, padding)
    real = int((rows[:, :-1] > 0).sum())
    share = (rows == 0).double().mean().item()
    return Case(
        f"SASRec step, {items:,} items, d {d}, t {t}, {share:.0%} padding",
        targets[0],
        stepper(model, lambda m, r: m.loss(r, real), rows, Adam),
        stepper(model, reference.sasrec_loss, rows, torch.optim.Adam),
        ((real, d, items + 1, 3), (real, d, d, 3 * 10)),
        7 * 4 * _weights(model),
        bf16_target=targets[1],
        gradient=lambda: _gradient(model, rows),
    )


def _gradient(model: SASRec, rows: Tensor) -> Tensor:
    model = copy.deepcopy(model).eval()
    gradients = torch.autograd.grad(model.loss(rows), list(model.parameters()))
    return parameters_to_vector(gradient.to_dense() for gradient in gradients)


def dnn_step() -> Case:
    """Return the case of a YouTube DNN step."""
    torch.manual_seed(0)
    model, rows = YouTubeDNN(33144, d=64), padded_rows(128, 10, 33144, 0.0)
    return Case(
        "YouTube DNN step, 33,144 items, d 64, t 10",
        1.5,
        stepper(model, lambda m, r: m.loss(r), rows, Adam),
        stepper(model, reference.dnn_loss, rows, torch.optim.Adam),
        ((128, 64, 33145, 3), (1152, 64, 64, 3)),
        7 * 4 * _weights(model),
    )


def made_up_split(users: int, items: int, actions: int) -> Split:
    """Draw random histories of at least 5 items, in which every item occurs."""
    draw = np.random.default_rng(0)
    lengths = 5 + draw.multinomial(actions - 5 * users, np.full(users, 1 / users))
    others = draw.integers(1, items + 1, actions - items)
    ids = np.concatenate([np.arange(1, items + 1), others]).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Split("made-up", users, items, True, draw.permutation(ids), offsets)


def bpr_epoch() -> Case:
    """Return the case of a BPR epoch, with negatives."""
    split = made_up_split(34_682, 33_144, 352_951)
    examples, model = Positives(split), BPR(split.n_users, split.n_items, d=256, l2=1e-4)
    batches = -(-len(examples) // 2048)
    draw = np.random.default_rng(0)

    def rows_with(negatives: Negatives) -> Tensor:
        rows = np.column_stack([examples.rows, negatives(examples.rows, split.n_items, draw)])
        return torch.from_numpy(rows)[torch.randperm(len(rows))]

    def theirs(negatives: Negatives) -> Step:
        return _epoch(model, reference.bpr_loss, partial(rows_with, negatives), torch.optim.Adam)

    return Case(
        "BPR epoch, 34,682 users, 33,144 items, d 256",
        3.0,
        _epoch(model, lambda m, r: m.loss(r), partial(examples.epoch, 1, 2), Adam),
        theirs(reference.negatives_by_user),
        (),
        7 * 4 * _weights(model) * batches,
        theirs(reference.negatives_at_once),
    )


def _epoch(
    model: BPR,
    loss: Callable[[BPR, Tensor], Tensor],
    rows: Callable[[], Tensor],
    adam: type[torch.optim.Adam],
) -> Step:
    """Return a training epoch of a copy of ``model`` over the rows that ``rows`` draws."""
    model = copy.deepcopy(model)
    optimizer = adam(model.parameters(), lr=1e-3)

    def epoch() -> None:
        for batch in torch.split(rows(), 2048):
            _step(model, loss, batch, optimizer)

    return epoch


def ranking() -> Case:
    """Return the case of ranking all users by BPR."""
    split = made_up_split(34_682, 33_144, 352_951)
    torch.manual_seed(0)
    model, ranker = BPR(split.n_users, split.n_items, d=64), Ranker(split, None, False, CPU)
    return Case(
        "full ranking, 34,682 users x 33,144 items, d 64",
        10.0,
        lambda: ranker.ranks(model, "test"),
        lambda: reference.metrics_by_dictionary(model, split),
        ((split.n_users, 64, split.n_items + 1, 1),),
        0,
        lambda: reference.ranks_at_once(model, split),
    )


def cooperation() -> Case:
    """Return the case of a layer-wise cooperation of two SASRec peers."""
    torch.manual_seed(0)
    peers = [SASRec(33144, d=64, t=10, p=0.3) for _ in range(2)]
    others = copy.deepcopy(peers)
    layers = sasrec.layers(peers[0])
    return Case(
        f"layer-wise cooperation, SASRec of {_weights(peers[0]) / 1e6:.1f} M weights",
        5.0,
        lambda: cooperate(peers, LayerWise("entropy", 30.0), layers),
        lambda: reference.cooperate_by_masks(others, 30.0, layers),
        (),
        2 * 4 * 3 * _weights(peers[0]),
    )
