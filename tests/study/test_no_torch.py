"""Reading needs no torch (DESIGN.md, Promises): each case is a process of its own in which torch cannot be imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pcrec_core.paths import ROOT
from pcrec_core.study import defaults
from pcrec_core.study.records import Store, run_record

ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("there is no torch here")

sys.meta_path.insert(0, Absent())
"""
RUN = defaults.pcrec("ml-100k", "sasrec")
RESULT = {
    "test": {"HIT@5": 0.25, "MRR@5": 0.125, "NDCG@20": 0.5},
    "ranks": "1 9 2 30",
    "repeated": "0100",
    "data": {"fingerprint": "ab", "users": 4, "items": 30},
    "chosen": {"epoch": 7, "peer": 0, "merged": True, "valid": {"NDCG@20": 0.0625}},
}
MADE = {
    "seconds": {"train": 12.4},
    "device": "cpu",
    "threads": 1,
    "commit": "c" * 40,
    "clean": True,
}

DECIDING = [
    "analysis.claims.paper_uncertainty",
    "analysis.claims.outcomes",
    "analysis.welch",
    "analysis.paired_runs",
    "analysis.robustness",
    "analysis.strata",
    "analysis.selection_bias",
]
#: What opens a record and decides a claim needs numpy and scipy, and nothing to draw, download or tabulate with.
LIGHT = [
    "errors",
    "paths",
    "metrics",
    "specs.run",
    "study.records",
    "analysis.crossed_t",
    *DECIDING,
]
READERS = [
    *LIGHT,
    "study.defaults",
    "study.run",
    "datasets",
    "datasets.statistics",
    "analysis.paper",
    "analysis.claims.registry",
    "analysis.claims.decide",
    "analysis.claims.table",
    "analysis.claims.evidence",
    "specs.derived",
    "specs.protocol",
    "study.variants",
    "study.plans",
    "study.replicates",
    "study.executors",
    "study.cli",
    "training.environment",
    "reporting.notebook",
    "reporting.tables",
    "reporting.figures",
    "reporting.cost_tables",
    "__main__",
]
HEAVY = {"torch", "matplotlib", "seaborn", "safetensors", "pooch", "pandas", "pyarrow"}


def python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.put(run_record(RUN, RESULT, MADE))
    return store


def test_the_hook_hides_torch():
    code = ABSENT + "try:\n    import torch\nexcept ImportError as error:\n    print(error)"
    assert python(code) == "there is no torch here\n"


def test_every_reading_module_imports_without_torch():
    imported = "import importlib\nfor name in sys.argv[1:]: print(importlib.import_module('pcrec_core.' + name).__name__)"
    assert python(ABSENT + imported, *READERS).split() == [f"pcrec_core.{name}" for name in READERS]


def test_a_record_is_read_and_computed_with_without_torch(store):
    code = (
        ABSENT
        + """
from pcrec_core.analysis import crossed_t
from pcrec_core.study import defaults, records
from pcrec_core.study import run as study
store = records.Store(records.Path(sys.argv[1]))
[record] = study.run([defaults.pcrec("ml-100k", "sasrec")], store=store)
print(record.spec.name, record.ranks.tolist(), record.repeated.tolist(), crossed_t.mean_interval([record.ranks], "HIT@5").mean)
"""
    )
    found = python(code, str(store.folder))
    assert found == f"{RUN.name} [1, 9, 2, 30] [False, True, False, False] 0.5\n"


@pytest.mark.parametrize(
    "words",
    [
        ["show", RUN.identity],
        [
            "train",
            "--dataset",
            "ml-100k",
            "--model",
            "sasrec",
            "--peers",
            "2",
            "--cooperation",
            "layerwise",
        ],
    ],
)
def test_show_prints_a_record_and_train_reads_one_without_torch(store, words):
    code = ABSENT + "from pcrec_core.study.cli import main\nsys.exit(main(sys.argv[1:]))"
    lines = python(code, *words, "--records", str(store.folder)).splitlines()
    assert f"record    {store.path(RUN.name)}" in lines and f"name      {RUN.name}" in lines
    assert [line.split() for line in lines if "@" in line.split()[0]] == [
        ["HIT@5", "0.2500"],
        ["MRR@5", "0.1250"],
        ["NDCG@20", "0.5000"],
    ]


def loaded(names: list[str]) -> set[str]:
    code = "import sys, importlib\nfor name in sys.argv[1:]: importlib.import_module('pcrec_core.' + name)\nprint(*sys.modules)"
    return set(python(code, *names).split())


def test_what_opens_a_record_imports_nothing_heavy():
    modules = loaded(LIGHT)
    assert (
        modules & HEAVY == set()
        and {"pcrec_core.study.records", "pcrec_core.analysis.crossed_t", "numpy"} <= modules
    )


def test_reading_imports_neither_torch_nor_what_draws_nor_what_trains():
    readers = [name for name in READERS if name != "reporting.figures"]
    modules = loaded(readers)
    assert (
        modules & {"torch", "matplotlib", "seaborn", "safetensors", "dask", "distributed"} == set()
    )
    assert {
        "pcrec_core.trainer",
        "pcrec_core.models",
        "pcrec_core.training.checkpoints",
    } & modules == set()
    assert {f"pcrec_core.{name}" for name in readers} <= modules


def test_the_book_is_built_from_stored_outputs_without_torch(tmp_path):
    (tmp_path / "torch.py").write_text(
        "raise ModuleNotFoundError('there is no torch here', name='torch')"
    )
    code = "import sys, pathlib\nfrom book.build import build\nbuild(pathlib.Path(sys.argv[1]), stored=True)"
    where = os.environ | {"PYTHONPATH": str(tmp_path)}  # jupyter-book is a process of its own
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "_build"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=where,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ranker" in (tmp_path / "_build" / "html" / "book" / "method.html").read_text(
        encoding="utf-8"
    )
