"""Frames and CSV files have snake_case columns; readers see headings."""

from __future__ import annotations

import csv
import re
from urllib.parse import unquote

import nbformat
import pytest

from pcrec_core.datasets import SOURCES
from pcrec_core.metrics import METRICS
from pcrec_core.paths import ROOT
from pcrec_core.reporting.headings import HEADINGS, heading

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: A column may also be named after what it is of: a data set, a metric, an alpha.
NAMES = {*SOURCES, *METRICS, *(f"{alpha}.0" for alpha in range(10, 60, 10))}
LINK = re.compile(r'href="data:text/csv;charset=utf-8,([^"]*)"')


def columns_of(path) -> set[str]:
    outputs = [
        output.data["text/html"]
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    heads = [unquote(link).partition("\n")[0] for html in outputs for link in LINK.findall(html)]
    return {name for row in csv.reader(heads) for name in row}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_column_that_a_page_offers_is_snake_case(path):
    columns = columns_of(path) - NAMES
    assert len(columns) >= 4
    assert [name for name in columns if not re.fullmatch(r"[a-z][a-z0-9_.]*", name)] == []


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("dataset", "data set"),
        ("delta_relative_improvement", "ΔRI"),
        ("users_only", "users only"),
        ("under_0.50", "under 0.50"),
        ("MRR@5", "MRR@5"),
    ],
)
def test_a_heading_is_the_columns_own_or_its_name_with_spaces(column, expected):
    assert heading(column) == expected


def test_no_heading_is_what_its_columns_name_gives_anyway():
    assert [name for name, own in HEADINGS.items() if own == name.replace("_", " ")] == []
