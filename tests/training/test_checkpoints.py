"""Checkpoints are written whole, at most once per interval, and refused if damaged or foreign."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

import pytest
import torch
from support import LAYERWISE, fit, spec_of, two_rings

from pcrec_core import provenance
from pcrec_core.errors import TrainingError
from pcrec_core.training import checkpoints
from pcrec_core.training.checkpoints import Checkpoint
from pcrec_core.training.interrupts import interrupts


def refused(checkpoint: Checkpoint, sentence: str) -> None:
    """Check that the checkpoint is refused with ``sentence``, a pattern."""
    with pytest.raises(TrainingError, match=sentence):
        checkpoint.load()


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_saved_state_is_loaded_unchanged(tmp_path):
    checkpoint = Checkpoint(tmp_path / "deep" / "run.pt", "abc", 0)
    history = [{"loss": [0.1], "h": (1.0, 2.0)}]
    state = {"w": torch.tensor([1.5, -2.0]), "history": history, "none": None}
    assert checkpoint.load() is None
    checkpoint.save(state)
    back = checkpoint.load()
    assert torch.equal(back.pop("w"), state.pop("w")) and back == state
    assert names(checkpoint.path.parent) == ["run.pt"]  # and no temporary file
    checkpoint.delete()
    checkpoint.delete()
    assert checkpoint.load() is None


def test_a_checkpoint_is_due_when_the_interval_has_passed(tmp_path, monkeypatch):
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
    checkpoint.save({"at": now})  # whether it is due or not
    assert checkpoint.load()["at"] == 281.0 and not checkpoint.due()


def test_without_a_path_nothing_is_kept():
    nowhere = Checkpoint(None, "abc", 0)
    nowhere.save({"at": 1})
    assert not nowhere.due() and nowhere.load() is None
    nowhere.delete()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half a file"])
def test_a_damaged_checkpoint_is_refused_by_name(content, tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc")
    checkpoint.path.write_bytes(content)
    sentence = rf"checkpoint {checkpoint.path} is damaged, .*; delete it to start the run over"
    refused(checkpoint, sentence)


def test_every_flipped_bit_and_every_cut_of_a_checkpoint_is_refused(tmp_path):
    run = spec_of("bpr", peers=2, cooperation=LAYERWISE, epochs=1, d=4)
    checkpoint = Checkpoint(tmp_path / "run.pt", run.identity, 0)
    fit(run, two_rings(), checkpoint)
    whole, draw = checkpoint.path.read_bytes(), random.Random(0)
    assert checkpoint.load()["history"] and len(whole) > 4000
    sizes = (0, 63, 64, *draw.sample(range(65, len(whole)), 20), len(whole) - 1)
    damaged = [whole[:size] for size in sizes] + [whole + b"0"]
    for bit in [*range(0, 8 * 64, 7), *draw.sample(range(8 * 64, 8 * len(whole)), 80)]:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    for content in damaged:
        checkpoint.path.write_bytes(content)
        refused(
            checkpoint,
            r"run\.pt is damaged, .* its SHA-256 does not match its content; delete it to",
        )
    checkpoint.path.write_bytes(whole)
    assert checkpoint.load()["history"]


def test_half_a_checkpoint_and_a_foreign_file_are_refused_by_name(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc", 0)
    checkpoint.save({"w": torch.rand(1000)})
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: len(whole) // 2])
    refused(checkpoint, "is damaged")
    named = f"checkpoint {checkpoint.path} "
    for foreign in ([1, 2], {"w": torch.rand(2)}):
        torch.save(foreign, checkpoint.path)
        refused(checkpoint, rf"{named}.*an earlier version .*delete it")
        content = checkpoint.path.read_bytes()
        checkpoint.path.write_bytes(checkpoints._digest(content) + content)
        refused(checkpoint, rf"{named}cannot be read \(\w+\); delete it to start")


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
    ids=["python", "torch"],
)
def test_too_little_memory_is_no_reason_to_delete_a_good_checkpoint(tmp_path, monkeypatch, error):
    def full(*_: object, **__: object) -> None:
        raise error

    checkpoint = Checkpoint(tmp_path / "run.pt", "abc", 0)
    checkpoint.save({"at": 1})
    monkeypatch.setattr(torch, "load", full)
    with pytest.raises(type(error)) as raised:
        checkpoint.load()
    assert raised.value is error


def test_a_checkpoint_of_another_machine_is_refused(tmp_path):
    path, machine = tmp_path / "run.pt", {"device": "cpu", "threads": 1, "torch": "2.13.0"}
    Checkpoint(path, "abc", 0, machine).save({"at": 1})
    assert Checkpoint(path, "abc", 0, machine).load() == {"at": 1}
    refused(
        Checkpoint(path, "abc", 0, machine | {"threads": 2, "torch": "2.11.0"}),
        rf"checkpoint {path} was written with threads 1, torch 2\.13\.0, and here it would go on"
        r" with threads 2, torch 2\.11\.0; go back to the former, or delete the file to start the",
    )


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_ordinary_file_is_not_waited_for(kind, tmp_path):
    path = tmp_path / "run.pt"
    {"pipe": os.mkfifo, "device": lambda p: p.symlink_to("/dev/zero"), "folder": Path.mkdir}[kind](
        path
    )
    refused(Checkpoint(path, "abc"), f"checkpoint {path} is not an ordinary file; delete it to")


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    Checkpoint(tmp_path / "run.pt", "abc", 0).save({})
    refused(Checkpoint(tmp_path / "run.pt", "def"), "belongs to run abc, not def; delete it")


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
    with pytest.raises(TrainingError) as error:
        checkpoint.load()
    assert str(error.value) == (
        f"checkpoint {checkpoint.path} was written by other code ({commit}; digest {'0' * 16}, here"
        f" {provenance.CODE}); go back to that commit to go on, or delete the file to start the run"
        " over."
    )
    monkeypatch.setattr(provenance, "CODE", "0" * 16)  # the code of that commit
    assert checkpoint.load() == {}


def test_a_run_resumed_from_epochs_that_are_not_clean_is_not_clean(tmp_path, monkeypatch):
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
