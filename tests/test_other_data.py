"""Every notebook of an artifact runs by parameters alone on other data, trained then and there."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import papermill
import pytest

from book.build import CLIENT
from pcrec_core.paths import ROOT


def parameters(path: Path) -> set[str]:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return {statement.target.id for statement in ast.parse(cells[0].source).body}


FOUND = sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "book" / "drafts").glob("*.ipynb")])
NOTEBOOKS = [path for path in FOUND if {"records", "epochs"} <= parameters(path)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_another_data_set(path, tmp_path):
    given = {"dataset": "synthetic", "datasets": ["synthetic"], "epochs": 2, "seeds": [0], "device": "cpu",
             "alphas": [0.0, 30.0], "shares": [0, 30], "records": str(tmp_path / "records")}
    given = {name: value for name, value in given.items() if name in parameters(path)}
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(path, out, given, progress_bar=False, cwd=tmp_path, **CLIENT)
    assert list((tmp_path / "records" / "synthetic").glob("*-s0-*.json"))  # what was trained lies where it was asked for
    text = out.read_text(encoding="utf-8")
    assert "synthetic" in text and "Traceback" not in text
