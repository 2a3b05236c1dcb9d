"""Precision of the products in training: set there and nowhere else, refused where a machine has it not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support import CPU, fit, spec_of, two_rings

from pcrec_core import trainer
from pcrec_core.errors import SpecError, TrainingError
from pcrec_core.evaluation import Ranker
from pcrec_core.specs.run import RunSpec, Training
from pcrec_core.trainer import Trainer
from pcrec_core.training import precision
from pcrec_core.training.peer import Peer
from pcrec_core.training.precision import available, products, require

CUDA = torch.device("cuda")


def of(name: str, **given: object) -> RunSpec:
    run = spec_of(**given)
    return replace(run, training=replace(run.training, precision=name))


def test_the_precision_before_comes_back_even_after_an_error():
    assert torch.get_float32_matmul_precision() == "highest"
    with pytest.raises(KeyError), products("bf16", CPU):
        assert torch.get_float32_matmul_precision() == "medium"
        with products("float32", CPU):
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
        raise KeyError
    with products("tf32", CUDA):  # a setting, so it can be made where there is no GPU
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == "highest"


def test_training_has_the_specs_precision_and_ranking_float32(monkeypatch):
    seen = []

    def spy(kind: type, name: str) -> None:
        original = getattr(kind, name)
        monkeypatch.setattr(
            kind,
            name,
            lambda *args: (
                seen.append((name, torch.get_float32_matmul_precision())),
                original(*args),
            )[1],
        )

    spy(Peer, "train_epoch")
    spy(Ranker, "ranks")
    monkeypatch.setattr(trainer, "require", lambda *_: None)
    fit(of("bf16", peers=2, epochs=1), two_rings())
    assert (
        seen == [("train_epoch", "medium")] * 2 + [("ranks", "highest")] * 3
    )  # each peer on validation, then the test
    seen.clear()
    fit(of("float32", epochs=1), two_rings())
    assert seen == [("train_epoch", "highest")] + [("ranks", "highest")] * 2


def test_scores_are_float32_products_whatever_is_set_outside(monkeypatch):
    trained, _ = fit(of("float32", epochs=1), two_rings())
    model, seen = trained.peers[0].model, []
    scores = model.scores
    monkeypatch.setattr(
        model,
        "scores",
        lambda *args: (seen.append(torch.get_float32_matmul_precision()), scores(*args))[1],
    )
    with products("bf16", CPU):
        trained.ranker.ranks(model, "test")
        assert torch.get_float32_matmul_precision() == "medium"
    assert set(seen) == {"highest"}


def test_float32_is_made_everywhere_and_each_other_one_on_its_own_device():
    assert available("float32", CPU) and available("float32", CUDA)
    assert not available("tf32", CPU) and not available("bf16", CUDA)


def test_what_torch_would_replace_in_silence_is_refused(monkeypatch):
    with pytest.raises(
        TrainingError,
        match="precision 'tf32' needs a GPU with tensor cores, and this cpu makes no such",
    ):
        require("tf32", CPU, 64)
    monkeypatch.setattr(precision, "available", lambda *_: False)
    with pytest.raises(
        TrainingError,
        match="precision 'bf16' needs a processor with bf16 instructions, and this cpu makes",
    ):
        Trainer(of("bf16"), two_rings(), CPU)


def test_a_product_rounds_its_factors_or_it_is_float32_in_another_order():
    assert precision.rounds(lambda x, y: (x.bfloat16() @ y.bfloat16()).float(), CPU, 64)
    for other in (
        torch.matmul,
        lambda x, y: (x.double() @ y.double()).float(),
        lambda x, y: (y.T @ x.T).T,
    ):
        assert not precision.rounds(other, CPU, 4) and not precision.rounds(other, CPU, 256)


def test_a_run_asks_for_products_of_its_own_dimension(monkeypatch):
    asked = []
    monkeypatch.setattr(
        precision, "available", lambda name, device, terms: asked.append(terms) or True
    )
    Trainer(of("bf16", d=20), two_rings(), CPU)
    assert asked == [20]


@pytest.mark.skipif(
    not available("bf16", CPU, 64), reason="this processor makes no bf16 products of so few columns"
)
def test_bf16_products_are_another_training_near_the_first():
    [one], [other] = (
        fit(of(name, epochs=1, d=64), two_rings())[1].result["epochs"]["loss"]
        for name in ("float32", "bf16")
    )
    assert one != other and one == pytest.approx(other, rel=0.02)


def test_float32_is_what_was_before_and_a_typo_is_said():
    assert Training(3, 16, 0.01) == Training(3, 16, 0.01, precision="float32")
    assert of("float32").identity == spec_of().identity != of("bf16").identity
    with pytest.raises(SpecError, match="unknown precision 'fp16'"):
        of("fp16")
