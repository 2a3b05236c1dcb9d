"""The choice of epoch and peer, by given rankings; the test set is read once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from support import CPU, LAYERWISE, NOWHERE, same, spec_of, two_rings, weights_of
from torch import nn

from pcrec_core.specs.run import Cooperation, RunSpec
from pcrec_core.trainer import Trainer
from pcrec_core.training.outcome import Outcome

RINGS = two_rings()


class Script:
    """A ranking whose n-th validation gives every user the rank ``valid[n]``.

    It keeps the weights of the models that it ranked.
    """

    def __init__(self, valid: list[int]) -> None:
        self.valid, self.shown, self.parts = valid, [], []

    def ranks(self, model: nn.Module, part: str) -> np.ndarray:
        self.shown.append(weights_of(model))
        self.parts.append(part)
        rank = self.valid[len(self.parts) - 1] if part == "valid" else 2
        return np.full(RINGS.n_users, rank)


def played(spec: RunSpec, *valid: int) -> tuple[Script, Trainer, Outcome]:
    trainer = Trainer(spec, RINGS, CPU)
    trainer.readout.ranker = script = Script(list(valid))
    return script, trainer, trainer.fit(NOWHERE)


def check(outcome: Outcome, script: Script, at: int, epoch: int, peer: int, merged: bool) -> None:
    """Check that validation ``at`` was the best, and that its weights were read on the test set."""
    chosen = outcome.result["chosen"]
    assert (chosen["epoch"], chosen["peer"], chosen["merged"]) == (epoch, peer, merged)
    assert chosen["valid"]["NDCG@20"] == round(1 / math.log2(1 + script.valid[at]), 8)
    assert script.parts == ["valid"] * len(script.valid) + ["test"]
    assert same(outcome.weights, script.shown[at]) and same(script.shown[-1], script.shown[at])
    assert outcome.result["test"]["MRR@5"] == 0.5  # rank 2


@pytest.mark.parametrize(
    ("valid", "best"),
    [
        ((5, 3, 7, 9), 1),
        ((5, 3, 3, 3), 1),  # ties go to the earlier epoch
        ((9, 9, 9, 9), 0),
        ((4, 3, 2, 1), 3),
        ((30, 40, 25, 21), 0),  # beyond 20 every rank is worth 0
        ((21, 30, 20, 20), 2),
    ],
)
def test_one_model_is_read_at_its_best_epoch(valid, best):
    script, _, outcome = played(spec_of("dnn", epochs=4), *valid)
    if valid[best] <= 20:
        check(outcome, script, at=best, epoch=best, peer=0, merged=False)
    else:
        chosen = outcome.result["chosen"]
        assert chosen["epoch"] == 0 and chosen["valid"]["NDCG@20"] == 0


@pytest.mark.parametrize(
    ("valid", "epoch", "peer"),
    [
        ((4, 2, 3, 3, 9, 9), 0, 1),
        ((4, 4, 3, 3, 3, 3), 1, 0),  # ties go to the earlier epoch, then to the lower peer
        ((4, 2, 2, 2, 2, 2), 0, 1),  # the epoch counts before the peer
        ((4, 4, 4, 4, 4, 3), 2, 1),
    ],
)
def test_the_better_of_peers_that_never_exchange_is_read(valid, epoch, peer):
    script, _, outcome = played(spec_of("dnn", peers=2), *valid)
    check(outcome, script, at=2 * epoch + peer, epoch=epoch, peer=peer, merged=False)


@pytest.mark.parametrize(
    ("valid", "epoch"),
    [
        # Both peers before the exchange, then the merged model: the better peers do not count.
        ((1, 1, 5, 1, 1, 4, 1, 1, 6), 1),
        ((9, 9, 4, 1, 9, 4, 9, 9, 4), 0),
        ((9, 9, 8, 9, 9, 7, 9, 9, 6), 2),
    ],
)
def test_the_merged_model_is_read_among_epochs_with_an_exchange(valid, epoch):
    script, trainer, outcome = played(spec_of("dnn", peers=2, cooperation=LAYERWISE), *valid)
    check(outcome, script, at=3 * epoch + 2, epoch=epoch, peer=0, merged=True)
    for first in (0, 3, 6):
        assert not same(script.shown[first], script.shown[first + 1])
        assert not same(script.shown[first], script.shown[first + 2])
    assert same(script.shown[8], trainer.peers[0].model.state_dict())
    assert same(script.shown[8], trainer.peers[1].model.state_dict())


def test_epochs_without_an_exchange_are_no_candidates():
    every = Cooperation("averaging", every=2)
    spec = spec_of("dnn", peers=2, cooperation=every, epochs=5)
    script, _, outcome = played(spec, 1, 1, 9, 9, 6, 1, 1, 9, 9, 5, 1, 1)
    check(outcome, script, at=9, epoch=3, peer=0, merged=True)


def test_each_epoch_keeps_the_metrics_of_both_peers_and_of_the_merged_model():
    spec = spec_of("dnn", peers=2, cooperation=LAYERWISE, epochs=2)
    _, _, outcome = played(spec, 1, 2, 3, 4, 5, 6)
    epochs = outcome.result["epochs"]
    assert epochs["own"]["MRR@5"] == [[1, 0.25], [0.5, 0.2]]  # by peer, then epoch
    assert epochs["merged"]["MRR@5"] == [round(1 / 3, 8), 0]
    assert epochs["own"]["MRR@20"] == [[1, 0.25], [0.5, 0.2]]
    assert epochs["merged"]["HIT@20"] == [1, 1]


def test_the_choice_is_a_copy_that_further_training_does_not_move():
    script, trainer, outcome = played(spec_of("dnn", epochs=3), 1, 5, 5)
    assert same(outcome.weights, script.shown[0])
    assert not torch.equal(outcome.weights["item.weight"], trainer.peers[0].model.item.weight)
