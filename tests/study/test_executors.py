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
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from support import without_progress
from workers_support import (
    PATIENCE,
    RUNS,
    Watched,
    fail,
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

from pcrec_core import paths
from pcrec_core.errors import FileError, Interrupted, TrainingError
from pcrec_core.paths import ROOT, alone
from pcrec_core.study import cli, executors, train
from pcrec_core.study import run as study
from pcrec_core.study.defaults import pcrec
from pcrec_core.study.executors import Processes
from pcrec_core.study.records import Record
from pcrec_core.training.interrupts import SENTENCE, SIGNALS

#: The words of ``tiny(0)``.
TINY = shlex.split("train base --dataset synthetic --model bpr --set epochs=3 d=4")
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture(scope="module")
def two() -> Iterator[Processes]:
    """Return two worker processes for all tests: one that is killed is replaced."""
    with Processes(2) as processes:
        yield processes


def hashes(found: list[Record]) -> list[str]:
    return [record.result_hash for record in found]


def beside(action: Callable, *args: Any) -> threading.Thread:
    thread = threading.Thread(target=action, args=args)
    thread.start()
    return thread


# --- processes of this machine


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
    inside, most, waits = [], [], []

    def enter() -> None:
        with alone(folder / "deep" / "a.lock", lambda: waits.append(1)):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    with pytest.raises(KeyError), alone(folder / "deep" / "a.lock"):
        raise KeyError
    below = folder / "deep" / "a.lock" / "below.lock"
    with pytest.raises(FileError, match=r"below\.lock cannot be written"), alone(below):
        pass
    os.mkfifo(folder / "pipe")
    with pytest.raises(FileError, match=r"pipe cannot be written"), alone(folder / "pipe"):
        pass
    threads = [beside(enter) for _ in range(8)]
    for thread in threads:
        thread.join(PATIENCE)
    assert most == [1] * 8 and 0 < len(waits) < 8


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_refused(workers):
    with pytest.raises(TrainingError, match=rf"^workers must be 1 or more, not {workers}\.$"):
        Processes(workers)


# --- as a person calls it

SCRIPT = """
import os, signal, sys
from pathlib import Path
from pcrec_core.study.cli import main

if __name__ == "__main__":
    # a process that a shell starts with & ignores Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tell_worker = os.kill

    def kill(process, number):
        tell_worker(process, number)
        (Path(__file__).parent / "told").touch()

    os.kill = kill
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
        # the worker must not take the second run before the command is interrupted
        wait_for((folder / "told").exists, "the command to tell its worker to end")
        release(folder)
        out, err = command.communicate(timeout=PATIENCE)
    assert (command.returncode, out) == (130, "") and not alive(worker)
    assert without_progress(err) == f"error: {SENTENCE}\n"
    assert [path.stem for path in paths.checkpoints().glob("*.pt")] == [runs[0].identity]
    assert notes(folder, runs[1]) == []
    found = study.run(runs, Watched(two, folder), store=store)
    assert [record.run["began_with_epoch"] for record in found] == [2, 0]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_for_the_jobs(two, number):
    """It does not end an idle worker, and a worker whose job it ended is free for the next."""
    before = {two.submit(os.getpid).result() for _ in range(4)}
    for process in before:
        os.kill(process, number)
    for job in [two.submit(signal.raise_signal, number) for _ in range(4)]:
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
        code, (out, err) = cli.main(arguments), capsys.readouterr()
        return code, out, without_progress(err)

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
    fail(monkeypatch, seed=0)
    code, out, err = call("--seed", "0", "1")
    assert code == 1 and re.findall(r"^name +(.*)$", out, re.M) == [tiny(1).name]
    assert err.startswith("error: 1 of 2 runs failed")
    assert err.endswith(f"{tiny(0).name}: it diverged.\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--workers 0", "workers must be 1 or more, not 0."),
        ("--dask tcp://127.0.0.1:9", "no dask scheduler answers at tcp://127.0.0.1:9 ("),
        ("--dask nonsense://here", "no dask scheduler answers at nonsense://here ("),
        ("--workers 2 --dask here", "argument --dask: not allowed with argument --workers; see"),
    ],
)
def test_impossible_workers_are_refused(call, words, sentence):
    # before the setting, which would otherwise take all of its configuration along
    pytest.importorskip("distributed")
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
        code, out, err = call(*words.split())
    assert (code, out) == (1, "") and err.startswith(f"error: {sentence}") and err.count("\n") == 1


def test_workers_are_refused_under_torchrun_and_dask_without_its_package(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    sentence = "error: --dask needs the package distributed: pip install distributed.\n"
    assert call("--dask", "tcp://127.0.0.1:9") == (1, "", sentence)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("RANK", "0")
    code, out, err = call("--workers", "2")
    assert (code, out) == (1, "") and err.startswith("error: torchrun starts a process per peer, ")


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


def test_after_an_interrupt_a_worker_that_is_still_starting_begins_no_job():
    with suppress(KeyboardInterrupt), Processes(1) as processes:
        future = processes.submit(time.sleep, 10_000)
        wait_for(future.running, "the worker to be started")
        raise KeyboardInterrupt
    with pytest.raises(Interrupted, match="the same command goes on with it"):
        future.result(0)


def test_a_signal_to_a_worker_between_two_jobs_ends_the_next_one_and_no_other():
    with Processes(1) as processes:
        worker = processes.submit(os.getpid).result()
        os.kill(worker, signal.SIGTERM)
        with pytest.raises(Interrupted) as error:
            processes.submit(time.sleep, 10_000).result(PATIENCE)
        assert error.value.signal == signal.SIGTERM
        assert processes.submit(os.getpid).result() == worker
