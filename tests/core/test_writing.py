"""Files are whole or not there: links, full disks, limits, kills and other processes."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from faults_support import child, kill_at, killed, largest_file
from nbformat.v4 import new_notebook
from records_support import record_with
from support import spec_of

from book import build
from pcrec_core.errors import FileError
from pcrec_core.paths import ROOT, alone
from pcrec_core.study import weight_files, weights
from pcrec_core.study.records import Store
from pcrec_core.training.checkpoints import Checkpoint
from pcrec_core.writing import remove_abandoned, temporary, write_whole

BEFORE, AFTER = b"before", b"after" * 1000
NAMES = ["a b.json", "мои данные.json", "結果☃.json", "\nline", "-rf", "%s{}", "a" * 250]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file of a folder of its own, which holds ``BEFORE``."""
    path = tmp_path / "folder" / "file"
    write_whole(path, BEFORE)
    return path


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_that_the_system_takes_will_do(tmp_path, name):
    path = tmp_path / "папка 1" / name
    write_whole(path, AFTER)
    assert path.read_bytes() == AFTER and names(path) == [name]


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS], ids=errno.errorcode.get
)
def test_a_file_system_without_locks_is_named_and_nothing_is_left(path, monkeypatch, number):
    def unlocked(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", unlocked)
    sentence = rf"cannot be locked \({os.strerror(number)}\); name a folder on another file system,"
    with pytest.raises(FileError, match=sentence):
        write_whole(path, AFTER)
    assert path.read_bytes() == BEFORE and names(path) == ["file"]
    (path.parent / ".pcrec-left.tmp").touch()
    remove_abandoned(path.parent)
    place = f"^{path.parent}/lock {sentence}"
    with pytest.raises(FileError, match=place), alone(path.with_name("lock")):
        pass


def test_a_file_has_the_permissions_that_the_user_gives_to_files(path):
    (path.parent / "other").touch()
    assert path.stat().st_mode == (path.parent / "other").stat().st_mode


def test_no_two_temporary_names_are_equal_and_no_link_at_one_is_followed(path, monkeypatch):
    with temporary(path.parent) as one, temporary(path.parent) as other:
        assert Path(one.name).stem != Path(other.name).stem and len(names(path)) == 3
    monkeypatch.setattr(secrets, "token_hex", lambda size: "guessed")
    (path.parent / ".pcrec-guessed.tmp").symlink_to(victim := path.parents[1] / "victim")
    victim.write_bytes(BEFORE)
    with pytest.raises(FileError, match=r"file cannot be written \(File exists\)"):
        write_whole(path, AFTER)
    assert victim.read_bytes() == path.read_bytes() == BEFORE


def test_a_link_at_the_name_of_the_file_is_replaced_and_not_followed(path):
    (link := path.with_name("link")).symlink_to(path)
    write_whole(link, AFTER)
    assert path.read_bytes() == BEFORE and link.read_bytes() == AFTER and not link.is_symlink()


def test_what_is_no_ordinary_file_is_never_replaced(path):
    """As root, a report that is sent to /dev/null would take its place."""
    os.mkfifo(pipe := path.with_name("pipe"))
    for place, reason in ((pipe, "it is not an ordinary file"), (path.parent, "Is a directory")):
        with pytest.raises(FileError, match=rf"{place} cannot be written \({reason}\); make its"):
            write_whole(place, AFTER)
    assert names(path) == ["file", "pipe"] and pipe.is_fifo()


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_it_is_told(
    path, monkeypatch
):
    steps, sync, replace = [], os.fsync, os.replace

    def watched_sync(descriptor: int) -> None:
        steps.append(Path(f"/proc/self/fd/{descriptor}").readlink().suffix or "folder")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append("name"), replace(*names)))
    write_whole(path, AFTER)
    assert steps == [".tmp", "name", "folder"]


def test_only_what_nobody_writes_any_more_is_removed(path):
    foreign, dead = path.with_name(".notes.tmp"), path.with_name(".pcrec-1234.tmp")
    foreign.touch()
    dead.touch()
    os.mkfifo(path.with_name(".pcrec-fifo.tmp"))
    with temporary(path.parent) as alive:
        assert names(path) == sorted([foreign.name, Path(alive.name).name, path.name])
        write_whole(path, AFTER)
        assert Path(alive.name).exists()
    assert names(path) == [".notes.tmp", "file"]


@pytest.mark.parametrize("moment", [0, 1])
def test_killed_at_the_rename_it_is_the_file_of_before_or_after(path, moment):
    process = child(_killed_at, path, moment)
    assert killed(process) and path.read_bytes() == (BEFORE, AFTER)[moment]
    assert len(names(path)) == 2 - moment
    write_whole(path.with_name("next"), BEFORE)
    assert names(path) == ["file", "next"]


def _killed_at(path: Path, moment: int) -> None:
    kill_at(path.parent, moment)
    write_whole(path, AFTER)


RUN = spec_of("bpr", epochs=1, d=4)


def _record(folder: Path, number: int) -> Path:
    record = record_with(RUN, {"ranks": " ".join(["1"] * 2000)}, {"commit": str(number)})
    return Store(folder).put(record)


def _checkpoint(folder: Path, number: int) -> Path:
    Checkpoint(folder / "run.pt", "abc").save({"w": torch.full((2000,), number)})
    return folder / "run.pt"


def _weights(folder: Path, number: int) -> Path:
    weights.keep(RUN, {"w": torch.full((2000,), number)}, [])
    return weight_files.path(RUN)


@pytest.mark.parametrize("write", [_record, _checkpoint, _weights])
def test_a_limit_on_files_leaves_what_was_there(write, tmp_path):
    path = write(tmp_path, 1)
    before = path.read_bytes()
    with (
        largest_file(1000),
        pytest.raises(FileError, match=rf"{path} cannot be written \(File too large\); make its"),
    ):
        write(tmp_path, 2)
    assert path.read_bytes() == before and names(path) == [path.name]
    write(tmp_path, 2)
    assert path.read_bytes() != before


def test_a_limit_on_files_leaves_the_notebook_of_before(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "page.ipynb"
    write_whole(path, BEFORE)
    monkeypatch.setattr(build.papermill, "execute_notebook", lambda *_, **__: None)
    monkeypatch.setattr(build.nbformat, "read", lambda *_, **__: new_notebook(metadata={"a": "b"}))
    with largest_file(10):
        sentence, failed = build._execute_one(path)
    assert failed and sentence.startswith(f"page.ipynb: {path} cannot be written (File too large)")
    assert path.read_bytes() == BEFORE and names(path) == ["page.ipynb"]
    assert build._execute_one(path)[1] is False and path.read_bytes() != BEFORE


@pytest.mark.parametrize(
    ("option", "reason"),
    [("size=16k", "No space left on device"), ("ro", "Read-only file system")],
)
def test_a_full_disk_and_one_that_is_read_only(option, reason, tmp_path):
    """Mount a small file system where nobody else sees it."""
    script = (
        "import sys; from pathlib import Path; from pcrec_core.writing import write_whole\n"
        "try: write_whole(Path(sys.argv[1]), bytes(10**6))\n"
        "finally: print(*Path(sys.argv[1]).parent.iterdir())"
    )
    shell = f'mount -t tmpfs -o {option} none "$1" && exec "$2" -c "$3" "$1/file"'
    command = ["unshare", "-rm", "sh", "-c", shell, "sh", tmp_path, sys.executable, script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    sentence = f"pcrec_core.errors.FileError: {tmp_path}/file cannot be written ({reason}); make"
    assert sentence in done.stderr and done.stdout == "\n"
