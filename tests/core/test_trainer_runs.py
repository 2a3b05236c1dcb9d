"""Runs of the trainer: exchanges, equality to the bit, the result, and failures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from support import (
    AVERAGING,
    CPU,
    LAYERWISE,
    NOWHERE,
    digest,
    fit,
    same,
    spec_of,
    split_of,
    two_rings,
    weights_of,
)

from pcrec_core.errors import TrainingError
from pcrec_core.specs.run import Cooperation
from pcrec_core.trainer import Trainer
from pcrec_core.training.build import device_of

MODELS = ["sasrec", "dnn", "bpr"]
RINGS = two_rings()


# --- exchanges


@pytest.mark.parametrize("cooperation", [LAYERWISE, AVERAGING])
@pytest.mark.parametrize("peers", [2, 3])
def test_merged_peers_are_equal_and_keep_their_own_moments(peers, cooperation):
    trainer, outcome = fit(spec_of("sasrec", peers=peers, cooperation=cooperation, epochs=2), RINGS)
    states = [weights_of(peer.model) for peer in trainer.peers]
    assert all(same(state, states[0]) for state in states)
    moments = [peer.optimizer.state[peer.model.item.weight]["exp_avg"] for peer in trainer.peers]
    assert not torch.equal(moments[0], moments[1])
    epochs = outcome.result["epochs"]
    assert epochs["exchanges"] == [0, 1] and np.array(epochs["mu"]).shape == (2, peers, 13)
    np.testing.assert_allclose(np.sum(epochs["mu"], axis=1), 1, atol=1e-7)
    if cooperation is AVERAGING:
        np.testing.assert_allclose(epochs["mu"], 1 / peers, atol=1e-8)
        assert "h" not in epochs
    else:
        h = np.array(epochs["h"])
        assert h.shape == (2, peers, 13) and (h > 0).all() and (h <= math.log(10)).all()
        odds = np.exp(30 * (h - h[:, :1]))  # mu is the softmax of alpha H
        np.testing.assert_allclose(epochs["mu"], odds / odds.sum(1, keepdims=True), atol=1e-5)


def test_peers_can_exchange_after_every_second_epoch():
    every = Cooperation("layerwise", "entropy", 30, every=2)
    trainer, outcome = fit(spec_of("dnn", peers=2, cooperation=every, epochs=5), RINGS)
    epochs = outcome.result["epochs"]
    assert epochs["exchanges"] == [1, 3] and np.array(epochs["mu"]).shape == (2, 2, 3)
    assert all(len(values) == 2 for values in epochs["merged"].values())
    assert all(np.shape(values) == (2, 5) for values in epochs["own"].values())
    assert outcome.result["chosen"]["epoch"] in (1, 3)
    # The last epoch has no exchange.
    assert not same(*(weights_of(peer.model) for peer in trainer.peers))
    apart = fit(spec_of("dnn", peers=2, epochs=5), RINGS)[1].result["epochs"]["loss"]
    equal = np.array(epochs["loss"]) == np.array(apart)
    assert equal.tolist() == [[True, True, False, False, False]] * 2


# --- the result


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("peers", "cooperation"), [(1, None), (2, LAYERWISE), (3, AVERAGING)])
def test_the_same_spec_gives_the_same_result_to_the_bit_and_another_seed_another(
    model, peers, cooperation
):
    specs = [spec_of(model, peers=peers, cooperation=cooperation, seed=seed) for seed in (0, 0, 1)]
    one, again, other = (fit(spec, RINGS) for spec in specs)
    assert digest(one[1].result) == digest(again[1].result) != digest(other[1].result)
    assert same(one[1].weights, again[1].weights) and not same(one[1].weights, other[1].weights)
    assert one[1].result["epochs"]["loss"] != other[1].result["epochs"]["loss"]


def test_the_result_describes_what_was_trained():
    split = split_of([[1, 2, 3, 4, 5], [5, 4, 3, 5, 1], [2, 3, 2, 1, 2]], repeats=True)
    trainer, outcome = fit(spec_of("dnn", epochs=2), split)
    result = outcome.result
    assert result["data"] == {"fingerprint": split.fingerprint(), "users": 3, "items": 5}
    assert result["weights"] == 6 * 16 + 16 * 16 + 16 + 16 * 6 + 6
    assert result["layers"] == [["item", "embedding"], ["hidden", "middle"], ["output", "softmax"]]
    # Of the targets 5, 1, 2 only the 2 came before; the 5 that row 1 repeats is for validation.
    assert result["repeated"] == "001"
    assert len(result["ranks"].split()) == 3 and not result["chosen"]["merged"]
    assert outcome.began == 0 and {"train", "evaluate"} <= outcome.seconds.keys()
    model = trainer.peers[0].model
    model.load_state_dict(outcome.weights)
    assert " ".join(map(str, trainer.readout.ranker.ranks(model, "test"))) == result["ranks"]


def test_bpr_hides_what_was_seen_only_where_nothing_can_repeat():
    """Users have all but two items in training, so the worst rank is 2 where they are hidden."""
    histories = [[1 + (start + step) % 6 for step in range(6)] for start in range(6)]
    for repeats, worst in ((False, 2), (True, 6)):
        trainer = Trainer(spec_of("bpr"), split_of(histories, repeats), CPU)
        with torch.no_grad():
            trainer.peers[0].model.user.weight.zero_()  # every score is 0: the last rank
        assert trainer.readout.ranker.ranks(trainer.peers[0].model, "test").tolist() == [worst] * 6
    for model in ("sasrec", "dnn"):
        trainer = Trainer(spec_of(model), split_of(histories), CPU)
        with torch.no_grad():
            trainer.peers[0].model.output.weight.zero_()
            trainer.peers[0].model.output.bias.zero_()
        assert trainer.readout.ranker.ranks(trainer.peers[0].model, "test").tolist() == [6] * 6


def test_the_number_of_finished_epochs_is_reported():
    finished: list[int] = []
    Trainer(spec_of("bpr"), RINGS, CPU).fit(NOWHERE, finished.append)
    assert finished == [0, 1, 2, 3]


# --- failures


def test_a_loss_that_is_nan_stops_the_run_with_the_peer_and_the_epoch():
    trainer = Trainer(spec_of("dnn", peers=2), RINGS, CPU)
    with torch.no_grad():
        trainer.peers[1].model.output.bias[3] = math.nan
    words = "the loss of peer 1 is nan in epoch 0: the training diverged; lower the"
    with pytest.raises(TrainingError, match=words):
        trainer.fit(NOWHERE)


@pytest.mark.parametrize("batch", [4, 1000])  # the loss of a second batch, or the first ranking
def test_an_absurd_rate_stops_the_run(batch):
    words = r"(loss of peer 0|a score) is .*diverged; lower the learning rate"
    with pytest.raises(TrainingError, match=words):
        fit(spec_of("bpr", eta=1e30, batch=batch), RINGS)


@pytest.mark.parametrize(("name", "eta"), [("bpr", 1e9), ("dnn", 1e9), ("bpr", 1e14)])
def test_a_loss_that_is_finite_and_absurd_is_a_divergence(name, eta):
    words = r"the loss of peer 0 is \S+ in epoch \d: the training diverged"
    with pytest.raises(TrainingError, match=words) as error:
        fit(spec_of(name, eta=eta), RINGS)
    loss = float(str(error.value).split(" is ")[1].split()[0])
    assert math.isfinite(loss) and loss > 1e6


@pytest.mark.parametrize("name", ["gpu", "cuda:1", "CPU", ""])
def test_an_unrequire_device_is_refused(name):
    with pytest.raises(TrainingError, match=f"device must be auto, cpu or cuda, not '{name}'"):
        device_of(name)


def test_auto_is_the_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("cpu") == device_of("auto") == CPU
    words = "cuda was asked for, but torch sees no GPU here; use cpu or auto"
    with pytest.raises(TrainingError, match=words):
        device_of("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto").type == device_of("cuda").type == "cuda" and device_of("cpu") == CPU
