"""The rules of every committed notebook.

Whether its outputs are those of the records is tested by nbval.
"""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nbformat
import pandas as pd
import pytest
from nbformat import NotebookNode
from sphinx_external_toc.parsing import parse_toc_yaml

from book.build import clean
from book.check import weak_alt
from pcrec_core.paths import ROOT
from pcrec_core.reporting.notebook import check_parameters

PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TYPES = {"str", "int", "float", "bool", "list[str]", "list[int]", "list[float]"}


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def notebook(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_notebooks_are_found_and_each_is_a_page_of_the_book() -> None:
    pages = {
        page.removesuffix(".ipynb")
        for page in parse_toc_yaml(ROOT / "_toc.yml")
        if page.startswith("notebooks/")
    }
    assert len(PATHS) > 0
    assert pages == {f"notebooks/{path.stem}" for path in PATHS}


def test_every_code_cell_was_executed_in_order_without_an_error_or_a_warning(
    code: list[NotebookNode],
) -> None:
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = [(output.output_type, output.get("name")) for cell in code for output in cell.outputs]
    assert not [kind for kind in kinds if kind[0] == "error" or kind[1] == "stderr"]


def test_the_file_is_as_make_notebooks_writes_it(path: Path, notebook: NotebookNode) -> None:
    assert notebook.metadata.kernelspec.name == "python3"
    assert nbformat.writes(clean(notebook)) == path.read_text(encoding="utf-8").removesuffix("\n")


def test_the_first_code_cell_holds_annotated_literals_of_their_types(
    code: list[NotebookNode],
) -> None:
    assert code[0].metadata.tags == ["parameters"]
    lines = code[0].source.splitlines()
    assert [line for line in lines if not re.search(r"\S  # \S", line)] == []
    statements = ast.parse(code[0].source).body
    assert len(statements) == len(lines)
    for statement in statements:
        assert isinstance(statement, ast.AnnAssign)
        assert isinstance(statement.target, ast.Name)
        assert ast.unparse(statement.annotation) in TYPES
        ast.literal_eval(statement.value)
    namespace: dict[str, Any] = {}
    # not inherited: the annotations of this file are strings
    exec(compile(code[0].source, "parameters", "exec", dont_inherit=True), namespace)
    check_parameters(namespace)


def test_the_second_code_cell_checks_the_parameters_before_anything_else(
    code: list[NotebookNode],
) -> None:
    body = ast.parse(code[1].source).body
    first = next(node for node in body if not isinstance(node, ast.Import | ast.ImportFrom))
    calls = {ast.unparse(node) for node in ast.walk(first) if isinstance(node, ast.Call)}
    assert calls & {"check_parameters(globals())", "page.Study.from_parameters(globals())"}


def test_no_function_and_no_class_is_defined(code: list[NotebookNode]) -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [
        node.lineno
        for cell in code
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, kinds)
    ] == []


def test_every_figure_has_a_text_that_describes_it(code: list[NotebookNode]) -> None:
    figures = [
        c
        for c in code
        for o in c.outputs
        if any(kind.startswith("image/") for kind in o.get("data", {}))
    ]
    texts = [cell.metadata.get("mystnb", {}).get("image", {}).get("alt") for cell in figures]
    assert [text for text in texts if weak_alt(text)] == []


def downloads(path: Path) -> dict[str, pd.DataFrame]:
    """The tables that a notebook offers as CSV files, by name."""
    cells = nbformat.read(path, as_version=4).cells
    markup = "".join(
        o.get("data", {}).get("text/html", "") for c in cells for o in c.get("outputs", [])
    )
    found = re.findall(
        r'download="([^"]+)[.]csv" href="data:text/csv;charset=utf-8,([^"]*)"', markup
    )
    return {name: pd.read_csv(io.StringIO(unquote(text))) for name, text in found}


@pytest.mark.parametrize("name", ["table3", "table4", "table5", "fig1", "fig4", "fig5", "controls"])
def test_a_page_and_the_verdict_compare_the_same_runs(name: str) -> None:
    """One comparison has one improvement, with one interval, on every page."""
    keys, numbers = (
        ["dataset", "model", "comparison"],
        ["relative_improvement", "low", "high", "runs_variant", "runs_base"],
    )
    claims = downloads(ROOT / "notebooks" / "verdict.ipynb")["verdict-claims"]
    claims = claims.assign(comparison=claims["a"] + " over " + claims["b"])[keys + numbers]
    frame = downloads(ROOT / "notebooks" / f"{name}.ipynb")[f"{name}-comparisons"]
    claims = claims.dropna(subset=numbers)  # a compound claim has no numbers of its own
    both = frame[frame["metric"] == "MRR@5"].merge(claims, on=keys, suffixes=("", "_of_claim"))
    assert len(both) > 2
    ours, theirs = both[numbers], both[[f"{one}_of_claim" for one in numbers]]
    assert ours.to_numpy().tolist() == theirs.to_numpy().tolist()
