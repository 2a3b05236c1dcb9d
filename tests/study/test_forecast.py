"""The forecast of a training: rates from first batches, and a warning with what to change."""

from __future__ import annotations

import pytest
import torch

from pcrec_core.errors import TrainingError
from pcrec_core.specs.run import Data
from pcrec_core.study import forecast, splits
from pcrec_core.study.defaults import base, pcrec

RUNS = [base("synthetic", "sasrec", epochs=10), pcrec("synthetic", "sasrec", epochs=10)]


def test_runs_take_their_peers_epochs():
    bpr = base("synthetic", "bpr", epochs=5)
    assert forecast.seconds([*RUNS, bpr], {"sasrec": 3.0, "bpr": 1.0}) == 3 * 30 + 5
    text = {1: "1 seconds", 89: "89 seconds", 150: "2 minutes", 36_000: "10.0 hours"}
    assert {seconds: forecast.duration(seconds) for seconds in text} == text


def test_a_long_training_is_warned_of_with_its_hours_and_what_takes_less():
    assert forecast.warning(RUNS, {"sasrec": 119.0}) == ""
    assert forecast.warning(RUNS, {"sasrec": 3600.0}) == (
        "these runs take about 30.0 hours on this machine, one after the other: an epoch of a peer"
        " of sasrec takes 60 minutes, as its loss and its ranking go over all 120 items; a larger"
        " core, a smaller d, fewer epochs, or bpr, would take less."
    )


@pytest.mark.parametrize("model", ["sasrec", "dnn", "bpr"])
def test_the_time_of_an_epoch_is_measured_without_a_trace(model, store, trained):
    run = base(Data("synthetic"), model, epochs=1)
    split = splits.split_for(run)
    before = split.fingerprint()
    assert 0 < forecast.seconds_per_epoch(run, split) < 60
    assert split.fingerprint() == before and trained == [] and list(store.all()) == []


def test_the_work_of_a_gpu_is_waited_for_and_a_gpu_beside_a_cpu_is_not_touched(monkeypatch):
    waited = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.synchronize", waited.append)
    run = base(Data("synthetic"), "bpr", epochs=1)
    assert forecast.seconds_per_epoch(run, splits.split_for(run), "cpu") > 0 and waited == []
    forecast.wait_for(torch.device("cuda", 1))
    assert waited == [torch.device("cuda", 1)]


@pytest.mark.parametrize(("model", "times"), [("sasrec", 6), ("bpr", (288 + 120) / (288 + 20))])
def test_of_many_items_some_are_timed_and_all_are_counted(monkeypatch, model, times):
    run = base(Data("synthetic"), model)
    split = splits.split_for(run)
    assert forecast._with_fewer_items(run, split) == (split, 1.0)
    monkeypatch.setattr(forecast, "_ITEMS", 20)
    fewer, found = forecast._with_fewer_items(run, split)
    assert (fewer.n_items, fewer.n_users, found) == (20, 288, pytest.approx(times))
    assert fewer.items.tolist() == [(item - 1) % 20 + 1 for item in split.items.tolist()]


def test_runs_that_cannot_fit_are_refused_before_the_first(monkeypatch):
    forecast.require_memory(RUNS)
    monkeypatch.setattr("pcrec_core.memory.free_bytes", lambda device: 1000)
    with pytest.raises(TrainingError, match=f"{RUNS[0].name} needs about .* of memory"):
        forecast.require_memory(RUNS)


def test_batches_are_extrapolated_from_a_fixed_part_and_one_per_row(monkeypatch):
    # A batch takes 1 s and 0.1 s per row: that of 8 rows 1.8 s, which is long enough.
    last = [0]
    monkeypatch.setattr(forecast, "_timed", lambda work: (work(), 1 + 0.1 * last[0])[1])
    many = [lambda rows: last.__setitem__(0, rows)]
    assert forecast._of_batches(many[0], 100, 1000) == pytest.approx(10 * 1.8)
    monkeypatch.setattr(forecast, "_LONG_ENOUGH", 5.0)
    assert forecast._of_batches(many[0], 100, 1000) == pytest.approx(10 * (1 + 10))
