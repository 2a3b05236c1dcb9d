"""The list of faults names tests that there are, and torch unpickles nothing but weights."""

from __future__ import annotations

import ast
import csv
from functools import cache
from pathlib import Path

import pytest

from pcrec_core.paths import ROOT

with (ROOT / "tests" / "reliability.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


@cache
def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_of_a_hundred_cases_or_more_is_there_once():
    assert len(ROWS) == len({row["case"] for row in ROWS}) > 100


@pytest.mark.parametrize("test", sorted({row["test"].partition("[")[0] for row in ROWS}))
def test_the_test_of_a_case_exists(test):
    path, _, name = test.partition("::")
    assert name in functions(ROOT / path)


def test_torch_loads_with_weights_only():
    calls = [
        node
        for folder in ("pcrec_core", "book", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
    ]
    given = [{word.arg: ast.unparse(word.value) for word in call.keywords} for call in calls]
    assert given and all(words.get("weights_only") == "True" for words in given)
