"""A checkpoint: written whole, at most once in an interval, and refused where it is damaged or another run's."""

from __future__ import annotations

import os
import signal
import threading

import pytest
import torch

from pcrec_core import checkpoints
from pcrec_core.checkpoints import Checkpoint, interrupts
from pcrec_core.errors import FileError, TrainingError


def test_a_checkpoint_comes_back_as_it_went(tmp_path):
    checkpoint = Checkpoint(tmp_path / "deep" / "run.pt", "abc", 0)
    state = {"w": torch.tensor([1.5, -2.0]), "history": [{"loss": [0.1], "h": (1.0, 2.0)}], "none": None}
    assert checkpoint.load() is None
    checkpoint.save(state)
    back = checkpoint.load()
    assert torch.equal(back.pop("w"), state.pop("w")) and back == state | {"identity": "abc"}
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["run.pt"]  # and no temporary file
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
    with pytest.raises(TrainingError, match=f"checkpoint {checkpoint.path} cannot be read .*delete it to start"):
        checkpoint.load()


def test_half_a_checkpoint_and_a_foreign_file_are_refused_by_name(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc", 0)
    checkpoint.save({"w": torch.rand(1000)})
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="cannot be read"):
        checkpoint.load()
    for foreign in ([1, 2], {"w": torch.rand(2)}):
        torch.save(foreign, checkpoint.path)
        with pytest.raises(TrainingError, match=f"checkpoint {checkpoint.path} .*delete it"):
            checkpoint.load()


def test_another_runs_checkpoint_is_refused(tmp_path):
    Checkpoint(tmp_path / "run.pt", "abc", 0).save({})
    with pytest.raises(TrainingError, match="belongs to run abc, not def; delete it"):
        Checkpoint(tmp_path / "run.pt", "def").load()


def test_outside_the_main_thread_signals_are_left_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with interrupts() as interrupt:
            seen.append((signal.getsignal(signal.SIGINT), interrupt.asked))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, False)]
