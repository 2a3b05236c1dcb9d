"""The three recommenders: a contract that each passes, their layers and their initial weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support import CPU, fit, spec_of, split_of, spread, two_rings, weights_of
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pcrec_core.layers import Layer, default_layers
from pcrec_core.models.bpr import BPR
from pcrec_core.models.sasrec import SASRec
from pcrec_core.models.youtube_dnn import YouTubeDNN
from pcrec_core.specs.run import Cooperation
from pcrec_core.training.build import build, examples_of, layers_of
from pcrec_core.training.examples import Positives, Sequences
from pcrec_core.training.optimizer import Adam

MODELS = ["sasrec", "dnn", "bpr"]


def model_of(name: str, seed: int = 0, **given: float) -> nn.Module:
    spec, split = spec_of(name, **given), two_rings()
    torch.manual_seed(seed)
    return build(spec, split)


class Called(TorchDispatchMode):
    """Collect the names of all operations that torch runs inside."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function._schema.name)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", MODELS)
class TestContract:
    """The behavior that the trainer, the ranking and the cooperation rely on."""

    def rows(self, name: str) -> Tensor:
        return self.examples(name).epoch(0, 0)

    def examples(self, name: str) -> Sequences | Positives:
        return examples_of(spec_of(name), two_rings())

    def inputs(self, name: str) -> tuple[Tensor, Tensor]:
        split, t = two_rings(), spec_of(name).model.t or 2
        histories = torch.from_numpy(split.histories(part="test", t=t))
        return torch.arange(split.n_users), histories.long()

    def test_it_learns_what_is_known(self, name):
        """The target is one of the 3 of 8 items of the user's ring that are not in training."""
        given = {
            "sasrec": {"epochs": 12, "p": 0.0},
            "dnn": {"epochs": 30, "eta": 0.03},
            "bpr": {"epochs": 20, "eta": 0.05, "l2": 0.1},  # without the penalty, it overfits
        }[name]
        _, outcome = fit(spec_of(name, **given), two_rings())
        ranks = np.array(outcome.result["ranks"].split(), int)
        assert (ranks <= 3).mean() > 0.95
        if name != "bpr":  # the others see the last item
            assert (ranks == 1).mean() > 0.95
        losses = outcome.result["epochs"]["loss"][0]
        assert losses[-1] < 0.9 * losses[0]

    def test_each_user_gets_scores_of_all_ids(self, name):
        model, (users, inputs) = model_of(name).eval(), self.inputs(name)
        scores = model.scores(users, inputs)
        assert scores.shape == (48, 17) and scores.dtype == torch.float32
        assert scores.isfinite().all()

    def test_a_users_scores_depend_on_nobody_else(self, name):
        model, (users, inputs) = spread(model_of(name)), self.inputs(name)
        together = model.scores(users, inputs)
        each = zip(users.split(1), inputs.split(1), strict=True)
        alone = torch.cat([model.scores(*one) for one in each])
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)
        flipped = model.scores(users.flip(0), inputs.flip(0)).flip(0)
        torch.testing.assert_close(together, flipped, rtol=0, atol=1e-12)

    def test_the_loss_is_a_scalar_whatever_the_order_of_the_rows(self, name):
        model, rows = spread(model_of(name)), self.rows(name)
        loss = model.loss(rows)
        assert loss.shape == () and loss.item() > 0
        torch.testing.assert_close(loss, model.loss(rows.flip(0)), rtol=1e-12, atol=0)

    def test_the_gradient_is_the_slope_of_the_loss(self, name):
        """Compare it with a central difference along a random direction of all weights."""
        model, rows = spread(model_of(name, l2=0.1)), self.rows(name)[:10]
        weights = list(model.parameters())
        gradients = torch.autograd.grad(model.loss(rows), weights)
        draw = torch.Generator().manual_seed(3)
        direction = [torch.randn(w.shape, generator=draw, dtype=w.dtype) for w in weights]
        if name != "bpr":  # the padding row has no gradient; the tables of BPR have no padding
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
        layers = layers_of(spec_of(name), model)
        named = [parameter for layer in layers for parameter in (layer.measured, *layer.followers)]
        assert sorted(named) == sorted(parameter for parameter, _ in model.named_parameters())
        assert len({layer.name for layer in layers}) == len(layers)
        assert {layer.component for layer in layers} <= {"embedding", "middle", "softmax"}
        assert all(model.get_parameter(layer.measured).dim() == 2 for layer in layers)
        assert all(model.get_parameter(f).dim() == 1 for layer in layers for f in layer.followers)

    def test_the_default_rule_finds_the_same_layers(self, name):
        model = model_of(name)
        ours = layers_of(spec_of(name), model)
        assert [(x.measured, x.followers) for x in default_layers(model)] == [
            (x.measured, x.followers) for x in ours
        ]

    def test_weights_come_from_the_global_generator_alone(self, name):
        one, again, other = (weights_of(model_of(name, seed)) for seed in (0, 0, 1))
        assert all(torch.equal(one[key], again[key]) for key in one)
        assert not any(torch.equal(w, other[key]) for key, w in one.items() if w.dim() == 2)

    def test_ids_can_have_any_integer_type(self, name):
        model, (users, inputs), rows = model_of(name).eval(), self.inputs(name), self.rows(name)
        assert torch.equal(model.scores(users, inputs), model.scores(users, inputs.int()))
        assert torch.equal(model.loss(rows), model.loss(rows.int()))

    def test_batches_are_the_rows_in_their_order_and_give_the_loss_of_the_rows(self, name):
        model, rows = model_of(name).eval(), self.rows(name)
        batches = self.examples(name).batches(rows, 5, CPU)
        assert len(batches) == -(-len(rows) // 5)
        assert torch.equal(torch.cat([batch[0] for batch in batches]), rows)
        for batch in batches:
            assert torch.equal(model.loss(*batch), model.loss(batch[0]))

    def test_no_operation_of_a_step_waits_for_the_device(self, name):
        """On a GPU these operations stop the program until their result is on the host."""
        waiting = {"nonzero", "_local_scalar_dense", "masked_select", "equal"}
        model = model_of(name)
        optimizer = Adam(model.parameters(), 1e-3)
        batch, *_ = self.examples(name).batches(self.rows(name), 5, CPU)
        with Called() as called:
            model.loss(*batch).backward()
            optimizer.step()
        names = {name.removeprefix("aten::") for name in called.names}
        assert {"mm", "mul"} & names and "_fused_adam_" in names and not waiting & names


# --- layers and initial weights


def embedding(name: str) -> Layer:
    return Layer(name, "embedding", f"{name}.weight")


def linear_layer(name: str, component: str = "middle", *, norm: str = "") -> Layer:
    """A matrix, followed by its bias and perhaps by a LayerNorm of the same block."""
    at = f"{name.rpartition('.')[0]}.{norm}"
    followers = (f"{at}.weight", f"{at}.bias") if norm else ()
    return Layer(name, component, f"{name}.weight", (f"{name}.bias", *followers))


def sasrec_layers(names: str) -> list[Layer]:
    """The layers of SASRec; ``names`` lists those of a block, each with its "+norm" if any."""
    blocks = [
        linear_layer(f"blocks.{i}.{name}", norm=norm)
        for i in range(2)
        for name, _, norm in (layer.partition("+") for layer in names.split())
    ]
    return [embedding("item"), embedding("position"), *blocks, OUTPUT]


OUTPUT = linear_layer("output", "softmax")
LAYERS = {
    "sasrec": sasrec_layers("query key value+attention_norm inner outer+forward_norm"),
    "dnn": [embedding("item"), linear_layer("hidden"), OUTPUT],
    "bpr": [embedding("user"), embedding("item")],
}


@pytest.mark.parametrize(("name", "number"), [("sasrec", 13), ("dnn", 3), ("bpr", 2)])
def test_layers_are_those_of_the_documents_in_their_order(name, number):
    layers = layers_of(spec_of(name), model_of(name))
    assert layers == LAYERS[name] and len(layers) == number


def is_normal(w: Tensor, std: float) -> bool:
    """Check mean 0, standard deviation, and the share beyond two of them (4.6 %; uniform: 0)."""
    centered, scaled = abs(w.mean().item()) < 0.03 * std, abs(w.std().item() / std - 1) < 0.03
    return centered and scaled and 0.035 < (w.abs() > 2 * std).float().mean().item() < 0.056


def is_torchs_default(layer: nn.Linear) -> bool:
    """Check that weights and biases are uniform within 1 / sqrt(inputs)."""
    bound = layer.in_features**-0.5
    inside = all(0.9 * bound < w.abs().max() <= bound for w in (layer.weight, layer.bias))
    return inside and abs(layer.weight.std().item() * 3**0.5 / bound - 1) < 0.05


def test_first_weights():
    torch.manual_seed(5)
    sasrec, dnn, bpr = SASRec(400, 64, 100, 0.2), YouTubeDNN(400, 64), BPR(300, 400, 64)
    tables = [sasrec.item, sasrec.position, bpr.user, bpr.item]
    assert all(is_normal(table.weight, 0.01) for table in tables)
    assert is_normal(dnn.item.weight[1:], 1) and (dnn.item.weight[0] == 0).all()
    modules = [*sasrec.modules(), *dnn.modules()]
    linear = [module for module in modules if isinstance(module, nn.Linear)]
    assert len(linear) == 2 * 5 + 1 + 2 and all(map(is_torchs_default, linear))
    norms = [module for module in modules if isinstance(module, nn.LayerNorm)]
    assert len(norms) == 4 and all(norm.eps == 1e-5 for norm in norms)
    assert all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)


@pytest.mark.parametrize(
    "kind",
    [lambda: SASRec(6, 64, 5, 0.0), lambda: YouTubeDNN(6, 64), lambda: YouTubeDNN(6, 64, "all")],
    ids=["sasrec", "dnn", "dnn over all positions"],
)
def test_the_padding_row_gets_no_gradient_and_is_drawn_by_sasrec_alone(kind):
    torch.manual_seed(0)
    model = kind()
    drawn = model.item.weight[0].std().item()
    assert 0.007 < drawn < 0.013 if isinstance(model, SASRec) else drawn == 0
    model.loss(torch.tensor([[0, 0, 1, 2, 3], [2, 4, 5, 6, 1]])).backward()
    grad = model.item.weight.grad.to_dense()
    assert (grad[0] == 0).all() and (grad[[1, 2, 4, 5, 6]] != 0).any(1).all()


def test_sizes():
    sasrec, dnn, bpr = SASRec(10, 8, 5, 0.0), YouTubeDNN(10, 8), BPR(4, 10, 8)
    counts = [sum(w.numel() for w in model.parameters()) for model in (sasrec, dnn, bpr)]
    block = 5 * (8 * 8 + 8) + 2 * (8 + 8)
    item, output = 11 * 8, 8 * 11 + 11
    assert counts == [item + 5 * 8 + 2 * block + output, item + 8 * 8 + 8 + output, 4 * 8 + item]


def test_the_item_chain_is_learned_to_the_first_rank():
    """Item i is always followed by i + 1, in a circle: SASRec ranks the next item first."""
    chain = split_of([[1 + (start + step) % 12 for step in range(10)] for start in range(12)] * 2)
    _, outcome = fit(spec_of("sasrec", epochs=25, batch=8, t=6), chain)
    ranks = np.array(outcome.result["ranks"].split(), int)
    assert (ranks == 1).mean() >= 23 / 24


@pytest.mark.parametrize(
    ("criterion", "number", "last"),
    [("entropy", 15, "outer+forward_norm"), ("l1", 17, "outer forward_norm")],
)
def test_released_layers_measure_layernorms_too_and_each_tensor_follows_the_one_before(
    criterion, number, last
):
    pair = spec_of("sasrec", peers=2, cooperation=Cooperation("layerwise", criterion, 30))
    layers = layers_of(replace(pair, protocol="released"), model_of("sasrec"))
    assert layers == sasrec_layers(f"query key value attention_norm inner {last}")
    assert len(layers) == number
