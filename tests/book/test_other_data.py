"""Every notebook of an artifact runs on other data by its parameters alone, and trains there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import nbformat
import papermill
import pytest

from book.build import AT_A_TIME, CLIENT
from pcrec_core.paths import ROOT


def parameters(path: Path) -> set[str]:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return {statement.target.id for statement in ast.parse(cells[0].source).body}


NOTEBOOKS = [
    path
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    if {"records", "epochs"} <= parameters(path)
]

#: Parameters of a quick run.
GIVEN = {
    "dataset": "synthetic",
    "datasets": ["synthetic"],
    "models": ["dnn", "sasrec"],
    "epochs": 2,
    "seeds": [5, 6],
    "device": "cpu",
    "alphas": [0.0, 40.0],
    "shares": [30],
}


def execute(path: Path, folder: Path) -> str:
    """Execute a notebook with its records below ``folder``, and return its text."""
    given = {name: value for name, value in GIVEN.items() if name in parameters(path)} | {
        "records": str(folder / "records")
    }
    papermill.execute_notebook(
        path, folder / "out.ipynb", given, progress_bar=False, cwd=folder, **CLIENT
    )
    return (folder / "out.ipynb").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Iterator[dict[Path, tuple[Path, Future]]]:
    folders = {path: tmp_path_factory.mktemp(path.stem) for path in NOTEBOOKS}
    with ProcessPoolExecutor(AT_A_TIME) as pool:
        yield {
            path: (folder, pool.submit(execute, path, folder)) for path, folder in folders.items()
        }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_another_data_set(path, runs):
    folder, run = runs[path]
    text = run.result()
    # the new records lie where the parameters put them
    assert list((folder / "records" / "synthetic").glob("*-s5-*.json"))
    assert "synthetic" in text
    assert "Traceback" not in text
