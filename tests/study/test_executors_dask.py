"""A real dask scheduler with two workers on 127.0.0.1, each a process of its own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from datasets_support import strangers_log
from support import without_progress
from workers_support import RUNS, Watched, diverging, hold, kill_holder, notes, wait_for

from pcrec_core import provenance
from pcrec_core.errors import TrainingError
from pcrec_core.paths import ROOT
from pcrec_core.study import cli, executors, forecast
from pcrec_core.study import run as study
from pcrec_core.training.environment import NO_TRAINING

pytest.importorskip("distributed")

HERE = ["--host", "127.0.0.1", "--no-dashboard"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a scheduler with two workers of one thread."""
    at = tmp_path_factory.mktemp("dask")
    file = at / "scheduler.json"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    }
    environment.pop(NO_TRAINING, None)

    def start(stack: ExitStack, what: str, *words: str) -> None:
        log = stack.enter_context((at / "log").open("a"))
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", *HERE, *words],
            cwd=at,
            env=environment,
            stdout=log,
            stderr=log,
        )
        stack.callback(process.wait)
        stack.callback(process.kill)

    def address() -> str | None:
        try:
            return json.loads(file.read_text())["address"]
        except (OSError, ValueError):
            return None

    with ExitStack() as stack:
        start(stack, "scheduler", "--port", "0", "--scheduler-file", str(file))
        found = wait_for(address, "the scheduler")
        for _ in range(2):
            start(stack, "worker", found, "--nthreads", "1", "--no-nanny")
        yield found


@pytest.fixture(scope="module")
def client(cluster: str) -> Iterator:
    from distributed import Client

    with Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


@pytest.mark.parametrize("kind", ["client", "get_executor"])
def test_dask_gives_the_records_of_one_process(client, folder, store, here, kind):
    executor = client if kind == "client" else client.get_executor()
    found = study.run(RUNS, Watched(executor, folder), store=store)
    assert [record.result_hash for record in found] == here
    assert {note.read_text().splitlines()[0] for note in notes(folder)} == {"1"}
    processes = {note.name.rsplit("-", 1)[1] for note in notes(folder)}
    assert str(os.getpid()) not in processes and len(notes(folder, epoch=0)) == len(RUNS)


def test_a_failed_run_is_tried_again_although_its_outcome_is_remembered(client, folder, store):
    """An error that is kept keeps dask's future, whose call dask would not try again."""
    kept, futures = [], []

    class Keeping(Watched):
        def submit(self, *args, **options):
            futures.append(super().submit(*args, **options))
            return futures[-1]

    for attempt in (1, 2):
        with pytest.raises(TrainingError, match="the training diverged") as error:
            study.run([diverging()], Keeping(client, folder), store=store)
        kept.append(error.value)
        assert len(notes(folder, epoch=0)) > 0 and len(futures) == attempt
        for note in notes(folder):
            note.unlink()


def test_a_worker_of_other_code_is_refused_by_name_and_stores_nothing(
    client, folder, store, monkeypatch
):
    code, processes = provenance.CODE, client.run(os.getpid).values()
    monkeypatch.setattr(provenance, "CODE", "f" * 16)
    with pytest.raises(TrainingError) as refused:
        study.run(RUNS[:1], Watched(client, folder), store=store)
    worker, process = re.escape(socket.gethostname()), "|".join(map(str, processes))
    assert re.fullmatch(
        rf"the worker {worker}, process ({process}), imported other code \(digest {code}\) than the"
        r" command \(digest f+\); start both again from the same code\.",
        str(refused.value),
    )
    assert notes(folder) == [] and list((folder / "records").rglob("*.json")) == []


def test_the_command_line_trains_on_dask_workers(cluster, client, folder, capsys, monkeypatch):
    words = "train base --dataset synthetic --model bpr --set epochs=3 d=4 --seed 2 3 --dask"
    dask = executors.dask
    with dask(cluster) as own:
        watching = {cluster: Watched(own, folder)}
        monkeypatch.setattr(executors, "dask", watching.__getitem__)
        code = cli.main([*words.split(), cluster, "--records", str(folder / "records")])
    out, err = capsys.readouterr()
    assert (code, without_progress(err)) == (0, "") and len(notes(folder, epoch=0)) == 2
    assert all(f"name      {run.name}" in out for run in RUNS[2:])


def test_what_this_machine_lacks_is_not_asked_for_where_dask_trains(
    cluster, folder, capsys, monkeypatch
):
    def refuse(*_: object) -> None:
        raise TrainingError("this machine was asked")

    for name in ("rates", "require_memory"):
        monkeypatch.setattr(forecast, name, refuse)
    log = strangers_log(folder / "log.csv")
    words = ["--records", str(folder / "records"), "--dask", cluster]
    reading = ["--models", "bpr", "--seeds", "1", "--epochs", "1"]
    asked: list[Any] = []
    monkeypatch.setattr(study, "run", lambda runs, *_, **__: asked.extend(runs))
    monkeypatch.setattr("pcrec_core.study.cli_try._write", lambda *_: None)
    assert cli.main(["try", str(log), *reading, *words]) == 0
    out = capsys.readouterr().out
    assert "training     3 runs: base, LE, avg of bpr, 1 seeds, 1 epochs\n" in out
    train = ["train", "base", "--dataset", "csv", "--csv", str(log), "--model", "bpr"]
    assert cli.main([*train, "--set", "epochs=1", *words]) == 0 and len(asked) == 4 + 3


def called(folder: Path, address: str) -> int:
    """Return the exit code of a training on the workers of the scheduler there."""
    words = "train base --dataset synthetic --model bpr --set epochs=3 d=4 --dask"
    return cli.main([*words.split(), address, "--records", str(folder / "records")])


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9])
def test_another_server_is_not_waited_for(folder, capsys, monkeypatch, greeting):
    monkeypatch.setattr(executors, "WAIT", 2)
    with ExitStack() as connections, socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection = connections.enter_context(server.accept()[0])
                    with suppress(ConnectionError):
                        connection.sendall(greeting)

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            assert called(folder, address) == 1
        finally:
            server.shutdown(socket.SHUT_RDWR)
            serving.join()
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"error: no dask scheduler answers at {address} (")
    assert err.count("\n") == 1


def test_a_scheduler_without_workers_is_not_waited_for_long(folder, capsys, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(executors, "WAIT", 1)
    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
    ) as empty:
        assert called(folder, empty.scheduler_address) == 1
        assert capsys.readouterr().err == (
            f"error: the dask scheduler at {empty.scheduler_address} got no worker within 1"
            f" seconds; start some with `dask worker {empty.scheduler_address}`.\n"
        )


def test_a_run_on_a_killed_worker_is_done_by_another(client, folder, store, here):
    """Last here: it leaves one worker."""
    hold(folder, *RUNS[:2])
    killer = threading.Thread(target=kill_holder, args=(folder, RUNS[1], RUNS[0]))
    killer.start()
    found = study.run(RUNS, Watched(client, folder), store=store)
    killer.join()
    assert [record.result_hash for record in found] == here
    assert [record.run["began_with_epoch"] for record in found] == [0, 1, 0, 0]
    assert len(notes(folder, RUNS[1], epoch=1)) == 2
    assert len(client.scheduler_info()["workers"]) == 1
