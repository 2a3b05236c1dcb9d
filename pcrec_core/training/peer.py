"""One peer: a model that is trained, with all that is its own."""

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
from pcrec_core.training.optimizer import Adam
from pcrec_core.training.random_streams import global_stream, stream_seed
from pcrec_core.training.weight_averages import Average


def rate(eta: float, peer: int, peers: int) -> float:
    """Full learning rate of a peer: eta (1 + cos(pi k / n)) / 2, so peer 0 has eta and the second of two eta / 2."""
    return eta * (1 + math.cos(math.pi * peer / peers)) / 2


def decay(spec: RunSpec) -> float:
    """Weight decay of Adam; BPR's L2 stands in its loss instead."""
    return 0.0 if spec.model.name == "bpr" else spec.training.l2


@dataclass
class Peer:
    """A model with its own weights, order, negatives, dropout and learning rate; ``k`` numbers it from the full rate.

    ``average`` is the average of its weights, if the run reports one.
    """

    k: int
    spec: RunSpec
    model: nn.Module
    optimizer: Adam
    eta: float
    average: Average | None

    @classmethod
    def new(cls, spec: RunSpec, split: Split, k: int, steps: int, device: torch.device) -> Peer:
        """Peer ``k`` of a run, its weights drawn from its own stream; an epoch has ``steps``."""
        start = 0 if spec.starts == "same" else k
        with global_stream(stream_seed(spec.seed, start, "weights"), torch.device("cpu")):
            model = build(spec, split).to(device)
        training = spec.training
        eta = training.eta if spec.rates == "equal" else rate(training.eta, k, spec.peers)
        average = (
            Average(training.average, model, training.epochs, steps) if training.average else None
        )
        return cls(k, spec, model, Adam(model.parameters(), eta, decay(spec)), eta, average)

    def train_epoch(self, examples: Any, epoch: int, device: torch.device) -> float:
        """One pass over the examples (lines 4-6 of Algorithm 2); the mean loss of a batch.

        Raises
        ------
        TrainingError
            If the loss is no number.
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
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss of peer {self.k} is {loss} in epoch {epoch}: the training diverged; lower the"
                " learning rate."
            )
        return loss

    def reported(self, epoch: int) -> nn.Module:
        """The model to evaluate after ``epoch``: the average, once there is one, or the model itself."""
        return self.average.model if self.average and self.average.ready(epoch) else self.model

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        average = {"average": self.average.averaged.state_dict()} if self.average else {}
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        } | average

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a ``state``."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            self.average.averaged.load_state_dict(state["average"])

    def _rows(self, examples: Any, epoch: int) -> Tensor:
        who, when = (
            0 if self.spec.orders == "same" else self.k,
            0 if self.spec.lines.order == "once" else epoch,
        )
        return examples.epoch(
            stream_seed(self.spec.seed, who, "order", when), self._seed("negatives", epoch)
        )

    def _seed(self, purpose: str, epoch: int) -> int:
        return stream_seed(self.spec.seed, self.k, purpose, epoch)

    def _step(self, *batch: Any) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model.loss(*batch)
        loss.backward()
        self.optimizer.step()
        if self.average:
            self.average.after_step()
        return loss.detach()

    def _set_rate(self, epochs_done: float) -> None:
        if self.spec.training.schedule == "cosine":  # to 0, a step a batch
            share = (1 + math.cos(math.pi * epochs_done / self.spec.training.epochs)) / 2
            self.optimizer.param_groups[0]["lr"] = self.eta * share
