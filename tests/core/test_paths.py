"""Where the study is read and where runs write: a clone, PCREC_HOME, PCREC_CACHE, the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pcrec_core import paths
from pcrec_core.errors import FileError
from pcrec_core.paths import ROOT
from pcrec_core.study.store import Store


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """An installed package without a clone around it, a clone, and an empty folder."""
    made = {name: tmp_path / name for name in ("installed", "clone", "empty", "cache", "user")}
    (made["clone"] / "data" / "paper").mkdir(parents=True)
    monkeypatch.setattr(paths, "ROOT", made["installed"])
    monkeypatch.setenv("XDG_DATA_HOME", str(made["user"]))
    monkeypatch.delenv(paths.CACHE)
    return made


@pytest.mark.parametrize(
    ("root", "home", "cache", "read", "written"),
    [
        ("installed", None, None, None, "user/pcrec"),
        ("installed", "empty", None, None, "empty/data/cache"),
        ("installed", "clone", None, "clone", "clone/data/cache"),
        ("clone", None, None, "clone", "clone/data/cache"),
        ("clone", "empty", None, "clone", "empty/data/cache"),  # the clone may be read-only
        ("installed", "clone", "cache", "clone", "cache"),
        ("clone", None, "cache", "clone", "cache"),
    ],
)
def test_where_records_are_read_and_runs_write(
    root, home, cache, read, written, folders, monkeypatch
):
    monkeypatch.setattr(paths, "ROOT", folders[root])
    for variable, name in ((paths.HOME, home), (paths.CACHE, cache)):
        if name:
            monkeypatch.setenv(variable, str(folders[name]))
    top = folders["clone"].parent
    made = (paths.cache(), paths.own_records(), paths.checkpoints(), paths.weights())
    assert [path.relative_to(top / written).as_posix() for path in made] == [
        *(".", "records", "checkpoints", "weights")
    ]
    if read:
        assert paths.records() == folders[read] / "data" / "records"
    else:
        with pytest.raises(FileError, match=r"has no folder data/paper, .* variable PCREC_HOME"):
            paths.records()
        assert Store().path("a/b") == paths.own_records() / "a" / "b.json"


@pytest.mark.parametrize("variable", [paths.HOME, paths.CACHE])
def test_a_relative_folder_is_refused(folders, monkeypatch, variable):
    monkeypatch.setenv(variable, "a/folder")
    with pytest.raises(FileError, match=f"^the environment variable {variable} is 'a/folder';"):
        paths.cache()


WINDOWS = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

import torch  # asks for them itself where they are
for name in ("fcntl", "resource"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
import importlib
for name in sys.argv[1].split():
    importlib.import_module(f"pcrec_core.{name}")
from pathlib import Path
from pcrec_core import paths
from pcrec_core.errors import FileError
try:
    with paths.alone(Path(sys.argv[2])):
        pass
except FileError as error:
    print(error)
"""


def test_without_the_modules_of_unix_reading_cooperation_and_datasets_import(tmp_path):
    names = "cooperation evaluation trainer models.sasrec datasets datasets.csv specs.run"
    names += " analysis.claims.decide reporting.page study.run study.store study.cli study.train"
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS, names, str(tmp_path / "lock")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.stderr == ""
    assert done.stdout.startswith("runs are trained and records written on Linux and macOS; ")
