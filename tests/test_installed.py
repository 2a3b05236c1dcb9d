"""The package as ``pip install .`` installs it: whole, and without a repository around it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from pcrec_core import paths
from pcrec_core.paths import ROOT
from pcrec_core.study import defaults

RECORD = defaults.base("ml-100k", "sasrec", seed=0)


def pip(*words: object) -> None:
    options = ("--no-deps", "--disable-pip-version-check", "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, *options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from a copy, so that nothing is written beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "pcrec_core", source / "pcrec_core", ignore=ignored)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, source)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    target = wheel.parent / "target"
    pip("install", "--target", target, wheel)
    return target


def run(
    installed: Path, *words: str | Path, home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command from another folder, where only the installed package can be imported."""
    hidden = (paths.HOME, paths.CACHE)
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    elsewhere = installed.parent
    environment |= {"PYTHONPATH": str(installed), "XDG_DATA_HOME": str(elsewhere / "user")}
    environment |= {paths.HOME: str(home)} if home else {}
    return subprocess.run(
        list(map(str, words)), cwd=elsewhere, env=environment, capture_output=True, text=True
    )


def pcrec(
    installed: Path, *words: str, home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return run(installed, sys.executable, "-m", "pcrec_core", *words, home=home)


def test_the_wheel_holds_every_module_of_the_package(wheel: Path) -> None:
    modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / "pcrec_core").rglob("*.py")}
    assert {name for name in ZipFile(wheel).namelist() if name.endswith(".py")} == modules


def test_the_help_lists_the_commands_and_comes_from_the_installed_package(installed: Path) -> None:
    done = pcrec(installed, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "data | try | train | study | show" in done.stdout
    asked = run(installed, sys.executable, "-c", "import pcrec_core; print(pcrec_core.__file__)")
    assert Path(asked.stdout.strip()).is_relative_to(installed)


def test_without_a_repository_one_sentence_asks_for_its_place(installed: Path) -> None:
    done = pcrec(installed, "show", RECORD.identity)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        f"error: {installed} has no folder data/paper, so records and the paper's tables cannot be"
        " found; name a clone of the study's repository in the environment variable PCREC_HOME.\n"
    )


def test_with_the_place_of_the_repository_a_committed_record_is_read(installed: Path) -> None:
    done = pcrec(installed, "show", RECORD.identity, home=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"name      {RECORD.name}\n" in done.stdout
    assert f"record    {ROOT / 'data' / 'records'}" in done.stdout


@pytest.mark.parametrize(("words", "code"), [(("--help",), 0), (("show", "0000none"), 1)])
def test_the_console_script_ends_with_the_exit_code_of_the_command(
    installed: Path, words: tuple[str, ...], code: int
) -> None:
    done = run(installed, installed / "bin" / "pcrec", *words, home=ROOT)
    assert done.returncode == code
    assert (done.stderr == "") == (code == 0)


TRAIN = """
from pcrec_core.study import defaults
from pcrec_core.study.run import run
from pcrec_core.study.store import Store
[record] = run([defaults.base("synthetic", "bpr", epochs=1)])
print(Store().path(record.name))
"""


def test_without_a_repository_runs_are_kept_in_the_users_folder(installed: Path) -> None:
    before = {path for path in installed.rglob("*") if "__pycache__" not in path.parts}
    done = run(installed, sys.executable, "-c", TRAIN)
    assert done.returncode == 0, done.stderr
    user = installed.parent / "user" / "pcrec" / "records"
    assert [*user.rglob("*.json")] == [Path(done.stdout.strip())]
    assert {path for path in installed.rglob("*") if "__pycache__" not in path.parts} == before
    home = installed.parent / "home"
    done = run(installed, sys.executable, "-c", TRAIN, home=home)
    assert Path(done.stdout.strip()).is_relative_to(home / "data" / "cache" / "records")


#: Hides all but what torch and numpy need.
BARE = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "matplotlib", "pandas", "platformdirs", "pooch", "pyarrow", "safetensors",
            "scipy", "seaborn", "tqdm",
        }:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""
BUILDING_BLOCKS = """
import importlib
for name in (
    "criteria layers peers cooperation metrics training.control_rules training.weight_averages"
    " models.sasrec models.youtube_dnn models.bpr models.ensemble"
).split():
    importlib.import_module(f"pcrec_core.{name}")
from torch import nn
from pcrec_core.cooperation import LayerWise, cooperate
print(len(cooperate([nn.Linear(2, 2), nn.Linear(2, 2)], LayerWise("entropy", alpha=30))))
"""


def test_the_bare_package_needs_torch_and_numpy_only(installed: Path) -> None:
    done = run(installed, sys.executable, "-c", BARE + BUILDING_BLOCKS)
    assert (done.stdout, done.stderr) == ("1\n", "")
    command = f"{BARE}from pcrec_core.__main__ import main; sys.exit(main())"
    done = run(installed, sys.executable, "-c", command, "study", "--list", home=ROOT)
    assert done.returncode == 1
    assert re.fullmatch(
        r"error: No module named '\w+'; pip install 'pcrec_core\[study\]' brings .*\n", done.stderr
    )
