"""The parallel mode of Section 3.3: one peer per process, all trained at the same time.

Peers exchange values through collectives of ``torch.distributed`` (gloo on the CPU, nccl between
GPUs), so the others notice at once when a process dies.
"""

from __future__ import annotations

import atexit
import copy
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from pcrec_core.errors import Interrupted, PCRecError, TrainingError, shared
from pcrec_core.training import environment
from pcrec_core.training.group import SERIAL, Group, T


class Parallel:
    """One peer per process, all trained at the same time: about TC for a pair (Section 3.3)."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.first = self.rank == 0

    def numbers(self, peers: int) -> Sequence[int]:
        """Return the number of this process's peer."""
        return [self.rank]

    def gather(self, compute: Callable[[], list[T]]) -> list[T]:
        """Concatenate the lists of all processes, or raise the error of the first that failed."""
        answers: list[Any] = [None] * self.size
        answer = _attempt(compute)
        with _peers_reachable():
            dist.all_gather_object(answers, answer)
        return [value for answer in answers for value in _value(answer)]

    def from_first(self, compute: Callable[[], T]) -> T:
        """Return the value of the first process, or raise its error."""
        answers: list[Any] = [_attempt(compute) if self.first else None]
        with _peers_reachable():
            dist.broadcast_object_list(answers, src=0)
        value: T = _value(answers[0])
        return value

    @torch.no_grad()
    def models(self, here: list[nn.Module]) -> list[nn.Module]:
        """Return the models of all peers, gathered as one vector of weights per peer."""
        [model] = here
        weights = parameters_to_vector(model.parameters())  # one collective for all layers
        gathered = [torch.empty_like(weights) for _ in range(self.size)]
        with _peers_reachable():
            dist.all_gather(gathered, weights)
        return [
            model if k == self.rank else _with_weights(model, weights)
            for k, weights in enumerate(gathered)
        ]

    def collect(self, here: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the states of all peers in the first process, and an empty list in the others."""
        packed = io.BytesIO()
        torch.save(here, packed)
        answers: list[Any] | None = [None] * self.size if self.first else None
        with _peers_reachable():
            dist.gather_object(packed.getvalue(), answers, dst=0)
        return [
            state
            for answer in answers or []
            for state in torch.load(io.BytesIO(answer), "cpu", weights_only=True)
        ]


def group(peers: int, device: torch.device) -> Group:
    """Return the group of a run: ``Parallel`` if torchrun started this process, else ``Serial``.

    Parameters
    ----------
    peers : int
        Number of peers of the run.
    device : torch.device
        Device of the training.

    Raises
    ------
    TrainingError
        If torchrun did not start one process per peer, or there are fewer GPUs than peers.
    Interrupted
        If the processes do not find each other.
    """
    if not environment.started():
        return SERIAL
    size = int(os.environ["WORLD_SIZE"])
    if size != peers:
        raise shared(
            TrainingError(
                f"torchrun started {size} processes for {peers} peers, and a run needs one process"
                f" per peer: give torchrun --nproc-per-node {peers}, or leave it out to train the"
                " peers in turn."
            )
        )
    # Once only: torchrun's store would give a second group the addresses of the first.
    if not dist.is_initialized():
        _join(device)
    return Parallel()


def _join(device: torch.device) -> None:
    if device.type == "cuda":
        needed, found = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
        if found < needed:
            raise TrainingError(
                f"{needed} peers at the same time need one GPU each, and torch sees {found} here;"
                " use --device cpu, or leave torchrun out to train them in turn."
            )
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    with _peers_reachable():
        # A long timeout: of two commands on one run, the first process of the second command waits
        # for a whole training, and the others wait for it.
        dist.init_process_group(backend, timeout=timedelta(days=7))
    atexit.register(dist.destroy_process_group)


def _attempt(compute: Callable[[], T]) -> T | PCRecError:
    """Return the value of ``compute``, or the error it raises."""
    try:
        return compute()
    except PCRecError as error:
        return error


def _value(answer: T | PCRecError) -> T:
    """Return the value of an attempt, or raise its error."""
    if isinstance(answer, PCRecError):
        raise shared(answer)
    return answer


@contextmanager
def _peers_reachable() -> Iterator[None]:
    """Turn the failure of a collective, whose cause is a lost peer, into one sentence."""
    try:
        yield
    except RuntimeError as error:
        raise Interrupted(
            "the process of another peer has ended or cannot be reached, so this run ends too; the"
            " same command goes on from its last checkpoint."
        ) from error


def _with_weights(model: nn.Module, weights: Tensor) -> nn.Module:
    """Copy ``model``, with parameters that are views of ``weights``."""
    twin = copy.deepcopy(model)
    vector_to_parameters(weights, twin.parameters())
    return twin
