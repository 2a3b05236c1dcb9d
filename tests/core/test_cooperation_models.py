"""Models that people have: ties, batch normalization, frozen parts, wrappers, small types."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from support import Plain, peers_of, same, weights_of
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

from pcrec_core.cooperation import LayerWise, ParameterWise, cooperate
from pcrec_core.errors import SpecError
from pcrec_core.layers import Layer, default_layers

RULE = LayerWise("entropy", 5)


def refused(peers: object, words: str, rule: object = RULE, layers: object = None, **more) -> None:
    """Check that ``cooperate`` raises one sentence with these words."""
    with pytest.raises(SpecError, match=words) as caught:
        cooperate(peers, rule, layers, **more)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


# --- tied parameters


class Tied(nn.Module):
    """Item embedding and output share one matrix, as in Hugging Face, RecBole and RecTools."""

    def __init__(self, tied: bool = True) -> None:
        super().__init__()
        self.item, self.body, self.output = nn.Embedding(7, 3), nn.Linear(3, 3), nn.Linear(3, 7)
        if tied:
            self.output.weight = self.item.weight


TWICE = [
    Layer("item", "embedding", "item.weight"),
    Layer("body", "middle", "body.weight", ("body.bias",)),
    Layer("output", "softmax", "output.weight", ("output.bias",)),
]


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        (None, ["item", "body"]),
        (TWICE, ["item", "body"]),
        (TWICE[::-1], ["output", "body"]),
        ([Layer("both", "both", "output.weight", ("item.weight", "output.bias"))], ["both"]),
    ],
)
def test_a_tied_matrix_is_merged_once_as_one_layer(layers, names):
    peers = peers_of(2, Tied)
    before = [weights_of(p) for p in peers]
    exchanges = cooperate(peers, RULE, layers)
    assert [e.layer for e in exchanges] == names
    [mu] = [e.mu for e in exchanges if e.layer == names[0]]
    for peer in peers:
        assert peer.item.weight is peer.output.weight
        expected = sum(share * old["item.weight"] for share, old in zip(mu, before, strict=True))
        torch.testing.assert_close(peer.item.weight.data, expected, rtol=0, atol=1e-12)
    assert torch.equal(peers[0].output.bias, peers[1].output.bias)


def test_ties_that_differ_or_reach_over_shapes_are_refused():
    for peers in ([Tied(), Tied(tied=False)], [Tied(tied=False), Tied()]):
        refused(peers, "'output.weight' is tied to another in peer 0 or in peer 1, not in both")
    layers = [TWICE[0], TWICE[1]._replace(followers=("output.weight",))]
    refused([Tied(), Tied()], "'item.weight' is in two layers", RULE, layers)
    turned = [Tied(), Tied()]
    for peer in turned:
        peer.output.weight = nn.Parameter(peer.item.weight.t())
    refused(turned, "'item.weight' and 'output.weight' are views of one memory in different shapes")


# --- batch normalization


def normalized(affine: bool = True) -> nn.Module:
    """A model whose batch normalizations have seen some batches of their own."""
    layers = (nn.Linear(4, 6), nn.BatchNorm1d(6, affine=affine), nn.ReLU(), nn.Linear(6, 2))
    model = nn.Sequential(*layers).double()
    for _ in range(5):
        model(torch.randn(32, 4, dtype=torch.float64) * 3 + 1)
    return model


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("layers", [None, [Layer("a", "a", "0.weight", ("0.bias",))]])
def test_running_statistics_are_merged_with_the_mu_of_their_layer(affine, layers):
    torch.manual_seed(0)
    peers = [normalized(affine), normalized(affine)]
    means = [p[1].running_mean.clone() for p in peers]
    first, *_ = cooperate(peers, RULE, layers)
    belongs = layers is None or not affine  # the list names no weight of the normalization
    assert first.statistics == ("merged" if belongs else None)
    expected = first.mu[0] * means[0] + first.mu[1] * means[1]
    assert torch.allclose(peers[1][1].running_mean, expected, atol=1e-12) == belongs
    if layers is None:
        x = torch.randn(9, 4, dtype=torch.float64)
        assert torch.equal(*(p.eval()(x) for p in peers))
        assert cooperate(peers, RULE)[1].statistics is None


def test_running_statistics_can_be_recomputed_from_batches():
    torch.manual_seed(0)
    peers = [normalized(), normalized()]
    batches = [(torch.randn(16, 4, dtype=torch.float64), torch.zeros(16)) for _ in range(3)]
    merged = copy.deepcopy(peers[0])
    assert [e.statistics for e in cooperate(peers, RULE, batches=batches)] == ["recomputed", None]
    merged.load_state_dict(peers[0].state_dict())
    update_bn(batches, merged)
    assert all(same(weights_of(peer), weights_of(merged)) for peer in peers)
    before = weights_of(peers[0])
    refused(peers, "batches must be a list or a DataLoader", batches=iter(batches))
    few = DataLoader(TensorDataset(torch.randn(3, 4)), batch_size=16, drop_last=True)
    for empty in ([], few):
        refused(peers, "batches are empty, so the running statistics cannot", batches=empty)
    assert same(before, weights_of(peers[0]))


def test_a_rule_without_mu_keeps_the_running_statistics():
    torch.manual_seed(0)
    peers = [normalized(), normalized()]
    mean = peers[0][1].running_mean.clone()
    assert cooperate(peers, ParameterWise())[0].statistics == "kept"
    assert torch.equal(peers[0][1].running_mean, mean)


# --- frozen parts


def frozen(n: int) -> list[nn.Module]:
    peers = peers_of(n)
    for peer in peers:
        peer.table.requires_grad_(False)
    return peers


def test_frozen_parameters_are_left_alone_unless_named():
    peers = frozen(2)
    before = [weights_of(p) for p in peers]
    assert [e.layer for e in cooperate(peers, RULE)] == ["head", "body.0", "body.3"]
    for peer, old in zip(peers, before, strict=True):
        assert torch.equal(peer.table.weight, old["table.weight"])
    cooperate(peers, RULE, [Layer("table", "table", "table.weight")])
    assert torch.equal(peers[0].table.weight, peers[1].table.weight)


def test_peers_that_freeze_different_parts_or_everything_are_refused():
    words = "'table.weight' is frozen in peer 0 or in peer 1, not in both"
    refused([frozen(1)[0], *peers_of(1)], words)
    refused([p.requires_grad_(False) for p in peers_of(2)], "Plain has no trainable parameter")
    shared = frozen(2)
    shared[1].table.weight = shared[0].table.weight  # one frozen table for both
    assert len(cooperate(shared, RULE)) == 3


# --- wrappers


def partly_compiled(model: nn.Module) -> nn.Module:
    model.body = torch.compile(model.body)
    return model


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, of compile
@pytest.mark.parametrize(
    "wrap",
    [torch.compile, partly_compiled, nn.DataParallel, AveragedModel],
    ids=["compile", "part", "parallel", "averaged"],
)
@pytest.mark.parametrize("layers", [None, [Layer("body", "body", "body.0.weight")]])
@pytest.mark.parametrize("wrapped", [0, 1])
def test_a_wrapper_around_one_peer_makes_no_difference(wrap, layers, wrapped):
    plain, peers = peers_of(2), peers_of(2)
    expected = cooperate(plain, RULE, layers)
    inner = copy.deepcopy(peers[wrapped]) if wrap is AveragedModel else peers[wrapped]
    peers[wrapped] = wrap(inner)
    assert cooperate(peers, RULE, layers) == expected
    changed = list(peers[wrapped].parameters())
    assert all(torch.equal(a, b) for a, b in zip(changed, plain[wrapped].parameters(), strict=True))
    assert default_layers(peers[wrapped]) == default_layers(plain[wrapped])


# --- small types


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rule", [RULE, LayerWise("entropy", 5, "open"), LayerWise("l1", 30)])
def test_the_criterion_and_the_merge_of_small_types_are_computed_in_float32(dtype, rule):
    peers = peers_of(2, partial(Plain, 40), dtype)
    singles = [copy.deepcopy(p).float() for p in peers]
    expected = cooperate(singles, rule)
    for exchange, single in zip(cooperate(peers, rule), expected, strict=True):
        assert exchange.mu == pytest.approx(single.mu, abs=1e-12)
    for w, single in zip(peers[1].parameters(), singles[1].parameters(), strict=True):
        assert torch.equal(w, single.to(dtype))


def test_a_range_that_overflows_float16_is_measured_and_one_of_float32_refused():
    peers = [nn.Linear(3, 2).half(), nn.Linear(3, 2).half()]
    with torch.no_grad():
        peers[0].weight[0] = torch.tensor([-60000.0, 0.0, 60000.0])
    assert np.isfinite(cooperate(peers, RULE)[0].h).all()
    peers = [nn.Linear(3, 2), nn.Linear(3, 2)]
    with torch.no_grad():
        peers[1].weight[0] = torch.tensor([-3e38, 0.0, 3e38])
    refused(peers, r"'weight' of peer 1 has weights from -3e\+38 to 3e\+38, a range beyond")


# --- what is no list of equal models


def on(device: str) -> nn.Module:
    with torch.device(device):
        return Plain()


def holding(weight: Tensor) -> nn.Module:
    model = nn.Linear(3, 3)
    model.weight = nn.Parameter(weight)
    return model


def inferred() -> nn.Module:
    with torch.inference_mode():
        return Plain()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (partial(on, "meta"), "'scale' of peer 0 is on the meta device and has no values"),
        (partial(nn.LazyLinear, 3), "'weight' of peer 0 has no shape yet: run one batch"),
        (partial(holding, torch.eye(3).to_sparse()), "'weight' of peer 0 is sparse or expanded"),
        (partial(holding, torch.rand(1, 3).expand(3, 3)), "'weight' of peer 0 is sparse or"),
        (inferred, "'scale' of peer 0 was made in inference mode and cannot change"),
        (
            lambda: Plain().state_dict(),
            "peer 0 is of type OrderedDict: give the module itself",
        ),
    ],
)
def test_models_that_hold_no_weights_are_refused(make: Callable[[], object], words: str):
    refused([make(), make()], words)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (LayerWise, r'such as LayerWise\("entropy", alpha=30\), not the class LayerWise'),
        ("entropy", "not 'entropy'"),
        (None, "not None"),
    ],
)
def test_a_rule_is_an_object(rule, words):
    refused(peers_of(2), words, rule)


@pytest.mark.parametrize(
    ("layers", "shown"),
    [
        (["table.weight"], "'table.weight' is not one"),
        ("table", "'t' is not one"),
        (Layer("table", "table", "table.weight"), "'table' is not one"),
        ([("table", "table", "table.weight", ())], r"\('table', .* is not one"),
        ([Layer("table", "table", "table.weight", "scale")], "followers='scale'.* is not one"),
    ],
)
def test_layers_are_a_list_of_layers(layers, shown):
    refused(peers_of(2), f"layers must be a list of Layer.*{shown}", RULE, layers)


def test_peers_come_from_any_iterable_but_not_from_one_model():
    expected = cooperate(peers_of(3), RULE)
    assert cooperate((p for p in peers_of(3)), RULE) == expected
    assert cooperate(nn.ModuleList(peers_of(3)), RULE) == expected
    refused(nn.Sequential(*peers_of(2)), "must be a list of models, not one Sequential")
    refused(RULE, "must be a list of models, not LayerWise")


class WithEmpty(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.none, self.also = (nn.Parameter(torch.empty(0, 4)) for _ in range(2))
        self.body = nn.Linear(2, 2)

    def weights(self) -> list[Tensor]:
        return [self.body.weight, self.body.bias]


def test_empty_parameters_are_left_out_by_default_and_refused_by_name():
    peers = peers_of(2, WithEmpty)
    assert [e.layer for e in cooperate(peers, RULE)] == ["body"]
    assert all(map(torch.equal, peers[0].weights(), peers[1].weights()))
    refused(peers, "'none' of peer 0 is empty: leave it out", RULE, [Layer("none", "none", "none")])
