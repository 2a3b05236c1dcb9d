"""Training of peers: Algorithms 1 and 2 of the paper, with selection and read-out by protocol.

The loop trains; ranking, cooperation and checkpoints are called from it by name. It is one loop for both modes of Section
3.3, peers in turn in one process or a process a peer: what differs is the ``Group`` it is given.
"""

from __future__ import annotations

import copy
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pcrec_core.checkpoints import Checkpoint, interrupts
from pcrec_core.cooperation import Averaging, Exchange, LayerWise, Rule, cooperate
from pcrec_core.datasets.split import Split
from pcrec_core.errors import Interrupted, TrainingError
from pcrec_core.evaluation import Ranker, summary
from pcrec_core.models import build, layers_of
from pcrec_core.optimizer import Adam
from pcrec_core.parallel import SERIAL, Group
from pcrec_core.precision import products, require
from pcrec_core.spec import Cooperation, RunSpec
from pcrec_core.streams import global_stream, stream_seed

#: What chooses the epoch and the peer, on validation (PROTOCOLS.md, section 1).
SELECTION = "NDCG@20"


def device_of(name: str) -> torch.device:
    """The device of ``auto | cpu | cuda``; auto is the GPU where there is one."""
    if name not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"device must be auto, cpu or cuda, not {name!r}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device cuda was asked for, but torch sees no GPU here; take cpu or auto.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def rate(eta: float, peer: int, peers: int) -> float:
    """Full learning rate of a peer: eta (1 + cos(pi k / n)) / 2, so peer 0 has eta and the second of two eta / 2."""
    return eta * (1 + math.cos(math.pi * peer / peers)) / 2


@dataclass
class Peer:
    """A model with its own weights, order, negatives, dropout and learning rate; ``k`` numbers it from the full rate."""

    k: int
    model: nn.Module
    optimizer: Adam
    eta: float

    @classmethod
    def new(cls, spec: RunSpec, split: Split, k: int, device: torch.device) -> Peer:
        """Peer ``k`` of a run, its weights drawn from its own stream."""
        with global_stream(stream_seed(spec.seed, k, "weights"), torch.device("cpu")):
            model = build(spec.model, spec.training, split).to(device)
        eta = rate(spec.training.eta, k, spec.peers)
        decay = 0.0 if spec.model.name == "bpr" else spec.training.l2  # BPR's L2 stands in its loss
        return cls(k, model, Adam(model.parameters(), eta, decay), eta)

    def train_epoch(self, spec: RunSpec, examples: Any, epoch: int, device: torch.device) -> float:
        """One pass over the examples (lines 4-6 of Algorithm 2); the mean loss of a batch.

        Raises
        ------
        TrainingError
            If the loss is no number.
        """
        order, negatives, dropout = (stream_seed(spec.seed, self.k, p, epoch) for p in ("order", "negatives", "dropout"))
        batches = self.model.batches(examples.epoch(order, negatives), spec.training.batch, device)
        total = torch.zeros((), device=device)
        self.model.train()
        with global_stream(dropout, device):
            for step, batch in enumerate(batches):
                self._set_rate(spec, epoch + step / len(batches))
                total += self._step(*batch)
        loss = total.item() / len(batches)
        if not math.isfinite(loss):
            raise TrainingError(f"the loss of peer {self.k} is {loss} in epoch {epoch}: the training diverged; lower the"
                                " learning rate.")
        return loss

    def _step(self, *batch: Any) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model.loss(*batch)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _set_rate(self, spec: RunSpec, epochs_done: float) -> None:
        if spec.training.schedule == "cosine":  # to 0, a step a batch
            share = (1 + math.cos(math.pi * epochs_done / spec.training.epochs)) / 2
            self.optimizer.param_groups[0]["lr"] = self.eta * share


@dataclass
class Choice:
    """The best model so far by validation: ties go to the earlier epoch, then to the lower peer."""

    score: float = -1.0
    epoch: int = -1
    peer: int = -1
    weights: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, score: float, epoch: int, peer: int, model: Callable[[], nn.Module]) -> None:
        """Keep the weights of ``model()`` if they are better: only then must they be here."""
        if score > self.score:
            weights = {name: w.detach().clone() for name, w in model().state_dict().items()}
            self.score, self.epoch, self.peer, self.weights = score, epoch, peer, weights


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: the deterministic ``result``, ``seconds`` by phase, the epoch it ``began`` with (above 0 if it
    went on from a checkpoint), the ``weights`` of the reported model, and whether Ctrl-C was pressed in the last epoch."""

    result: dict[str, Any]
    seconds: dict[str, float]
    began: int
    weights: dict[str, Tensor]
    interrupted: bool = False


class Trainer:
    """One run. ``fit`` gives its outcome; the peers that ``group`` has in this process are at ``peers``."""

    def __init__(self, spec: RunSpec, split: Split, device: torch.device, group: Group = SERIAL) -> None:
        require(spec.training.precision, device)
        self.spec, self.split, self.device, self.group = spec, split, device, group
        self.peers = [Peer.new(spec, split, k, device) for k in group.numbers(spec.peers)]
        self.examples = type(self.peers[0].model).examples(split, spec.model.t)
        hide = spec.model.name == "bpr" and not split.repeats  # PROTOCOLS.md, section 2, candidates of `controlled`
        self.ranker = Ranker(split, spec.model.t, hide, device)
        self.layers = layers_of(spec.model)(self.peers[0].model)
        self.rule = rule_of(spec.cooperation)
        self.choice = Choice()
        self.history: list[dict[str, Any]] = []
        self.seconds: Counter[str] = Counter()

    def fit(self, checkpoint: Checkpoint, on_epoch: Callable[[int], None] = lambda epoch: None) -> Outcome:
        """Train to the end, from the checkpoint if there is one, and read out the test set once.

        Parameters
        ----------
        checkpoint : Checkpoint
            Where to go on and to save.
        on_epoch : callable
            Called with the number of finished epochs, first with those the checkpoint brought.

        Raises
        ------
        TrainingError
            The run diverged.
        Interrupted
            Ctrl-C (in any process) ended it after the running epoch.
        """
        self._resume(self.group.from_first(lambda: checkpoint.load(torch.device("cpu"))))
        began = len(self.history)
        on_epoch(began)
        with interrupts() as interrupt:
            for epoch in range(began, self.spec.training.epochs):
                self.history.append(self._epoch(epoch))
                finished = epoch + 1 == self.spec.training.epochs
                told = self.group.gather(lambda: [(interrupt.asked, checkpoint.due())])
                asked, due = (any(each) for each in zip(*told, strict=True))
                stop = asked and not finished  # asked once: a later Ctrl-C must not end without a checkpoint
                if due or stop:
                    checkpoint.save(self._state())
                on_epoch(epoch + 1)
                if stop:
                    raise Interrupted(f"interrupted after {epoch + 1} of {self.spec.training.epochs} epochs of"
                                      f" {self.spec.name}; the same command goes on from there.")
        result = self.group.from_first(self._result)
        interrupted = any(self.group.gather(lambda: [interrupt.asked]))
        return Outcome(result, dict(self.seconds), began, self.choice.weights, interrupted)

    def _epoch(self, epoch: int) -> dict[str, Any]:
        spec = self.spec
        with self._timed("train"), products(spec.training.precision, self.device):
            losses = self.group.gather(lambda: [p.train_epoch(spec, self.examples, epoch, self.device) for p in self.peers])
        own = self.group.gather(lambda: [self._validate(peer) for peer in self.peers])
        entry: dict[str, Any] = {"loss": losses, "own": own}
        if self.rule is None:
            scores = [metrics[SELECTION] for metrics in own]
            best = scores.index(max(scores))  # of equal peers the lower
            self.choice.offer(scores[best], epoch, best, lambda: self._models()[best])
        elif (epoch + 1) % spec.cooperation.every == 0:
            with self._timed("cooperate"):
                exchanges = cooperate(self._models(), self.rule, self.layers)
            merged = self.group.from_first(lambda: self._validate(self.peers[0]))
            entry |= {"merged": merged, **_exchanged(exchanges)}
            self.choice.offer(merged[SELECTION], epoch, 0, lambda: self.peers[0].model)
        return entry

    def _models(self) -> list[nn.Module]:
        """The models of all peers, wherever they are trained."""
        return self.group.models([peer.model for peer in self.peers])

    def _validate(self, peer: Peer) -> dict[str, float]:
        with self._timed("evaluate"):
            return summary(self.ranker.ranks(peer.model, "valid"))

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[phase] += time.perf_counter() - start

    def _state(self) -> dict[str, Any]:
        return {"history": self.history, "seconds": dict(self.seconds), "choice": vars(self.choice),
                "models": self.group.collect([peer.model.state_dict() for peer in self.peers]),
                "optimizers": self.group.collect([peer.optimizer.state_dict() for peer in self.peers])}

    def _resume(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        self.history, self.seconds, self.choice = state["history"], Counter(state["seconds"]), Choice(**state["choice"])
        for peer in self.peers:
            peer.model.load_state_dict(state["models"][peer.k])
            peer.optimizer.load_state_dict(state["optimizers"][peer.k])

    def _result(self) -> dict[str, Any]:
        model = copy.deepcopy(self.peers[0].model)
        model.load_state_dict(self.choice.weights)
        with self._timed("evaluate"):
            ranks = self.ranker.ranks(model, "test")
        repeated = self.split.repeated("test")
        chosen = self.history[self.choice.epoch]
        return {
            "data": {"fingerprint": self.split.fingerprint(), "users": self.split.n_users, "items": self.split.n_items},
            "weights": sum(w.numel() for w in model.parameters()),
            "layers": [[layer.name, layer.component] for layer in self.layers],
            "epochs": _columns(self.history),
            "chosen": {"epoch": self.choice.epoch, "peer": self.choice.peer, "merged": self.rule is not None,
                       "valid": chosen["merged"] if self.rule else chosen["own"][self.choice.peer]},
            "test": summary(ranks),
            "ranks": " ".join(map(str, ranks)),
            "repeated": "".join(map(str, repeated.astype(np.int8))),
        }


def rule_of(cooperation: Cooperation | None) -> Rule | None:
    """The rule a spec's cooperation means."""
    if cooperation is None:
        return None
    if cooperation.rule == "averaging":
        return Averaging()
    return LayerWise(cooperation.criterion, cooperation.alpha)


def _exchanged(exchanges: list[Exchange]) -> dict[str, list]:
    """mu, and H where there is one, of a cooperation: a list a peer, of one number a layer, rounded to 8 digits."""
    kept = {"mu": [e.mu for e in exchanges], "h": [e.h for e in exchanges]}
    return {key: np.round(np.array(rows).T, 8).tolist() for key, rows in kept.items() if None not in rows}


def _columns(history: list[dict[str, Any]]) -> dict[str, Any]:
    """The epochs' entries as columns: small, and what a plot wants. A list of lists runs over peers, then epochs."""
    merged = [(epoch, entry) for epoch, entry in enumerate(history) if "merged" in entry]
    columns: dict[str, Any] = {
        "loss": [[round(x, 8) for x in peer] for peer in zip(*(e["loss"] for e in history), strict=True)],
        "own": {m: list(map(list, zip(*([p[m] for p in e["own"]] for e in history), strict=True)))
                for m in history[0]["own"][0]},
    }
    if merged:
        columns["exchanges"] = [epoch for epoch, _ in merged]
        columns["merged"] = {m: [entry["merged"][m] for _, entry in merged] for m in merged[0][1]["merged"]}
        columns |= {key: [entry[key] for _, entry in merged] for key in ("mu", "h") if key in merged[0][1]}
    return columns
