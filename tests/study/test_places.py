"""Paths, homes, terminals and locales of all sorts: a command works, or ends with one sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from support import without_progress

from pcrec_core import paths
from pcrec_core.deadlines import within
from pcrec_core.paths import ROOT
from pcrec_core.study.cli import main
from pcrec_core.study.terminal import harmless

TRAIN = ["train", "base", "--dataset", "synthetic", "--model", "bpr", "--set", "d=4", "epochs=1"]


def run(folder: Path, *words: str, **environment: str | None) -> tuple[int, str, str]:
    """Run a command in a folder with other environment variables; None removes one."""
    given = os.environ | {"PYTHONPATH": str(ROOT), paths.CACHE: str(folder)} | environment
    done = subprocess.run(
        [sys.executable, "-m", "pcrec_core", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={name: value for name, value in given.items() if value is not None},
    )
    return done.returncode, done.stdout, without_progress(done.stderr)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--records", "loop"], "'loop' cannot be used as a path (Symlink loop from"),
        (["--records", "~nobody-here/a"], "'~nobody-here/a' cannot be used as a path (Could not"),
        (["--records", "a\0b"], "'a\\x00b' cannot be used as a path (embedded null byte)"),
        (["--csv", "a\0b"], "'a\\x00b' cannot be used as a path (embedded null byte)"),
        (["--records", "/sys/pcrec"], "/sys/pcrec cannot be written ("),
        (["--records", "file/below"], "file/below cannot be written (Not a directory)"),
    ],
)
def test_a_place_that_cannot_be_is_found_before_the_training(
    tmp_path, monkeypatch, capsys, trained, words, sentence
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    assert main([*TRAIN, *words]) == 1
    out, err = capsys.readouterr()
    assert (out, trained) == ("", []) and sentence in err and err.count("\n") == 1


#: What is no ordinary file, and how it is made.
SPECIAL = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "loop": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize(
    "words",
    [
        ["data", "x.ipynb"],
        ["try", "x.ipynb"],
        ["show", "x.ipynb"],
        ["notebook", "x.ipynb"],
        [*TRAIN, "--dataset", "csv", "--csv", "x.ipynb"],
    ],
    ids=lambda words: words[0],
)
def test_no_command_waits_for_what_is_no_file(tmp_path, monkeypatch, capsys, kind, words):
    monkeypatch.chdir(tmp_path)
    SPECIAL[kind](Path("x.ipynb"))
    code, (out, err) = within(60, lambda: main(words)), capsys.readouterr()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert re.match(r"error: .*(x\.ipynb|/dev/zero)", err)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        RuntimeError("Resource temporarily unavailable"),
    ],
    ids=repr,
)
def test_memory_that_does_not_suffice_for_a_file_is_one_sentence(monkeypatch, capsys, error):
    monkeypatch.setattr("pcrec_core.study.cli_data.describe", Mock(side_effect=error))
    sentence = "error: the memory does not suffice; end other programs, or give a smaller file.\n"
    assert main(["data", "my.csv"]) == 1 and capsys.readouterr() == ("", sentence)


@pytest.mark.parametrize("place", ["loop", "/sys/pcrec", "/dev/null/pcrec"])
def test_a_cache_that_cannot_be_is_found_before_the_training(
    tmp_path, monkeypatch, capsys, trained, place
):
    (tmp_path / "loop").symlink_to("loop")
    cache = tmp_path / place  # an absolute place replaces the folder
    monkeypatch.setenv(paths.CACHE, str(cache))
    assert main([*TRAIN, "--records", str(tmp_path / "records")]) == 1
    out, err = capsys.readouterr()
    assert (out, trained) == ("", []) and err.count("\n") == 1
    assert re.match(rf"error: {cache}/\w+ cannot be written \(", err)


def test_a_working_directory_that_was_deleted_is_one_sentence(tmp_path):
    (tmp_path / "gone").mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); from pcrec_core.study.cli import main; "
    code += "sys.exit(main(['study', 'fig1', '--list', '--records', 'a']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path / "gone",
        env=os.environ | {"PYTHONPATH": str(ROOT), paths.CACHE: str(tmp_path)},
    )
    sentence = r"error: argument --records: 'a' cannot be used as a path \(.*No such file.*\n"
    assert done.returncode == 1 and re.fullmatch(sentence, done.stderr)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_folder_without_permission_is_one_sentence(tmp_path):
    """As another user, whom the folder of the records lets read nothing."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    code = "import os, sys; from pcrec_core.study.cli import main; os.setuid(65534);"
    done = subprocess.run(
        [sys.executable, "-c", f"{code} sys.exit(main(sys.argv[1:]))", *TRAIN, "--records", closed],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), paths.CACHE: "/dev/null"},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"error: .* cannot be \w+ .*Permission denied.*\.\n", done.stderr)


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": None, paths.CACHE: None, "PCREC_DATA": None},
        {"HOME": "/nonexistent"},
        {"COLUMNS": "20"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"},
        {"TERM": "dumb", "NO_COLOR": "1"},
    ],
    ids=str,
)
def test_a_command_works_in_every_environment(tmp_path, environment):
    folder = tmp_path / "mit Leerzeichen, 测试"
    folder.mkdir()
    code, out, err = run(folder, *TRAIN, "--records", "ä ö", **environment)
    assert (code, err) == (0, "") and "NDCG@20" in out
    [record] = folder.rglob("bpr-base-s0-*.json")
    code, shown, err = run(folder, "show", str(record.relative_to(folder)), **environment)
    assert (code, err) == (0, "") and shown.splitlines()[1:] == out.splitlines()[1:]
    code, out, err = run(folder, "train", "--help", **environment)
    assert (code, err) == (0, "") and "LABEL" in out


def test_escapes_in_what_is_printed_are_harmless(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = "red \x1b[31m \x9b2J \u202e.json"
    Path(name).write_text("{}")
    assert main(["show", name]) == 1
    assert main(["show", "abcd\x1b]0;title\x07"]) == 1
    shown = capsys.readouterr().err
    assert "red \\x1b[31m \\x9b2J \\u202e.json" in shown and "\\x1b]0;title\\x07" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert harmless("plain, äöü 测试\n") == "plain, äöü 测试\n"


@pytest.mark.parametrize("content", ["hello", "{}", "[1, 2]", '{"kind": "run"}', ""])
def test_show_advises_to_delete_nothing_that_is_no_record(tmp_path, capsys, content):
    file = tmp_path / "notes.json"
    file.write_text(content)
    assert main(["show", str(file)]) == 1
    err = capsys.readouterr().err
    assert "delete it" not in err and re.match(r"error: .*notes\.json is not a record ", err)
