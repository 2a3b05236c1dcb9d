"""Training of peers: streams, rates, Algorithm 2 written out again, and what a run keeps."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from support import AVERAGING, CPU, LAYERWISE, NOWHERE, digest, fit, same, spec_of, split_of, two_rings, weights_of

from pcrec_core.cooperation import LayerWise, cooperate
from pcrec_core.errors import TrainingError
from pcrec_core.models import build, layers_of
from pcrec_core.spec import Cooperation, RunSpec
from pcrec_core.streams import global_stream, stream_seed
from pcrec_core.trainer import Peer, Trainer, device_of, rate

MODELS = ["sasrec", "dnn", "bpr"]
RINGS = two_rings()


# --- streams -----------------------------------------------------------------------------------------------------------


def test_every_stream_is_its_own():
    seeds = {stream_seed(seed, peer, purpose, epoch) for seed in (0, 1, 2**40) for peer in range(4)
             for purpose in ("weights", "order", "negatives", "dropout") for epoch in range(50)}
    assert len(seeds) == 3 * 4 * 4 * 50 and all(0 <= seed < 2**63 for seed in seeds)


def test_streams_are_pinned():
    """Another value here means other results on every machine: `numerics` must rise."""
    assert stream_seed(0, 0, "weights") == 1111904019891750246
    assert stream_seed(3, 1, "dropout", 7) == 7263391250926480387


def test_the_global_stream_is_swapped_and_put_back():
    torch.manual_seed(9)
    before = torch.get_rng_state()
    with global_stream(5, CPU):
        inside = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(KeyError), global_stream(5, CPU):
        assert torch.equal(torch.rand(3), inside)
        raise KeyError
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("model", MODELS)
def test_training_neither_uses_nor_moves_a_global_generator(model):
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
        results.append(digest(fit(spec_of(model, peers=2, cooperation=LAYERWISE), RINGS)[1].result))
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]
    assert results[0] == results[1]


# --- peers -------------------------------------------------------------------------------------------------------------


def test_rates_by_hand():
    assert [rate(0.1, k, 1) for k in range(1)] == [0.1]
    assert [rate(0.1, k, 2) for k in range(2)] == pytest.approx([0.1, 0.05])
    assert [rate(0.1, k, 3) for k in range(3)] == pytest.approx([0.1, 0.075, 0.025])  # cos 60 and 120 degrees


def rates_of(spec: RunSpec, monkeypatch) -> dict[int, list[float]]:
    """The rate of every step by peer."""
    used: dict[int, list[float]] = {k: [] for k in range(spec.peers)}
    step = Peer._step

    def watched(self, batch):
        used[self.k].append(self.optimizer.param_groups[0]["lr"])
        return step(self, batch)

    monkeypatch.setattr(Peer, "_step", watched)
    fit(spec, RINGS)
    return used


@pytest.mark.parametrize("cooperation", [None, LAYERWISE])
def test_the_rate_of_each_peer_falls_to_0_by_batch_like_torchs_cosine(cooperation, monkeypatch):
    spec = spec_of("sasrec", peers=2, cooperation=cooperation, epochs=4, batch=20, eta=0.01)
    used = rates_of(spec, monkeypatch)
    steps = 4 * 3  # 48 users with 5 training items make 48 pieces
    for k, eta in enumerate((0.01, 0.005)):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=eta)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        expected = []
        for _ in range(steps):
            expected.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        assert used[k] == pytest.approx(expected, rel=1e-9) and schedule.get_last_lr() == [0]


def test_a_constant_rate_stays(monkeypatch):
    used = rates_of(spec_of("bpr", peers=3, schedule="constant", epochs=2, batch=100), monkeypatch)
    assert all(len(rates) == 2 * 3 and len(set(rates)) == 1 for rates in used.values())
    assert [rates[0] for rates in used.values()] == pytest.approx([0.01, 0.0075, 0.0025])


@pytest.mark.parametrize("model", MODELS)
def test_the_base_is_the_twin_of_the_pairs_first_peer(model):
    base, one = fit(spec_of(model, seed=4), RINGS)
    pair, two = fit(spec_of(model, seed=4, peers=2, cooperation=LAYERWISE), RINGS)
    apart, three = fit(spec_of(model, seed=4, peers=2), RINGS)
    for trainer in (pair, apart):  # until the first exchange, to the bit
        assert trainer.history[0]["loss"][0] == base.history[0]["loss"][0]
        assert trainer.history[0]["own"][0] == base.history[0]["own"][0]
        assert trainer.history[0]["loss"][1] != base.history[0]["loss"][0]
    assert pair.history[1]["loss"][0] != base.history[1]["loss"][0]
    # Without an exchange the first peer is the base throughout.
    assert same(apart.peers[0].model.state_dict(), base.peers[0].model.state_dict())
    assert three.result["epochs"]["loss"][0] == one.result["epochs"]["loss"][0]
    assert one.result["epochs"]["own"] != two.result["epochs"]["own"]


def test_peers_differ_in_first_weights_and_order():
    one, other = (Peer.new(spec_of("sasrec", peers=2), RINGS, k, CPU) for k in (0, 1))
    a, b = one.model.state_dict(), other.model.state_dict()
    assert not any(torch.equal(a[name], b[name]) for name in a if "norm" not in name)
    twin = Peer.new(spec_of("sasrec"), RINGS, 0, CPU)
    assert same(a, twin.model.state_dict())


@pytest.mark.parametrize("model", MODELS)
def test_the_order_is_fresh_each_epoch_and_differs_between_peers(model):
    trainer = Trainer(spec_of(model, peers=2), RINGS, CPU)
    epoch, asked = trainer.examples.epoch, []
    trainer.examples.epoch = lambda *seeds: asked.append(epoch(*seeds)) or asked[-1]
    trainer.fit(NOWHERE)
    orders = [str(rows.tolist()) for rows in asked]
    assert len(orders) == len(set(orders)) == 3 * 2
    first_two = [sorted(rows[:, :2].tolist()) for rows in asked]
    assert all(rows == first_two[0] for rows in first_two)  # the same examples (but for the negatives)


# --- Algorithm 2, written out again ------------------------------------------------------------------------------------


def algorithm_2(spec: RunSpec) -> list[list[float]]:
    """Mean loss of a batch by peer and epoch: torch's own Adam and cosine, Eq. 8 after every k-th epoch."""
    models, optimizers, schedules, losses = [], [], [], [[] for _ in range(spec.peers)]
    for k in range(spec.peers):
        torch.manual_seed(stream_seed(spec.seed, k, "weights"))
        models.append(build(spec.model, spec.training, RINGS))
        eta = spec.training.eta * (1, 0.5)[k]
        decay = 0 if spec.model.name == "bpr" else spec.training.l2
        optimizers.append(torch.optim.Adam(models[k].parameters(), lr=eta, weight_decay=decay))
    examples = type(models[0]).examples(RINGS, spec.model.t)
    batches = math.ceil(len(examples) / spec.training.batch)
    for optimizer in optimizers:
        schedules.append(torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, spec.training.epochs * batches))
    for epoch in range(spec.training.epochs):
        for k, model in enumerate(models):
            rows = examples.epoch(*(stream_seed(spec.seed, k, purpose, epoch) for purpose in ("order", "negatives")))
            torch.manual_seed(stream_seed(spec.seed, k, "dropout", epoch))
            total = 0.0
            for start in range(0, len(rows), spec.training.batch):
                loss = model.train().loss(rows[start : start + spec.training.batch])
                optimizers[k].zero_grad()
                loss.backward()
                optimizers[k].step()
                schedules[k].step()
                total += loss.item()
            losses[k].append(total / batches)
        if spec.cooperation and (epoch + 1) % spec.cooperation.every == 0:
            cooperate(models, LayerWise(spec.cooperation.criterion, spec.cooperation.alpha), layers_of(spec.model)(models[0]))
    return losses


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("cooperation", [None, Cooperation("layerwise", "entropy", 2), Cooperation("layerwise", "l1", 5, 2)],
                         ids=["apart", "entropy", "l1 every 2"])
def test_a_run_is_algorithm_2(model, cooperation):
    spec = spec_of(model, peers=2, cooperation=cooperation, epochs=4, batch=20, l2=1e-3, eta=3e-3, seed=2)
    _, outcome = fit(spec, RINGS)
    np.testing.assert_allclose(outcome.result["epochs"]["loss"], algorithm_2(spec), rtol=2e-4)


# --- exchanges ---------------------------------------------------------------------------------------------------------


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


def test_every_second_epoch():
    every = Cooperation("layerwise", "entropy", 30, every=2)
    trainer, outcome = fit(spec_of("dnn", peers=2, cooperation=every, epochs=5), RINGS)
    epochs = outcome.result["epochs"]
    assert epochs["exchanges"] == [1, 3] and np.array(epochs["mu"]).shape == (2, 2, 3)
    assert all(len(values) == 2 for values in epochs["merged"].values())
    assert all(np.shape(values) == (2, 5) for values in epochs["own"].values())
    assert outcome.result["chosen"]["epoch"] in (1, 3)
    assert not same(*(weights_of(peer.model) for peer in trainer.peers))  # the last epoch had no exchange
    apart = fit(spec_of("dnn", peers=2, epochs=5), RINGS)[1].result["epochs"]["loss"]
    assert [[a == b for a, b in zip(*pair, strict=True)] for pair in zip(epochs["loss"], apart, strict=True)] == [
        [True, True, False, False, False]] * 2


# --- what a run is and keeps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("peers", "cooperation"), [(1, None), (2, LAYERWISE), (3, AVERAGING)])
def test_the_same_spec_gives_the_same_result_to_the_bit_and_another_seed_another(model, peers, cooperation):
    one, again, other = (fit(spec_of(model, peers=peers, cooperation=cooperation, seed=seed), RINGS) for seed in (0, 0, 1))
    assert digest(one[1].result) == digest(again[1].result) != digest(other[1].result)
    assert same(one[1].weights, again[1].weights) and not same(one[1].weights, other[1].weights)
    assert one[1].result["epochs"]["loss"] != other[1].result["epochs"]["loss"]


def test_the_result_says_what_was_trained():
    split = split_of([[1, 2, 3, 4, 5], [5, 4, 3, 5, 1], [2, 3, 2, 1, 2]], repeats=True)
    trainer, outcome = fit(spec_of("dnn", epochs=2), split)
    result = outcome.result
    assert result["data"] == {"fingerprint": split.fingerprint(), "users": 3, "items": 5}
    assert result["weights"] == 6 * 16 + 16 * 16 + 16 + 16 * 6 + 6
    assert result["layers"] == [["item", "embedding"], ["hidden", "middle"], ["output", "softmax"]]
    assert result["repeated"] == "001"  # only 2 came before; the 5 that repeats in row 1 is its validation item
    assert len(result["ranks"].split()) == 3 and not result["chosen"]["merged"]
    assert outcome.began == 0 and {"train", "evaluate"} <= outcome.seconds.keys()
    model = trainer.peers[0].model
    model.load_state_dict(outcome.weights)
    assert " ".join(map(str, trainer.ranker.ranks(model, "test"))) == result["ranks"]


def test_bpr_hides_what_was_seen_only_where_nothing_can_repeat():
    """Users with all but two items in training: hidden, the worst rank is 2."""
    histories = [[1 + (start + step) % 6 for step in range(6)] for start in range(6)]
    for repeats, worst in ((False, 2), (True, 6)):
        trainer = Trainer(spec_of("bpr"), split_of(histories, repeats), CPU)
        with torch.no_grad():
            trainer.peers[0].model.user.weight.zero_()  # every score is 0: the last rank
        assert trainer.ranker.ranks(trainer.peers[0].model, "test").tolist() == [worst] * 6
    for model in ("sasrec", "dnn"):
        trainer = Trainer(spec_of(model), split_of(histories), CPU)
        with torch.no_grad():
            trainer.peers[0].model.output.weight.zero_()
            trainer.peers[0].model.output.bias.zero_()
        assert trainer.ranker.ranks(trainer.peers[0].model, "test").tolist() == [6] * 6


def test_finished_epochs_are_told():
    told: list[int] = []
    Trainer(spec_of("bpr"), RINGS, CPU).fit(NOWHERE, told.append)
    assert told == [0, 1, 2, 3]


# --- what goes wrong ---------------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_stops_with_the_peer_and_the_epoch():
    trainer = Trainer(spec_of("dnn", peers=2), RINGS, CPU)
    with torch.no_grad():
        trainer.peers[1].model.output.bias[3] = math.nan
    with pytest.raises(TrainingError, match=r"the loss of peer 1 is nan in epoch 0: the training diverged; lower the"):
        trainer.fit(NOWHERE)


@pytest.mark.parametrize("batch", [4, 1000])  # the loss of a second batch, or the first ranking
def test_an_absurd_rate_stops_with_a_sentence(batch):
    with pytest.raises(TrainingError, match="(loss of peer 0|a score) is .*diverged; lower the learning rate"):
        fit(spec_of("bpr", eta=1e30, batch=batch), RINGS)


@pytest.mark.parametrize("name", ["gpu", "cuda:1", "CPU", ""])
def test_an_unknown_device(name):
    with pytest.raises(TrainingError, match=f"device must be auto, cpu or cuda, not '{name}'"):
        device_of(name)


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("cpu") == device_of("auto") == CPU
    with pytest.raises(TrainingError, match="cuda was asked for, but torch sees no GPU here; take cpu or auto"):
        device_of("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto").type == device_of("cuda").type == "cuda" and device_of("cpu") == CPU
