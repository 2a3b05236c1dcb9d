"""The default layers of modules of many kinds."""

from __future__ import annotations

import pytest
from support import Plain
from torch import nn

from pcrec_core.cooperation import Averaging, cooperate
from pcrec_core.errors import SpecError
from pcrec_core.layers import Layer, default_layers


def test_default_layers_of_a_plain_model():
    # `head` and `scale` are the module's own parameters, which come before those of its children.
    assert default_layers(Plain()) == [
        Layer("head", "head", "head", ("scale",)),
        Layer("table", "table", "table.weight"),
        Layer("body.0", "body", "body.0.weight", ("body.0.bias", "body.1.weight", "body.1.bias")),
        Layer("body.3", "body", "body.3.weight", ("body.3.bias",)),
    ]


@pytest.mark.parametrize(
    ("module", "measured"),
    [
        (nn.Linear(3, 2), "weight"),
        (nn.Conv2d(3, 4, 3), "weight"),
        (nn.Bilinear(2, 3, 4), "weight"),
        (
            nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.Linear(4, 1)),
            "0.weight 2.weight",
        ),
        (nn.GRU(3, 5), "weight_ih_l0 weight_hh_l0"),
        (nn.MultiheadAttention(4, 2), "in_proj_weight out_proj.weight"),
        (nn.Sequential(nn.BatchNorm1d(4), nn.PReLU(), nn.Linear(4, 1), nn.PReLU()), "2.weight"),
        (
            nn.TransformerEncoderLayer(4, 2, 8),
            "self_attn.in_proj_weight self_attn.out_proj.weight linear1.weight linear2.weight",
        ),
        (nn.ModuleDict({"a": nn.Embedding(3, 2), "b": nn.EmbeddingBag(3, 2)}), "a.weight b.weight"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_default_layers_measure_what_has_two_or_more_dimensions(module, measured):
    layers = default_layers(module)
    assert [layer.measured for layer in layers] == measured.split()
    named = [name for layer in layers for name in layer.parameters]
    assert sorted(named) == sorted(name for name, _ in module.named_parameters())
    assert all(module.get_parameter(name).dim() < 2 for layer in layers for name in layer.followers)


def test_a_vector_follows_the_matrix_before_it():
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 3))
    first = ("0.weight", "0.bias", "1.bias", "2.weight", "2.bias")
    assert [layer.followers for layer in default_layers(model)] == [first, ("3.bias",)]


def test_a_model_of_vectors_has_no_layer():
    with pytest.raises(
        SpecError, match="LayerNorm has no trainable parameter with two or more dimensions"
    ):
        default_layers(nn.LayerNorm(4))
    with pytest.raises(SpecError, match="Dropout has no trainable parameter"):
        cooperate([nn.Dropout(), nn.Dropout()], Averaging())
