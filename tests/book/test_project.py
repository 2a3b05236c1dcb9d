"""The project's own files: workflows, hooks, guides and lists name only what exists."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from pcrec_core.paths import ROOT


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


MAKEFILE = text("Makefile")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
GUIDES = ("README.md", "CONTRIBUTING.md", *(f"book/{p.name}" for p in (ROOT / "book").glob("*.md")))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
#: Rows of the guide's table: what, file, name.
FOUND = re.findall(r"^\| [^|]+ \| `([^`|]+\.py)` \| `(\w+)` \|$", text("CONTRIBUTING.md"), re.M)


def stems(paths: list[Path]) -> list[str]:
    return [path.stem for path in paths]


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=stems(WORKFLOWS))
def test_a_workflow_calls_targets_of_the_makefile(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", True, "permissions", "jobs"} <= set(workflow)  # YAML reads `on` as true
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    called = [name for command in commands for name in re.findall(r"\bmake ([a-z-]+)", command)]
    assert called
    assert set(called) <= TARGETS


def test_the_workflows_test_publish_and_look_for_dead_links() -> None:
    assert stems(WORKFLOWS) == ["book", "links", "test"]
    versions = yaml.safe_load(text(".github/workflows/test.yml"))["jobs"]["quick"]["strategy"]
    named = re.search(r"^VERSIONS := (.*)$", MAKEFILE, re.M)
    assert named is not None
    assert versions["matrix"]["python"] == named[1].split() == ["3.11", "3.12", "3.13"]


def test_the_hooks_are_the_programs_that_make_lint_runs() -> None:
    [repository] = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    hooks = {tuple(hook["entry"].split()[:2]) for hook in repository["hooks"]}
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.M)
    assert repository["repo"] == "local"
    assert recipe is not None
    lines = [line.split() for line in recipe[1].replace("$(BIN)", ".venv/bin").splitlines()]
    assert {hook[0] for hook in hooks} == {words[0] for words in lines}
    assert {hook for hook in hooks if "ruff" in hook[0]} == {
        tuple(words[:2]) for words in lines if "ruff" in words[0]
    }


@pytest.mark.parametrize("path", TEMPLATES, ids=stems(TEMPLATES))
def test_an_issue_template_asks_something(path: Path) -> None:
    template = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert template == {"blank_issues_enabled": True}
        return
    assert template["name"]
    assert template["description"]
    assert any(field.get("validations", {}).get("required") for field in template["body"])


def test_help_lists_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^make ([a-z-]+) +\S", done.stdout, re.M)) == TARGETS


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_names_targets_files_and_modules_that_exist(guide: str) -> None:
    page = text(guide)
    targets = re.findall(r"(?:^ {4}|`)make ([a-z-]+)", page, re.M)
    files = re.findall(r"`((?:\w+/)+[\w.-]*)`", page)
    modules = re.findall(r"(?:`|import |from |:: )(pcrec_core(?:\.[A-Za-z_0-9]+)+)", page)
    assert [name for name in targets if name not in TARGETS] == []
    assert [name for name in files if not ((ROOT / name).exists() or ignored(name))] == []
    assert [name for name in modules if not importable(name)] == []


def ignored(name: str) -> bool:
    """Return whether git ignores a path: it is made, not committed."""
    asked = subprocess.run(["git", "check-ignore", "-q", f"{name.rstrip('/')}/"], cwd=ROOT)
    return asked.returncode == 0


def importable(name: str) -> bool:
    """Return whether a dotted name is a module or package, or a name that its module has."""
    path = ROOT / name.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    package = path.parent / "__init__.py"
    module = package if package.is_file() else path.parent.with_suffix(".py")
    return module.is_file() and (defines(module, path.name) or imports(module, path.name))


def defines(module: Path, name: str) -> bool:
    source = module.read_text(encoding="utf-8")
    return bool(re.search(rf"^(?:def |class )?{name}(?:\b.*=|\(|:)", source, re.M))


def imports(module: Path, name: str) -> bool:
    nodes = ast.parse(module.read_text(encoding="utf-8")).body
    return any(
        name == each.name for n in nodes if isinstance(n, ast.ImportFrom) for each in n.names
    )


def test_the_guide_has_ten_things_and_more() -> None:
    assert len(FOUND) > 10


@pytest.mark.parametrize(("file", "name"), FOUND, ids=[name for _, name in FOUND])
def test_what_the_guide_finds_is_there(file: str, name: str) -> None:
    assert defines(ROOT / file, name)


def test_every_dependency_is_pinned_in_the_lock() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    # What a callback for another stack needs is no part of the study's environment.
    extras = {k: v for k, v in project["optional-dependencies"].items() if k != "lightning"}
    wanted = chain(project["dependencies"], *extras.values())
    pins = {plain(line) for line in text("requirements.txt").splitlines() if "==" in line}
    assert {plain(name) for name in wanted} <= pins


def plain(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


def test_the_slow_tests_are_tests() -> None:
    marks = runpy.run_path(str(ROOT / "conftest.py"))
    named = set(marks["SLOW_FILES"]) | set(marks["QUICK_PAGES"])
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).is_file()] == []
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    assert [name for name in marks["SLOW_TESTS"] if f"def {name}(" not in tests] == []
