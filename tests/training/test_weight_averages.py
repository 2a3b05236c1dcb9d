"""EMA and SWA against their formulas, step by step, and in a run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support import CPU, fit, same, spec_of, two_rings, weights_of

from pcrec_core.errors import Interrupted
from pcrec_core.specs.run import RunSpec
from pcrec_core.trainer import Trainer
from pcrec_core.training.checkpoints import Checkpoint
from pcrec_core.training.peer import Peer

RINGS = two_rings()


def run_with(kind: str | None, epochs: int = 4) -> RunSpec:
    run = spec_of("dnn", epochs=epochs, batch=16, schedule="constant")
    return replace(run, training=replace(run.training, average=kind))


@pytest.fixture
def steps(monkeypatch) -> list[dict[str, torch.Tensor]]:
    """Collect the weights after every step."""
    seen: list[dict[str, torch.Tensor]] = []
    step = Peer._step

    def watched(peer, *batch):
        loss = step(peer, *batch)
        seen.append(weights_of(peer.model))
        return loss

    monkeypatch.setattr(Peer, "_step", watched)
    return seen


def close(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.allclose(a[n], b[n], rtol=1e-5, atol=1e-6) for n in a)


def test_ema_halves_the_weight_of_a_step_in_half_an_epoch(steps):
    trainer, _ = fit(run_with("ema", epochs=2), RINGS)
    each = -(-len(trainer.examples) // 16)
    assert len(steps) == 2 * each
    decay = 0.5 ** (1 / (each / 2))
    average = steps[0]
    for weights in steps[1:]:
        average = {n: decay * average[n] + (1 - decay) * weights[n] for n in average}
    found = weights_of(trainer.peers[0].average.model)
    assert close(found, average) and not close(found, steps[-1])


@pytest.mark.parametrize(("epochs", "averaged"), [(4, [2, 3]), (5, [2, 3, 4]), (1, [0])])
def test_swa_is_the_mean_of_the_second_half(steps, epochs, averaged):
    trainer, outcome = fit(run_with("swa", epochs), RINGS)
    each = len(steps) // epochs
    ends = [steps[(epoch + 1) * each - 1] for epoch in averaged]
    mean = {n: sum(w[n] for w in ends) / len(ends) for n in ends[0]}
    assert close(weights_of(trainer.peers[0].average.model), mean)
    assert outcome.result["chosen"]["epoch"] in averaged  # there is no average to report before


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_the_model_is_trained_as_without_an_average_and_the_average_is_reported(kind):
    (plain, without), (trainer, outcome) = fit(run_with(None), RINGS), fit(run_with(kind), RINGS)
    assert outcome.result["epochs"]["loss"] == without.result["epochs"]["loss"]
    assert same(weights_of(trainer.peers[0].model), weights_of(plain.peers[0].model))
    assert outcome.weights.keys() == without.weights.keys()
    assert not same(outcome.weights, without.weights)
    assert outcome.result["epochs"]["own"] != without.result["epochs"]["own"]


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_an_average_is_resumed_from_a_checkpoint(kind, tmp_path):
    def stop(done: int) -> None:
        if done == 3:
            raise Interrupted("here.")

    checkpoint = Checkpoint(tmp_path / "run.pt", run_with(kind).identity, interval=0)
    with pytest.raises(Interrupted):
        Trainer(run_with(kind), RINGS, CPU).fit(checkpoint, stop)
    _, resumed = fit(run_with(kind), RINGS, checkpoint)
    assert resumed.began == 3 and resumed.result == fit(run_with(kind), RINGS)[1].result
