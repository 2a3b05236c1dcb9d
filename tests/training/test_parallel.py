"""One process per peer, started by torchrun: the serial record, and no process left alone."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pcrec_core import paths, provenance
from pcrec_core.errors import TrainingError
from pcrec_core.paths import ROOT
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import command_line, progress
from pcrec_core.study import run as study
from pcrec_core.study.cli import main
from pcrec_core.study.defaults import base, pcrec
from pcrec_core.study.records import Record, Store
from pcrec_core.study.variants import variant
from pcrec_core.trainer import Trainer
from pcrec_core.training import parallel
from pcrec_core.training.checkpoints import Checkpoint
from pcrec_core.training.environment import NO_TRAINING
from pcrec_core.training.group import SERIAL

PAIR = pcrec("synthetic", "sasrec", 30, epochs=4, d=8, t=9)
PRESSED = pcrec("synthetic", "sasrec", 30, "l1", epochs=4, d=8, t=9)
APART = replace(base("synthetic", "dnn", epochs=5, d=8, t=9), peers=2)
THREE = replace(pcrec("synthetic", "bpr", 0, epochs=4, d=8), peers=3)
RESUMED = pcrec("synthetic", "bpr", 25, epochs=4, d=8)
SPOILED = pcrec("synthetic", "bpr", 20, epochs=4, d=8)
#: Finished epochs after a kill in epoch 2: process 0 may end while it writes the second.
LEFT = (1, 2)


def small(label: str, model: str, seed: int = 0, **given: Any) -> RunSpec:
    return variant(label, "synthetic", model, seed, {"epochs": 2, "d": 4} | given)


#: Exchanges, choices and read-outs that differ from those of PAIR.
VARIANTS = {
    "parameter-wise": small("W", "dnn"),
    "embedding": small("E", "dnn"),
    "noise": replace(small("N", "bpr"), peers=2),
    "random": small("random", "dnn"),
    "same order": small("DS", "bpr"),
    "released": small("LE", "dnn", protocol="released"),
    "both choices": small("LE", "dnn", protocol="released", options={"choice": "both"}),
    "never": small("apart-best", "bpr", 3),
}


@pytest.fixture(scope="module", autouse=True)
def nothing_real() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(NO_TRAINING, raising=False)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("peers")


def serial(spec: RunSpec, folder: Path) -> Record:
    """Train ``spec`` with its peers in turn, with all files below ``folder``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(paths.CACHE, str(folder))
        return study.run([spec], store=Store(folder / "records"))[0]


def torchrun(
    folder: Path, processes: int, *steps: tuple[str, RunSpec], seeds: tuple[int, ...] = ()
) -> subprocess.CompletedProcess:
    more = ["--records", str(folder / "records")]
    if seeds:
        more += ["--seed", *map(str, seeds)]
    commands = [
        [event, [*shlex.split(command_line.command(spec))[1:], *more]] for event, spec in steps
    ]
    start = f"{sys.executable} -m torch.distributed.run --standalone --nproc-per-node {processes}"
    script = [str(Path(__file__).with_name("peers_at_once.py")), str(folder), json.dumps(commands)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}"}
    if sys.platform == "linux":
        environment |= {"GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(
        [*start.split(), *script],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=300,
    )


def reports(folder: Path, processes: int) -> list[list[Any]]:
    """Return the reports of each step, by process."""
    files = [folder / f"report-{rank}.json" for rank in range(processes)]
    return list(zip(*(json.loads(file.read_text()) for file in files), strict=True))


def check_equal(spec: RunSpec, folder: Path, reference: Path) -> Record:
    """Check the record and weights in ``folder`` against the serial mode, to the bit."""
    found, expected = Store(folder / "records").get(spec.name), serial(spec, reference)
    assert found.result == expected.result and found.result_hash == expected.result_hash
    ours, theirs = (
        sorted((each / "weights").rglob(f"{Path(spec.name).name}*.safetensors"))
        for each in (folder, reference)
    )
    # Peers that never exchange keep one file each.
    assert len(ours) == len(theirs) == (1 if spec.cooperation else 1 + spec.peers)
    assert [one.read_bytes() for one in ours] == [one.read_bytes() for one in theirs]
    assert not (folder / "checkpoints" / f"{spec.identity}.pt").exists()
    return found


@pytest.fixture(scope="module")
def killed(folder) -> tuple[subprocess.CompletedProcess, Path]:
    """A pair whose process 1 was killed in epoch 2, and a copy of the files it left."""
    done = torchrun(folder, 2, ("killed", PAIR))
    shutil.copytree(folder, folder / "left", ignore=lambda *_: ["left"])
    return done, folder / "left"


@pytest.fixture(scope="module")
def steps(killed, folder) -> list[list[Any]]:
    """The reports of two processes, started once, of several commands."""
    with pytest.MonkeyPatch.context() as patch:
        original = Trainer._epoch

        def pressed(trainer: Trainer, number: int) -> dict[str, Any]:
            if number == 1:
                os.kill(os.getpid(), signal.SIGINT)
            return original(trainer, number)

        patch.setattr(Trainer, "_epoch", pressed)
        with pytest.raises(TrainingError, match="interrupted after 2 of 5 epochs"):
            serial(APART, folder)
        patch.setattr(provenance, "CODE", "e" * 16)
        Checkpoint(folder / "checkpoints" / f"{RESUMED.identity}.pt", RESUMED.identity).save({})
    events = ["", "", "", "ctrl-c", "", "spoiled", "", "", "other code", "other run"]
    runs = [PAIR, PAIR, APART, PRESSED, PRESSED, SPOILED, THREE, RESUMED, RESUMED, RESUMED]
    variants = [("", run) for run in VARIANTS.values()]
    done = torchrun(folder, 2, *zip(events, runs, strict=True), *variants)
    assert done.returncode == 0, done.stderr
    return reports(folder, 2)


# --- the same record


def test_a_killed_pair_ends_both_processes_and_resumes_to_the_serial_record(
    killed, steps, folder, tmp_path
):
    done, left = killed
    assert done.returncode != 0 and "SIGKILL" in done.stderr
    assert not (left / "report-1.json").exists() and not list((left / "records").rglob("*.json"))
    # Process 0 leaves a report if it saw the loss before torchrun ended it.
    for report in left.glob("report-0.json"):
        [[code, out, [sentence]]] = json.loads(report.read_text())
        assert (code, out) == (1, [])
        assert sentence.startswith("error: the process of another peer has ended or cannot be")
    first, second = steps[0]
    assert first[0] == second[0] == 0
    record = check_equal(PAIR, folder, tmp_path)
    assert record.run["began_with_epoch"] in LEFT and record.run["processes"] == 2
    assert Store(tmp_path / "records").get(PAIR.name).run["processes"] == 1


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_exchange_gives_the_serial_record(steps, folder, tmp_path, name):
    check_equal(VARIANTS[name], folder, tmp_path)


def test_a_parallel_run_is_resumed_in_one_process(killed, tmp_path):
    _, left = killed
    assert serial(PAIR, left).run["began_with_epoch"] in LEFT
    check_equal(PAIR, left, tmp_path)


def test_a_serial_run_is_resumed_in_parallel(steps, folder, tmp_path):
    first, second = steps[2]
    assert first[0] == second[0] == 0
    assert check_equal(APART, folder, tmp_path).run["began_with_epoch"] == 2


def test_three_peers_average_in_three_processes(tmp_path):
    done = torchrun(tmp_path, 3, ("", THREE))
    assert done.returncode == 0, done.stderr
    [step] = reports(tmp_path, 3)
    assert [code for code, *_ in step] == [0, 0, 0]
    record = check_equal(THREE, tmp_path, tmp_path / "serial")
    assert record.run["began_with_epoch"] == 0 and record.run["processes"] == 3


# --- one process speaks


def test_the_first_process_prints_the_record_and_a_second_call_reads_it(steps, folder, capsys):
    for step in steps[:2]:
        assert step[1] == [0, [], []]
    assert steps[0][0] == steps[1][0]
    [record] = [record for record in Store(folder / "records").all() if record.name == PAIR.name]
    main(["show", record.identity, "--records", str(folder / "records")])
    assert steps[0][0] == [0, capsys.readouterr().out.splitlines(), []]


def test_one_bar_is_shown_for_all_peers(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    hidden = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with progress.bar(1, "a run", "epoch") as bar:
            hidden.append(bar.disable)
    assert hidden == [False, True]


# --- all stop, or none


def sentence_of(step: list[Any], expected: int = 1) -> str:
    """Return the sentence with which both processes ended."""
    (code, out, [first]), (other_code, other_out, [second]) = step
    assert (code, out, other_code, other_out) == (expected, [], expected, [])
    assert first.removeprefix("error: ") == second.removeprefix("error in process 1: ")
    return first


def test_ctrl_c_in_one_process_stops_all_after_the_epoch_and_the_run_resumes(
    steps, folder, tmp_path
):
    assert sentence_of(steps[3], 130) == (
        f"error: interrupted after 3 of 4 epochs of {PRESSED.name}; the same command goes on from"
        " there."
    )
    assert steps[4][0][0] == steps[4][1][0] == 0
    assert check_equal(PRESSED, folder, tmp_path).run["began_with_epoch"] == 3


def test_a_peer_that_diverges_ends_all_with_its_sentence(steps, folder):
    sentence = "the loss of peer 1 is nan in epoch 2: the training diverged;"
    sentence += " lower the learning rate."
    assert sentence in sentence_of(steps[5])
    assert Store(folder / "records").get(SPOILED.name) is None


def test_a_number_of_processes_other_than_that_of_peers_is_refused(steps):
    assert sentence_of(steps[6]) == (
        "error: torchrun started 2 processes for 3 peers, and a run needs one process per peer:"
        " give torchrun --nproc-per-node 3, or leave it out to train the peers in turn."
    )


def test_a_run_is_not_resumed_under_other_code(steps, folder):
    sentence, digests = sentence_of(steps[7]), f"digest {'e' * 16}, here {provenance.CODE}"
    assert f"{RESUMED.identity}.pt was written by other code (commit " in sentence
    assert f"; {digests}); go back to that commit to go on, or delete" in sentence
    assert Store(folder / "records").get(RESUMED.name) is None


def test_processes_of_different_code_are_refused(steps):
    assert sentence_of(steps[8]) == (
        "error: the processes of this run imported different code (digests"
        f" {' and '.join(sorted([provenance.CODE, 'f' * 16]))}); end them all and start them again."
    )


def test_processes_of_different_runs_are_refused(steps):
    other = replace(RESUMED, seed=1)
    assert sentence_of(steps[9]) == (
        "error: the processes of this run train different runs"
        f" ({' and '.join(sorted([RESUMED.name, other.name]))}); end them all and start them again."
    )


def test_an_error_of_all_processes_leaves_the_next_run_and_that_of_one_ends_all(tmp_path):
    """Process 1 must not meet the others, which wait for it in the first run, in the second."""
    done = torchrun(tmp_path, 2, ("spoiled", SPOILED), ("no memory", PAIR), seeds=(0, 1))
    assert done.returncode == 0, done.stderr
    diverged, (first, second) = reports(tmp_path, 2)
    assert sentence_of(diverged).startswith("error: 2 of 2 runs failed; ")
    assert (first[:2], second[:2]) == ([1, []], [1, []])
    assert first[2][0].startswith("error: the process of another peer has ended or cannot be")
    assert second[2][0].startswith("error in process 1: 1 of 2 runs failed; what finished is")
    assert f"{PAIR.name}: there is not enough memory; lower " in second[2][0]
    assert not list((tmp_path / "records").rglob("*.json"))


def test_peers_at_the_same_time_need_one_gpu_each(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    sizes = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    for name, value in sizes.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    sentence = "2 peers at the same time need one GPU each, and torch sees 1 here;"
    sentence += " use --device cpu, or"
    with pytest.raises(TrainingError, match=sentence):
        parallel.group(2, torch.device("cuda"))


def test_without_torchrun_all_peers_are_here(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("RANK", "1")  # of another program
    assert parallel.group(5, torch.device("cpu")) is SERIAL
    assert list(SERIAL.numbers(5)) == [0, 1, 2, 3, 4]
