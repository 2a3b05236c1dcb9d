"""A run that is cut goes on: killed without warning, or asked to stop; and what a checkpoint refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support import AVERAGING, CPU, LAYERWISE, digest, fit, same, spec_of, two_rings

from pcrec_core import provenance
from pcrec_core.errors import TrainingError
from pcrec_core.specs.protocol import PROTOCOLS
from pcrec_core.specs.run import Cooperation, RunSpec
from pcrec_core.study import defaults
from pcrec_core.study import run as study
from pcrec_core.study.records import Store
from pcrec_core.trainer import Trainer
from pcrec_core.training.checkpoints import Checkpoint

RINGS = two_rings()
EVERY_2 = Cooperation("layerwise", "entropy", 30, every=2)
SPECS = [
    spec_of("sasrec", epochs=5),
    spec_of("sasrec", peers=2, cooperation=EVERY_2, epochs=5),
    spec_of("dnn", peers=2, epochs=5, l2=1e-3),
    spec_of("bpr", peers=3, cooperation=AVERAGING, epochs=5),
    replace(
        spec_of("dnn", peers=2, cooperation=LAYERWISE, epochs=5, eta=0.1),
        protocol="released",
        rules=replace(PROTOCOLS["released"], choice="both"),
    ),
]

#: A process of its own trains this run, an epoch a twentieth of a second or more.
RUN = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_resume import CPU, KILLED, RINGS, Trainer, checkpoint_at

Trainer(KILLED, RINGS, CPU).fit(checkpoint_at(Path(sys.argv[1]), KILLED), lambda epoch: time.sleep(0.05))
"""
KILLED = spec_of("sasrec", peers=2, cooperation=LAYERWISE, epochs=40)


def checkpoint_at(folder: Path, spec: RunSpec, interval: float = 0) -> Checkpoint:
    return Checkpoint(folder / "run.pt", spec.identity, interval)


def test_a_killed_run_goes_on_to_the_same_result(tmp_path):
    here = Path(__file__).parent
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path), str(here), str(here.parent / "support")],
        cwd=here.parents[1],
    ) as process:
        deadline = time.monotonic() + 120
        while (
            not (tmp_path / "run.pt").exists()
            and process.poll() is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    outcome = fit(KILLED, RINGS, checkpoint_at(tmp_path, KILLED))[1]
    assert 0 < outcome.began < 40
    whole = fit(KILLED, RINGS)[1]
    assert (
        whole.began == 0
        and digest(outcome.result) == digest(whole.result)
        and same(outcome.weights, whole.weights)
    )


def press_in(trainer: Trainer, epoch: int, times: int = 1) -> None:
    """Ctrl-C while ``epoch`` runs."""
    original = trainer._epoch

    def pressed(number: int) -> dict:
        if number == epoch:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return original(number)

    trainer._epoch = pressed


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_ctrl_c_ends_after_the_epoch_and_the_next_start_goes_on(spec, epoch, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    trainer = Trainer(spec, RINGS, CPU)
    press_in(trainer, epoch)
    sentence = rf"^interrupted after {epoch + 1} of 5 epochs of {spec.name}; the same command goes on from there\.$"
    with pytest.raises(TrainingError, match=sentence):
        trainer.fit(
            checkpoint_at(tmp_path, spec, interval=3600)
        )  # written although the interval has not passed
    assert len(trainer.history) == epoch + 1 and signal.getsignal(signal.SIGINT) is before

    told: list[int] = []
    outcome = Trainer(spec, RINGS, CPU).fit(checkpoint_at(tmp_path, spec), told.append)
    assert outcome.began == epoch + 1 and told == list(range(epoch + 1, 6))
    whole = fit(spec, RINGS)[1]
    assert digest(outcome.result) == digest(whole.result) and same(outcome.weights, whole.weights)


def test_ctrl_c_between_two_epochs_is_not_lost(tmp_path):
    """Pressed when the epoch's checkpoint has been passed over: the run ends with a checkpoint all the same."""
    spec = SPECS[0]
    pressed: list[int] = []

    def press(epoch: int) -> None:
        if epoch == 2 and not pressed:
            pressed.append(epoch)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TrainingError, match="interrupted after [23] of 5 epochs of"):
        Trainer(spec, RINGS, CPU).fit(checkpoint_at(tmp_path, spec, interval=3600), press)
    outcome = Trainer(spec, RINGS, CPU).fit(checkpoint_at(tmp_path, spec))
    assert outcome.began in (2, 3)
    assert digest(outcome.result) == digest(fit(spec, RINGS)[1].result)


def test_a_second_ctrl_c_ends_at_once(tmp_path):
    trainer = Trainer(SPECS[0], RINGS, CPU)
    press_in(trainer, 1, times=2)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(checkpoint_at(tmp_path, SPECS[0], interval=3600))
    assert len(trainer.history) == 1 and signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_the_last_epoch_keeps_the_record_and_starts_no_further_run(tmp_path, monkeypatch):
    specs = [defaults.base("synthetic", "bpr", epochs=2, seed=seed) for seed in (0, 1)]
    original = Trainer._epoch

    def pressed(trainer: Trainer, number: int) -> dict:
        if number == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return original(trainer, number)

    monkeypatch.setattr(Trainer, "_epoch", pressed)
    store = Store(tmp_path / "records")
    with pytest.raises(
        TrainingError,
        match=f"^interrupted in the last epoch of {specs[0].name}: its record is written;",
    ):
        study.run(specs, store=store)
    assert (
        store.get(specs[0].name).result["test"].keys() >= {"MRR@5"}
        and store.get(specs[1].name) is None
    )


def test_a_finished_run_is_read_out_again_from_its_checkpoint(tmp_path):
    """Killed after the last epoch, before the record was written."""
    first = fit(SPECS[1], RINGS, checkpoint_at(tmp_path, SPECS[1]))[1]
    again = fit(SPECS[1], RINGS, checkpoint_at(tmp_path, SPECS[1]))[1]
    assert again.began == 5 and digest(again.result) == digest(first.result)


def test_the_seconds_of_both_parts_count(tmp_path):
    trainer = Trainer(SPECS[0], RINGS, CPU)
    press_in(trainer, 2)
    with pytest.raises(TrainingError):
        trainer.fit(checkpoint_at(tmp_path, SPECS[0]))
    outcome = fit(SPECS[0], RINGS, checkpoint_at(tmp_path, SPECS[0]))[1]
    assert outcome.seconds["train"] > trainer.seconds["train"] > 0


def test_a_checkpoint_of_another_state_of_the_code_is_refused(tmp_path):
    checkpoint_at(tmp_path, SPECS[0]).save({"seconds": {}})
    with pytest.raises(
        TrainingError,
        match=rf"another state of the code .*'history'\); delete {SPECS[0].identity}\.pt",
    ):
        fit(SPECS[0], RINGS, checkpoint_at(tmp_path, SPECS[0]))


@pytest.mark.parametrize("epochs", [0, 4, 6])
def test_a_checkpoint_with_more_epochs_than_the_run_or_with_none_is_refused(tmp_path, epochs):
    spec = spec_of("sasrec", epochs=3)
    trainer = Trainer(spec, RINGS, CPU)
    trainer.history = [trainer._epoch(0)] * epochs
    checkpoint_at(tmp_path, spec).save(trainer._state())
    with pytest.raises(
        TrainingError,
        match=rf"^the checkpoint of {spec.name} holds {epochs} epochs, and the run has 3; delete"
        rf" {spec.identity}\.pt among the checkpoints to start anew\.$",
    ):
        fit(spec, RINGS, checkpoint_at(tmp_path, spec))


def test_a_run_is_not_resumed_under_other_code_and_not_clean_if_a_part_of_it_is_not(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(provenance, "_asked", lambda: ("c" * 40, True))
    run, store, original = (
        defaults.base("synthetic", "bpr", epochs=3, d=4),
        Store(tmp_path / "records"),
        Trainer._epoch,
    )

    def train(sound: bool, code: str, pressed: bool = False) -> None:
        monkeypatch.setattr(provenance, "sound", lambda: sound)
        monkeypatch.setattr(provenance, "CODE", code)
        monkeypatch.setattr(
            Trainer,
            "_epoch",
            lambda trainer, epoch: (
                pressed and os.kill(os.getpid(), signal.SIGINT),
                original(trainer, epoch),
            )[1],
        )
        study.run([run], store=store)

    with pytest.raises(TrainingError, match="interrupted after 1 of 3 epochs"):
        train(sound=False, code="a" * 16, pressed=True)
    with pytest.raises(
        TrainingError,
        match=r"written by other code \(commit c+, not clean; digest a+, here b+\); go back",
    ):
        train(sound=True, code="b" * 16)
    assert store.get(run.name) is None
    train(sound=True, code="a" * 16)
    made = store.get(run.name).run
    assert (made["began_with_epoch"], made["clean"], made["code"]) == (1, False, "a" * 16)
    store.path(run.name).unlink()
    train(sound=True, code="b" * 16)
    made = store.get(run.name).run
    assert (made["began_with_epoch"], made["clean"], made["code"]) == (0, True, "b" * 16)
