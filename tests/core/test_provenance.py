"""The code that a record names is the code that made it, whatever happens to the tree meanwhile.

Each case is a process of its own, which imports a copy of the package in a repository of its own and calls a function of
this file.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pcrec_core.study import train

TESTS = Path(__file__).parent
CALL = "import json, sys, pathlib, test_provenance as t; print(json.dumps(getattr(t, sys.argv[1])(pathlib.Path(sys.argv[2]))))"


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    return subprocess.run(
        ["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "m")
    return git(folder, "rev-parse", "HEAD")


def edit(folder: Path, name: str = "metrics.py") -> None:
    with open(folder / "pcrec_core" / name, "a") as file:
        file.write("# edited\n")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean repository with a copy of the package."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    shutil.copytree(
        TESTS.parents[1] / "pcrec_core",
        tmp_path / "pcrec_core",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (tmp_path / ".gitignore").write_text("__pycache__/\ndata/\nignored/\n")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def there(repository: Path, function: Callable[[Path], Any], package: Path | None = None) -> Any:
    """What ``function(repository)`` gives in a process that imports the copy, or that below ``package``."""
    where = os.pathsep.join([str(package or repository), str(TESTS)])
    done = subprocess.run(
        [sys.executable, "-c", CALL, function.__name__, str(repository)],
        capture_output=True,
        text=True,
        cwd=package or repository,
        env=os.environ | {"PYTHONPATH": where},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def asks(folder: Path) -> dict[str, Any]:
    from pcrec_core import provenance

    assert Path(provenance.__file__).is_relative_to(folder)
    return provenance.provenance()


# --- the commit, its cleanness and the digest


def test_clean_means_no_tracked_change_and_no_source_that_the_commit_lacks(repository):
    first = there(repository, asks)
    assert first["commit"] == git(repository, "rev-parse", "HEAD") and first["clean"] is True
    assert (
        first["python"] == sys.version.split()[0] and {"numpy", "torch"} <= first["versions"].keys()
    )
    (repository / "new").write_text("untracked")
    assert there(repository, asks) == first
    (repository / "pcrec_core" / "new.py").write_text("# a source that no commit holds")
    asked = there(repository, asks)
    assert (asked["commit"], asked["clean"]) == (first["commit"], False) and asked["code"] != first[
        "code"
    ]
    (repository / "pcrec_core" / "new.py").unlink()
    (repository / "file").write_text("2")
    assert there(repository, asks) == first | {"clean": False}


def test_the_digest_is_that_of_the_sources_of_the_commit(repository):
    asked = there(repository, asks)
    paths = sorted(git(repository / "pcrec_core", "ls-files", "*.py").splitlines())
    lines = [
        f"{hashlib.sha256((repository / 'pcrec_core' / path).read_bytes()).hexdigest()}  {path}\n"
        for path in paths
    ]
    assert (
        asked["code"] == hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
        and "analysis/claims/decide.py" in paths
    )
    edit(repository, "analysis/claims/decide.py")
    edited = there(repository, asks)
    assert (edited["commit"], edited["clean"]) == (asked["commit"], False) and edited[
        "code"
    ] != asked["code"]
    git(repository, "checkout", "-q", ".")
    git(repository, "mv", "pcrec_core/reporting/cost_tables.py", "pcrec_core/price.py")
    assert there(repository, asks)["code"] not in (asked["code"], edited["code"])


def test_where_git_does_not_know_the_sources_no_commit_is_named(repository):
    asked = there(repository, asks)
    shutil.copytree(
        repository / "pcrec_core", repository / "ignored" / "pcrec_core"
    )  # like site-packages in a repository
    assert there(repository, asks, repository / "ignored") == asked | {
        "commit": None,
        "clean": False,
    }
    shutil.rmtree(repository / ".git")
    assert there(repository, asks) == asked | {"commit": None, "clean": False}
    git(repository, "init", "-q")
    assert there(repository, asks) == asked | {"commit": None, "clean": False}


# --- what happens while a process runs


def asks_meanwhile(folder: Path) -> dict[str, Any]:
    told = {"first": asks(folder)}
    edit(folder)
    told["edited"] = asks(folder)
    commit(folder)
    told["committed"] = asks(folder)
    streams = importlib.import_module("pcrec_core.training.random_streams")
    told["imported"] = asks(folder)
    git(folder, "checkout", "-q", "HEAD~1", "--", ".")
    told["restored"] = asks(folder)
    edit(folder)
    importlib.reload(streams)
    told["reloaded"] = asks(folder)
    shutil.rmtree(folder / "pcrec_core")
    told["deleted"] = asks(folder)
    return told


def test_an_edit_or_a_commit_is_not_of_the_code_in_memory_until_something_is_imported(repository):
    told = there(repository, asks_meanwhile)
    first = told.pop("first")
    assert first["clean"] is True and first["commit"] == git(repository, "rev-parse", "HEAD~1")
    clean = {name: asked == first for name, asked in told.items()}
    assert clean == {
        "edited": True,
        "committed": True,
        "imported": False,
        "restored": True,
        "reloaded": False,
        "deleted": False,
    }
    assert all(asked == first | {"clean": asked["clean"]} for asked in told.values())


def asks_late(folder: Path) -> dict[str, Any]:
    import pcrec_core.training.random_streams  # noqa: F401

    edit(folder)
    commit(folder)
    return asks(folder)


def test_no_commit_is_named_where_the_sources_had_changed_before_git_was_asked(repository):
    before = there(repository, asks)
    assert there(repository, asks_late) == before | {"commit": None, "clean": False}


def trains(folder: Path) -> list[dict[str, Any]]:
    from pcrec_core.specs.derived import Trivial
    from pcrec_core.specs.run import Data
    from pcrec_core.study import defaults
    from pcrec_core.study import run as study
    from pcrec_core.study.records import Store

    store, split_for = Store(folder / "data" / "records"), train.split_for

    def made(seed: int) -> dict[str, Any]:
        return study.run(
            [defaults.base("synthetic", "bpr", seed=seed, epochs=1, d=4)], store=store
        )[0].run

    told = [made(0)]
    edit(folder, "models/baselines.py")
    commit(folder)
    told.append(made(1))
    train.split_for = lambda spec: (
        importlib.import_module("pcrec_core.models.baselines") and split_for(spec)
    )  # in the run
    told.append(made(2))
    told.append(study.run([Trivial(Data("synthetic"), "recency")], store=store)[0].run)
    return told


def test_a_commit_in_a_queue_is_not_recorded_and_what_was_imported_after_it_is_not_clean(
    repository,
):
    before, code = git(repository, "rev-parse", "HEAD"), there(repository, asks)["code"]
    told = there(repository, trains)
    assert (
        [run["commit"] for run in told]
        == [before] * 4
        != [git(repository, "rev-parse", "HEAD")] * 4
    )
    assert [run["clean"] for run in told] == [True, True, False, False]
    assert {run["code"] for run in told} == {code}


# --- a worker of other code


def asks_workers(folder: Path) -> list[Any]:
    from pcrec_core import provenance
    from pcrec_core.errors import TrainingError
    from pcrec_core.study import defaults
    from pcrec_core.study import run as study
    from pcrec_core.study.executors import Processes
    from pcrec_core.study.records import Store

    store, run = (
        Store(folder / "data" / "records"),
        defaults.base("synthetic", "bpr", epochs=1, d=4),
    )
    edit(folder)  # a worker begins after it
    with Processes(1) as processes:
        worker = processes.submit(os.getpid).result()
        with pytest.raises(TrainingError) as refused:
            study.run([run], processes, store=store)
    return [provenance.CODE, worker, str(refused.value), len(list(store.all()))]


def test_a_worker_of_other_code_is_refused_by_name(repository):
    code, worker, said, stored = there(repository, asks_workers)
    found = re.fullmatch(
        rf"the worker {re.escape(socket.gethostname())}, process {worker}, imported other code \(digest (\w+)\)"
        rf" than the command \(digest {code}\); start both again from the same code\.",
        said,
    )
    assert found and found[1] == there(repository, asks)["code"] != code and stored == 0
