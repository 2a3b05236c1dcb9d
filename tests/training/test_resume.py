"""A run that is killed or asked to stop resumes to the same result, unless it is refused."""

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
from pcrec_core.training.outcome import Outcome

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
        custom_options=replace(PROTOCOLS["released"], choice="both"),
    ),
]

#: A separate process trains this run, with a twentieth of a second or more per epoch.
RUN = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_resume import CPU, KILLED, RINGS, Trainer, checkpoint_at

checkpoint = checkpoint_at(Path(sys.argv[1]), KILLED)
Trainer(KILLED, RINGS, CPU).fit(checkpoint, lambda epoch: time.sleep(0.05))
"""
KILLED = spec_of("sasrec", peers=2, cooperation=LAYERWISE, epochs=40)


def checkpoint_at(folder: Path, spec: RunSpec, interval: float = 0) -> Checkpoint:
    return Checkpoint(folder / "run.pt", spec.identity, interval)


def check_equal(outcome: Outcome, whole: Outcome) -> None:
    assert digest(outcome.result) == digest(whole.result)
    assert same(outcome.weights, whole.weights)


def test_a_killed_run_resumes_to_the_same_result(tmp_path):
    here, written = Path(__file__).parent, tmp_path / "run.pt"
    command = [sys.executable, "-c", RUN, str(tmp_path), str(here), str(here.parent / "support")]
    with subprocess.Popen(command, cwd=here.parents[1]) as process:
        deadline = time.monotonic() + 120
        while not written.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    outcome = fit(KILLED, RINGS, checkpoint_at(tmp_path, KILLED))[1]
    assert 0 < outcome.began < 40
    whole = fit(KILLED, RINGS)[1]
    assert whole.began == 0
    check_equal(outcome, whole)


def press_in(trainer: Trainer, epoch: int, times: int = 1) -> None:
    """Press Ctrl-C while ``epoch`` runs."""
    original = trainer._epoch

    def pressed(number: int) -> dict:
        if number == epoch:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return original(number)

    trainer._epoch = pressed


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_ctrl_c_ends_after_the_epoch_and_the_next_start_resumes(spec, epoch, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    trainer = Trainer(spec, RINGS, CPU)
    press_in(trainer, epoch)
    done = rf"{epoch + 1} of 5 epochs of {spec.name}"
    sentence = rf"^interrupted after {done}; the same command goes on from there\.$"
    with pytest.raises(TrainingError, match=sentence):  # the checkpoint is written before it is due
        trainer.fit(checkpoint_at(tmp_path, spec, interval=3600))
    assert len(trainer.history) == epoch + 1 and signal.getsignal(signal.SIGINT) is before

    finished: list[int] = []
    outcome = Trainer(spec, RINGS, CPU).fit(checkpoint_at(tmp_path, spec), finished.append)
    assert outcome.began == epoch + 1 and finished == list(range(epoch + 1, 6))
    check_equal(outcome, fit(spec, RINGS)[1])


def test_ctrl_c_between_two_epochs_is_not_lost(tmp_path):
    """Pressed after the checkpoint of an epoch was skipped, it still ends with a checkpoint."""
    spec = SPECS[0]
    pressed: list[int] = []

    def press(epoch: int) -> None:
        if epoch == 2 and not pressed:
            pressed.append(epoch)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TrainingError, match=r"interrupted after [23] of 5 epochs of"):
        Trainer(spec, RINGS, CPU).fit(checkpoint_at(tmp_path, spec, interval=3600), press)
    outcome = Trainer(spec, RINGS, CPU).fit(checkpoint_at(tmp_path, spec))
    assert outcome.began in (2, 3)
    check_equal(outcome, fit(spec, RINGS)[1])


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
    sentence = rf"^interrupted at the end of {specs[0].name}: its record is written;"
    with pytest.raises(TrainingError, match=sentence):
        study.run(specs, store=store)
    first, second = (store.get(spec.name) for spec in specs)
    assert first.result["test"].keys() >= {"MRR@5"} and second is None


def test_a_finished_run_is_read_out_again_from_its_checkpoint(tmp_path):
    """It was killed after the last epoch, before the record was written."""
    first = fit(SPECS[1], RINGS, checkpoint_at(tmp_path, SPECS[1]))[1]
    again = fit(SPECS[1], RINGS, checkpoint_at(tmp_path, SPECS[1]))[1]
    assert again.began == 5
    check_equal(again, first)


def test_the_seconds_of_both_parts_count(tmp_path):
    trainer = Trainer(SPECS[0], RINGS, CPU)
    press_in(trainer, 2)
    with pytest.raises(TrainingError):
        trainer.fit(checkpoint_at(tmp_path, SPECS[0]))
    outcome = fit(SPECS[0], RINGS, checkpoint_at(tmp_path, SPECS[0]))[1]
    assert outcome.seconds["train"] > trainer.seconds["train"] > 0


@pytest.mark.parametrize("epochs", [0, 4, 6])
def test_a_checkpoint_with_more_epochs_than_the_run_or_with_none_is_refused(tmp_path, epochs):
    spec = spec_of("sasrec", epochs=3)
    trainer = Trainer(spec, RINGS, CPU)
    trainer.history = [trainer._epoch(0)] * epochs
    checkpoint_at(tmp_path, spec).save(trainer._state())
    sentence = (
        rf"^the checkpoint of {spec.name} holds {epochs} epochs, and the run has 3; delete"
        rf" {spec.identity}\.pt among the checkpoints to start over\.$"
    )
    with pytest.raises(TrainingError, match=sentence):
        fit(spec, RINGS, checkpoint_at(tmp_path, spec))


def test_a_run_is_not_resumed_by_other_code_and_only_clean_if_all_parts_are(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "_asked", lambda: ("c" * 40, True))
    run, store = defaults.base("synthetic", "bpr", epochs=3, d=4), Store(tmp_path / "records")
    original = Trainer._epoch

    def train(sound: bool, code: str, pressed: bool = False) -> None:
        monkeypatch.setattr(provenance, "sound", lambda: sound)
        monkeypatch.setattr(provenance, "CODE", code)

        def epoch_of(trainer: Trainer, epoch: int) -> dict:
            if pressed:
                os.kill(os.getpid(), signal.SIGINT)
            return original(trainer, epoch)

        monkeypatch.setattr(Trainer, "_epoch", epoch_of)
        study.run([run], store=store)

    with pytest.raises(TrainingError, match="interrupted after 1 of 3 epochs"):
        train(sound=False, code="a" * 16, pressed=True)
    sentence = r"written by other code \(commit c+, not clean; digest a+, here b+\); go back"
    with pytest.raises(TrainingError, match=sentence):
        train(sound=True, code="b" * 16)
    assert store.get(run.name) is None
    for began, clean, code in ((1, False, "a" * 16), (0, True, "b" * 16)):
        train(sound=True, code=code)
        made = store.get(run.name).run
        assert (made["began_with_epoch"], made["clean"], made["code"]) == (began, clean, code)
        store.path(run.name).unlink()
