"""A run that is killed at any rename goes on to the same record; nothing is half written."""

from __future__ import annotations

import os
from contextlib import nullcontext

import pytest
from faults_support import child, kill_at, killed
from workers_support import tiny

from pcrec_core import paths
from pcrec_core.paths import alone
from pcrec_core.study import run as study
from pcrec_core.study import weight_files
from pcrec_core.study.records import Store
from pcrec_core.study.train import train_once

RUN = tiny(epochs=2)
#: Before and after each rename, and what was begun with: two checkpoints, the weights, the record.
BEGAN = [0, 1, 1, 2, 2, 2, 2, 0]


def _train(store: Store, moment: int) -> None:
    kill_at(paths.cache(), moment)
    train_once(RUN, store, interval=0)


@pytest.mark.parametrize("moment", range(len(BEGAN)))
def test_killed_at_a_rename_a_run_goes_on_to_the_same_record(moment, store, tmp_path):
    assert killed(child(_train, store, moment))
    assert (store.get(RUN.name) is not None) == (moment == 7)
    [made] = study.run([RUN], store=store)
    [whole] = study.run([RUN], store=Store(tmp_path / "other"))
    assert made.result_hash == whole.result_hash and made.run["began_with_epoch"] == BEGAN[moment]
    assert weight_files.path(RUN).exists()
    assert not [*tmp_path.rglob("*.tmp"), *tmp_path.rglob("*.pt")]


@pytest.mark.parametrize(
    ("fault", "stays"),
    [("", False), ("newer", True), ("in use", True), ("no weights", True), ("no record", True)],
)
def test_a_checkpoint_of_a_stored_run_is_removed_unless_somebody_needs_it(
    fault, stays, store, tmp_path
):
    """Left by a kill after the record was written."""
    study.run([RUN], store=store)
    checkpoint = paths.checkpoints() / f"{RUN.identity}.pt"
    checkpoint.write_bytes(b"left")
    weights = weight_files.path(RUN)
    times = weights.stat().st_mtime + (1 if fault == "newer" else -1)
    os.utime(checkpoint, (times, times))
    if fault == "no weights":
        weights.unlink()
    other = Store(tmp_path / "other") if fault == "no record" else store
    with alone(checkpoint.with_suffix(".lock")) if fault == "in use" else nullcontext():
        study.run([], store=other)
    assert checkpoint.exists() == stays


def test_a_run_that_is_killed_in_every_epoch_ends_with_the_same_record(store, tmp_path):
    run, kills = tiny(epochs=4), 0
    while killed(child(_train_one_more, run, store)):
        kills += 1
        assert kills <= 4, "it does not resume"
    [made], [whole] = (study.run([run], store=s) for s in (store, Store(tmp_path / "other")))
    assert kills == 4 and made.result_hash == whole.result_hash


def _train_one_more(run, store: Store) -> None:
    checkpoint = paths.checkpoints() / f"{run.identity}.pt"
    if not store.path(run.name).exists():
        kill_at(checkpoint.parent, 1)
    train_once(run, store, interval=0)
    os._exit(0)
