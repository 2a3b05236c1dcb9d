"""The three recommenders: a contract that each passes, their layers and first weights as the documents list them."""

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
from pcrec_core.training.examples import Pieces, Positives
from pcrec_core.training.optimizer import Adam

MODELS = ["sasrec", "dnn", "bpr"]


def model_of(name: str, seed: int = 0, **given: float) -> nn.Module:
    spec, split = spec_of(name, **given), two_rings()
    torch.manual_seed(seed)
    return build(spec, split)


class Called(TorchDispatchMode):
    """Names of all operations that torch runs inside."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function._schema.name)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", MODELS)
class TestContract:
    """What the trainer, the ranking and the cooperation rely on."""

    def rows(self, name: str) -> Tensor:
        return self.examples(name).epoch(0, 0)

    def examples(self, name: str) -> Pieces | Positives:
        return examples_of(spec_of(name), two_rings())

    def inputs(self, name: str) -> tuple[Tensor, Tensor]:
        split, t = two_rings(), spec_of(name).model.t
        return torch.arange(split.n_users), torch.from_numpy(
            split.histories(part="test", t=t or 2)
        ).long()

    def test_it_learns_what_is_known(self, name):
        """Rings of 8 items: the target is one of the 3 items of the user's ring that are not in training."""
        given = {
            "sasrec": {"epochs": 12, "p": 0.0},
            "dnn": {"epochs": 30, "eta": 0.03},
            "bpr": {"epochs": 20, "eta": 0.05, "l2": 0.1},
        }[name]  # without the penalty BPR learns them by heart
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
        assert (
            scores.shape == (48, 17) and scores.dtype == torch.float32 and scores.isfinite().all()
        )

    def test_a_users_scores_depend_on_nobody_else(self, name):
        model, (users, inputs) = spread(model_of(name)), self.inputs(name)
        together = model.scores(users, inputs)
        alone = torch.cat(
            [model.scores(users[i : i + 1], inputs[i : i + 1]) for i in range(len(users))]
        )
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
        one, again, other = (
            weights_of(model_of(name)),
            weights_of(model_of(name)),
            weights_of(model_of(name, seed=1)),
        )
        assert all(torch.equal(one[key], again[key]) for key in one)
        assert not any(torch.equal(w, other[key]) for key, w in one.items() if w.dim() == 2)

    def test_ids_of_any_integer_type_serve(self, name):
        model, (users, inputs), rows = model_of(name).eval(), self.inputs(name), self.rows(name)
        assert torch.equal(model.scores(users, inputs), model.scores(users, inputs.int()))
        assert torch.equal(model.loss(rows), model.loss(rows.int()))

    def test_batches_are_the_rows_in_their_order_and_give_the_loss_of_the_rows(self, name):
        model, rows = model_of(name).eval(), self.rows(name)
        batches = self.examples(name).batches(rows, 5, CPU)
        assert torch.equal(torch.cat([batch[0] for batch in batches]), rows) and len(batches) == -(
            -len(rows) // 5
        )
        for batch in batches:
            assert torch.equal(model.loss(*batch), model.loss(batch[0]))

    def test_nothing_in_a_step_waits_for_the_device(self, name):
        """On a GPU these operations stop the program until their result is on the host."""
        model = model_of(name)
        optimizer = Adam(model.parameters(), 1e-3)
        batch, *_ = self.examples(name).batches(self.rows(name), 5, CPU)
        with Called() as called:
            model.loss(*batch).backward()
            optimizer.step()
        assert {"aten::mm", "aten::mul"} & called.names and "aten::_fused_adam_" in called.names
        assert (
            called.names
            & {"aten::nonzero", "aten::_local_scalar_dense", "aten::masked_select", "aten::equal"}
            == set()
        )


# --- layers and first weights, as the documents list them ------------------------------------------------------------


def block_layers(i: int) -> list[Layer]:
    def layer(name: str, *norms: str) -> Layer:
        at = f"blocks.{i}.{name}"
        return Layer(
            at, "middle", f"{at}.weight", (f"{at}.bias", *(f"blocks.{i}.{norm}" for norm in norms))
        )

    return [
        layer("query"),
        layer("key"),
        layer("value", "attention_norm.weight", "attention_norm.bias"),
        layer("inner"),
        layer("outer", "forward_norm.weight", "forward_norm.bias"),
    ]


EMBEDDING = {
    name: Layer(name, "embedding", f"{name}.weight") for name in ("item", "position", "user")
}
OUTPUT = Layer("output", "softmax", "output.weight", ("output.bias",))
LAYERS = {
    "sasrec": [
        EMBEDDING["item"],
        EMBEDDING["position"],
        *block_layers(0),
        *block_layers(1),
        OUTPUT,
    ],
    "dnn": [
        EMBEDDING["item"],
        Layer("hidden", "middle", "hidden.weight", ("hidden.bias",)),
        OUTPUT,
    ],
    "bpr": [EMBEDDING["user"], EMBEDDING["item"]],
}


@pytest.mark.parametrize(("name", "number"), [("sasrec", 13), ("dnn", 3), ("bpr", 2)])
def test_layers_are_those_of_the_documents_in_their_order(name, number):
    layers = layers_of(spec_of(name), model_of(name))
    assert layers == LAYERS[name] and len(layers) == number


def is_normal(w: Tensor, std: float) -> bool:
    """Mean 0, the standard deviation, and the share beyond two of them (4.6 %; a uniform law has none)."""
    far = (w.abs() > 2 * std).float().mean().item()
    return (
        abs(w.mean().item()) < 0.03 * std
        and abs(w.std().item() / std - 1) < 0.03
        and 0.035 < far < 0.056
    )


def is_torchs_default(layer: nn.Linear) -> bool:
    """Uniform within 1 / sqrt(inputs), weights and biases."""
    bound = layer.in_features**-0.5
    return all(
        w.abs().max() <= bound and w.abs().max() > 0.9 * bound for w in (layer.weight, layer.bias)
    ) and (abs(layer.weight.std().item() * 3**0.5 / bound - 1) < 0.05)


def test_first_weights():
    torch.manual_seed(5)
    sasrec, dnn, bpr = SASRec(400, 64, 100, 0.2), YouTubeDNN(400, 64), BPR(300, 400, 64)
    tables = [sasrec.item, sasrec.position, bpr.user, bpr.item]
    assert all(is_normal(table.weight, 0.01) for table in tables)
    assert is_normal(dnn.item.weight[1:], 1) and (dnn.item.weight[0] == 0).all()
    linear = [
        module
        for model in (sasrec, dnn)
        for module in model.modules()
        if isinstance(module, nn.Linear)
    ]
    assert len(linear) == 2 * 5 + 1 + 2 and all(is_torchs_default(module) for module in linear)
    norms = [module for module in sasrec.modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == 4 and all(
        (n.weight == 1).all() and (n.bias == 0).all() and n.eps == 1e-5 for n in norms
    )


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
    assert counts == [
        11 * 8 + 5 * 8 + 2 * block + 8 * 11 + 11,
        11 * 8 + 8 * 8 + 8 + 8 * 11 + 11,
        4 * 8 + 11 * 8,
    ]


def test_the_item_chain_is_learnt_to_the_first_rank():
    """Known answer: after item i comes i + 1, round and round; SASRec ranks the next item first."""
    chain = split_of([[1 + (start + step) % 12 for step in range(10)] for start in range(12)] * 2)
    _, outcome = fit(spec_of("sasrec", epochs=25, batch=8, t=6), chain)
    ranks = np.array(outcome.result["ranks"].split(), int)
    assert (ranks == 1).mean() >= 23 / 24


# --- what the released code measures


def released_block(i: int, criterion: str) -> list[Layer]:
    def layer(name: str, *more: str) -> Layer:
        return Layer(
            f"blocks.{i}.{name}",
            "middle",
            f"blocks.{i}.{name}.weight",
            tuple(f"blocks.{i}.{n}" for n in (f"{name}.bias", *more)),
        )

    last = (
        [layer("outer", "forward_norm.weight", "forward_norm.bias")]
        if criterion == "entropy"
        else [layer("outer"), layer("forward_norm")]
    )
    return [
        layer("query"),
        layer("key"),
        layer("value"),
        layer("attention_norm"),
        layer("inner"),
        *last,
    ]


@pytest.mark.parametrize(("criterion", "number"), [("entropy", 15), ("l1", 17)])
def test_released_layers_measure_layernorms_too_and_each_tensor_follows_the_one_before(
    criterion, number
):
    run = replace(
        spec_of("sasrec", peers=2, cooperation=Cooperation("layerwise", criterion, 30)),
        protocol="released",
    )
    layers = layers_of(run, model_of("sasrec"))
    assert layers == [
        EMBEDDING["item"],
        EMBEDDING["position"],
        *released_block(0, criterion),
        *released_block(1, criterion),
        OUTPUT,
    ]
    assert len(layers) == number
