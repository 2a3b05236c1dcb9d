"""Runs in many processes: equal records, a dead worker fails its run only, no run twice."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from support import fit
from workers_support import (
    PATIENCE,
    Watched,
    diverging,
    held,
    hold,
    kill_holder,
    loads,
    notes,
    release,
    tiny,
    wait_for,
    watched,
)

from pcrec_core import datasets, paths
from pcrec_core.datasets.split import split
from pcrec_core.errors import FileError, Interrupted, RecordError, SpecError, TrainingError
from pcrec_core.paths import ROOT, alone
from pcrec_core.specs import run as specs
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import cli, executors, records, train
from pcrec_core.study import run as study
from pcrec_core.study.defaults import pcrec
from pcrec_core.study.executors import Processes
from pcrec_core.study.records import Record, Store

RUNS = [tiny(0), pcrec("synthetic", "sasrec", epochs=3, d=8), tiny(2), tiny(3)]
#: The words of ``tiny(0)``.
TINY = shlex.split("train base --dataset synthetic --model bpr --set epochs=3 d=4")
INTERRUPTED = "interrupted; what is finished is stored, and the same command goes on with the rest."
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder below which this process and the workers write."""
    return tmp_path


@pytest.fixture(scope="module")
def two() -> Iterator[Processes]:
    """Return two worker processes for all tests: one that is killed is replaced."""
    with Processes(2) as processes:
        yield processes


@pytest.fixture(scope="module")
def here() -> list[str]:
    """Return the hashes of the results of ``RUNS``, trained in turn without the study."""
    return [records.digest(fit(run, split(datasets.load(run.data)))[1].result) for run in RUNS]


def hashes(found: list[Record]) -> list[str]:
    return [record.result_hash for record in found]


def beside(action: Callable, *args: Any) -> threading.Thread:
    thread = threading.Thread(target=action, args=args)
    thread.start()
    return thread


# --- processes of this machine


def test_one_worker_gives_the_records_of_none(store, folder, here):
    with Processes(1) as processes:
        assert hashes(study.run(RUNS, Watched(processes, folder), store=store)) == here
    assert len({note.name.rsplit("-", 1)[1] for note in notes(folder)}) == 1


def test_two_workers_give_the_same_records_and_load_the_data_once_each(two, store, folder, here):
    found = study.run(RUNS, Watched(two, folder), store=store)
    assert hashes(found) == here and [record.name for record in found] == [run.name for run in RUNS]
    began = {note.name.rsplit("-", 1)[1] for note in notes(folder, epoch=0)}
    assert str(os.getpid()) not in began and len(notes(folder, epoch=0)) == len(RUNS)
    # the two take turns; one may have had no run
    assert {two.submit(loads).result() for _ in range(4)} <= {0, 1}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_worker_has_the_threads_that_are_asked_for(two, store, folder, threads):
    [found] = study.run([tiny(threads)], Watched(two, folder), store=store, threads=threads)
    [note] = {note.read_text() for note in notes(folder)}
    assert found.run["threads"] == threads and note.splitlines()[0] == str(threads)
    for line in ("at::get_num_threads", "omp_get_max_threads", "mkl_get_max_threads"):
        assert {int(n) for n in re.findall(rf"{line}\(\) : (\d+)", note)} <= {threads}, note
    assert "omp_get_max_threads() : " in note


def test_two_workers_are_at_work_at_once(two, store, folder):
    hold(folder, *RUNS[:2])
    thread = beside(lambda: study.run(RUNS[:2], Watched(two, folder), store=store))
    assert held(folder, RUNS[0]) != held(folder, RUNS[1])
    release(folder)
    thread.join(PATIENCE)


# --- two workers on one run


def test_of_two_processes_on_one_run_one_trains_and_the_other_reads(two, store, folder, here):
    run = RUNS[1]
    hold(folder, run)
    jobs = [two.submit(watched, folder, train.train_once, run, store) for _ in range(2)]
    held(folder, run)
    wait_for(lambda: len(list((folder / "notes").glob("asked.*"))) == 2, "the second to ask")
    release(folder)
    assert [job.result() for job in jobs] == [run.identity] * 2
    assert len(notes(folder, run)) == run.training.epochs
    [record] = store.all()
    assert hashes([record]) == [here[1]] and list(paths.checkpoints().glob("*.pt")) == []


def test_a_lock_is_held_by_one_at_a_time_and_freed_by_an_error(folder):
    inside, most = [], []

    def enter() -> None:
        with alone(folder / "deep" / "a.lock"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    with pytest.raises(KeyError), alone(folder / "deep" / "a.lock"):
        raise KeyError
    with (
        pytest.raises(FileError, match=r"below\.lock cannot be written"),
        alone(folder / "deep" / "a.lock" / "below.lock"),
    ):
        pass
    threads = [beside(enter) for _ in range(8)]
    for thread in threads:
        thread.join(PATIENCE)
    assert most == [1] * 8


# --- what fails


@pytest.mark.parametrize("kind", ["here", "threads", "processes"])
def test_a_run_that_fails_stops_no_other(kind, request, store, folder):
    runs = [tiny(0), diverging(1), tiny(2), diverging(3)]
    executor = {
        "here": lambda: None,
        "threads": lambda: ThreadPoolExecutor(2),
        "processes": lambda: Watched(request.getfixturevalue("two"), folder),
    }[kind]()
    with pytest.raises(TrainingError) as failed:
        study.run(runs, executor, store=store)
    sentence = (
        r"the loss of peer 0 is \w+ in epoch \d: the training diverged; lower the learning rate\."
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

    monkeypatch.setattr(executors.time, "sleep", press)
    sentence = "^interrupted; what is finished is stored, and the same command goes on"
    with pytest.raises(Interrupted, match=sentence):
        study.run(RUNS[:3], executor, store=store)
    assert [future.cancelled() for future in executor.futures] == [False, True, True]
    assert store.get(RUNS[0].name) is not None


class Bar:
    moved = 0

    def update(self) -> None:
        self.moved += 1


def test_the_bar_moves_once_a_job_however_often_it_was_begun(two, monkeypatch):
    monkeypatch.setattr(executors, "Processes", lambda n: Watched(two, Path()))
    monkeypatch.setattr(Watched, "submit", lambda self, job, *args: two.submit(job, *args))
    executor, bar = Given(BrokenProcessPool(), None, OSError()), Bar()
    assert list(executors.finish(executor, len, {"a": ("",), "b": ("",), "c": ("",)}, bar)) == ["c"]
    assert bar.moved == 3


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_refused(workers):
    with pytest.raises(TrainingError, match=rf"^workers must be 1 or more, not {workers}\.$"):
        Processes(workers)


# --- as a person calls it

SCRIPT = """
import signal, sys
from pathlib import Path
from pcrec_core.study.cli import main

if __name__ == "__main__":
    # a process that a shell starts with & ignores Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
# only in the workers, which import this file, too
from workers_support import watch
watch(Path(__file__).parent)
"""

SLEEPER = """
import os, time
from pcrec_core.study.executors import Processes

if __name__ == "__main__":
    with Processes(1) as processes:
        print(processes.submit(os.getpid).result(), flush=True)
        processes.submit(time.sleep, 600).result()
"""


def person(folder: Path, script: str, *words: str) -> subprocess.Popen:
    """Start a script in a group of processes of its own."""
    (folder / "script.py").write_text(script)
    return subprocess.Popen(
        [sys.executable, str(folder / "script.py"), *words],
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{SUPPORT}"},
    )


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_command_leaves_no_worker(folder):
    with person(folder, SLEEPER) as command:
        worker = int(command.stdout.readline())
        assert alive(worker)
        command.kill()
    wait_for(lambda: not alive(worker), "the worker of a killed command to end")


def test_an_interrupted_command_ends_with_checkpoints_and_goes_on(two, folder, store):
    runs = [tiny(seed) for seed in range(2)]
    hold(folder, runs[0])
    words = [*TINY, *shlex.split("--seed 0 1 --workers 1 --records"), str(store.folder)]
    with person(folder, SCRIPT, *words) as command:
        worker = held(folder, runs[0])
        os.killpg(command.pid, signal.SIGINT)
        # on a busy machine the command is interrupted late, and the worker must not take the
        # second run before
        time.sleep(2)
        release(folder)
        out, err = command.communicate(timeout=PATIENCE)
    assert (command.returncode, out) == (1, "") and not alive(worker)
    assert err == f"error: {INTERRUPTED}\n"
    assert [path.stem for path in paths.checkpoints().glob("*.pt")] == [runs[0].identity]
    assert notes(folder, runs[1]) == []
    found = study.run(runs, Watched(two, folder), store=store)
    assert [record.run["began_with_epoch"] for record in found] == [2, 0]


def test_ctrl_c_is_for_the_jobs(two):
    """It does not end an idle worker, and a worker whose job it ended is free for the next."""
    before = {two.submit(os.getpid).result() for _ in range(4)}
    for process in before:
        os.kill(process, signal.SIGINT)
    for job in [two.submit(signal.raise_signal, signal.SIGINT) for _ in range(4)]:
        with pytest.raises(Interrupted, match=r"^interrupted; the same command goes on with it\.$"):
            job.result()
    assert {two.submit(os.getpid).result() for _ in range(4)} == before and len(before) == 2


@pytest.fixture
def call(store, folder, two, monkeypatch, capsys):
    """Call ``main`` for the tiny run with more words: exit code, stdout, stderr.

    ``--workers 2`` are those of the tests.
    """
    monkeypatch.setattr(
        executors, "Processes", lambda n: Watched(two, folder) if n == 2 else Processes(n)
    )

    def called(*words: str, label: str = "base") -> tuple[int, str, str]:
        arguments = ["train", label, *words, *TINY[2:], "--records", str(store.folder)]
        return cli.main(arguments), *capsys.readouterr()

    return called


def test_several_labels_and_seeds_are_printed_in_turn_as_each_alone(call, store):
    code, out, err = call("LE@20", "--seed", "1", "0", "--workers", "2", label="LE@10")
    order = list(product((10, 20), (1, 0)))
    runs = [pcrec("synthetic", "bpr", alpha, seed=seed, epochs=3, d=4) for alpha, seed in order]
    assert (code, err) == (0, "")
    assert re.findall(r"^record +(.*)$", out, re.M) == [str(store.path(run.name)) for run in runs]
    alone = [call("--seed", str(seed), label=f"LE@{alpha}")[1] for alpha, seed in order]
    assert "".join(alone) == out and len(re.findall(r"^NDCG@20 ", out, re.M)) == 4


def test_a_finished_run_is_printed_although_another_failed(call, store, monkeypatch):
    def fail_seed_0(run: RunSpec, *args: Any, **options: Any) -> str:
        if run.seed == 0:
            raise TrainingError("it diverged.")
        return train.train_once(run, *args, **options)

    monkeypatch.setattr(study, "train_once", fail_seed_0)
    code, out, err = call("--seed", "0", "1")
    assert code == 1 and re.findall(r"^name +(.*)$", out, re.M) == [tiny(1).name]
    assert err.startswith("error: 1 of 2 runs failed")
    assert err.endswith(f"{tiny(0).name}: it diverged.\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--workers", "0"], "workers must be 1 or more, not 0."),
        (["--dask", "tcp://127.0.0.1:9"], "no dask scheduler answers at tcp://127.0.0.1:9 ("),
        (["--dask", "nonsense://here"], "no dask scheduler answers at nonsense://here ("),
    ],
)
def test_impossible_workers_are_refused(call, words, sentence):
    # before the setting, which would otherwise take all of its configuration along
    pytest.importorskip("distributed")
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
        code, out, err = call(*words)
    assert (code, out) == (1, "") and err.startswith(f"error: {sentence}") and err.count("\n") == 1


def test_workers_and_dask_are_two_ways(call):
    code, out, err = call("--workers", "2", "--dask", "tcp://127.0.0.1:9")
    assert (code, out) == (1, "") and "--dask: not allowed with argument --workers" in err


def test_workers_are_refused_under_torchrun(call, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("RANK", "0")
    code, out, err = call("--workers", "2")
    assert (code, out) == (1, "")
    assert err.startswith(
        "error: torchrun starts a process per peer, --workers and --dask a process per run"
    )


def test_without_distributed_the_command_names_the_package(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, out, err = call("--dask", "tcp://127.0.0.1:9")
    assert (code, out) == (1, "")
    assert "--dask needs the package distributed: pip install distributed." in err


# --- a worker that dies (last here: a worker is replaced when it is needed again)


def test_the_waiting_worker_goes_on_where_the_other_died(two, store, folder, here):
    run = RUNS[1]
    hold(folder, run)
    jobs = [two.submit(watched, folder, train.train_once, run, store) for _ in range(2)]
    kill_holder(folder, run)
    outcomes = sorted(str(job.exception()) for job in jobs)
    assert outcomes == ["None", "its worker process died; was it killed, or out of memory?"]
    [record] = store.all()
    assert hashes([record]) == [here[1]] and record.run["began_with_epoch"] == 1


def test_a_worker_that_dies_fails_its_own_run_only(two, store, folder, here):
    hold(folder, *RUNS[:2])
    killer = beside(kill_holder, folder, RUNS[1], RUNS[0])
    with pytest.raises(TrainingError) as failed:
        study.run(RUNS, Watched(two, folder), store=store)
    killer.join()
    assert str(failed.value) == (
        "1 of 4 runs failed; what finished is stored, and the same command tries again what is"
        f" missing. {RUNS[1].name}: its worker process died; was it killed, or out of memory?"
    )
    assert store.get(RUNS[1].name) is None
    found = study.run(RUNS, Watched(two, folder), store=store)
    assert hashes(found) == here
    assert [record.run["began_with_epoch"] for record in found] == [0, 1, 0, 0]
    # the dead one was replaced
    assert len({two.submit(os.getpid).result() for _ in range(4)}) == 2


def test_a_process_pool_that_a_dead_worker_broke_is_replaced(two, store, folder, here, monkeypatch):
    asked = []
    monkeypatch.setattr(executors, "Processes", lambda n: asked.append(n) or Watched(two, folder))
    hold(folder, *RUNS[:2])
    killer = beside(kill_holder, folder, RUNS[1], RUNS[0])
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        watching = Watched(pool, folder)
        watching._max_workers = pool._max_workers
        found = study.run(RUNS, watching, store=store)
        assert hashes(found) == here and found[1].run["began_with_epoch"] == 1
        with pytest.raises(BrokenProcessPool):
            pool.submit(loads)
        assert asked == [2]
        # broken before the first job
        [record] = study.run([tiny(9)], watching, store=store)
    killer.join()
    assert record.spec == tiny(9)
