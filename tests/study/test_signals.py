"""Signals and streams of a real command: one sentence, the right exit code, nothing lost."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from support import without_progress
from workers_support import PATIENCE, fail, notes, tiny, wait_for

from pcrec_core import paths
from pcrec_core.errors import Interrupted
from pcrec_core.paths import ROOT
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import executors, train
from pcrec_core.study import run as study
from pcrec_core.study.cli import main
from pcrec_core.study.records import Store
from pcrec_core.trainer import Trainer
from pcrec_core.training.checkpoints import Checkpoint
from pcrec_core.training.interrupts import SENTENCE, SIGNALS, raise_interrupt

#: The command, with notes of the epochs that were begun, and a checkpoint only when it is stopped.
WATCHED = """
import sys
from pathlib import Path
from workers_support import watch
watch(Path(__file__).parent, interval=3600)
if __name__ == "__main__":
    from pcrec_core.__main__ import main
    sys.exit(main())
"""
LONG = shlex.split("train base --dataset synthetic --model bpr --set d=4 epochs=1000000")
SHORT = [*LONG[:-1], "epochs=2"]


@pytest.fixture
def start(tmp_path: Path):
    """Start ``python -m pcrec_core`` in a session of its own; all are ended after the test."""
    started: list[subprocess.Popen] = []
    (tmp_path / "watched.py").write_text(WATCHED)

    def begin(*words: str, watched: bool = False, **options: Any) -> subprocess.Popen:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}"}
        environment |= {paths.CACHE: str(tmp_path)} | options.pop("env", {})
        program = [str(tmp_path / "watched.py")] if watched else ["-m", "pcrec_core"]
        command = [sys.executable, *program, *words]
        if redirect := options.pop("redirect", ""):
            command = ["/bin/bash", "-o", "pipefail", "-c", f'"$@" {redirect}', "sh", *command]
        started.append(
            subprocess.Popen(
                command, text=True, start_new_session=True, cwd=tmp_path, env=environment, **options
            )
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def maps(process: subprocess.Popen, library: str) -> bool:
    """Return whether the process has mapped a library; it must not have ended."""
    assert process.poll() is None
    return library in Path(f"/proc/{process.pid}/maps").read_text()


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    """Return the exit code, stdout and the errors, without the lines of progress."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, without_progress(err).strip()


def begun(folder: Path, run: RunSpec) -> None:
    """Wait until the second epoch of a watched run has begun."""
    wait_for(lambda: notes(folder, run, epoch=1), "the second epoch")


# --- signals


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_training_with_a_checkpoint_and_128_more(start, tmp_path, number):
    process, run = start(*LONG, watched=True), tiny(0, epochs=1_000_000)
    begun(tmp_path, run)
    process.send_signal(number)
    code, out, err = ended(process)
    sentence = rf"error: interrupted after (\d+) of 1000000 epochs of {run.name}; the same command"
    done = re.fullmatch(rf"{sentence} goes on from there\.", err)
    assert (code, out) == (128 + number, "") and done
    checkpoint = Checkpoint(paths.checkpoints() / f"{run.identity}.pt", run.identity)
    assert len(checkpoint.load()["history"]) == int(done[1])


@pytest.mark.parametrize("library", ["multiarray", "pandas", "libtorch_cpu", "libtorch_python"])
def test_ctrl_c_while_modules_are_loaded_is_one_sentence(start, library):
    process = start(*LONG)
    wait_for(lambda: maps(process, library), library)
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)
    assert (code, out, err) == (130, "", f"error: {SENTENCE}")


def test_ctrl_c_while_workers_are_started_is_one_sentence(start):
    process = start(*LONG, "--seed", "0", "1", "--workers", "2")
    assert process.stderr.readline() == "training, 0 of 2 runs\n"
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process) == (130, "", f"error: {SENTENCE}")


def test_a_signal_to_the_first_process_reaches_the_workers_at_work(start, tmp_path):
    """As Docker sends it; the third run has not begun."""
    process = start(*LONG, "--seed", "0", "1", "2", "--workers", "2", watched=True)
    runs = [tiny(seed, epochs=1_000_000) for seed in range(3)]
    for run in runs[:2]:
        begun(tmp_path, run)
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (143, "", f"error: {SENTENCE}")
    kept = {path.stem for path in paths.checkpoints().glob("*.pt")}
    assert kept == {run.identity for run in runs[:2]} and notes(tmp_path, runs[2]) == []


@pytest.fixture
def ctrl_c_ignored():
    """Ignore Ctrl-C, as a shell does for a command in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_ignored")
def test_sigterm_in_the_last_epoch_counts_where_ctrl_c_is_ignored(tmp_path, monkeypatch):
    original = Trainer._save_if_due

    def pressed(trainer: Trainer, *args: Any) -> int:
        if len(trainer.history) == trainer.spec.training.epochs:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(trainer, *args)

    monkeypatch.setattr(Trainer, "_save_if_due", pressed)
    store = Store(tmp_path / "records")
    with pytest.raises(Interrupted, match=f"^interrupted at the end of {tiny(0).name}: its") as one:
        study.run([tiny(0), tiny(1)], store=store)
    assert one.value.signal == signal.SIGTERM
    assert store.get(tiny(0).name) is not None and store.get(tiny(1).name) is None


@pytest.mark.usefixtures("ctrl_c_ignored")
def test_workers_ignore_what_their_command_ignores():
    with executors.Processes(1) as workers:
        assert workers.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN
        handled = workers.submit(signal.getsignal, signal.SIGTERM).result()
    assert handled == raise_interrupt


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("owner", "name"), [(Trainer, "_result"), (train, "_keep")])
def test_a_signal_after_the_last_epoch_still_stores_the_record(
    tmp_path, monkeypatch, owner, name, number
):
    original = getattr(owner, name)

    def pressed(*args: Any) -> Any:
        os.kill(os.getpid(), number)
        return original(*args)

    monkeypatch.setattr(owner, name, pressed)
    store = Store(tmp_path / "records")
    sentence = rf"^interrupted at the end of {tiny(0).name}: its record is written;"
    with pytest.raises(Interrupted, match=sentence) as error:
        study.run([tiny(0), tiny(1)], store=store)
    assert error.value.signal == number
    assert store.get(tiny(0).name) is not None and store.get(tiny(1).name) is None
    assert list(paths.checkpoints().glob("*.pt")) == []


# --- streams


CLOSED = "error: the output cannot be written: it is closed."
FULL = "error: the output cannot be written (No space left on device)."


@pytest.mark.parametrize(
    ("words", "redirect", "expected"),
    [
        (["data"], ">&-", (1, CLOSED)),
        (["data"], ">/dev/full", (1, FULL)),
        (["--help"], ">/dev/full", (1, FULL)),
        (SHORT, ">&- 2>&-", (1, "")),
        (SHORT, "2>&-", (0, "")),
        (SHORT, "2>/dev/full", (0, "")),
        (["show", "ab"], "2>&-", (1, "")),
        (["data"], "<&- | head -1 >/dev/null; exit $?", (0, "")),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_or_full_stream_is_no_traceback(
    start, tmp_path, words, redirect, expected, unbuffered
):
    process = start(*words, redirect=redirect, env={"PYTHONUNBUFFERED": unbuffered})
    code, out, err = ended(process)
    assert (code, err) == expected
    assert bool(out) == (words == SHORT and "&- 2" not in redirect)
    records = [path for path in (tmp_path / "records").rglob("*.json")]
    assert len(records) == (words == SHORT)


def test_a_closed_pipe_hides_no_error(tmp_path, monkeypatch, capsys):
    fail(monkeypatch, seed=1)
    read, write = os.pipe()
    os.close(read)
    records = tmp_path / "records"
    with os.fdopen(write, "w") as closed:
        monkeypatch.setattr("sys.stdout", closed)
        assert main([*SHORT, "--seed", "0", "1", "--records", str(records)]) == 1
    assert len(list(records.rglob("*.json"))) == 1
    assert "it diverged." in capsys.readouterr().err.splitlines()[-1]


def test_a_second_process_says_that_it_waits_for_the_first(start, tmp_path):
    first, run = start(*LONG, watched=True), tiny(0, epochs=1_000_000)
    begun(tmp_path, run)
    second = start(*LONG)
    assert second.stderr.readline().startswith("run 1 of 1: ")
    line = f"{run.name} is in another process; waiting until it is trained there.\n"
    assert second.stderr.readline() == line
    second.send_signal(signal.SIGINT)
    assert ended(second) == (130, "", f"error: {SENTENCE}") and first.poll() is None


def test_a_terminal_of_20_columns_shows_a_bar(start):
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, b"\x05\x00\x14\x00" + bytes(4))
    process = start(*SHORT, stderr=follower)
    out, _ = process.communicate(timeout=PATIENCE)
    os.close(follower)
    shown = os.read(leader, 65536).decode()
    assert process.returncode == 0 and "NDCG@20" in out
    assert "\r" in shown and max(map(len, re.split(r"[\r\n]+", shown))) <= 20
