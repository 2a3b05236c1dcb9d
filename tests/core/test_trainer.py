"""Training of peers: rates, random streams, and Algorithm 2 written out again."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from support import CPU, LAYERWISE, NOWHERE, fit, same, spec_of, two_rings

from pcrec_core.cooperation import LayerWise, cooperate
from pcrec_core.specs.run import Cooperation, RunSpec
from pcrec_core.trainer import Trainer
from pcrec_core.training.build import build, examples_of, layers_of
from pcrec_core.training.peer import Peer, rate
from pcrec_core.training.random_streams import stream_seed

MODELS = ["sasrec", "dnn", "bpr"]
RINGS = two_rings()


# --- peers


def test_rates_by_hand():
    assert [rate(0.1, k, 1) for k in range(1)] == [0.1]
    assert [rate(0.1, k, 2) for k in range(2)] == pytest.approx([0.1, 0.05])
    # The cosines of 60 and 120 degrees.
    assert [rate(0.1, k, 3) for k in range(3)] == pytest.approx([0.1, 0.075, 0.025])


def rates_of(spec: RunSpec, monkeypatch) -> dict[int, list[float]]:
    """Return the rate of every step, by peer."""
    used: dict[int, list[float]] = {k: [] for k in range(spec.peers)}
    step = Peer._step

    def watched(self, *batch):
        used[self.k].append(self.optimizer.param_groups[0]["lr"])
        return step(self, *batch)

    monkeypatch.setattr(Peer, "_step", watched)
    fit(spec, RINGS)
    return used


@pytest.mark.parametrize("cooperation", [None, LAYERWISE])
def test_the_rate_of_each_peer_falls_to_0_by_batch_like_torchs_cosine(cooperation, monkeypatch):
    spec = spec_of("sasrec", peers=2, cooperation=cooperation, epochs=4, batch=20, eta=0.01)
    used = rates_of(spec, monkeypatch)
    steps = 4 * 3  # 48 users with 5 training items make 48 sequences
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
    one, other = (Peer.new(spec_of("sasrec", peers=2), RINGS, k, 6, CPU) for k in (0, 1))
    a, b = one.model.state_dict(), other.model.state_dict()
    assert not any(torch.equal(a[name], b[name]) for name in a if "norm" not in name)
    twin = Peer.new(spec_of("sasrec"), RINGS, 0, 6, CPU)
    assert same(a, twin.model.state_dict())


@pytest.mark.parametrize("model", MODELS)
def test_the_order_is_fresh_each_epoch_and_differs_between_peers(model):
    trainer = Trainer(spec_of(model, peers=2), RINGS, CPU)
    epoch, used = trainer.examples.epoch, []
    trainer.examples.epoch = lambda *seeds: used.append(epoch(*seeds)) or used[-1]
    trainer.fit(NOWHERE)
    orders = [str(rows.tolist()) for rows in used]
    assert len(orders) == len(set(orders)) == 3 * 2
    first_two = [sorted(rows[:, :2].tolist()) for rows in used]
    # The examples are the same, apart from the negatives.
    assert all(rows == first_two[0] for rows in first_two)


# --- Algorithm 2, written out again


def algorithm_2(spec: RunSpec) -> list[list[float]]:
    """Return the mean loss by peer and epoch, with torch's own Adam and cosine."""
    models, optimizers, losses = [], [], [[] for _ in range(spec.peers)]
    for k in range(spec.peers):
        torch.manual_seed(stream_seed(spec.seed, k, "weights"))
        models.append(build(spec, RINGS))
        eta = spec.training.eta * (1, 0.5)[k]
        decay = 0 if spec.model.name == "bpr" else spec.training.l2
        optimizers.append(torch.optim.Adam(models[k].parameters(), lr=eta, weight_decay=decay))
    examples = examples_of(spec, RINGS)
    batches = math.ceil(len(examples) / spec.training.batch)
    steps = spec.training.epochs * batches
    schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, steps) for o in optimizers]
    for epoch in range(spec.training.epochs):
        for k, model in enumerate(models):
            seeds = [stream_seed(spec.seed, k, use, epoch) for use in ("order", "negatives")]
            rows = examples.epoch(*seeds)
            torch.manual_seed(stream_seed(spec.seed, k, "dropout", epoch))
            total = 0.0
            for start in range(0, len(rows), spec.training.batch):
                loss = model.train().loss(rows[start : start + spec.training.batch])
                optimizers[k].zero_grad()
                loss.backward()
                for w in model.parameters():
                    w.grad = w.grad.to_dense()
                optimizers[k].step()
                schedules[k].step()
                total += loss.item()
            losses[k].append(total / batches)
        if spec.cooperation and (epoch + 1) % spec.cooperation.every == 0:
            rule = LayerWise(spec.cooperation.criterion, spec.cooperation.alpha)
            cooperate(models, rule, layers_of(spec, models[0]))
    return losses


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "cooperation",
    [None, Cooperation("layerwise", "entropy", 2), Cooperation("layerwise", "l1", 5, every=2)],
    ids=["apart", "entropy", "l1 every 2"],
)
def test_a_run_is_algorithm_2(model, cooperation):
    spec = spec_of(
        model, peers=2, cooperation=cooperation, epochs=4, batch=20, l2=1e-3, eta=3e-3, seed=2
    )
    _, outcome = fit(spec, RINGS)
    np.testing.assert_allclose(outcome.result["epochs"]["loss"], algorithm_2(spec), rtol=2e-4)
