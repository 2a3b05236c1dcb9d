"""The jobs of any executor: one error for those that failed, and what is asked of a worker."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from workers_support import diverging, tiny

from pcrec_core.errors import Interrupted, RecordError, SpecError, TrainingError
from pcrec_core.specs import run as specs
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import jobs, train
from pcrec_core.study import run as study
from pcrec_core.study.records import Store

RUNS = [tiny(seed) for seed in range(4)]


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(2)], ids=["here", "threads"])
def test_a_run_that_fails_stops_no_other(executor, store):
    runs = [tiny(0), diverging(1), tiny(2), diverging(3)]
    with pytest.raises(TrainingError) as failed:
        study.run(runs, executor, store=store)
    sentence = (
        r"the loss of peer 0 is \S+ in epoch \d: the training diverged; lower the learning rate\."
    )
    assert re.fullmatch(
        rf"2 of 4 runs failed; .*\. (.*{runs[1].identity}.*{runs[3].identity}: {sentence}"
        rf"|.*{runs[1].identity}: {sentence} .*{runs[3].identity}: {sentence})",
        str(failed.value),
    )
    assert sorted(record.name for record in store.all()) == sorted([runs[0].name, runs[2].name])


class Given:
    """Executor whose jobs end as given: with an error, or with None as they do by themselves."""

    def __init__(self, *ends: BaseException | None) -> None:
        self.ends, self.futures = list(ends), []

    def submit(self, job: Callable, *args: Any) -> Future:
        end, future = self.ends.pop(0), Future()
        self.futures.append(future)
        if isinstance(end, BrokenProcessPool):
            raise end
        if isinstance(end, Exception):
            future.set_exception(end)
        elif end is None:
            future.set_result(job(*args))
        return future


def test_the_error_has_each_reason_once_and_in_one_line(store):
    executor = Given(OSError("no\n  space"), None, RecordError("it is so."), OSError("no space"))
    with pytest.raises(TrainingError) as failed:
        study.run(RUNS, executor, store=store)
    assert str(failed.value).endswith(
        f"missing. {RUNS[0].name}, {RUNS[3].name}: OSError: no space {RUNS[2].name}: it is so."
    )
    assert str(failed.value).startswith("3 of 4 runs failed")
    assert isinstance(failed.value.__cause__, OSError)
    assert store.get(RUNS[1].name) is not None


def test_a_pool_that_a_dead_process_broke_fails_what_it_had_not_finished(store):
    executor = Given(None, BrokenProcessPool("a process died"), BrokenProcessPool("a process died"))
    sentence = (
        f"2 of 3 runs failed; .* {RUNS[1].name}, {RUNS[2].name}: BrokenProcessPool: a process"
    )
    with pytest.raises(TrainingError, match=sentence):
        study.run(RUNS[:3], executor, store=store)
    assert store.get(RUNS[0].name) is not None


def test_the_error_of_the_only_run_is_its_own(store):
    with pytest.raises(SpecError, match=r"^mine$"):
        study.run(RUNS[:1], Given(SpecError("mine")), store=store)
    sentence = f"^1 of 1 runs failed; .* {RUNS[0].name}: OSError: disk$"
    with pytest.raises(TrainingError, match=sentence):
        study.run(RUNS[:1], Given(OSError("disk")), store=store)


def test_a_record_written_to_other_files_is_missed(store, folder):
    class Elsewhere:
        def submit(self, job: Callable, token: str, run: RunSpec, _: Store, *rest: Any) -> Future:
            return Given(None).submit(job, token, run, Store(folder / "elsewhere"), *rest)

    sentence = f"its worker wrote the record, but {store.folder}.* is not there: both need"
    with pytest.raises(RecordError, match=sentence):
        study.run(RUNS[:1], Elsewhere(), store=store)


def test_a_worker_with_another_state_of_the_code_refuses(store, monkeypatch):
    run = tiny(0)
    monkeypatch.setitem(specs.NUMERICS, "bpr", run.numerics + 1)
    sentence = f"the record {run.name} is missing, and only an earlier state of the code"
    with pytest.raises(RecordError, match=sentence):
        train.train_once(run, store)


def test_every_call_is_another_one_and_names_a_folder_that_any_worker_finds(folder, monkeypatch):
    calls: list[tuple] = []

    class Noted(Given):
        def submit(self, job: Callable, *args: Any) -> Future:
            calls.append(args)
            return super().submit(job, *args)

    monkeypatch.chdir(folder)
    for _ in range(2):
        with pytest.raises(SpecError):
            study.run(RUNS[:1], Noted(SpecError("")), store=Store(Path("records")))
    assert calls[0][0] != calls[1][0]
    assert calls[0][1:] == calls[1][1:]
    assert calls[0][2] == Store(folder / "records")


def test_ctrl_c_cancels_what_has_not_begun(store, monkeypatch):
    executor = Given(None, KeyboardInterrupt(), KeyboardInterrupt())  # two that never end

    def press(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs.time, "sleep", press)
    sentence = "^interrupted; what is finished is stored, and the same command goes on"
    with pytest.raises(Interrupted, match=sentence):
        study.run(RUNS[:3], executor, store=store)
    assert [future.cancelled() for future in executor.futures] == [False, True, True]
    assert store.get(RUNS[0].name) is not None
