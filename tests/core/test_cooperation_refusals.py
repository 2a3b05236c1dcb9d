"""What cooperation refuses: each in a sentence with the name, before any weight has changed."""

from __future__ import annotations

import math
import re

import pytest
import torch
from support import Plain, peers_of, weights_of
from torch import Tensor, nn

from pcrec_core.cooperation import Averaging, LayerWise, Merging, Rule, cooperate
from pcrec_core.errors import SpecError
from pcrec_core.layers import Layer, default_layers

RULE = LayerWise("entropy", 30)


def refused(
    peers: list[nn.Module], words: str, layers: list[Layer] | None = None, rule: Rule = RULE
) -> None:
    """Check that ``cooperate`` raises one sentence with these words and changes no bit."""
    before = [weights_of(p) for p in peers]
    with pytest.raises(SpecError, match=words) as caught:
        cooperate(peers, rule, layers)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".")
    for peer, weights in zip(peers, before, strict=True):
        for name, w in peer.state_dict().items():
            assert torch.equal(w.nan_to_num(7), weights[name].nan_to_num(7))


def test_weights_that_are_tied_between_peers_are_refused():
    a, b, c = peers_of(3)
    c.table.weight = a.table.weight
    refused([a, b, c], "'table.weight' of peer 2 is tied to 'table.weight' of peer 0")


def test_a_peer_that_is_given_twice_is_refused():
    a, b = peers_of(2)
    refused([a, b, a], "of peer 2 is tied to '.*' of peer 0")


def test_integer_parameters_are_refused_where_a_layer_names_them():
    def kind() -> nn.Module:
        model = nn.Sequential(nn.Linear(3, 2), nn.ParameterDict({"codes": torch.zeros(2, 2)}))
        model[1]["codes"] = nn.Parameter(torch.ones(2, 2, dtype=torch.int64), requires_grad=False)
        return model

    layers = [Layer("0", "0", "0.weight", ("0.bias",))]
    words = "'1.codes' of peer 0 holds torch.int64, which cannot be merged"
    refused([kind(), kind()], words, [*layers, Layer("codes", "codes", "1.codes")])
    peers = [kind(), kind()]
    assert len(cooperate(peers, Averaging(), layers)) == 1
    assert torch.equal(peers[0][0].weight, peers[1][0].weight)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
# Measured or follower, early or late.
@pytest.mark.parametrize("name", ["table.weight", "body.1.bias", "head"])
def test_weights_that_are_not_finite_are_refused(name, value):
    peers = peers_of(3)
    with torch.no_grad():
        peers[1].get_parameter(name).view(-1)[-1] = value
    refused(peers, f"'{re.escape(name)}' of peer 1 holds NaN or infinity")


def test_peers_of_different_shapes_are_refused():
    words = r"'(scale|table\.weight)' is .*6.* in peer 0 and .*7.* in peer 2"
    refused([Plain(6), Plain(6), Plain(7)], words)


def test_peers_of_different_types_are_refused():
    words = r"torch\.float32.* in peer 0 and .*torch\.float64.* in peer 1"
    refused([Plain(), Plain().double()], words)


def test_peers_of_different_names_are_refused():
    more = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, bias=False))
    less = nn.Sequential(nn.Linear(2, 2))
    for peers in ([more, less], [less, more]):
        refused(peers, "'1.weight' is in peer 0 or in peer 1, not in both")


@pytest.mark.parametrize("names", [("tabel.weight",), ("table.weight", ("tabel.weight",))])
def test_an_unknown_parameter_is_refused_with_the_nearest(names):
    words = r"'tabel\.weight'; did you mean 'table\.weight'\?"
    refused(peers_of(2), words, [Layer("x", "x", *names)])


def test_a_parameter_in_two_layers_is_refused():
    layers = [Layer("a", "a", "table.weight", ("scale",)), Layer("b", "b", "head", ("scale",))]
    refused(peers_of(2), "'scale' is in two layers", layers)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("layers", [None, [Layer("t", "t", "table.weight")]])
def test_fewer_than_two_peers_are_refused(n, layers):
    refused(peers_of(2)[:n], f"2 or more peers, not {n}", layers)


def test_a_rule_that_fails_on_the_last_layer_leaves_all_layers_as_they_were():
    class Fails(Merging):
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


def test_an_unknown_criterion_is_refused_with_the_nearest():
    with pytest.raises(SpecError, match="'entropie'; did you mean 'entropy'"):
        LayerWise("entropie", 30)
