"""Read-out of a run by its protocol: which models are evaluated after an epoch, and which one wins.

The protocol's options ``choice`` and ``evaluated`` are in :ref:`protocols-table`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from torch import nn

from pcrec_core.evaluation import Ranker, summary
from pcrec_core.metrics import PRIMARY, SELECTION
from pcrec_core.specs.run import RunSpec
from pcrec_core.training.group import Group
from pcrec_core.training.peer import Peer
from pcrec_core.training.result import as_text
from pcrec_core.training.selection import Selection
from pcrec_core.training.stopwatch import Stopwatch

T = TypeVar("T")


class ReadOut:
    """The evaluations of a run and the selection of its epoch and peer.

    Parameters
    ----------
    spec : RunSpec
        The run.
    ranker : Ranker
        Of the users that it is evaluated on.
    peers : sequence of Peer
        The peers of this process.
    group : Group
        The processes of the run.
    seconds : Stopwatch
        Counts the phase "evaluate".
    """

    def __init__(
        self,
        spec: RunSpec,
        ranker: Ranker,
        peers: Sequence[Peer],
        group: Group,
        seconds: Stopwatch,
    ) -> None:
        self.ranker, self.selection = ranker, Selection.of(spec)
        self._spec, self._peers, self._group, self._seconds = spec, peers, group, seconds

    def validate(self, epoch: int, merged: bool = False) -> list[dict[str, float]]:
        """Return the validation metrics of every peer as it is now, or of the merged model."""
        return self._ask(
            lambda peer: summary(self.ranker.ranks(peer.reported(epoch), "valid")), merged
        )

    def offer(self, valid: Sequence[dict[str, float]], epoch: int) -> dict[str, Any]:
        """Offer the models as they are now to the selection, by validation or test metrics.

        Parameters
        ----------
        valid : sequence of dict
            Validation metrics of every peer, or of the one merged model.
        epoch : int
            From 0.

        Returns
        -------
        dict
            The test metrics as ``test`` if the choice is made on them, else empty.
        """
        average = self._peers[0].average
        if average and not average.ready(epoch):
            return {}
        entry, scores = {}, [metrics[SELECTION] for metrics in valid]
        if self._spec.options.chosen_on_test:
            entry["test"] = self._read_test(valid, epoch)
            scores = [metrics[PRIMARY] for metrics in entry["test"]]
        self.selection.offer(scores, epoch, partial(self._reported, epoch))
        return entry

    def _reported(self, epoch: int, peer: int) -> nn.Module:
        return self._group.models([p.reported(epoch) for p in self._peers])[peer]

    def _read_test(self, valid: Sequence[dict[str, float]], epoch: int) -> list[dict[str, float]]:
        """Return the test metrics of as many models as ``valid`` has, and keep the best so far."""
        ranks = self._ask(
            lambda peer: self.ranker.ranks(peer.reported(epoch), "test"),
            merged=len(valid) < self._spec.peers,
        )
        test, both = [summary(each) for each in ranks], self._spec.options.choice == "both"
        self.selection.readings.keep(epoch, valid, test, [*map(as_text, ranks)], both=both)
        return test

    def _ask(self, evaluate: Callable[[Peer], T], merged: bool) -> list[T]:
        """Evaluate every peer; a merged model, which all peers hold, only in the first process."""
        ask, peers = self._group.gather, self._peers
        if merged:
            ask, peers = self._group.from_first, self._peers[:1]
        with self._seconds.timed("evaluate"):
            return ask(lambda: [evaluate(peer) for peer in peers])
