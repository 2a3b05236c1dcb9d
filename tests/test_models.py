"""The three recommenders: a contract that each passes, then each against a naive implementation with explicit loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from support import fit, spec_of, split_of, two_rings, weights_of
from torch import Tensor, nn

from pcrec_core.cooperation import Layer, default_layers
from pcrec_core.models import build, layers_of
from pcrec_core.models.bpr import BPR
from pcrec_core.models.sasrec import SASRec
from pcrec_core.models.youtube_dnn import YouTubeDNN

MODELS = ["sasrec", "dnn", "bpr"]


def model_of(name: str, seed: int = 0, **given: float) -> nn.Module:
    spec, split = spec_of(name, **given), two_rings()
    torch.manual_seed(seed)
    return build(spec.model, spec.training, split)


def spread(model: nn.Module, seed: int = 1) -> nn.Module:
    """``model`` in float64 with weights large enough to tell things apart, biases and norms too."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for w in model.double().parameters():
            w.add_(0.5 * torch.randn(w.shape, generator=draw, dtype=w.dtype))
    return model.eval()


@pytest.mark.parametrize("name", MODELS)
class TestContract:
    """What the trainer, the ranking and the cooperation rely on."""

    def rows(self, name: str) -> Tensor:
        spec, split = spec_of(name), two_rings()
        return type(model_of(name)).examples(split, spec.model.t).epoch(0, 0)

    def inputs(self, name: str) -> tuple[Tensor, Tensor]:
        split, t = two_rings(), spec_of(name).model.t
        return torch.arange(split.n_users), torch.from_numpy(split.histories(part="test", t=t or 2)).long()

    def test_it_learns_what_is_known(self, name):
        """Rings of 8 items: the target is one of the 3 items of the user's ring that are not in training."""
        given = {"sasrec": {"epochs": 12, "p": 0.0}, "dnn": {"epochs": 30, "eta": 0.03},
                 "bpr": {"epochs": 20, "eta": 0.05, "l2": 0.1}}[name]  # without the penalty BPR learns them by heart
        _, outcome = fit(spec_of(name, **given), two_rings())
        ranks = np.array(outcome.result["ranks"].split(), int)
        assert (ranks <= 3).mean() > 0.95
        if name != "bpr":  # it knows what came last
            assert (ranks == 1).mean() > 0.95
        losses = outcome.result["epochs"]["loss"][0]
        assert losses[-1] < 0.9 * losses[0]

    def test_scores_are_of_all_ids_for_each_user(self, name):
        model, (users, inputs) = model_of(name).eval(), self.inputs(name)
        scores = model.scores(users, inputs)
        assert scores.shape == (48, 17) and scores.dtype == torch.float32 and scores.isfinite().all()

    def test_a_users_scores_depend_on_nobody_else(self, name):
        model, (users, inputs) = spread(model_of(name)), self.inputs(name)
        together = model.scores(users, inputs)
        alone = torch.cat([model.scores(users[i : i + 1], inputs[i : i + 1]) for i in range(len(users))])
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)
        turned = model.scores(users.flip(0), inputs.flip(0)).flip(0)
        torch.testing.assert_close(together, turned, rtol=0, atol=1e-12)

    def test_the_loss_is_a_scalar_whatever_the_order_of_the_rows(self, name):
        model, rows = spread(model_of(name)), self.rows(name)
        loss = model.loss(rows)
        assert loss.shape == () and loss.item() > 0
        torch.testing.assert_close(loss, model.loss(rows.flip(0)), rtol=1e-12, atol=0)

    def test_the_gradient_is_the_slope_of_the_loss(self, name):
        """Central difference along a random direction of all weights."""
        model, rows = spread(model_of(name, l2=0.1)), self.rows(name)[:10]
        weights = list(model.parameters())
        gradients = torch.autograd.grad(model.loss(rows), weights)
        draw = torch.Generator().manual_seed(3)
        direction = [torch.randn(w.shape, generator=draw, dtype=w.dtype) for w in weights]
        if name != "bpr":  # the padding row has no gradient, but the tables of BPR have no padding
            direction[0][0] = 0
        slope = sum((g * v).sum() for g, v in zip(gradients, direction, strict=True)).item()
        losses = []
        with torch.no_grad():
            for step in (1e-6, -2e-6):
                for w, v in zip(weights, direction, strict=True):
                    w.add_(v, alpha=step)
                losses.append(model.loss(rows).item())
        assert slope == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-6)

    def test_every_parameter_is_in_exactly_one_layer(self, name):
        model = model_of(name)
        layers = layers_of(spec_of(name).model)(model)
        named = [parameter for layer in layers for parameter in (layer.measured, *layer.followers)]
        assert sorted(named) == sorted(parameter for parameter, _ in model.named_parameters())
        assert len({layer.name for layer in layers}) == len(layers)
        assert {layer.component for layer in layers} <= {"embedding", "middle", "softmax"}
        assert all(model.get_parameter(layer.measured).dim() == 2 for layer in layers)
        assert all(model.get_parameter(f).dim() == 1 for layer in layers for f in layer.followers)

    def test_the_default_rule_finds_the_same_layers(self, name):
        model = model_of(name)
        ours = layers_of(spec_of(name).model)(model)
        assert [(x.measured, x.followers) for x in default_layers(model)] == [(x.measured, x.followers) for x in ours]

    def test_weights_come_from_the_global_generator_alone(self, name):
        one, again, other = weights_of(model_of(name)), weights_of(model_of(name)), weights_of(model_of(name, seed=1))
        assert all(torch.equal(one[key], again[key]) for key in one)
        assert not any(torch.equal(w, other[key]) for key, w in one.items() if w.dim() == 2)

    def test_ids_of_any_integer_type_serve(self, name):
        model, (users, inputs), rows = model_of(name).eval(), self.inputs(name), self.rows(name)
        assert torch.equal(model.scores(users, inputs), model.scores(users, inputs.int()))
        assert torch.equal(model.loss(rows), model.loss(rows.int()))


# --- layers and first weights, as the documents list them ------------------------------------------------------------


def block_layers(i: int) -> list[Layer]:
    def layer(name: str, *norms: str) -> Layer:
        at = f"blocks.{i}.{name}"
        return Layer(at, "middle", f"{at}.weight", (f"{at}.bias", *(f"blocks.{i}.{norm}" for norm in norms)))

    return [layer("query"), layer("key"), layer("value", "attention_norm.weight", "attention_norm.bias"),
            layer("inner"), layer("outer", "forward_norm.weight", "forward_norm.bias")]


EMBEDDING = {name: Layer(name, "embedding", f"{name}.weight") for name in ("item", "position", "user")}
OUTPUT = Layer("output", "softmax", "output.weight", ("output.bias",))
LAYERS = {
    "sasrec": [EMBEDDING["item"], EMBEDDING["position"], *block_layers(0), *block_layers(1), OUTPUT],
    "dnn": [EMBEDDING["item"], Layer("hidden", "middle", "hidden.weight", ("hidden.bias",)), OUTPUT],
    "bpr": [EMBEDDING["user"], EMBEDDING["item"]],
}


@pytest.mark.parametrize(("name", "number"), [("sasrec", 13), ("dnn", 3), ("bpr", 2)])
def test_layers_are_those_of_the_documents_in_their_order(name, number):
    layers = layers_of(spec_of(name).model)(model_of(name))
    assert layers == LAYERS[name] and len(layers) == number


def is_normal(w: Tensor, std: float) -> bool:
    """Mean 0, the standard deviation, and the share beyond two of them (4.6 %; a uniform law has none)."""
    far = (w.abs() > 2 * std).float().mean().item()
    return abs(w.mean().item()) < 0.03 * std and abs(w.std().item() / std - 1) < 0.03 and 0.035 < far < 0.056


def is_torchs_default(layer: nn.Linear) -> bool:
    """Uniform within 1 / sqrt(inputs), weights and biases."""
    bound = layer.in_features ** -0.5
    return all(w.abs().max() <= bound and w.abs().max() > 0.9 * bound for w in (layer.weight, layer.bias)) and (
        abs(layer.weight.std().item() * 3**0.5 / bound - 1) < 0.05)


def test_first_weights():
    torch.manual_seed(5)
    sasrec, dnn, bpr = SASRec(400, 64, 100, 0.2), YouTubeDNN(400, 64), BPR(300, 400, 64)
    tables = [sasrec.item, sasrec.position, dnn.item, bpr.user, bpr.item]
    assert all(is_normal(table.weight, 0.01) for table in tables)
    linear = [module for model in (sasrec, dnn) for module in model.modules() if isinstance(module, nn.Linear)]
    assert len(linear) == 2 * 5 + 1 + 2 and all(is_torchs_default(module) for module in linear)
    norms = [module for module in sasrec.modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == 4 and all((n.weight == 1).all() and (n.bias == 0).all() and n.eps == 1e-5 for n in norms)


@pytest.mark.parametrize("kind", [lambda: SASRec(6, 64, 5, 0.0), lambda: YouTubeDNN(6, 64)], ids=["sasrec", "dnn"])
def test_the_padding_row_is_drawn_but_gets_no_gradient(kind):
    torch.manual_seed(0)
    model = kind()
    assert 0.007 < model.item.weight[0].std().item() < 0.013
    model.loss(torch.tensor([[0, 0, 1, 2, 3], [2, 4, 5, 6, 1]])).backward()
    assert (model.item.weight.grad[0] == 0).all()
    assert (model.item.weight.grad[[1, 2, 4, 5, 6]] != 0).any(1).all()


def test_sizes():
    sasrec, dnn, bpr = SASRec(10, 8, 5, 0.0), YouTubeDNN(10, 8), BPR(4, 10, 8)
    counts = [sum(w.numel() for w in model.parameters()) for model in (sasrec, dnn, bpr)]
    block = 5 * (8 * 8 + 8) + 2 * (8 + 8)
    assert counts == [11 * 8 + 5 * 8 + 2 * block + 8 * 11 + 11, 11 * 8 + 8 * 8 + 8 + 8 * 11 + 11, 4 * 8 + 11 * 8]


# --- SASRec ----------------------------------------------------------------------------------------------------------

N, D, T = 7, 4, 6


@pytest.fixture
def sasrec() -> SASRec:
    torch.manual_seed(2)
    return spread(SASRec(N, D, T, 0.3))


def vector(w: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    """A linear layer, cell by cell."""
    weight, bias = w[f"{name}.weight"], w[f"{name}.bias"]
    return np.array([bias[o] + sum(weight[o, i] * x[i] for i in range(len(x))) for o in range(len(bias))])


def normal(w: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    mean = sum(x) / len(x)
    variance = sum((v - mean) ** 2 for v in x) / len(x)
    return (x - mean) / math.sqrt(variance + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def naive_encode(model: SASRec, ids: list[int]) -> dict[int, np.ndarray]:
    """Representation at each slot that holds an item (eval mode): padding is simply not there."""
    w = {name: p.detach().numpy() for name, p in model.named_parameters()}
    x = {s: w["item.weight"][i] + w["position.weight"][s] for s, i in enumerate(ids) if i}
    for b in range(2):
        at = f"blocks.{b}"
        after = {}
        for s in x:
            q = vector(w, f"{at}.query", x[s])
            keys = [k for k in x if k <= s]
            scores = [sum(q * vector(w, f"{at}.key", x[k])) / math.sqrt(len(q)) for k in keys]
            z = sum(math.exp(v) for v in scores)
            seen = sum(math.exp(v) / z * vector(w, f"{at}.value", x[k]) for v, k in zip(scores, keys, strict=True))
            h = normal(w, f"{at}.attention_norm", x[s] + seen)
            inner = np.array([max(0.0, v) for v in vector(w, f"{at}.inner", h)])
            after[s] = normal(w, f"{at}.forward_norm", h + vector(w, f"{at}.outer", inner))
        x = after
    return x


def negative_log(logits: np.ndarray, target: int) -> float:
    return math.log(sum(math.exp(v) for v in logits)) - logits[target]


SEQUENCES = [[1, 2, 3, 4, 5], [0, 0, 6, 7, 6], [0, 0, 0, 0, 3], [5, 5, 5, 1, 1]]


def test_sasrec_equals_a_naive_implementation(sasrec):
    w = {name: p.detach().numpy() for name, p in sasrec.named_parameters()}
    found = sasrec.encode(torch.tensor(SEQUENCES)).detach().numpy()
    scores = sasrec.scores(torch.arange(4), torch.tensor(SEQUENCES)).detach().numpy()
    for row, ids in enumerate(SEQUENCES):
        expected = naive_encode(sasrec, ids)
        for slot, x in expected.items():
            np.testing.assert_allclose(found[row, slot], x, rtol=0, atol=1e-12)
        np.testing.assert_allclose(scores[row], vector(w, "output", expected[len(ids) - 1]), rtol=0, atol=1e-12)


def test_sasrecs_loss_is_the_mean_over_real_positions(sasrec):
    w = {name: p.detach().numpy() for name, p in sasrec.named_parameters()}
    pieces = [[1, 2, 3, 4, 5, 6], [0, 0, 6, 7, 6, 2], [0, 0, 0, 0, 3, 1]]  # 5, 3 and 1 real pairs
    losses = [negative_log(vector(w, "output", x), ids[slot + 1])
              for ids in pieces for slot, x in naive_encode(sasrec, ids[:-1]).items()]
    assert len(losses) == 9
    assert sasrec.loss(torch.tensor(pieces)).item() == pytest.approx(sum(losses) / 9, abs=1e-12)


def test_a_later_item_changes_no_earlier_representation(sasrec):
    ids = torch.tensor([[0, 2, 3, 4, 5]])
    before = sasrec.encode(ids)
    for slot in range(1, 5):
        changed = ids.clone()
        changed[0, slot] = 7
        after = sasrec.encode(changed)
        assert torch.equal(after[0, 1:slot], before[0, 1:slot])
        assert ((after[0, slot:] - before[0, slot:]).abs().amax(1) > 1e-3).all()  # and every later one


def test_what_stands_for_padding_has_no_influence_in_sasrec(sasrec):
    inputs, piece = torch.tensor([[0, 0, 6, 7, 6]]), torch.tensor([[0, 0, 6, 7, 6, 2]])
    before = sasrec.scores(torch.arange(1), inputs), sasrec.loss(piece)
    with torch.no_grad():
        sasrec.item.weight[0] = 100.0
        sasrec.position.weight[:2] = -100.0
    after = sasrec.scores(torch.arange(1), inputs), sasrec.loss(piece)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)


def test_more_padding_gives_the_same_scores_in_sasrec(sasrec):
    """Slots carry positions, so the position rows move with the items."""
    before = sasrec.encode(torch.tensor([[6, 7, 6]]))
    with torch.no_grad():
        sasrec.position.weight.copy_(sasrec.position.weight.roll(2, 0))
    after = sasrec.encode(torch.tensor([[0, 0, 6, 7, 6]]))
    torch.testing.assert_close(after[:, 2:], before, rtol=0, atol=1e-12)


def test_order_matters_to_sasrec(sasrec):
    one, other = (sasrec.scores(torch.arange(1), torch.tensor([ids])) for ids in ([1, 2, 3, 4, 5], [2, 1, 3, 4, 5]))
    assert (one - other).abs().max() > 1e-3


def test_the_last_position_row_is_never_trained(sasrec):
    sasrec.loss(torch.tensor([[1, 2, 3, 4, 5, 6]])).backward()
    gradient = sasrec.position.weight.grad.abs().amax(1)
    assert gradient[-1] == 0 and (gradient[:-1] > 0).all()


def test_where_everything_is_dropped_the_input_is_gone():
    """At a rate of nearly 1 the embedding sum, the attention and the point-wise half vanish; the norms are left."""
    torch.manual_seed(2)
    model = spread(SASRec(N, D, T, 1 - 1e-9)).train()
    x = torch.zeros(D, dtype=torch.float64)
    for block in model.blocks:
        x = block.forward_norm(block.attention_norm(x))
    torch.testing.assert_close(model.encode(torch.tensor(SEQUENCES)), x.expand(4, 5, D), rtol=0, atol=1e-12)


def test_dropout_is_on_in_training_only(sasrec):
    ids = torch.tensor(SEQUENCES)
    assert torch.equal(sasrec.encode(ids), sasrec.encode(ids))
    sasrec.train()
    assert not torch.equal(sasrec.encode(ids), sasrec.encode(ids))
    torch.manual_seed(2)
    without = spread(SASRec(N, D, T, 0.0))
    assert torch.equal(without.eval().encode(ids), without.train().encode(ids))


# --- YouTube DNN


@pytest.fixture
def dnn() -> YouTubeDNN:
    torch.manual_seed(3)
    return spread(YouTubeDNN(N, D))


def naive_user(model: YouTubeDNN, ids: list[int]) -> np.ndarray:
    w = {name: p.detach().numpy() for name, p in model.named_parameters()}
    real = [np.maximum(vector(w, "hidden", w["item.weight"][i]), 0) for i in ids if i]
    return sum(real) / len(real)


def test_dnn_equals_a_naive_implementation(dnn):
    w = {name: p.detach().numpy() for name, p in dnn.named_parameters()}
    scores = dnn.scores(torch.arange(4), torch.tensor(SEQUENCES)).detach().numpy()
    for row, ids in enumerate(SEQUENCES):
        np.testing.assert_allclose(scores[row], vector(w, "output", naive_user(dnn, ids)), rtol=0, atol=1e-12)


def test_dnns_loss_is_that_of_the_last_item(dnn):
    w = {name: p.detach().numpy() for name, p in dnn.named_parameters()}
    pieces = [[1, 2, 3, 4], [0, 0, 6, 7], [0, 2, 2, 2]]
    losses = [negative_log(vector(w, "output", naive_user(dnn, ids[:-1])), ids[-1]) for ids in pieces]
    assert dnn.loss(torch.tensor(pieces)).item() == pytest.approx(sum(losses) / 3, abs=1e-12)


def test_padding_has_no_influence_in_dnn_and_order_has_none(dnn):
    expected = dnn.encode(torch.tensor([[6, 7, 2]]))
    with torch.no_grad():
        dnn.item.weight[0] = 100.0
    for ids in ([0, 6, 7, 2], [0, 0, 0, 0, 6, 7, 2], [0, 7, 2, 6], [2, 7, 6]):
        torch.testing.assert_close(dnn.encode(torch.tensor([ids])), expected, rtol=0, atol=1e-12)
    assert (dnn.encode(torch.tensor([[6, 6, 7, 2]])) - expected).abs().max() > 1e-3  # how often does count


# --- BPR


def by_hand(l2: float) -> BPR:
    model = BPR(2, 3, 2, l2).double()
    with torch.no_grad():
        model.user.weight.copy_(torch.tensor([[1.0, 2.0], [0.0, -1.0]]))
        model.item.weight.copy_(torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]))
    return model


def test_bpr_scores_by_hand():
    scores = by_hand(0.0).scores(torch.tensor([1, 0]), torch.zeros(2, 1, dtype=torch.int64))
    assert scores[:, 1:].tolist() == [[0, -1, -2], [1, 2, 6]]


def test_bprs_loss_is_a_sum_with_the_norms_of_what_was_used():
    rows = torch.tensor([[0, 1, 2], [1, 3, 1]])  # margins 1 - 2 = -1 and -2 - 0 = -2
    expected = math.log(1 + math.exp(1)) + math.log(1 + math.exp(2))
    assert by_hand(0.0).loss(rows).item() == pytest.approx(expected, abs=1e-12)
    norms = (5 + 1 + 1) + (1 + 8 + 1)
    assert by_hand(0.25).loss(rows).item() == pytest.approx(expected + 0.25 * norms, abs=1e-12)
    twice = torch.cat([rows, rows])
    assert by_hand(0.25).loss(twice).item() == pytest.approx(2 * (expected + 0.25 * norms), abs=1e-12)


def test_bprs_loss_is_finite_for_hopeless_margins():
    model = by_hand(0.0)
    with torch.no_grad():
        model.user.weight.mul_(1e6)
    assert model.loss(torch.tensor([[0, 1, 3]])).item() == pytest.approx(5e6)  # -log sigmoid(-x) = x


def test_bpr_has_no_gradient_outside_its_rows():
    model = by_hand(0.1)
    model.loss(torch.tensor([[0, 1, 2]])).backward()
    assert model.user.weight.grad.abs().sum(1).bool().tolist() == [True, False]
    assert model.item.weight.grad.abs().sum(1).bool().tolist() == [False, True, True, False]


def test_the_item_chain_is_learnt_to_the_first_rank():
    """Known answer: after item i comes i + 1, round and round; SASRec ranks the next item first."""
    chain = split_of([[1 + (start + step) % 12 for step in range(10)] for start in range(12)] * 2)
    _, outcome = fit(spec_of("sasrec", epochs=25, batch=8, t=6), chain)
    ranks = np.array(outcome.result["ranks"].split(), int)
    assert (ranks == 1).mean() >= 23 / 24
