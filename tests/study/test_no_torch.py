"""Reading needs no torch: each case is a process in which torch cannot be imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from records_support import record_with

from pcrec_core.metrics import METRICS
from pcrec_core.paths import ROOT
from pcrec_core.study import defaults
from pcrec_core.study.records import Store

ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("there is no torch here")

sys.meta_path.insert(0, Absent())
"""
IMPORT = """
import importlib, sys
for name in sys.argv[1:]: found = importlib.import_module("pcrec_core." + name);"""
RUN = defaults.pcrec("ml-100k", "sasrec")
RESULT = {
    "ranks": "1 9 2 30",
    "repeated": "0100",
    "data": {"fingerprint": "ab", "users": 4, "items": 30},
    "chosen": {"epoch": 7, "peer": 0, "merged": True, "valid": {"NDCG@20": 0.0625}},
}
MADE = {"device": "cpu", "threads": 1, "commit": "c" * 40, "clean": True}
MADE |= {"seconds": {"train": 12.4}}


def names(text: str) -> list[str]:
    return text.split()


#: What opens a record and decides a claim needs numpy and scipy, but nothing that draws, downloads
#: or tabulates.
LIGHT = names("""
errors paths metrics specs.run study.records analysis.crossed_t
analysis.claims.paper_uncertainty analysis.claims.outcomes analysis.welch analysis.paired_runs
analysis.alternative_tests analysis.strata analysis.selection_bias
""")
READERS = [
    *LIGHT,
    *names("""
    study.defaults study.run datasets datasets.statistics analysis.paper analysis.claims.decide
    analysis.claims.registry
    analysis.claims.table analysis.claims.evidence specs.derived specs.protocol study.variants
    study.plans study.replicates study.executors study.cli training.environment reporting.notebook
    reporting.tables reporting.figures reporting.cost_tables __main__
    """),
]
HEAVY = {"torch", "matplotlib", "seaborn", "safetensors", "pooch", "pandas", "pyarrow"}


def python(code: str, *arguments: str, options: tuple[str, ...] = ("-W", "error"), **extra) -> str:
    """Run code in a process of its own, and return its output."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        **extra,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def store(store: Store) -> Store:
    """A store that has the record of ``RUN``."""
    store.put(record_with(RUN, RESULT, MADE))
    return store


def test_the_hook_hides_torch():
    code = ABSENT + "try:\n    import torch\nexcept ImportError as error:\n    print(error)"
    assert python(code) == "there is no torch here\n"


def test_every_reading_module_imports_without_torch():
    found = python(f"{ABSENT}{IMPORT} print(found.__name__)", *READERS)
    assert found.split() == [f"pcrec_core.{name}" for name in READERS]


def test_a_record_is_read_and_computed_with_without_torch(store):
    code = (
        ABSENT
        + """
import pathlib
from pcrec_core.analysis import crossed_t
from pcrec_core.analysis.mean_interval import mean_interval
from pcrec_core.study import defaults, records
from pcrec_core.study import run as study
store = records.Store(pathlib.Path(sys.argv[1]))
[record] = study.run([defaults.pcrec("ml-100k", "sasrec")], store=store)
mean = mean_interval([record.outcome.ranks_for("HIT@5")], "HIT@5").mean
found = record.outcome
print(record.spec.name, found.chosen_ranks.tolist(), found.repeated.tolist(), mean)
"""
    )
    found = python(code, str(store.folder))
    assert found == f"{RUN.name} [1, 9, 2, 30] [False, True, False, False] 0.5\n"


@pytest.mark.parametrize(
    "words",
    [
        f"show {RUN.identity}",
        "train LE --dataset ml-100k --model sasrec",
    ],
)
def test_show_prints_a_record_and_train_reads_one_without_torch(store, words):
    code = ABSENT + "from pcrec_core.study.cli import main\nsys.exit(main(sys.argv[1:]))"
    lines = python(code, *words.split(), "--records", str(store.folder)).splitlines()
    assert f"record    {store.path(RUN.name)}" in lines and f"name      {RUN.name}" in lines
    metrics = [line.split() for line in lines if "@" in line.split()[0]]
    assert [metric[0] for metric in metrics] == sorted(METRICS)
    assert ["HIT@5", "0.5000"] in metrics and ["MRR@5", "0.3750"] in metrics


def loaded(names: list[str]) -> set[str]:
    """Return the modules that a process has after it imported modules of the package."""
    return set(python(f"{IMPORT}\nprint(*sys.modules)", *names).split())


def test_what_opens_a_record_imports_nothing_heavy():
    modules = loaded(LIGHT)
    assert modules & HEAVY == set()
    assert {"pcrec_core.study.records", "pcrec_core.analysis.crossed_t", "numpy"} <= modules


def test_reading_imports_neither_torch_nor_what_draws_nor_what_trains():
    readers = [name for name in READERS if name != "reporting.figures"]
    modules = loaded(readers)
    heavy = {"torch", "matplotlib", "seaborn", "safetensors", "dask", "distributed"}
    training = {"pcrec_core.trainer", "pcrec_core.models", "pcrec_core.training.checkpoints"}
    assert modules & (heavy | training) == set()
    assert {f"pcrec_core.{name}" for name in readers} <= modules


def test_the_book_is_built_from_stored_outputs_without_torch(tmp_path):
    absent = "raise ModuleNotFoundError('there is no torch here', name='torch')"
    (tmp_path / "torch.py").write_text(absent)
    code = "import sys, pathlib; from book.build import build\n"
    code += "build(pathlib.Path(sys.argv[1]), stored=True)"
    # jupyter-book is a process of its own, so a hook in this one would not reach it
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    python(code, str(tmp_path / "_build"), options=(), env=environment)
    page = tmp_path / "_build" / "html" / "book" / "api.html"
    assert "Ranker" in page.read_text(encoding="utf-8")
