"""Cooperation of peers: Eq. 5, 8 and 9, what counts as a layer, and everything that is refused."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from support import same, weights_of
from torch import Tensor, nn

from pcrec_core import criteria
from pcrec_core.cooperation import Averaging, Layer, LayerWise, cooperate, default_layers
from pcrec_core.errors import SpecError

RULES = [LayerWise("entropy", 30), LayerWise("entropy", 0.5), LayerWise("l1", 30), LayerWise("l1", 5.0), Averaging()]


class Plain(nn.Module):
    """A model of a user's own: no base class of ours, a raw parameter, norms, a buffer."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(width))
        self.table = nn.Embedding(9, width)
        self.body = nn.Sequential(nn.Linear(width, 5), nn.LayerNorm(5), nn.ReLU(), nn.Linear(5, 4))
        self.head = nn.Parameter(torch.randn(4, 3))
        self.register_buffer("seen", torch.rand(2, 2))

    def forward(self, ids: Tensor) -> Tensor:
        return self.body(self.table(ids) * self.scale) @ self.head


def peers_of(n: int, kind: type[nn.Module] = Plain, dtype: torch.dtype = torch.float64) -> list[nn.Module]:
    """``n`` peers with different weights, 1-d ones too."""
    torch.manual_seed(n)
    peers = [kind().to(dtype) for _ in range(n)]
    with torch.no_grad():
        for k, peer in enumerate(peers):
            for w in peer.parameters():
                w.add_(torch.randn_like(w) * (k + 1) / 3)
    return peers


def information(rule: LayerWise, ws: list[Tensor], k: int) -> float:
    """H of peer ``k`` by Eq. 1 and 2, or Eq. 3 and 4 (tested on their own)."""
    if rule.criterion == "entropy":
        return criteria.entropy(ws[k]).item()
    return sum(abs(x) for x in ws[k].flatten().tolist()) / sum(abs(x) for w in ws for x in w.flatten().tolist())


def mu_of(rule: LayerWise | Averaging, ws: list[Tensor]) -> list[float]:
    """Shares as PROTOCOLS.md section 3 says: softmax(alpha H), without vectors."""
    if isinstance(rule, Averaging):
        return [1 / len(ws)] * len(ws)
    h = [information(rule, ws, k) for k in range(len(ws))]
    return [1 / sum(math.exp(rule.alpha * (other - own)) for other in h) for own in h]


@pytest.mark.parametrize("rule", [r for r in RULES if isinstance(r, LayerWise)], ids=str)
def test_equation_8_seen_by_each_of_two_peers_is_the_merged_model(rule):
    peers = peers_of(2)
    before = [dict(weights_of(p)) for p in peers]
    layers = default_layers(peers[0])
    done = cooperate(peers, rule, layers)
    for layer, exchange in zip(layers, done, strict=True):
        for k in (0, 1):
            own, other = before[k], before[1 - k]
            ws = [own[layer.measured], other[layer.measured]]
            difference = information(rule, ws, 0) - information(rule, ws, 1)
            mu = 1 / (1 + math.exp(-rule.alpha * difference))  # Eq. 9
            assert exchange.mu[k] == pytest.approx(mu, abs=1e-12)
            assert exchange.h[k] == pytest.approx(information(rule, ws, 0), abs=1e-12)
            for name in (layer.measured, *layer.followers):
                expected = mu * own[name] + (1 - mu) * other[name]  # Eq. 8
                torch.testing.assert_close(peers[k].get_parameter(name).data, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_peer_gets_the_shares_of_the_weights_from_before(rule, n):
    peers = peers_of(n)
    before = [weights_of(p) for p in peers]
    layers = default_layers(peers[0])
    done = cooperate(peers, rule)
    assert [(e.layer, e.component) for e in done] == [(layer.name, layer.component) for layer in layers]
    for layer, exchange in zip(layers, done, strict=True):
        mu = mu_of(rule, [b[layer.measured] for b in before])
        assert exchange.mu == pytest.approx(mu, abs=1e-12) and sum(exchange.mu) == pytest.approx(1, abs=1e-12)
        for name in (layer.measured, *layer.followers):
            expected = sum(share * b[name] for share, b in zip(mu, before, strict=True))
            torch.testing.assert_close(peers[0].get_parameter(name).data, expected, rtol=0, atol=1e-12)
    parameters = [dict(p.named_parameters()) for p in peers]
    assert all(same(parameters[0], other) for other in parameters[1:])
    assert all((e.h is None) == isinstance(rule, Averaging) for e in done)


def test_the_layer_with_more_information_weighs_more_and_equal_ones_weigh_the_same():
    a, b = nn.Linear(4, 5, bias=False), nn.Linear(4, 5, bias=False)
    with torch.no_grad():
        a.weight.copy_(torch.arange(20.0).view(5, 4))  # two weights in each bin: ln 10
        b.weight.copy_(torch.tensor([0.0, 1.0]).repeat(10).view(5, 4))  # ln 2
    [exchange] = cooperate([a, b], LayerWise("entropy", 1.0))
    # mu = 1 / (1 + exp(ln 2 - ln 10)) = 1 / (1 + 1/5)
    assert exchange.mu == pytest.approx((5 / 6, 1 / 6), abs=1e-12)
    assert a.weight[0].tolist() == pytest.approx([0, 5 / 6 + 1 / 6, 10 / 6, 15 / 6 + 1 / 6])
    mirrored = [nn.Linear(4, 5, bias=False) for _ in range(2)]
    with torch.no_grad():
        mirrored[0].weight.copy_(torch.arange(20.0).view(5, 4))
        mirrored[1].weight.copy_(torch.arange(20.0).view(5, 4).flip(0))
    assert cooperate(mirrored, LayerWise("entropy", 50))[0].mu == (0.5, 0.5)


def test_a_large_alpha_overflows_nothing():
    peers = peers_of(2)
    before = [weights_of(p) for p in peers]
    [exchange] = cooperate(peers, LayerWise("entropy", 1e9), [Layer("table", "t", "table.weight")])
    richer = int(exchange.h[1] > exchange.h[0])
    assert exchange.mu[richer] == 1.0
    assert torch.equal(peers[1 - richer].table.weight, before[richer]["table.weight"])


def test_float32_peers_are_equal_to_the_bit_afterwards_and_close_to_float64():
    singles, doubles = peers_of(3, dtype=torch.float32), peers_of(3, dtype=torch.float32)
    doubles = [p.double() for p in doubles]
    rule = LayerWise("l1", 20)
    cooperate(singles, rule)
    cooperate(doubles, rule)
    states = [dict(p.named_parameters()) for p in singles]
    assert same(states[0], states[1]) and same(states[0], states[2])
    for name, w in doubles[0].named_parameters():
        torch.testing.assert_close(states[0][name].double(), w, rtol=1e-5, atol=1e-6)
        assert states[0][name].dtype == torch.float32


def test_what_no_layer_names_stays():
    peers = peers_of(2)
    before = [weights_of(p) for p in peers]
    done = cooperate(peers, Averaging(), [Layer("mine", "embedding", "table.weight", ("scale",))])
    assert [(e.layer, e.component, e.h, e.mu) for e in done] == [("mine", "embedding", None, (0.5, 0.5))]
    for k, peer in enumerate(peers):
        changed = {name for name, w in peer.state_dict().items() if not torch.equal(w, before[k][name])}
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


# --- the default rule ------------------------------------------------------------------------------------------------


def test_default_layers_of_a_plain_model():
    # `head` and `scale` are the module's own parameters, which come before those of its children.
    assert default_layers(Plain()) == [
        Layer("head", "head", "head", ("scale",)),
        Layer("table", "table", "table.weight"),
        Layer("body.0", "body", "body.0.weight", ("body.0.bias", "body.1.weight", "body.1.bias")),
        Layer("body.3", "body", "body.3.weight", ("body.3.bias",)),
    ]


@pytest.mark.parametrize(("module", "measured"), [
    (nn.Linear(3, 2), ["weight"]),
    (nn.Conv2d(3, 4, 3), ["weight"]),
    (nn.Bilinear(2, 3, 4), ["weight"]),
    (nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.Linear(4, 1)), ["0.weight", "2.weight"]),
    (nn.GRU(3, 5), ["weight_ih_l0", "weight_hh_l0"]),
    (nn.MultiheadAttention(4, 2), ["in_proj_weight", "out_proj.weight"]),
    (nn.Sequential(nn.BatchNorm1d(4), nn.PReLU(), nn.Linear(4, 1), nn.PReLU()), ["2.weight"]),
    (nn.TransformerEncoderLayer(4, 2, 8), ["self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight",
                                           "linear2.weight"]),
    (nn.ModuleDict({"a": nn.Embedding(3, 2), "b": nn.EmbeddingBag(3, 2)}), ["a.weight", "b.weight"]),
], ids=lambda value: type(value).__name__)
def test_default_layers_measure_what_has_two_or_more_dimensions(module, measured):
    layers = default_layers(module)
    assert [layer.measured for layer in layers] == measured
    named = [name for layer in layers for name in (layer.measured, *layer.followers)]
    assert sorted(named) == sorted(name for name, _ in module.named_parameters())
    assert all(module.get_parameter(name).dim() < 2 for layer in layers for name in layer.followers)


def test_a_vector_follows_the_matrix_before_it():
    layers = default_layers(nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 3)))
    first = ("0.weight", "0.bias", "1.bias", "2.weight", "2.bias")
    assert [layer.followers for layer in layers] == [first, ("3.bias",)]


def test_a_model_of_vectors_has_no_layer():
    with pytest.raises(SpecError, match="LayerNorm has no parameter with two or more dimensions"):
        default_layers(nn.LayerNorm(4))
    with pytest.raises(SpecError, match="Dropout has no parameter"):
        cooperate([nn.Dropout(), nn.Dropout()], Averaging())


# --- refusals: each by name, and nothing has changed -----------------------------------------------------------------


def refused(peers: list[nn.Module], words: str, layers: list[Layer] | None = None, rule=RULES[0]) -> None:
    """``cooperate`` raises one sentence with these words, and every peer is unchanged to the bit."""
    before = [weights_of(p) for p in peers]
    with pytest.raises(SpecError, match=words) as caught:
        cooperate(peers, rule, layers)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".")
    for peer, weights in zip(peers, before, strict=True):
        now = peer.state_dict()
        assert all(torch.equal(now[name].nan_to_num(7), w.nan_to_num(7)) for name, w in weights.items())


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.item, self.output = nn.Embedding(5, 3), nn.Linear(3, 5)
        self.output.weight = self.item.weight


@pytest.mark.parametrize("layers", [None, [Layer("item", "e", "item.weight")]])
def test_weights_tied_in_a_model(layers):
    refused(peers_of(2, Tied), "'output.weight' of peer 0 is tied to 'item.weight' of peer 0", layers)


def test_weights_tied_between_peers():
    a, b, c = peers_of(3)
    c.table.weight = a.table.weight
    refused([a, b, c], "'table.weight' of peer 2 is tied to 'table.weight' of peer 0")


def test_a_peer_named_twice():
    a, b = peers_of(2)
    refused([a, b, a], "of peer 2 is tied to '.*' of peer 0")


def test_integer_parameters():
    def kind() -> nn.Module:
        model = nn.Sequential(nn.Linear(3, 2), nn.ParameterDict({"codes": torch.zeros(2, 2)}))
        model[1]["codes"] = nn.Parameter(torch.ones(2, 2, dtype=torch.int64), requires_grad=False)
        return model

    refused([kind(), kind()], "'1.codes' holds torch.int64, which cannot be merged")
    peers = [kind(), kind()]  # where no layer names it, it is no hindrance
    assert len(cooperate(peers, Averaging(), [Layer("0", "0", "0.weight", ("0.bias",))])) == 1
    assert torch.equal(peers[0][0].weight, peers[1][0].weight)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["table.weight", "body.1.bias", "head"])  # measured or follower, early or late
def test_weights_that_are_no_numbers(name, value):
    peers = peers_of(3)
    with torch.no_grad():
        peers[1].get_parameter(name).view(-1)[-1] = value
    refused(peers, f"'{re.escape(name)}' of peer 1 holds NaN or infinity")


def test_peers_of_different_shapes():
    refused([Plain(6), Plain(6), Plain(7)], r"'(scale|table\.weight)' is .*6.* in peer 0 and .*7.* in peer 2")


def test_peers_of_different_types():
    refused([Plain(), Plain().double()], r"torch\.float32.* in peer 0 and .*torch\.float64.* in peer 1")


def test_peers_of_different_names():
    more, less = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, bias=False)), nn.Sequential(nn.Linear(2, 2))
    refused([more, less], "'1.weight' is in peer 0 or in peer 1, not in both")
    refused([less, more], "'1.weight' is in peer 0 or in peer 1, not in both")


@pytest.mark.parametrize("layer", [Layer("x", "x", "tabel.weight"), Layer("x", "x", "table.weight", ("tabel.weight",))])
def test_an_unknown_parameter_names_the_nearest(layer):
    refused(peers_of(2), r"'tabel\.weight'; did you mean 'table\.weight'\?", [layer])


def test_a_parameter_in_two_layers():
    layers = [Layer("a", "a", "table.weight", ("scale",)), Layer("b", "b", "head", ("scale",))]
    refused(peers_of(2), "'scale' stands in two layers", layers)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("layers", [None, [Layer("t", "t", "table.weight")]])
def test_fewer_than_two_peers(n, layers):
    refused(peers_of(2)[:n], f"two or more peers, not {n}", layers)


def test_a_rule_that_fails_on_the_last_layer_leaves_all_layers_as_they_were():
    class Fails:
        calls = 0

        def shares(self, ws: list[Tensor]) -> tuple[None, Tensor]:
            self.calls += 1
            if self.calls == 4:
                raise SpecError("no more.")
            return None, torch.tensor([0.9, 0.1], dtype=torch.float64)

    rule = Fails()
    refused(peers_of(2), "no more", rule=rule)
    assert rule.calls == len(default_layers(Plain())) == 4


@pytest.mark.parametrize("alpha", [0, -1.0, math.nan, math.inf])
def test_alpha_must_be_above_0_and_a_number(alpha):
    with pytest.raises(SpecError, match="alpha must be"):
        LayerWise("entropy", alpha)


def test_an_unknown_criterion_names_the_nearest():
    with pytest.raises(SpecError, match="'entropie'; did you mean 'entropy'"):
        LayerWise("entropie", 30)


def test_two_shares_are_the_sigmoid_and_three_the_softmax():
    rng = np.random.default_rng(1)
    ws = [torch.from_numpy(rng.normal(size=(30, 4)) ** power) for power in (1, 3, 5)]
    for rule in (LayerWise("entropy", 3.0), LayerWise("l1", 3.0)):
        h, mu = rule.shares(ws[:2])
        assert mu[0].item() == pytest.approx(torch.sigmoid(3 * (h[0] - h[1])).item(), abs=1e-14)
        h, mu = rule.shares(ws)
        exponentials = np.exp(3 * h.numpy())
        np.testing.assert_allclose(mu.numpy(), exponentials / exponentials.sum(), atol=1e-14)
