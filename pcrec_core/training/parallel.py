"""The two modes of Section 3.3: all peers of a run in one process, in turn, or each in a process (or GPU) of its own.

The trainer asks a ``Group`` and does not know which it has. Both give the same bits: values come in the order of the
peers, and every process merges the same weights in the same order. What peers tell each other goes through collectives
of ``torch.distributed`` (gloo on the CPU, nccl between GPUs), so a process that dies is noticed by the others at once.
"""

from __future__ import annotations

import atexit
import copy
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from pcrec_core.errors import Interrupted, PCRecError, TrainingError
from pcrec_core.training import environment

T = TypeVar("T")


class Group(Protocol):
    """The processes of one run, and what they tell each other; all of them call the same methods in the same order.

    ``gather`` and ``from_first`` share values, ``models`` weights, ``collect`` what a checkpoint keeps. A ``PCRecError``
    that comes up in one process while a value is made is raised in all, so that none waits in vain.
    """

    #: Whether this is the process that writes and prints.
    first: bool

    def numbers(self, peers: int) -> Sequence[int]:
        """Which of the run's ``peers`` are trained in this process."""

    def gather(self, do: Callable[[], list[T]]) -> list[T]:
        """The lists that ``do`` gives in each process, in the order of the peers, everywhere."""

    def from_first(self, do: Callable[[], T]) -> T:
        """What ``do`` gives in the first process, which alone calls it, everywhere."""

    def models(self, here: list[nn.Module]) -> list[nn.Module]:
        """The models of all peers: those that are ``here``, and of the others copies with the weights they have now."""

    def collect(self, here: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The states of all peers in the first process, on the CPU if they came from others; nothing in the others."""


class Serial:
    """All peers in this process, trained in turn: about 2 TC for a pair (Section 3.3)."""

    first = True

    def numbers(self, peers: int) -> Sequence[int]:
        return range(peers)

    def gather(self, do: Callable[[], list[T]]) -> list[T]:
        return do()

    def from_first(self, do: Callable[[], T]) -> T:
        return do()

    def models(self, here: list[nn.Module]) -> list[nn.Module]:
        return here

    def collect(self, here: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return here


SERIAL = Serial()


class Parallel:
    """One peer in this process, the others in theirs, trained at the same time: about TC for a pair (Section 3.3)."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.first = self.rank == 0

    def numbers(self, peers: int) -> Sequence[int]:
        return [self.rank]

    def gather(self, do: Callable[[], list[T]]) -> list[T]:
        answers: list[Any] = [None] * self.size
        mine = _attempt(do)
        with _reachable():
            dist.all_gather_object(answers, mine)
        return [value for answer in answers for value in _value(answer)]

    def from_first(self, do: Callable[[], T]) -> T:
        answers = [_attempt(do) if self.first else None]
        with _reachable():
            dist.broadcast_object_list(answers, src=0)
        return _value(answers[0])

    @torch.no_grad()
    def models(self, here: list[nn.Module]) -> list[nn.Module]:
        [mine] = here
        weights = parameters_to_vector(mine.parameters())  # one collective for all layers
        everyones = [torch.empty_like(weights) for _ in range(self.size)]
        with _reachable():
            dist.all_gather(everyones, weights)
        return [
            mine if k == self.rank else _twin(mine, weights) for k, weights in enumerate(everyones)
        ]

    def collect(self, here: list[dict[str, Any]]) -> list[dict[str, Any]]:
        packed = io.BytesIO()
        torch.save(here, packed)
        answers: list[Any] | None = [None] * self.size if self.first else None
        with _reachable():
            dist.gather_object(packed.getvalue(), answers, dst=0)
        return [
            state
            for answer in answers or []
            for state in torch.load(io.BytesIO(answer), "cpu", weights_only=True)
        ]


def group(peers: int, device: torch.device) -> Group:
    """The group of a run: ``Parallel`` in a process that torchrun started, else ``Serial``.

    Raises
    ------
    TrainingError
        If torchrun started other than one process a peer, the peers have not a GPU each, or do not find each other.
    """
    if not environment.started():
        return SERIAL
    size = int(os.environ["WORLD_SIZE"])
    if size != peers:
        raise TrainingError(
            f"torchrun's processes number {size} and the run's peers {peers}, and it must be a process a peer:"
            f" give torchrun --nproc-per-node {peers}, or leave it out to train the peers in turn."
        )
    if (
        not dist.is_initialized()
    ):  # once: torchrun's store would give a second group the addresses of the first
        _join(device)
    return Parallel()


def _join(device: torch.device) -> None:
    if device.type == "cuda":
        needed, there = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
        if there < needed:
            raise TrainingError(
                f"{needed} peers at once need a GPU each, and torch sees {there} here; take --device cpu, or"
                " leave torchrun out to train them in turn."
            )
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    with _reachable():
        # long: of two commands on one run the first process of the second waits for a training, and the others for it
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=timedelta(days=7)
        )
    atexit.register(dist.destroy_process_group)


def _attempt(do: Callable[[], T]) -> tuple[T | None, PCRecError | None]:
    try:
        return do(), None
    except PCRecError as error:
        return None, error


def _value(answer: tuple[T, PCRecError | None]) -> T:
    value, error = answer
    if error is not None:
        raise error
    return value


@contextmanager
def _reachable() -> Iterator[None]:
    """A collective in which a peer that has gone is an error of one sentence."""
    try:
        yield
    except RuntimeError as error:
        raise Interrupted(
            "the process of another peer has ended or cannot be reached, so this run ends too; the same"
            " command goes on from its last checkpoint."
        ) from error


def _twin(model: nn.Module, weights: Tensor) -> nn.Module:
    """A model like ``model``, its parameters views of ``weights``."""
    twin = copy.deepcopy(model)
    vector_to_parameters(weights, twin.parameters())
    return twin
