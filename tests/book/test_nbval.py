"""When a digit of a record changes, nbval fails the notebook that reads it, and no other.

It is run as ``make test`` runs it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from records_support import means

from pcrec_core import paths
from pcrec_core.paths import ROOT
from pcrec_core.study import defaults
from pcrec_core.study.records import Store
from pcrec_core.training.environment import NO_TRAINING

#: table3 reads it, table1 does not.
READ = defaults.base("ml-100k", "sasrec", seed=0).name
PARAMETER = 'records: str = ""'
#: The cell of table3 that reads the record.
READS = "study.runs("
#: The four cells of table3 whose outputs have all digits of a computed value, or a hash.
SHOWS = ("tables.show_values(", "tables.show_comparisons(", "page.sources(")

#: The failure that nbval reports for each code cell of a notebook; None where the cell passes.
Failures = list[str | None]


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Failures]:
    """Failures of notebooks beside changed copies of the committed records, by copy/notebook."""
    root = tmp_path_factory.mktemp("nbval")
    for copy, change in {
        "unchanged": None,
        "changed": change_a_digit,
        "hashed": change_a_digit_and_the_hash,
    }.items():
        shutil.copytree(paths.records(), root / copy / "records")
        if change:
            change(Store(root / copy / "records"))
    return nbval(root, ["unchanged/table3", "changed/table3", "changed/table1", "hashed/table3"])


def with_a_digit_changed(ranks: str) -> str:
    """Change the first rank of 1 to 2: the run's MRR@5 loses 0.5 / 943."""
    return re.sub(r"\b1\b", "2", ranks, count=1)


def change_a_digit(store: Store) -> None:
    """Change one character of the file, as an editor would."""
    before = store.get(READ).result["ranks"]
    path = store.path(READ)
    path.write_text(path.read_text().replace(before, with_a_digit_changed(before)))


def change_a_digit_and_the_hash(store: Store) -> None:
    record = store.get(READ)
    record.result["ranks"] = with_a_digit_changed(record.result["ranks"])
    record.result["test"] = means(record.result["ranks"])
    store.put(record)


def nbval(root: Path, names: list[str]) -> dict[str, Failures]:
    """Run notebooks in one call of nbval, each on the records beside its copy in ``root``."""
    notebooks, report = [redirected(root / f"{name}.ipynb") for name in names], root / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-p",
        "no:cacheprovider",
        "--color=no",
        "-c",
        ROOT / "pyproject.toml",
        "--rootdir",
        root,
        "--junitxml",
        report,
        *notebooks,
    ]
    done = subprocess.run(
        command, env=os.environ | {NO_TRAINING: "1"}, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 0: all pass; 1: some fail
    cells = defaultdict(list)
    for case in ElementTree.parse(report).iter("testcase"):
        cells[case.attrib["classname"]].append(case.findtext("failure"))
    return {name: cells[f"{name.replace('/', '.')}.ipynb"] for name in names}


def redirected(copy: Path) -> Path:
    """Copy a committed notebook, with its outputs, and let it read the records beside the copy."""
    notebook = nbformat.read(committed(copy.name), as_version=4)
    parameters = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert PARAMETER in parameters.source
    parameters.source = parameters.source.replace(
        PARAMETER, f"records: str = {str(copy.parent / 'records')!r}"
    )
    nbformat.write(notebook, copy)
    return copy


def committed(name: str) -> Path:
    return ROOT / "notebooks" / name


def by_source(name: str, failures: Failures) -> dict[str, str | None]:
    """Return the failures by the source of the cell; every code cell has an entry."""
    cells = nbformat.read(committed(f"{name}.ipynb"), as_version=4).cells
    return dict(
        zip([cell.source for cell in cells if cell.cell_type == "code"], failures, strict=True)
    )


def test_with_the_committed_records_every_output_is_the_stored_one(failures):
    failed = [text for text in by_source("table3", failures["unchanged/table3"]).values() if text]
    assert failed == [], "run make notebooks"


def test_a_changed_digit_stops_the_notebook_where_it_reads_the_record(failures):
    cells = by_source("table3", failures["changed/table3"])
    [refused] = [text for source, text in cells.items() if READS in source]
    assert f"{READ}.json was changed: its result does not match its hash" in refused
    shown = [text for source, text in cells.items() if any(call in source for call in SHOWS)]
    assert len(shown) == 4 and all(shown)


def test_a_changed_digit_with_a_corrected_hash_shows_in_every_output_that_has_it(failures):
    cells = by_source("table3", failures["hashed/table3"])
    assert [text for source, text in cells.items() if READS in source] == [None]
    shown = [text for source, text in cells.items() if any(call in source for call in SHOWS)]
    assert len(shown) == 4
    assert all("Cell outputs differ" in text for text in shown)


def test_a_notebook_that_does_not_read_the_record_still_passes(failures):
    assert set(by_source("table1", failures["changed/table1"]).values()) == {None}
