"""Merging rules: Eq. 5, 8 and 9 for two and more peers, and what an exchange leaves alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from support import peers_of, same, weights_of
from torch import Tensor, nn

from pcrec_core import criteria
from pcrec_core.cooperation import Averaging, Exchange, LayerWise, cooperate
from pcrec_core.layers import Layer, default_layers

LAYER_WISE = [LayerWise("entropy", 30), LayerWise("entropy", 0.5), LayerWise("l1", 30)]
LAYER_WISE += [LayerWise("l1", 5.0)]


def information(rule: LayerWise, ws: list[Tensor], k: int) -> float:
    """Compute H of peer ``k`` by Eq. 1 and 2, or Eq. 3 and 4 (which have their own tests)."""
    if rule.criterion == "entropy":
        return criteria.entropy(ws[k]).item()
    norms = [sum(abs(x) for x in w.flatten().tolist()) for w in ws]
    return norms[k] / sum(norms)


def mu_of(rule: LayerWise | Averaging, ws: list[Tensor]) -> list[float]:
    """Compute softmax(alpha H) (protocols-variants), without vectors."""
    if isinstance(rule, Averaging):
        return [1 / len(ws)] * len(ws)
    h = [information(rule, ws, k) for k in range(len(ws))]
    return [1 / sum(math.exp(rule.alpha * (other - own)) for other in h) for own in h]


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rule", LAYER_WISE, ids=str)
def test_equation_8_seen_by_each_of_two_peers_is_the_merged_model(rule):
    peers = peers_of(2)
    before = [weights_of(p) for p in peers]
    layers = default_layers(peers[0])
    for layer, exchange in zip(layers, cooperate(peers, rule, layers), strict=True):
        for k in (0, 1):
            own, other = before[k], before[1 - k]
            ws = [own[layer.measured], other[layer.measured]]
            difference = information(rule, ws, 0) - information(rule, ws, 1)
            mu = 1 / (1 + math.exp(-rule.alpha * difference))  # Eq. 9
            assert exchange.mu[k] == pytest.approx(mu, abs=1e-12)
            assert exchange.h[k] == pytest.approx(information(rule, ws, 0), abs=1e-12)
            for name in layer.parameters:
                expected = mu * own[name] + (1 - mu) * other[name]  # Eq. 8
                assert_close(peers[k].get_parameter(name).data, expected)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("rule", [*LAYER_WISE, Averaging()], ids=str)
def test_every_peer_gets_the_shares_of_the_weights_from_before(rule, n):
    peers = peers_of(n)
    before = [weights_of(p) for p in peers]
    layers = default_layers(peers[0])
    exchanges = cooperate(peers, rule)
    assert [e[:2] for e in exchanges] == [(layer.name, layer.component) for layer in layers]
    for layer, exchange in zip(layers, exchanges, strict=True):
        mu = mu_of(rule, [b[layer.measured] for b in before])
        assert exchange.mu == pytest.approx(mu, abs=1e-12)
        assert sum(exchange.mu) == pytest.approx(1, abs=1e-12)
        assert (exchange.h is None) == isinstance(rule, Averaging)
        for name in layer.parameters:
            expected = sum(share * b[name] for share, b in zip(mu, before, strict=True))
            assert_close(peers[0].get_parameter(name).data, expected)
    parameters = [dict(p.named_parameters()) for p in peers]
    assert all(same(parameters[0], other) for other in parameters[1:])


def test_the_layer_with_more_information_weighs_more_and_equal_ones_weigh_the_same():
    a, b, c, d = (nn.Linear(4, 5, bias=False) for _ in range(4))
    rising = torch.arange(20.0).view(5, 4)  # two weights in each bin: ln 10
    with torch.no_grad():
        a.weight.copy_(rising)
        b.weight.copy_(torch.tensor([0.0, 1.0]).repeat(10).view(5, 4))  # ln 2
        c.weight.copy_(rising)
        d.weight.copy_(rising.flip(0))
    [exchange] = cooperate([a, b], LayerWise("entropy", 1.0))
    # mu = 1 / (1 + exp(ln 2 - ln 10)) = 1 / (1 + 1/5)
    assert exchange.mu == pytest.approx((5 / 6, 1 / 6), abs=1e-12)
    assert a.weight[0].tolist() == pytest.approx([0, 5 / 6 + 1 / 6, 10 / 6, 15 / 6 + 1 / 6])
    assert cooperate([c, d], LayerWise("entropy", 50))[0].mu == (0.5, 0.5)


def test_a_large_alpha_overflows_nothing():
    peers = peers_of(2)
    before = [weights_of(p) for p in peers]
    [exchange] = cooperate(peers, LayerWise("entropy", 1e9), [Layer("table", "t", "table.weight")])
    richer = int(exchange.h[1] > exchange.h[0])
    assert exchange.mu[richer] == 1.0
    assert torch.equal(peers[1 - richer].table.weight, before[richer]["table.weight"])


def test_float32_peers_are_equal_to_the_bit_afterwards_and_close_to_float64():
    singles = peers_of(3, dtype=torch.float32)
    doubles = [p.double() for p in peers_of(3, dtype=torch.float32)]
    cooperate(singles, LayerWise("l1", 20))
    cooperate(doubles, LayerWise("l1", 20))
    states = [dict(p.named_parameters()) for p in singles]
    assert same(states[0], states[1]) and same(states[0], states[2])
    for name, w in doubles[0].named_parameters():
        torch.testing.assert_close(states[0][name].double(), w, rtol=1e-5, atol=1e-6)
        assert states[0][name].dtype == torch.float32


def test_what_no_layer_names_stays():
    peers = peers_of(2)
    before = [weights_of(p) for p in peers]
    layers = [Layer("mine", "embedding", "table.weight", ("scale",))]
    assert cooperate(peers, Averaging(), layers) == [Exchange("mine", "embedding", mu=(0.5, 0.5))]
    for peer, old in zip(peers, before, strict=True):
        changed = {name for name, w in peer.state_dict().items() if not torch.equal(w, old[name])}
        assert changed == {"table.weight", "scale"}


def test_a_users_own_model_trains_on_with_its_optimizer():
    peers = [p.float() for p in peers_of(2)]
    optimizers = [torch.optim.Adam(p.parameters(), lr=0.01) for p in peers]
    ids, target = torch.arange(9), torch.arange(9) % 3

    def loss_of(peer: nn.Module) -> Tensor:
        return nn.functional.cross_entropy(peer(ids), target)

    start = loss_of(peers[0]).item()
    for _ in range(30):
        for peer, optimizer in zip(peers, optimizers, strict=True):
            for _ in range(3):
                optimizer.zero_grad()
                loss_of(peer).backward()
                optimizer.step()
        moments = optimizers[1].state[peers[1].table.weight]["exp_avg"].clone()
        cooperate(peers, LayerWise("entropy", alpha=30))
        assert torch.equal(optimizers[1].state[peers[1].table.weight]["exp_avg"], moments)
    assert loss_of(peers[0]).item() == loss_of(peers[1]).item() < 0.1 * start
    assert all(w.requires_grad and w.is_leaf for p in peers for w in p.parameters())


@pytest.mark.parametrize("criterion", ["entropy", "l1"])
def test_two_shares_are_the_sigmoid_and_three_the_softmax(criterion):
    rng, rule = np.random.default_rng(1), LayerWise(criterion, 3.0)
    ws = [torch.from_numpy(rng.normal(size=(30, 4)) ** power) for power in (1, 3, 5)]
    h, mu = rule.shares(ws[:2])
    assert mu[0].item() == pytest.approx(torch.sigmoid(3 * (h[0] - h[1])).item(), abs=1e-14)
    h, mu = rule.shares(ws)
    exponentials = np.exp(3 * h.numpy())
    np.testing.assert_allclose(mu.numpy(), exponentials / exponentials.sum(), atol=1e-14)
