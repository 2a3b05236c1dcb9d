"""Training of peers: Algorithms 1 and 2 of the paper.

One loop serves both modes of Section 3.3, which trains the peers serially in one process or in
parallel with one process per peer: the modes differ in the ``Group`` that the trainer is given.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from pcrec_core.cooperation import cooperate
from pcrec_core.datasets.split import Split
from pcrec_core.errors import Interrupted, TrainingError
from pcrec_core.evaluation import ranker_of, summary
from pcrec_core.memory import Needs, require_memory
from pcrec_core.readout import ReadOut
from pcrec_core.specs.run import Cooperation, RunSpec
from pcrec_core.training.build import examples_of, layers_of, rule_of, seen_by
from pcrec_core.training.checkpoints import Checkpoint
from pcrec_core.training.group import SERIAL, Group
from pcrec_core.training.history import chosen_entry, exchange_entry, history_columns
from pcrec_core.training.interrupts import Interrupt, interrupts
from pcrec_core.training.outcome import Outcome
from pcrec_core.training.peer import Peer
from pcrec_core.training.precision import products, require_precision
from pcrec_core.training.result import by_user, facts
from pcrec_core.training.stopwatch import Stopwatch


class Trainer:
    """One run: Algorithm 1 with a parameter-wise rule, Algorithm 2 with a layer-wise one.

    Parameters
    ----------
    spec : RunSpec
        What to run; without a cooperation the peers never exchange.
    split : Split
        The data.
    device : torch.device
        Where the peers are trained and evaluated.
    group : Group
        The processes of the run. Those peers that it puts in this process are at ``peers``.
    """

    def __init__(
        self, spec: RunSpec, split: Split, device: torch.device, group: Group = SERIAL
    ) -> None:
        require_precision(spec.training.precision, device, spec.model.d)
        self.spec, self.split, self.device, self.group = spec, split, device, group
        here = spec.peers if device.type == "cpu" else len(group.numbers(spec.peers))
        require_memory(Needs.of(spec, split, here, device), spec.name)
        seen = seen_by(spec, split)
        self.examples = examples_of(spec, seen)
        steps = -(-len(self.examples) // spec.training.batch)
        self.peers = [Peer.new(spec, split, k, steps, device) for k in group.numbers(spec.peers)]
        layers = layers_of(spec, self.peers[0].model)
        exchanged = spec.cooperation.components if spec.cooperation else None
        #: The layers that are exchanged, which the record names.
        self.layers = [x for x in layers if exchanged is None or x.component in exchanged]
        self.history: list[dict[str, Any]] = []
        self.seconds = Stopwatch()
        ranker = ranker_of(spec, seen, device)
        self.readout = ReadOut(spec, ranker, self.peers, group, self.seconds)

    def fit(
        self, checkpoint: Checkpoint, on_epoch: Callable[[int], None] = lambda epoch: None
    ) -> Outcome:
        """Train to the end, from the checkpoint if there is one, and evaluate on the test set.

        The test set is read once, and after each epoch too where the protocol chooses on it.

        Parameters
        ----------
        checkpoint : Checkpoint
            Where to resume from and to save.
        on_epoch : callable
            Called with the number of finished epochs, first with those from the checkpoint.

        Raises
        ------
        TrainingError
            If the run diverged.
        Interrupted
            If a signal (to any process) ended the run after the current epoch.
        """
        self._resume(self.group.from_first(checkpoint.load))
        began, epochs = len(self.history), self.spec.training.epochs
        on_epoch(began)
        with interrupts() as interrupt:
            for epoch in range(began, epochs):
                self.history.append(self._epoch(epoch))
                stop = self._save_if_due(checkpoint, interrupt)
                on_epoch(epoch + 1)
                if stop:
                    raise Interrupted(
                        f"interrupted after {epoch + 1} of {epochs} epochs of {self.spec.name}; the"
                        " same command goes on from there.",
                        stop,
                    )
        result = self.group.from_first(self._result)
        chosen = self.readout.selection
        weights, by_peer = chosen.best.weights, chosen.weights_by_peer()
        return Outcome(result, dict(self.seconds), began, weights, by_peer)

    # --- an epoch of Algorithms 1 and 2

    def _epoch(self, epoch: int) -> dict[str, Any]:
        """Train every peer for an epoch, let them exchange, and return the entry of the history."""
        spec = self.spec
        with self.seconds.timed("train"), products(spec.training.precision, self.device):
            losses = self.group.gather(
                lambda: [p.train_epoch(self.examples, epoch, self.device) for p in self.peers]
            )
        entry: dict[str, Any] = {"loss": losses}
        evaluated = (epoch + 1) % spec.training.evaluate_every == 0
        if evaluated:
            entry["own"] = self.readout.validate(epoch)
            if spec.reported_models == "own":
                entry |= self.readout.offer(entry["own"], epoch)
        if spec.cooperation and (epoch + 1) % spec.cooperation.every == 0:
            entry["exchange"] = self._exchange(epoch)
            if evaluated:
                entry |= self._evaluate_exchange(spec.cooperation, epoch)
        return entry

    def _exchange(self, epoch: int) -> dict[str, Any]:
        """Let the peers cooperate, and return what the rule measured."""
        with self.seconds.timed("cooperate"):
            models = self.group.models([peer.model for peer in self.peers])
            return exchange_entry(cooperate(models, rule_of(self.spec, epoch), self.layers))

    def _evaluate_exchange(self, cooperation: Cooperation, epoch: int) -> dict[str, Any]:
        """Evaluate the merged model, or every peer, after an exchange."""
        merges = cooperation.merges and cooperation.components is None
        valid = self.readout.validate(epoch, merged=merges)
        entry: dict[str, Any] = {"merged": valid[0]} if merges else {"after": valid}
        if self.spec.reported_models != "own":
            entry |= self.readout.offer(valid, epoch)
        return entry

    # --- checkpoints and the result

    def _save_if_due(self, checkpoint: Checkpoint, interrupt: Interrupt) -> int:
        """Save a checkpoint if one is due or the run is to stop, and return by which signal."""
        # Asked once: a later Ctrl-C must not end the run without a checkpoint.
        answers = self.group.gather(lambda: [(interrupt.signal, checkpoint.due())])
        asked, due = (max(answer) for answer in zip(*answers, strict=True))
        stop = int(asked) if len(self.history) < self.spec.training.epochs else 0
        if due or stop:
            checkpoint.save(self._state())
        return stop

    def _state(self) -> dict[str, Any]:
        return {
            "history": self.history,
            "seconds": dict(self.seconds),
            **self.readout.selection.state(),
            "peers": self.group.collect([peer.state() for peer in self.peers]),
        }

    def _resume(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        self.history = state["history"]
        self.seconds.update(state["seconds"])
        self.readout.selection.resume(state)
        for peer in self.peers:
            peer.resume(state["peers"][peer.k])
        if not 0 < len(self.history) <= self.spec.training.epochs:
            raise TrainingError(
                f"the checkpoint of {self.spec.name} holds {len(self.history)} epochs, and the run"
                f" has {self.spec.training.epochs}; delete {self.spec.identity}.pt among the"
                " checkpoints to start over."
            )

    def _result(self) -> dict[str, Any]:
        best, readings = self.readout.selection.best, self.readout.selection.readings
        model = copy.deepcopy(self.peers[0].model)
        model.load_state_dict(best.weights)
        with self.seconds.timed("evaluate"):
            ranks = self.readout.ranker.ranks(model, "test")
        return {
            **facts(self.split, getattr(self.examples, "left_out", 0)),
            "weights": sum(w.numel() for w in model.parameters()),
            "layers": [[layer.name, layer.component] for layer in self.layers],
            "epochs": history_columns(self.history),
            "chosen": chosen_entry(self.history, self.spec.reported_models, best),
            "test": readings.values() or summary(ranks),
            **by_user(self.split, ranks),
            **{name: kept for name, kept in vars(readings).items() if kept},
        }
