"""A checkpoint: written whole, at most once in an interval, and refused where it is damaged or another run's."""

from __future__ import annotations

import os
import random
import signal
import threading

import pytest
import torch
from support import LAYERWISE, fit, spec_of, two_rings

from pcrec_core import provenance
from pcrec_core.errors import FileError, TrainingError
from pcrec_core.training import checkpoints
from pcrec_core.training.checkpoints import Checkpoint, interrupts


def test_a_checkpoint_comes_back_as_it_went(tmp_path):
    checkpoint = Checkpoint(tmp_path / "deep" / "run.pt", "abc", 0)
    state = {
        "w": torch.tensor([1.5, -2.0]),
        "history": [{"loss": [0.1], "h": (1.0, 2.0)}],
        "none": None,
    }
    assert checkpoint.load() is None
    checkpoint.save(state)
    back = checkpoint.load()
    assert torch.equal(back.pop("w"), state.pop("w")) and back == state
    assert [path.name for path in checkpoint.path.parent.iterdir()] == [
        "run.pt"
    ]  # and no temporary file
    checkpoint.delete()
    checkpoint.delete()
    assert checkpoint.load() is None


def test_one_is_due_when_the_interval_has_passed(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now)
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc")  # a minute by default
    checkpoint._last = now
    written = []
    for now in (100.0, 159.9, 160.0, 161.0, 219.9, 220.5, 280.4, 280.5):
        written.append(checkpoint.due())
        if written[-1]:
            checkpoint.save({"at": now})
    assert written == [False, False, True, False, False, True, False, True]
    now = 281.0
    checkpoint.save({"at": now})  # when asked to, due or not
    assert checkpoint.load()["at"] == 281.0 and not checkpoint.due()


def test_without_a_path_nothing_is_kept():
    nowhere = Checkpoint(None, "abc", 0)
    nowhere.save({"at": 1})
    assert not nowhere.due() and nowhere.load() is None
    nowhere.delete()


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc", 0)
    checkpoint.save({"at": 1})

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FileError, match="no space left"):
        checkpoint.save({"at": 2})
    assert checkpoint.load()["at"] == 1 and [path.name for path in tmp_path.iterdir()] == ["run.pt"]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half a file"])
def test_a_damaged_checkpoint_is_refused_by_name(content, tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc")
    checkpoint.path.write_bytes(content)
    with pytest.raises(
        TrainingError,
        match=f"checkpoint {checkpoint.path} is damaged, .*; delete it to start the run anew",
    ):
        checkpoint.load()


def test_every_flipped_bit_and_every_cut_of_a_checkpoint_is_refused(tmp_path):
    run = spec_of("bpr", peers=2, cooperation=LAYERWISE, epochs=1, d=4)
    checkpoint = Checkpoint(tmp_path / "run.pt", run.identity, 0)
    fit(run, two_rings(), checkpoint)
    whole, draw = checkpoint.path.read_bytes(), random.Random(0)
    assert checkpoint.load()["history"] and len(whole) > 4000
    damaged = [
        whole[:size]
        for size in (0, 63, 64, *draw.sample(range(65, len(whole)), 20), len(whole) - 1)
    ] + [whole + b"0"]
    for bit in [*range(0, 8 * 64, 7), *draw.sample(range(8 * 64, 8 * len(whole)), 80)]:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    for content in damaged:
        checkpoint.path.write_bytes(content)
        with pytest.raises(
            TrainingError,
            match="run.pt is damaged, .* its SHA-256 does not match its content; delete it to",
        ):
            checkpoint.load()
    checkpoint.path.write_bytes(whole)
    assert checkpoint.load()["history"]


def test_half_a_checkpoint_and_a_foreign_file_are_refused_by_name(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc", 0)
    checkpoint.save({"w": torch.rand(1000)})
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="is damaged"):
        checkpoint.load()
    for foreign in ([1, 2], {"w": torch.rand(2)}):
        torch.save(foreign, checkpoint.path)
        with pytest.raises(
            TrainingError, match=f"checkpoint {checkpoint.path} .*an earlier version .*delete it"
        ):
            checkpoint.load()
        content = checkpoint.path.read_bytes()
        checkpoint.path.write_bytes(checkpoints._digest(content) + content)
        with pytest.raises(
            TrainingError,
            match=rf"checkpoint {checkpoint.path} cannot be read \(\w+\); delete it to start",
        ):
            checkpoint.load()


def test_another_runs_checkpoint_is_refused(tmp_path):
    Checkpoint(tmp_path / "run.pt", "abc", 0).save({})
    with pytest.raises(TrainingError, match="belongs to run abc, not def; delete it"):
        Checkpoint(tmp_path / "run.pt", "def").load()


@pytest.mark.parametrize(
    ("asked", "commit"),
    [
        (("c" * 40, True), f"commit {'c' * 40}"),
        (("c" * 40, False), f"commit {'c' * 40}, not clean"),
        ((None, False), "commit unknown, not clean"),
    ],
)
def test_a_checkpoint_of_other_code_is_refused_with_its_commit(
    tmp_path, monkeypatch, asked, commit
):
    monkeypatch.setattr(provenance, "_asked", lambda: asked)
    monkeypatch.setattr(provenance, "sound", lambda: True)
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc", 0)
    with monkeypatch.context() as before:
        before.setattr(provenance, "CODE", "0" * 16)
        checkpoint.save({})
    with pytest.raises(TrainingError) as refused:
        checkpoint.load()
    assert str(refused.value) == (
        f"checkpoint {checkpoint.path} was written by other code ({commit}; digest {'0' * 16}, here {provenance.CODE});"
        " go back to that commit to go on, or delete the file to start the run anew."
    )
    monkeypatch.setattr(provenance, "CODE", "0" * 16)  # the code of that commit
    assert checkpoint.load() == {}


def test_what_goes_on_from_epochs_of_no_clean_code_is_not_clean(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "_asked", lambda: ("c" * 40, True))
    for sound in (True, False, True, True):
        monkeypatch.setattr(provenance, "sound", lambda sound=sound: sound)
        checkpoint = Checkpoint(tmp_path / "run.pt", "abc", 0)
        before = checkpoint.load()
        checkpoint.save({"clean": (before or {}).get("clean", True) and sound})
        again = Checkpoint(tmp_path / "run.pt", "abc", 0)
        assert again.load() == {"clean": again.clean}
    assert again.clean is False


def test_outside_the_main_thread_signals_are_left_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with interrupts() as interrupt:
            seen.append((signal.getsignal(signal.SIGINT), interrupt.asked))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, False)]
