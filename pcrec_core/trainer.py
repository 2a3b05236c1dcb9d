"""Training of peers: Algorithms 1 and 2 of the paper, with selection and read-out by protocol.

The loop trains; ranking, cooperation and checkpoints are called from it by name. It is one loop for both modes of Section
3.3, peers in turn in one process or a process a peer: what differs is the ``Group`` it is given.
"""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pcrec_core.checkpoints import Checkpoint, interrupts
from pcrec_core.cooperation import (
    Averaging,
    Exchange,
    LayerWise,
    Noise,
    ParameterWise,
    Permuted,
    Random,
    Rule,
    cooperate,
)
from pcrec_core.datasets.split import Split
from pcrec_core.errors import Interrupted, TrainingError
from pcrec_core.evaluation import as_text, by_user, facts, ranker_of, summary
from pcrec_core.metrics import METRICS, PRIMARY, SELECTION
from pcrec_core.parallel import SERIAL, Group
from pcrec_core.peer import Peer
from pcrec_core.precision import products, require
from pcrec_core.settings import known_device
from pcrec_core.specs.run import RunSpec
from pcrec_core.streams import stream_seed
from pcrec_core.training.build import examples_of, layers_of


def device_of(name: str) -> torch.device:
    """The device of ``auto | cpu | cuda``; auto is the GPU where there is one."""
    known_device(name)
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "device cuda was asked for, but torch sees no GPU here; take cpu or auto."
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def rule_of(spec: RunSpec, epoch: int) -> Rule:
    """The rule of the exchange after ``epoch``, of a run that has one."""
    given = spec.cooperation
    if given.rule == "averaging":
        return Averaging()
    if given.rule == "parameterwise":
        return ParameterWise(given.gamma)
    if given.rule == "noise":  # the released code's standard deviation
        seeds = tuple(stream_seed(spec.seed, k, "noise", epoch) for k in range(spec.peers))
        return Noise(0.05 ** (epoch // 30 + 1), seeds)
    kind = {"own": LayerWise, "permuted": Permuted, "random": Random}[given.shares]
    seed = {} if given.shares == "own" else {"seed": stream_seed(spec.seed, 0, "shares", epoch)}
    return kind(given.criterion, given.alpha, spec.lines.last_bin, **seed)


def seen_by(spec: RunSpec, split: Split) -> Split:
    """The split as the run's model sees it."""
    return (
        split
        if spec.data.histories == "ordered"
        else split.shuffled(stream_seed(spec.seed, 0, "histories"))
    )


@dataclass
class Choice:
    """The best model so far: ties go to the earlier epoch, then to the lower peer."""

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
    went on from a checkpoint), the ``weights`` of the reported model, those of each peer's best epoch (``by_peer``) if the
    peers never exchange, and whether Ctrl-C was pressed in the last epoch."""

    result: dict[str, Any]
    seconds: dict[str, float]
    began: int
    weights: dict[str, Tensor]
    by_peer: list[dict[str, Tensor]]
    interrupted: bool = False


class Trainer:
    """One run. ``fit`` gives its outcome; the peers that ``group`` has in this process are at ``peers``."""

    def __init__(
        self, spec: RunSpec, split: Split, device: torch.device, group: Group = SERIAL
    ) -> None:
        require(spec.training.precision, device, spec.model.d)
        self.spec, self.split, self.device, self.group = spec, split, device, group
        seen = seen_by(spec, split)
        self.examples = examples_of(spec, seen)
        steps = -(-len(self.examples) // spec.training.batch)
        self.peers = [Peer.new(spec, split, k, steps, device) for k in group.numbers(spec.peers)]
        self.ranker = ranker_of(spec, seen, device)
        some = (
            spec.cooperation.components if spec.cooperation else None
        )  # the record names those that are exchanged
        self.layers = [
            x for x in layers_of(spec, self.peers[0].model) if some is None or x.component in some
        ]
        self.choices = [Choice() for _ in range(1 if spec.cooperation else spec.peers)]
        self.best: dict[str, dict[str, Any]] = {}  # by metric, of a choice on the test set
        self.by_validation: dict[str, Any] = {}  # what validation picks beside it, of choice "both"
        self.history: list[dict[str, Any]] = []
        self.seconds: Counter[str] = Counter()

    def fit(
        self, checkpoint: Checkpoint, on_epoch: Callable[[int], None] = lambda epoch: None
    ) -> Outcome:
        """Train to the end, from the checkpoint if there is one, and read out the test set once; after each epoch where the
        rules choose on it.

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
        self._resume(self.group.from_first(lambda: checkpoint.load()))
        began = len(self.history)
        on_epoch(began)
        with interrupts() as interrupt:
            for epoch in range(began, self.spec.training.epochs):
                self.history.append(self._epoch(epoch))
                finished = epoch + 1 == self.spec.training.epochs
                told = self.group.gather(lambda: [(interrupt.asked, checkpoint.due())])
                asked, due = (any(each) for each in zip(*told, strict=True))
                stop = (
                    asked and not finished
                )  # asked once: a later Ctrl-C must not end without a checkpoint
                if due or stop:
                    checkpoint.save(self._state())
                on_epoch(epoch + 1)
                if stop:
                    raise Interrupted(
                        f"interrupted after {epoch + 1} of {self.spec.training.epochs} epochs of"
                        f" {self.spec.name}; the same command goes on from there."
                    )
        result = self.group.from_first(self._result)
        interrupted = any(self.group.gather(lambda: [interrupt.asked]))
        by_peer = [choice.weights for choice in self.choices] if len(self.choices) > 1 else []
        return Outcome(result, dict(self.seconds), began, self.choice.weights, by_peer, interrupted)

    @property
    def choice(self) -> Choice:
        """The best model of all peers so far."""
        return min(self.choices, key=lambda choice: (-choice.score, choice.epoch, choice.peer))

    def _epoch(self, epoch: int) -> dict[str, Any]:
        spec = self.spec
        with self._timed("train"), products(spec.training.precision, self.device):
            losses = self.group.gather(
                lambda: [p.train_epoch(self.examples, epoch, self.device) for p in self.peers]
            )
        own = self._read("valid", epoch)
        entry: dict[str, Any] = {"loss": losses, "own": own}
        if spec.evaluates == "own":
            entry |= self._offer(own, epoch)
        if spec.cooperation and (epoch + 1) % spec.cooperation.every == 0:
            entry |= self._exchange(epoch)
            if spec.evaluates != "own":
                entry |= self._offer(
                    [entry["merged"]] if "merged" in entry else entry["after"], epoch
                )
        return entry

    def _exchange(self, epoch: int) -> dict[str, Any]:
        """Cooperate, and evaluate what came of it."""
        given = self.spec.cooperation
        with self._timed("cooperate"):
            exchanges = cooperate(self._models(), rule_of(self.spec, epoch), self.layers)
        if given.merges and given.components is None:
            [after] = self.group.from_first(lambda: self._read_here("valid", epoch, self.peers[:1]))
            return {"merged": after, **_exchanged(exchanges)}
        return {"after": self._read("valid", epoch), **_exchanged(exchanges)}

    def _offer(self, valid: Sequence[dict[str, float]], epoch: int) -> dict[str, Any]:
        """Offer the peers as they are now for the choice; what they reach on test, if that decides."""
        average = self.peers[0].average
        if average and not average.ready(epoch):
            return {}
        entry, scores = {}, [metrics[SELECTION] for metrics in valid]
        if self.spec.lines.chosen_on_test:
            entry["test"] = self._look_at_test(valid, epoch)
            scores = [metrics[PRIMARY] for metrics in entry["test"]]
        if len(self.choices) > 1:
            for k, score in enumerate(scores):
                self.choices[k].offer(score, epoch, k, lambda k=k: self._reported(epoch)[k])
        else:
            best = scores.index(max(scores))  # of equal peers the lower
            self.choices[0].offer(scores[best], epoch, best, lambda: self._reported(epoch)[best])
        return entry

    def _look_at_test(
        self, valid: Sequence[dict[str, float]], epoch: int
    ) -> list[dict[str, float]]:
        """Read the test metrics of as many peers as ``valid`` has, and keep what may be reported.

        That are the ranks of each metric's best epoch and peer so far, and of validation's.
        """
        count = len(valid)
        ask = (
            self.group.gather if count == self.spec.peers else self.group.from_first
        )  # one merged model is read once
        with self._timed("evaluate"):
            found = ask(
                lambda: [
                    self.ranker.ranks(peer.reported(epoch), "test") for peer in self.peers[:count]
                ]
            )
        read = [summary(ranks) for ranks in found]
        for metric in METRICS:
            for peer, (metrics, ranks) in enumerate(zip(read, found, strict=True)):
                value = metrics[metric]
                if value > self.best.get(metric, {}).get("value", -1.0):
                    self.best[metric] = {
                        "value": value,
                        "epoch": epoch,
                        "peer": peer,
                        "ranks": as_text(ranks),
                    }
        if self.spec.lines.choice == "both":
            self._pick_by_validation(valid, read, found, epoch)
        return read

    def _pick_by_validation(
        self,
        valid: Sequence[dict[str, float]],
        test: Sequence[dict[str, float]],
        ranks: Sequence[np.ndarray],
        epoch: int,
    ) -> None:
        """Keep what validation would choose so far; ties go as in ``Choice``."""
        scores = [metrics[SELECTION] for metrics in valid]
        peer = scores.index(max(scores))  # of equal peers the lower
        if scores[peer] > self.by_validation.get("valid", {SELECTION: -1.0})[SELECTION]:
            self.by_validation = {
                "epoch": epoch,
                "peer": peer,
                "valid": valid[peer],
                "test": test[peer],
                "ranks": as_text(ranks[peer]),
            }

    def _models(self) -> list[nn.Module]:
        """The models of all peers, wherever they are trained."""
        return self.group.models([peer.model for peer in self.peers])

    def _reported(self, epoch: int) -> list[nn.Module]:
        return self.group.models([peer.reported(epoch) for peer in self.peers])

    def _read(self, part: str, epoch: int) -> list[dict[str, float]]:
        """The metrics of every peer as it is now."""
        return self.group.gather(lambda: self._read_here(part, epoch, self.peers))

    def _read_here(self, part: str, epoch: int, peers: Sequence[Peer]) -> list[dict[str, float]]:
        with self._timed("evaluate"):
            return [summary(self.ranker.ranks(peer.reported(epoch), part)) for peer in peers]

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[phase] += time.perf_counter() - start

    def _state(self) -> dict[str, Any]:
        return {
            "history": self.history,
            "seconds": dict(self.seconds),
            "choices": [vars(c) for c in self.choices],
            "best": self.best,
            "by_validation": self.by_validation,
            "peers": self.group.collect([peer.state() for peer in self.peers]),
        }

    def _resume(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        try:
            self.history, self.seconds = state["history"], Counter(state["seconds"])
            self.choices, self.best = (
                [Choice(**choice) for choice in state["choices"]],
                state["best"],
            )
            self.by_validation = state.get(
                "by_validation", {}
            )  # older checkpoints have no such choice
            for peer in self.peers:
                peer.resume(state["peers"][peer.k])
        except (KeyError, TypeError, IndexError) as error:
            raise TrainingError(
                f"the checkpoint of {self.spec.name} is of another state of the code ({type(error).__name__}:"
                f" {error}); delete {self.spec.identity}.pt among the checkpoints to start anew."
            ) from error
        if not 0 < len(self.history) <= self.spec.training.epochs:
            raise TrainingError(
                f"the checkpoint of {self.spec.name} holds {len(self.history)} epochs, and the run has"
                f" {self.spec.training.epochs}; delete {self.spec.identity}.pt among the checkpoints to start"
                " anew."
            )

    def _result(self) -> dict[str, Any]:
        choice, model = self.choice, copy.deepcopy(self.peers[0].model)
        model.load_state_dict(choice.weights)
        with self._timed("evaluate"):
            ranks = self.ranker.ranks(model, "test")
        return (
            facts(self.split)
            | {
                "weights": sum(w.numel() for w in model.parameters()),
                "layers": [[layer.name, layer.component] for layer in self.layers],
                "epochs": _columns(self.history),
                "chosen": self._chosen(choice),
                "test": {metric: self.best[metric]["value"] for metric in METRICS}
                if self.best
                else summary(ranks),
                **by_user(self.split, ranks),
            }
            | self._kept_choices()
        )

    def _kept_choices(self) -> dict[str, Any]:
        kept = {"best": self.best, "by_validation": self.by_validation}
        return {name: choice for name, choice in kept.items() if choice}

    def _chosen(self, choice: Choice) -> dict[str, Any]:
        which = self.spec.evaluates
        valid = self.history[choice.epoch][which]
        where = {
            "epoch": choice.epoch,
            "peer": choice.peer,
            "merged": which == "merged",
            "valid": valid if which == "merged" else valid[choice.peer],
        }
        return where | ({"after": True} if which == "after" else {})


def _exchanged(exchanges: list[Exchange]) -> dict[str, list]:
    """mu, H, and the part kept of a cooperation, where there are any: a list a peer, of one number a layer, rounded to 8
    digits."""
    kept = {
        "mu": [e.mu for e in exchanges],
        "h": [e.h for e in exchanges],
        "kept": [e.kept for e in exchanges],
    }
    return {
        key: np.round(np.array(rows).T, 8).tolist()
        for key, rows in kept.items()
        if None not in rows
    }


def _columns(history: list[dict[str, Any]]) -> dict[str, Any]:
    """The epochs' entries as columns: small, and what a plot wants. A list of lists runs over peers, then epochs."""
    columns: dict[str, Any] = {
        "loss": [
            [round(x, 8) for x in peer] for peer in zip(*(e["loss"] for e in history), strict=True)
        ],
        "own": _by_metric([e["own"] for e in history]),
    }
    if read := [e["test"] for e in history if "test" in e]:
        columns |= {
            "tests": [epoch for epoch, e in enumerate(history) if "test" in e],
            "test": _by_metric(read),
        }
    exchanges = [
        epoch for epoch, entry in enumerate(history) if "merged" in entry or "after" in entry
    ]
    if not exchanges:
        return columns
    columns["exchanges"] = exchanges
    if "merged" in history[exchanges[0]]:
        columns["merged"] = {
            m: [history[epoch]["merged"][m] for epoch in exchanges] for m in METRICS
        }
    else:
        columns["after"] = _by_metric([history[epoch]["after"] for epoch in exchanges])
    for key in ("mu", "h", "kept"):
        if key in history[exchanges[0]]:
            columns[key] = [history[epoch][key] for epoch in exchanges]
    return columns


def _by_metric(rows: list[list[dict[str, float]]]) -> dict[str, list[list[float]]]:
    """Metrics of every peer, epoch by epoch, as lists by metric over peers, then epochs."""
    return {
        m: list(map(list, zip(*([peer[m] for peer in row] for row in rows), strict=True)))
        for m in METRICS
    }
