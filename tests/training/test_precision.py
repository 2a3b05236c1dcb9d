"""The precision of products: set in training alone, and refused where a machine lacks it."""

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
from pcrec_core.training.precision import available, products, require_precision

CUDA = torch.device("cuda")
matmul_precision = torch.get_float32_matmul_precision


def run_with(name: str, **given: object) -> RunSpec:
    run = spec_of(**given)
    return replace(run, training=replace(run.training, precision=name))


def test_the_former_precision_is_restored_even_after_an_error():
    assert matmul_precision() == "highest"

    def fail() -> None:
        with products("bf16", CPU):
            assert matmul_precision() == "medium"
            with products("float32", CPU):
                assert matmul_precision() == "highest"
            assert matmul_precision() == "medium"
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with products("tf32", CUDA):  # the setting needs no GPU
        assert matmul_precision() == "high"
    assert matmul_precision() == "highest"


def test_training_has_the_specs_precision_and_ranking_float32(monkeypatch):
    seen = []

    def spy(kind: type, name: str) -> None:
        original = getattr(kind, name)

        def spied(*args: object) -> object:
            seen.append((name, matmul_precision()))
            return original(*args)

        monkeypatch.setattr(kind, name, spied)

    spy(Peer, "train_epoch")
    spy(Ranker, "ranks")
    monkeypatch.setattr(trainer, "require_precision", lambda *_: None)
    fit(run_with("bf16", peers=2, epochs=1), two_rings())
    # Each peer on validation, then the test.
    assert seen == [("train_epoch", "medium")] * 2 + [("ranks", "highest")] * 3
    seen.clear()
    fit(run_with("float32", epochs=1), two_rings())
    assert seen == [("train_epoch", "highest")] + [("ranks", "highest")] * 2


def test_scores_are_float32_products_whatever_is_set_outside(monkeypatch):
    trained, _ = fit(run_with("float32", epochs=1), two_rings())
    model, seen = trained.peers[0].model, []
    original = model.scores

    def scores(*args: torch.Tensor) -> torch.Tensor:
        seen.append(matmul_precision())
        return original(*args)

    monkeypatch.setattr(model, "scores", scores)
    with products("bf16", CPU):
        trained.readout.ranker.ranks(model, "test")
        assert matmul_precision() == "medium"
    assert set(seen) == {"highest"}


def test_float32_is_available_everywhere_and_the_others_on_one_kind_of_device():
    assert available("float32", CPU) and available("float32", CUDA)
    assert not available("tf32", CPU) and not available("bf16", CUDA)


def test_a_precision_that_torch_would_silently_replace_is_refused(monkeypatch):
    sentence = "precision 'tf32' needs a GPU with tensor cores, and this cpu makes no such"
    with pytest.raises(TrainingError, match=sentence):
        require_precision("tf32", CPU, 64)
    monkeypatch.setattr(precision, "available", lambda *_: False)
    sentence = "precision 'bf16' needs a processor with bf16 instructions, and this cpu makes"
    with pytest.raises(TrainingError, match=sentence):
        Trainer(run_with("bf16"), two_rings(), CPU)


def test_a_product_with_rounded_factors_differs_from_float32_in_another_order():
    assert precision.rounds(lambda x, y: (x.bfloat16() @ y.bfloat16()).float(), CPU, 64)
    in_double, transposed = (
        lambda x, y: (x.double() @ y.double()).float(),
        lambda x, y: (y.T @ x.T).T,
    )
    for other in (torch.matmul, in_double, transposed):
        assert not precision.rounds(other, CPU, 4) and not precision.rounds(other, CPU, 256)


def test_a_run_asks_for_products_of_its_own_dimension(monkeypatch):
    asked = []
    monkeypatch.setattr(precision, "available", lambda *args: asked.append(args) or True)
    Trainer(run_with("bf16", d=20), two_rings(), CPU)
    assert asked == [("bf16", CPU, 20)]


@pytest.mark.skipif(
    not available("bf16", CPU, 64), reason="this processor makes no bf16 products of so few columns"
)
def test_bf16_products_give_another_loss_close_to_that_of_float32():
    [one], [other] = (
        fit(run_with(name, epochs=1, d=64), two_rings())[1].result["epochs"]["loss"]
        for name in ("float32", "bf16")
    )
    assert one != other and one == pytest.approx(other, rel=0.02)


def test_float32_keeps_the_identity_and_a_typo_is_refused():
    assert Training(3, 16, 0.01) == Training(3, 16, 0.01, precision="float32")
    assert run_with("float32").identity == spec_of().identity != run_with("bf16").identity
    with pytest.raises(SpecError, match="unknown precision 'fp16'"):
        run_with("fp16")
