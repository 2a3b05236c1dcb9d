"""The package as ``pip install .`` installs it: whole, and without a repository around it."""

from __future__ import annotations

import os
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
    environment = {name: value for name, value in os.environ.items() if name != paths.HOME}
    environment |= {"PYTHONPATH": str(installed)}
    environment |= {paths.HOME: str(home)} if home else {}
    elsewhere = installed.parent
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
    assert "data | train | study | show" in done.stdout
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
