"""One peer: a model in training, with its own weights, optimizer and random streams."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pcrec_core.datasets.split import Split
from pcrec_core.errors import TrainingError
from pcrec_core.specs.run import RunSpec
from pcrec_core.training.build import build
from pcrec_core.training.examples import Positives, Sequences
from pcrec_core.training.optimizer import Adam
from pcrec_core.training.random_streams import global_stream, stream_seed
from pcrec_core.training.weight_averages import Average

#: Mean loss per row at which a training has diverged, although the loss is finite. The largest in
#: the study's runs is 8.9. BPR's loss is a sum over its batch, that of the other models a mean.
_ABSURD = 1e6


def rate(eta: float, peer: int, peers: int) -> float:
    """Return the full learning rate of a peer: eta (1 + cos(pi k / n)) / 2 for peer k of n.

    Peer 0 has eta, and the second of two has eta / 2.
    """
    return eta * (1 + math.cos(math.pi * peer / peers)) / 2


def decay(spec: RunSpec) -> float:
    """Return the weight decay of Adam, 0 for BPR: its L2 penalty is in its loss instead."""
    return 0.0 if spec.model.name == "bpr" else spec.training.l2


@dataclass
class Peer:
    """A model with its own weights, order, negatives, dropout and learning rate.

    Parameters
    ----------
    k : int
        Number of the peer; peer 0 has the full learning rate.
    spec : RunSpec
        Run of the peer.
    model : nn.Module
        One of the three recommenders.
    optimizer : Adam
        Optimizer of its parameters.
    eta : float
        Full learning rate of this peer.
    average : Average or None
        Average of its weights, if the run reports one.
    """

    k: int
    spec: RunSpec
    model: nn.Module
    optimizer: Adam
    eta: float
    average: Average | None

    @classmethod
    def new(cls, spec: RunSpec, split: Split, k: int, steps: int, device: torch.device) -> Peer:
        """Create peer ``k`` of a run with ``steps`` steps per epoch.

        Its initial weights are drawn from a stream of its own.
        """
        start = 0 if spec.starts == "same" else k
        with global_stream(stream_seed(spec.seed, start, "weights"), torch.device("cpu")):
            model = build(spec, split).to(device)
        training = spec.training
        eta = training.eta if spec.rates == "equal" else rate(training.eta, k, spec.peers)
        average = (
            Average(training.average, model, training.epochs, steps) if training.average else None
        )
        return cls(k, spec, model, Adam(model.parameters(), eta, decay(spec)), eta, average)

    def train_epoch(
        self, examples: Sequences | Positives, epoch: int, device: torch.device
    ) -> float:
        """Train for one epoch (lines 4-6 of Algorithm 2) and return the mean loss per batch.

        Raises
        ------
        TrainingError
            If the loss is not finite, or absurd.
        """
        batches = examples.batches(self._rows(examples, epoch), self.spec.training.batch, device)
        total = torch.zeros((), device=device)
        self.model.train()
        with global_stream(self._seed("dropout", epoch), device):
            for step, batch in enumerate(batches):
                self._set_rate(epoch + step / len(batches))
                total += self._step(*batch)
        if self.average:
            self.average.after_epoch(epoch)
        loss = total.item() / len(batches)
        # also true of a NaN, which is not below anything
        if not abs(loss) < _ABSURD * self.spec.training.batch:
            raise TrainingError(
                f"the loss of peer {self.k} is {loss} in epoch {epoch}: the training diverged;"
                " lower the learning rate."
            )
        return loss

    def reported(self, epoch: int) -> nn.Module:
        """Return the model to evaluate after ``epoch``: the average if there is one by then."""
        return self.average.model if self.average and self.average.ready(epoch) else self.model

    def state(self) -> dict[str, Any]:
        """Return the state that a checkpoint keeps."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        if self.average:
            state["average"] = self.average.averaged.state_dict()
        return state

    def resume(self, state: dict[str, Any]) -> None:
        """Restore a ``state``."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            self.average.averaged.load_state_dict(state["average"])

    def _rows(self, examples: Sequences | Positives, epoch: int) -> Tensor:
        peer = 0 if self.spec.orders == "same" else self.k
        order_epoch = 0 if self.spec.options.order == "once" else epoch
        order = stream_seed(self.spec.seed, peer, "order", order_epoch)
        return examples.epoch(order, self._seed("negatives", epoch))

    def _seed(self, purpose: str, epoch: int) -> int:
        return stream_seed(self.spec.seed, self.k, purpose, epoch)

    def _step(self, *batch: Tensor | int) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        # nn.Module does not declare the method that every recommender has.
        loss: Tensor = self.model.loss(*batch)  # type: ignore[operator]
        torch.autograd.backward(loss)
        self.optimizer.step()
        if self.average:
            self.average.after_step()
        return loss.detach()

    def _set_rate(self, epochs_done: float) -> None:
        """Set the learning rate, which the cosine schedule lowers to 0 with every batch."""
        if self.spec.training.schedule == "cosine":
            share = (1 + math.cos(math.pi * epochs_done / self.spec.training.epochs)) / 2
            self.optimizer.param_groups[0]["lr"] = self.eta * share
