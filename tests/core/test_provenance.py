"""The code that a record names is the code that made it, whatever happens to the tree meanwhile.

Each case is a process of its own, which imports a copy of the package in a repository of its own
and calls a function of this file.
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
CALL = """
import json, pathlib, sys, test_provenance
print(json.dumps(getattr(test_provenance, sys.argv[1])(pathlib.Path(sys.argv[2]))))
"""


def git(folder: Path, *words: str) -> str:
    author = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    command = ["git", "-C", str(folder), *author, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "m")
    return git(folder, "rev-parse", "HEAD")


def edit(folder: Path, name: str = "metrics.py") -> None:
    with (folder / "pcrec_core" / name).open("a") as file:
        file.write("# edited\n")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a clean repository with a copy of the package."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    package, ignored = TESTS.parents[1] / "pcrec_core", shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, tmp_path / "pcrec_core", ignore=ignored)
    (tmp_path / ".gitignore").write_text("__pycache__/\ndata/\nignored/\n")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def run_copy(repository: Path, function: Callable[[Path], Any], package: Path | None = None) -> Any:
    """Call ``function(repository)`` in a process that imports a copy, by default its own."""
    folder = package or repository
    done = subprocess.run(
        [sys.executable, "-c", CALL, function.__name__, str(repository)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(TESTS)])},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_provenance(folder: Path) -> dict[str, Any]:
    from pcrec_core import provenance

    assert Path(provenance.__file__).is_relative_to(folder)
    return provenance.provenance()


# --- the commit, its cleanness and the digest


def test_clean_means_no_tracked_change_and_no_source_that_the_commit_lacks(repository):
    first = run_copy(repository, read_provenance)
    assert first["commit"] == git(repository, "rev-parse", "HEAD") and first["clean"] is True
    assert first["python"] == sys.version.split()[0]
    assert {"numpy", "torch"} <= first["versions"].keys()
    (repository / "new").write_text("untracked")
    assert run_copy(repository, read_provenance) == first
    (repository / "pcrec_core" / "new.py").write_text("# a source that no commit holds")
    found = run_copy(repository, read_provenance)
    assert (found["commit"], found["clean"]) == (first["commit"], False)
    assert found["code"] != first["code"]
    (repository / "pcrec_core" / "new.py").unlink()
    (repository / "file").write_text("2")
    assert run_copy(repository, read_provenance) == first | {"clean": False}


def test_the_digest_is_that_of_the_sources_of_the_commit(repository):
    first = run_copy(repository, read_provenance)
    package, decide = repository / "pcrec_core", "analysis/claims/decide.py"
    paths = sorted(git(package, "ls-files", "*.py").splitlines())
    digests = [hashlib.sha256((package / path).read_bytes()).hexdigest() for path in paths]
    lines = "".join(f"{digest}  {path}\n" for digest, path in zip(digests, paths, strict=True))
    assert first["code"] == hashlib.sha256(lines.encode()).hexdigest()[:16] and decide in paths
    edit(repository, decide)
    edited = run_copy(repository, read_provenance)
    assert (edited["commit"], edited["clean"]) == (first["commit"], False)
    assert edited["code"] != first["code"]
    git(repository, "checkout", "-q", ".")
    git(repository, "mv", "pcrec_core/reporting/cost_tables.py", "pcrec_core/price.py")
    assert run_copy(repository, read_provenance)["code"] not in (first["code"], edited["code"])


def test_where_git_does_not_know_the_sources_no_commit_is_named(repository):
    unknown = run_copy(repository, read_provenance) | {"commit": None, "clean": False}
    # A copy that git ignores, like site-packages in a repository.
    ignored = repository / "ignored"
    shutil.copytree(repository / "pcrec_core", ignored / "pcrec_core")
    assert run_copy(repository, read_provenance, ignored) == unknown
    shutil.rmtree(repository / ".git")
    assert run_copy(repository, read_provenance) == unknown
    git(repository, "init", "-q")
    assert run_copy(repository, read_provenance) == unknown


# --- changes while a process runs


def read_after_each_change(folder: Path) -> dict[str, Any]:
    found = {"first": read_provenance(folder)}
    edit(folder)
    found["edited"] = read_provenance(folder)
    commit(folder)
    found["committed"] = read_provenance(folder)
    streams = importlib.import_module("pcrec_core.training.random_streams")
    found["imported"] = read_provenance(folder)
    git(folder, "checkout", "-q", "HEAD~1", "--", ".")
    found["restored"] = read_provenance(folder)
    edit(folder)
    importlib.reload(streams)
    found["reloaded"] = read_provenance(folder)
    shutil.rmtree(folder / "pcrec_core")
    found["deleted"] = read_provenance(folder)
    return found


def test_an_edit_or_a_commit_is_not_of_the_code_in_memory_until_something_is_imported(repository):
    found = run_copy(repository, read_after_each_change)
    first = found.pop("first")
    assert first["clean"] is True and first["commit"] == git(repository, "rev-parse", "HEAD~1")
    clean = {name for name, changed in found.items() if changed == first}
    assert clean == {"edited", "committed", "restored"}
    assert found.keys() - clean == {"imported", "reloaded", "deleted"}
    assert all(found[name] == first | {"clean": False} for name in found.keys() - clean)


def read_first_after_a_commit(folder: Path) -> dict[str, Any]:
    import pcrec_core.training.random_streams  # noqa: F401

    edit(folder)
    commit(folder)
    return read_provenance(folder)


def test_no_commit_is_named_where_the_sources_had_changed_before_git_was_asked(repository):
    unknown = run_copy(repository, read_provenance) | {"commit": None, "clean": False}
    assert run_copy(repository, read_first_after_a_commit) == unknown


def train_across_a_commit(folder: Path) -> list[dict[str, Any]]:
    from pcrec_core.specs.run import Data
    from pcrec_core.specs.trivial import Trivial
    from pcrec_core.study import defaults
    from pcrec_core.study import run as study
    from pcrec_core.study.records import Store

    store, split_for = Store(folder / "data" / "records"), train.split_for

    def provenance_of(spec: Any) -> dict[str, Any]:
        return study.run([spec], store=store)[0].run

    def run_spec(seed: int) -> Any:
        return defaults.base("synthetic", "bpr", seed=seed, epochs=1, d=4)

    def import_and_split(spec: Any) -> Any:
        importlib.import_module("pcrec_core.study.cli_try")
        return split_for(spec)

    found = [provenance_of(run_spec(0))]
    edit(folder, "study/cli_try.py")
    commit(folder)
    found.append(provenance_of(run_spec(1)))
    train.split_for = import_and_split  # a run that imports the edited module
    found.append(provenance_of(run_spec(2)))
    return [*found, provenance_of(Trivial(Data("synthetic"), "recency"))]


def test_a_commit_in_a_queue_is_not_recorded_and_a_later_import_is_not_clean(repository):
    before, code = (
        git(repository, "rev-parse", "HEAD"),
        run_copy(repository, read_provenance)["code"],
    )
    found = run_copy(repository, train_across_a_commit)
    assert git(repository, "rev-parse", "HEAD") != before
    assert [run["commit"] for run in found] == [before] * 4
    assert [run["clean"] for run in found] == [True, True, False, False]
    assert {run["code"] for run in found} == {code}


# --- a worker of other code


def run_with_other_worker(folder: Path) -> list[Any]:
    from pcrec_core import provenance
    from pcrec_core.errors import TrainingError
    from pcrec_core.study import defaults
    from pcrec_core.study import run as study
    from pcrec_core.study.executors import Processes
    from pcrec_core.study.records import Store

    store = Store(folder / "data" / "records")
    edit(folder)  # before the worker starts
    with Processes(1) as processes:
        worker = processes.submit(os.getpid).result()
        with pytest.raises(TrainingError) as refused:
            study.run([defaults.base("synthetic", "bpr", epochs=1, d=4)], processes, store=store)
    return [provenance.CODE, worker, str(refused.value), len(list(store.all()))]


def test_a_worker_of_other_code_is_refused_by_name(repository):
    code, worker, message, stored = run_copy(repository, run_with_other_worker)
    match = re.fullmatch(
        rf"the worker {re.escape(socket.gethostname())}, process {worker}, imported other code"
        rf" \(digest (\w+)\) than the command \(digest {code}\); start both again from the same"
        r" code\.",
        message,
    )
    assert match and stored == 0
    assert match[1] == run_copy(repository, read_provenance)["code"] != code
