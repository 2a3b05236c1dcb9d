"""A clock that is set back, or far ahead, changes no record, no lock and no file that is needed."""

from __future__ import annotations

import ast
import io
import itertools
import os
import re
import time
from pathlib import Path

import pytest
from faults_support import child, kill_at, killed
from workers_support import tiny

from pcrec_core import paths
from pcrec_core.paths import ROOT
from pcrec_core.study import run as study
from pcrec_core.study.records import Store
from pcrec_core.study.train import train_once
from pcrec_core.training.checkpoints import Checkpoint
from pcrec_core.writing import temporary

YEARS = 40 * 365 * 86_400.0
RUN = tiny(epochs=4)
#: What reads the clock that a person can set.
WALL = {"time.time", "time.time_ns", "time.localtime", "time.ctime", "datetime.now"}
WALL |= {"datetime.datetime.now", "datetime.date.today", "date.today"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("years", [-YEARS, YEARS], ids=["back", "ahead"])
def test_a_clock_that_jumps_changes_no_record_and_no_seconds(store, monkeypatch, years, stream):
    [quiet] = study.run([RUN], store=store)
    jumps, real = itertools.cycle([0.0, years]), time.time
    for name in ("time.time", "tqdm.std.time"):
        monkeypatch.setattr(name, lambda: real() + next(jumps))
    monkeypatch.setattr("sys.stderr", stream())
    [made] = study.run([RUN], store=Store(store.folder / "again"))
    assert made.result_hash == quiet.result_hash
    assert all(0 <= seconds < 60 for seconds in made.run["seconds"].values())
    assert set(made.run) == set(quiet.run) and not {"time", "date"} & set(made.run)


def _killed_after_the_second_checkpoint(store: Store) -> None:
    kill_at(paths.checkpoints(), 3)
    train_once(RUN, store, interval=0)


@pytest.mark.parametrize("moment", [0.0, 2 * YEARS + time.time()], ids=["1970", "far ahead"])
def test_files_of_another_time_are_used_and_removed_as_any_other(store, tmp_path, moment):
    """A checkpoint is resumed, a lock is free unless it is held, and only dead files go."""
    assert killed(child(_killed_after_the_second_checkpoint, store))
    (dead := paths.checkpoints() / ".pcrec-dead.tmp").touch()
    for path in [*tmp_path.rglob("*"), *tmp_path.rglob(".*")]:
        os.utime(path, (moment, moment))
    with temporary(paths.checkpoints()) as alive:
        os.utime(alive.name, (moment, moment))
        [made] = study.run([RUN], store=store)
        assert Path(alive.name).exists() and not dead.exists()
    assert made.run["began_with_epoch"] == 2
    assert not list(paths.checkpoints().glob("*.pt"))
    [whole] = study.run([RUN], store=Store(tmp_path / "other"))
    assert whole.result_hash == made.result_hash


def test_a_checkpoint_is_due_by_a_clock_that_nobody_sets(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "run.pt", "abc", 3600)
    monkeypatch.setattr(time, "time", lambda: 2 * YEARS)
    assert not checkpoint.due()
    monkeypatch.setattr(time, "monotonic", lambda: checkpoint._last + 3600)
    assert checkpoint.due()


def test_the_package_never_asks_for_the_time_of_day():
    sources = {path: path.read_text("utf-8") for path in (ROOT / "pcrec_core").rglob("*.py")}
    assert sum("time.monotonic" in text for text in sources.values()) > 1
    asked = [
        (path.name, ast.unparse(node))
        for path, text in sources.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in WALL
    ]
    assert asked == [] and not any(re.search("from time import", x) for x in sources.values())
