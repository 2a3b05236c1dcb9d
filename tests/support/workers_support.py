"""Worker processes of the tests: they write below one folder, leave notes, and can be held.

Workers import this module, because a monkeypatch of the test does not reach other processes.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pcrec_core import paths
from pcrec_core.errors import TrainingError
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import splits, train
from pcrec_core.study.defaults import base, pcrec
from pcrec_core.trainer import Trainer

if TYPE_CHECKING:
    import pytest

_EPOCH = Trainer._epoch
#: Seconds until a test gives up.
PATIENCE = 120


def tiny(seed: int = 0, **given: Any) -> RunSpec:
    """Return a run that takes a moment."""
    return base("synthetic", "bpr", seed=seed, **{"epochs": 3, "d": 4} | given)


#: Runs that are trained in turn and by workers, to the same records.
RUNS = [tiny(0), pcrec("synthetic", "sasrec", epochs=3, d=8), tiny(2), tiny(3)]


def diverging(seed: int = 0) -> RunSpec:
    """Return a run whose loss is soon no number."""
    return tiny(seed, eta=1e30)


def fail(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Let every training of a run with this seed fail."""
    original = train.train_once

    def failing(run: RunSpec, *args: Any, **options: Any) -> str:
        if run.seed == seed:
            raise TrainingError("it diverged.")
        return original(run, *args, **options)

    monkeypatch.setattr(train, "train_once", failing)


def watch(folder: Path, interval: float = 0) -> None:
    """Watch the runs of this process from here on.

    Files go below ``folder``, every epoch has a checkpoint unless ``interval`` is given, and each
    epoch begun leaves a note named by run, epoch and process. In its second epoch a run waits while
    there is a file ``hold/IDENTITY``.
    """
    os.environ[paths.CACHE] = str(folder)
    train.train.__kwdefaults__["interval"] = interval

    def epoch(trainer: Trainer, number: int) -> dict[str, Any]:
        note(
            folder,
            f"{trainer.spec.identity}-{number}-{os.getpid()}",
            f"{torch.get_num_threads()}\n{torch.__config__.parallel_info()}",
        )
        while number == 1 and (folder / "hold" / trainer.spec.identity).exists():
            time.sleep(0.01)
        return _EPOCH(trainer, number)

    Trainer._epoch = epoch


def note(folder: Path, name: str, text: str = "") -> None:
    (folder / "notes").mkdir(exist_ok=True)
    (folder / "notes" / name).write_text(text)


def notes(folder: Path, run: RunSpec | None = None, epoch: int | None = None) -> list[Path]:
    """List the notes of the epochs that were begun, also those of one run or one epoch."""
    wanted = f"{run.identity if run else '*'}-{'*' if epoch is None else epoch}-*"
    return sorted((folder / "notes").glob(wanted))


def hold(folder: Path, *runs: RunSpec) -> None:
    (folder / "hold").mkdir()
    for run in runs:
        (folder / "hold" / run.identity).touch()


def release(folder: Path) -> None:
    for file in (folder / "hold").iterdir():
        file.unlink()


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of ``condition``."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.01)
    return value


def held(folder: Path, run: RunSpec) -> int:
    """Wait until ``run`` is held, and return its process."""
    [found] = wait_for(lambda: notes(folder, run, epoch=1), f"{run.name} to be held")
    return int(found.name.rsplit("-", 1)[1])


def kill_holder(folder: Path, run: RunSpec, other: RunSpec | None = None) -> None:
    """Kill the process in which ``run`` is held, and release the run for the next process.

    ``other`` is held in another process at that moment.
    """
    process = held(folder, run)
    assert other is None or held(folder, other) != process
    os.kill(process, signal.SIGKILL)
    release(folder)


def watched(folder: Path, job: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Do a job in a process that is watched."""
    watch(folder)
    note(folder, f"asked.{os.getpid()}")
    return job(*args, **options)


class Watched:
    """An executor whose jobs are watched; after ``with`` it stays open."""

    def __init__(self, executor: Any, folder: Path) -> None:
        self.executor, self.folder = executor, folder

    def submit(self, job: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return self.executor.submit(watched, self.folder, job, *args, **options)

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def loads() -> int:
    """Return how often this process loaded a data set."""
    return splits.split_of.cache_info().misses
