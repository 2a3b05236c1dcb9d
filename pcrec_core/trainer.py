"""Training of peers: Algorithms 1 and 2 of the paper, with selection and read-out by protocol.

One loop serves both modes of Section 3.3, which trains the peers serially in one process or in
parallel with one process per peer: the modes differ in the ``Group`` that the trainer is given.
"""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

from pcrec_core.cooperation import cooperate
from pcrec_core.datasets.split import Split
from pcrec_core.errors import Interrupted, TrainingError
from pcrec_core.evaluation import as_text, by_user, facts, ranker_of, summary
from pcrec_core.memory import Needs, require_memory
from pcrec_core.metrics import PRIMARY, SELECTION
from pcrec_core.specs.run import Cooperation, RunSpec
from pcrec_core.training.build import examples_of, layers_of, rule_of, seen_by
from pcrec_core.training.checkpoints import Checkpoint
from pcrec_core.training.group import SERIAL, Group
from pcrec_core.training.history import chosen_entry, exchange_entry, history_columns
from pcrec_core.training.interrupts import Interrupt, interrupts
from pcrec_core.training.outcome import Outcome
from pcrec_core.training.peer import Peer
from pcrec_core.training.precision import products, require_precision
from pcrec_core.training.selection import Choice, TestReadings


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
        self.ranker = ranker_of(spec, seen, device)
        layers = layers_of(spec, self.peers[0].model)
        exchanged = spec.cooperation.components if spec.cooperation else None
        #: The layers that are exchanged, which the record names.
        self.layers = [x for x in layers if exchanged is None or x.component in exchanged]
        self.choices = [Choice() for _ in range(1 if spec.cooperation else spec.peers)]
        #: The best readings of the test set, where the protocol chooses on it.
        self.readings = TestReadings()
        self.history: list[dict[str, Any]] = []
        self.seconds: defaultdict[str, float] = defaultdict(float)

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
        by_peer = [choice.weights for choice in self.choices] if len(self.choices) > 1 else []
        return Outcome(result, dict(self.seconds), began, self.choice.weights, by_peer)

    @property
    def choice(self) -> Choice:
        """The best model of all peers so far."""
        return min(self.choices, key=lambda choice: (-choice.score, choice.epoch, choice.peer))

    def _save_if_due(self, checkpoint: Checkpoint, interrupt: Interrupt) -> int:
        """Save a checkpoint if one is due or the run is to stop, and return by which signal."""
        # Asked once: a later Ctrl-C must not end the run without a checkpoint.
        answers = self.group.gather(lambda: [(interrupt.signal, checkpoint.due())])
        asked, due = (max(answer) for answer in zip(*answers, strict=True))
        stop = int(asked) if len(self.history) < self.spec.training.epochs else 0
        if due or stop:
            checkpoint.save(self._state())
        return stop

    # --- an epoch of Algorithms 1 and 2

    def _epoch(self, epoch: int) -> dict[str, Any]:
        """Train every peer for an epoch, let them exchange, and return the entry of the history."""
        spec = self.spec
        with self._timed("train"), products(spec.training.precision, self.device):
            losses = self.group.gather(
                lambda: [p.train_epoch(self.examples, epoch, self.device) for p in self.peers]
            )
        own = self._evaluate(epoch)
        entry: dict[str, Any] = {"loss": losses, "own": own}
        if spec.reported_models == "own":
            entry |= self._offer(own, epoch)
        if spec.cooperation and (epoch + 1) % spec.cooperation.every == 0:
            entry |= self._exchange(spec.cooperation, epoch)
            if spec.reported_models != "own":
                after = [entry["merged"]] if "merged" in entry else entry["after"]
                entry |= self._offer(after, epoch)
        return entry

    def _exchange(self, cooperation: Cooperation, epoch: int) -> dict[str, Any]:
        """Let the peers cooperate, and evaluate the merged model, or every peer after it."""
        with self._timed("cooperate"):
            models = self.group.models([peer.model for peer in self.peers])
            exchanges = cooperate(models, rule_of(self.spec, epoch), self.layers)
        if cooperation.merges and cooperation.components is None:
            [merged] = self.group.from_first(lambda: self._evaluate_here(epoch, self.peers[:1]))
            return {"merged": merged, **exchange_entry(exchanges)}
        return {"after": self._evaluate(epoch), **exchange_entry(exchanges)}

    def _evaluate(self, epoch: int) -> list[dict[str, float]]:
        """Return the validation metrics of every peer as it is now."""
        return self.group.gather(lambda: self._evaluate_here(epoch, self.peers))

    def _evaluate_here(self, epoch: int, peers: Sequence[Peer]) -> list[dict[str, float]]:
        with self._timed("evaluate"):
            return [summary(self.ranker.ranks(peer.reported(epoch), "valid")) for peer in peers]

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[phase] += time.perf_counter() - start

    # --- the choice of the epoch and the peer

    def _offer(self, valid: Sequence[dict[str, float]], epoch: int) -> dict[str, Any]:
        """Offer the peers as they are now, by validation or test metrics.

        Returns
        -------
        dict
            The test metrics as ``test`` if the choice is made on them, else empty.
        """
        average = self.peers[0].average
        if average and not average.ready(epoch):
            return {}
        entry, scores = {}, [metrics[SELECTION] for metrics in valid]
        if self.spec.options.chosen_on_test:
            entry["test"] = self._read_test(valid, epoch)
            scores = [metrics[PRIMARY] for metrics in entry["test"]]
        # One choice per peer where they never exchange, else one of the best (first of equal) peer.
        many = len(self.choices) > 1
        offered = range(len(scores)) if many else [scores.index(max(scores))]
        for choice, peer in zip(self.choices, offered, strict=True):
            choice.offer(scores[peer], epoch, peer, partial(self._reported, peer, epoch))
        return entry

    def _reported(self, peer: int, epoch: int) -> nn.Module:
        return self.group.models([p.reported(epoch) for p in self.peers])[peer]

    def _read_test(self, valid: Sequence[dict[str, float]], epoch: int) -> list[dict[str, float]]:
        """Return the test metrics of as many peers as ``valid`` has, and keep the best so far."""
        count = len(valid)
        # The first process alone evaluates a merged model.
        ask = self.group.gather if count == self.spec.peers else self.group.from_first
        with self._timed("evaluate"):
            ranks = ask(
                lambda: [self.ranker.ranks(p.reported(epoch), "test") for p in self.peers[:count]]
            )
        test = [summary(ranks_of_peer) for ranks_of_peer in ranks]
        rows = zip(valid, test, map(as_text, ranks), strict=True)
        self.readings.keep(
            [
                {"epoch": epoch, "peer": k, "valid": v, "test": t, "ranks": r}
                for k, (v, t, r) in enumerate(rows)
            ],
            both=self.spec.options.choice == "both",
        )
        return test

    # --- checkpoints and the result

    def _state(self) -> dict[str, Any]:
        return {
            "history": self.history,
            "seconds": dict(self.seconds),
            "choices": [vars(choice) for choice in self.choices],
            "readings": vars(self.readings),
            "peers": self.group.collect([peer.state() for peer in self.peers]),
        }

    def _resume(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        advice = f"delete {self.spec.identity}.pt among the checkpoints to start anew."
        try:
            self.history = state["history"]
            self.seconds.update(state["seconds"])
            self.choices = [Choice(**choice) for choice in state["choices"]]
            self.readings = TestReadings(**state["readings"])
            for peer in self.peers:
                peer.resume(state["peers"][peer.k])
        except (KeyError, TypeError, IndexError) as error:
            raise TrainingError(
                f"the checkpoint of {self.spec.name} is of another state of the code"
                f" ({type(error).__name__}: {error}); {advice}"
            ) from error
        if not 0 < len(self.history) <= self.spec.training.epochs:
            raise TrainingError(
                f"the checkpoint of {self.spec.name} holds {len(self.history)} epochs, and the run"
                f" has {self.spec.training.epochs}; {advice}"
            )

    def _result(self) -> dict[str, Any]:
        choice, model = self.choice, copy.deepcopy(self.peers[0].model)
        model.load_state_dict(choice.weights)
        with self._timed("evaluate"):
            ranks = self.ranker.ranks(model, "test")
        found = facts(self.split)
        if left_out := getattr(self.examples, "left_out", 0):
            found["data"]["users_not_trained"] = left_out
        return found | {
            "weights": sum(w.numel() for w in model.parameters()),
            "layers": [[layer.name, layer.component] for layer in self.layers],
            "epochs": history_columns(self.history),
            "chosen": chosen_entry(self.history, self.spec.reported_models, choice),
            "test": self.readings.values() or summary(ranks),
            **by_user(self.split, ranks),
            **{name: kept for name, kept in vars(self.readings).items() if kept},
        }
