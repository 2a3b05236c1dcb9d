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
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pcrec_core.cooperation import (
    cooperate,
)
from pcrec_core.datasets.split import Split
from pcrec_core.errors import Interrupted, TrainingError
from pcrec_core.evaluation import as_text, by_user, facts, ranker_of, summary
from pcrec_core.metrics import METRICS, PRIMARY, SELECTION
from pcrec_core.specs.run import RunSpec
from pcrec_core.training.build import examples_of, layers_of, rule_of, seen_by
from pcrec_core.training.checkpoints import Checkpoint, interrupts
from pcrec_core.training.history import exchange_entry, history_columns
from pcrec_core.training.parallel import SERIAL, Group
from pcrec_core.training.peer import Peer
from pcrec_core.training.precision import products, require
from pcrec_core.training.selection import Choice


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
            return {"merged": after, **exchange_entry(exchanges)}
        return {"after": self._read("valid", epoch), **exchange_entry(exchanges)}

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
                "epochs": history_columns(self.history),
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
