"""Other ways to exchange weights: parameter-wise, noise, controls of mu, some components."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from support import peers_of, same, weights_of
from torch import nn

from pcrec_core.cooperation import LayerWise, ParameterWise, cooperate, important
from pcrec_core.errors import SpecError
from pcrec_core.layers import Layer, default_layers
from pcrec_core.training.control_rules import Noise, Permuted, Random


def linears(*rows: list[list[float]]) -> list[nn.Linear]:
    peers = [nn.Linear(len(w[0]), len(w)).double() for w in rows]
    with torch.no_grad():
        for k, (peer, w) in enumerate(zip(peers, rows, strict=True)):
            peer.weight.copy_(torch.tensor(w))
            peer.bias.fill_(k)
    return peers


# --- parameter-wise (Eq. 6 and 7)


def test_two_peers_by_hand():
    # Medians of |w|: 2.5 and 25; above them a weight is kept.
    a, b = linears([[1.0, -2.0], [3.0, -4.0]], [[-10.0, 40.0], [20.0, 30.0]])
    [exchange] = cooperate([a, b], ParameterWise())
    assert a.weight.tolist() == [[-10, 40], [3, -4]]  # 1 and -2 are replaced by what b had
    assert b.weight.tolist() == [[1, 40], [3, 30]]  # b reads what a had before
    assert (a.bias == 0).all() and (b.bias == 1).all()  # biases stay
    assert exchange.kept == (0.5, 0.5) and exchange.mu is None and exchange.h is None


def test_three_peers_are_a_ring():
    peers = linears([[1.0, 5.0, 9.0]], [[20.0, 60.0, 30.0]], [[-700.0, 200.0, 100.0]])
    cooperate(peers, ParameterWise())
    assert [p.weight.tolist()[0] for p in peers] == [[20, 60, 9], [-700, 60, 100], [-700, 5, 9]]


def test_a_fixed_threshold_and_what_lies_on_it():
    a, b = linears([[1.0, -2.0], [3.0, -4.0]], [[10.0, 0.5], [2.0, -0.1]])
    [exchange] = cooperate([a, b], ParameterWise(gamma=2.0))
    assert a.weight.tolist() == [[10, -2], [3, -4]]  # Eq. 7: -2 itself is kept
    assert b.weight.tolist() == [[10, -2], [2, -4]]
    assert exchange.kept == (0.75, 0.5)
    assert important(torch.tensor([-3.0, 2.0, 0.0]), 0.0).all()


def test_a_layer_of_two_matrices_kept_the_share_of_all_its_weights():
    class Two(nn.Module):
        def __init__(self, large: float, small: float) -> None:
            super().__init__()
            self.large = nn.Parameter(torch.full((10, 10), large))
            self.small = nn.Parameter(torch.full((2, 2), small))

    layers = [Layer("both", "both", "large", ("small",))]
    [exchange] = cooperate([Two(3.0, 1.0), Two(1.0, 3.0)], ParameterWise(gamma=2.0), layers)
    assert exchange.kept == (100 / 104, 4 / 104)


@pytest.mark.parametrize("gamma", [-1.0, math.nan])
def test_a_threshold_that_no_weight_can_be_compared_with_is_refused(gamma):
    with pytest.raises(SpecError, match=f"gamma must be 0 or more, not {gamma}"):
        ParameterWise(gamma)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_every_weight_is_a_peers_own_or_the_next_ones(n):
    peers = peers_of(n)
    before = [weights_of(p) for p in peers]
    exchanges = cooperate(peers, ParameterWise())
    after = [weights_of(p) for p in peers]
    for layer, exchange in zip(default_layers(peers[0]), exchanges, strict=True):
        for k in range(n):
            own, other = (before[j][layer.measured] for j in (k, (k + 1) % n))
            threshold = sorted(own.abs().flatten().tolist())[(own.numel() - 1) // 2]
            kept = own.abs() > threshold
            assert torch.equal(after[k][layer.measured], torch.where(kept, own, other))
            assert exchange.kept[k] == pytest.approx(kept.double().mean().item(), abs=1e-12)
            assert all(torch.equal(after[k][name], before[k][name]) for name in layer.followers)


# --- noise


def test_noise_is_added_below_the_median_alone_and_by_the_seed():
    [peer], [again], [other] = (linears([[0.1, -0.2, 0.3], [0.4, -0.5, 0.6]]) for _ in range(3))
    with torch.no_grad():
        for one in (peer, again, other):
            one.bias.copy_(torch.tensor([1.0, 2.0]))
    before = peer.weight.detach().clone()
    cooperate([peer], Noise(0.05, (7,)))
    moved = (peer.weight - before).detach()
    assert (moved != 0).tolist() == [[True] * 3, [False] * 3]  # the median is 0.35
    assert peer.bias.tolist() == [1, 2]  # 1 is below their median, but a bias is no matrix
    cooperate([again], Noise(0.05, (7,)))
    cooperate([other], Noise(0.05, (8,)))
    assert torch.equal(peer.weight, again.weight) and not torch.equal(peer.weight, other.weight)


def test_a_weight_on_its_own_matrix_median_gets_no_noise():
    peer = nn.Sequential(nn.Linear(3, 1), nn.Linear(1, 3))
    with torch.no_grad():
        peer[0].weight.copy_(torch.tensor([[0.1, -0.2, 0.3]]))
        peer[1].weight.copy_(torch.tensor([[10.0], [20.0], [-30.0]]))
    before = [peer[k].weight.detach().clone() for k in (0, 1)]
    cooperate([peer], Noise(0.05, (7,)))
    moved = [(peer[k].weight != before[k]).flatten().tolist() for k in (0, 1)]
    assert moved == [[True, False, False]] * 2  # of all six weights the median would be 5.15


def test_the_noise_has_its_standard_deviation_and_mean():
    [peer] = linears(torch.linspace(-1, 1, 200_000).view(2, -1).tolist())
    before = peer.weight.detach().clone()
    cooperate([peer], Noise(0.05, (1,)))
    moved = (peer.weight - before).detach()[before.abs() < before.abs().median()]
    assert len(moved) == pytest.approx(100_000, abs=2)
    assert abs(moved.mean().item()) < 4 * 0.05 / len(moved) ** 0.5
    assert moved.std().item() == pytest.approx(0.05, rel=0.01)


def test_peers_draw_noise_of_their_own():
    a, b = linears([[0.1, 0.2, 0.3]], [[0.1, 0.2, 0.3]])
    cooperate([a, b], Noise(0.05, (1, 2)))
    assert not torch.equal(a.weight, b.weight)


# --- controls of mu


def exchanged(rule: LayerWise, n: int = 2) -> tuple[list[dict], list]:
    peers = peers_of(n)
    exchanges = cooperate(peers, rule)
    return [dict(p.named_parameters()) for p in peers], exchanges


@pytest.mark.parametrize("criterion", ["entropy", "l1"])
@pytest.mark.parametrize("n", [2, 3])
def test_permuted_shares_are_those_of_other_layers(criterion, n):
    usual = exchanged(LayerWise(criterion, 5.0), n)[1]
    orders = set()
    for seed in range(12):
        parameters, permuted = exchanged(Permuted(criterion, 5.0, seed=seed), n)
        assert [e.h for e in permuted] == [e.h for e in usual]  # H stays the layer's own
        mu, usual_mu = (sorted(e.mu for e in exchanges) for exchanges in (permuted, usual))
        np.testing.assert_allclose(mu, usual_mu, atol=1e-12)
        assert all(same(parameters[0], other) for other in parameters[1:])
        orders.add(tuple(e.mu for e in permuted))
    one, again = (exchanged(Permuted(criterion, 5.0, seed=3), n)[1] for _ in range(2))
    assert len(orders) > 6 and one == again


def test_random_shares_lie_in_the_range_of_the_layers_and_follow_the_seed():
    def logits_of(rule: LayerWise) -> list[float]:
        return [math.log(e.mu[0] / e.mu[1]) for e in exchanged(rule)[1]]

    logits = logits_of(LayerWise("entropy", 5.0))
    drawn = [x for seed in range(50) for x in logits_of(Random("entropy", 5.0, seed=seed))]
    assert min(logits) - 1e-9 <= min(drawn) < max(drawn) <= max(logits) + 1e-9
    middle = (min(logits) + max(logits)) / 2
    spread = (max(logits) - min(logits)) / math.sqrt(12)
    assert abs(np.mean(drawn) - middle) < 4 * spread / math.sqrt(len(drawn))
    assert np.std(drawn) == pytest.approx(spread, rel=0.2)
    one, again = (exchanged(Random("entropy", 5.0, seed=9))[1] for _ in range(2))
    assert one == again and all(sum(e.mu) == pytest.approx(1, abs=1e-12) for e in one)


def test_random_shares_of_three_are_refused():
    with pytest.raises(SpecError, match="random shares are defined for pairs"):
        exchanged(Random("entropy", 5.0), 3)


# --- some components


def test_only_the_layers_that_are_given_are_exchanged():
    peers = peers_of(2)
    before = [weights_of(p) for p in peers]
    cooperate(peers, LayerWise("entropy", 2.0), [Layer("table", "t", "table.weight", ("scale",))])
    for peer, old in zip(peers, before, strict=True):
        changed = {name for name, w in peer.state_dict().items() if not torch.equal(w, old[name])}
        assert changed == {"table.weight", "scale"}
    assert torch.equal(peers[0].table.weight, peers[1].table.weight)
    assert not same(weights_of(peers[0]), weights_of(peers[1]))
