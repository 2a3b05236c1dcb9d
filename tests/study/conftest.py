"""Fixtures of the study's tests: a store of their own, no downloads, and a list of trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import fit
from workers_support import RUNS

from pcrec_core import datasets
from pcrec_core.datasets import files
from pcrec_core.datasets.split import split
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import train
from pcrec_core.study.records import Store, digest
from pcrec_core.training.environment import NO_TRAINING


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder below which this process and its workers write."""
    return tmp_path


@pytest.fixture(scope="module")
def here() -> list[str]:
    """Return the hashes of the results of ``RUNS``, trained in turn without the study."""
    return [digest(fit(run, split(datasets.load(run.data)))[1].result) for run in RUNS]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "records")


@pytest.fixture(autouse=True)
def training_allowed(monkeypatch) -> None:
    """Allow training, whatever the environment, and let a download fail."""
    monkeypatch.delenv(NO_TRAINING, raising=False)
    monkeypatch.setattr(files, "download", None)


@pytest.fixture
def trained(monkeypatch) -> list[RunSpec]:
    """Return the specs that are trained in this process, in order."""
    specs, original = [], train.train

    def watched(run: RunSpec, *args: Any, **options: Any) -> str:
        specs.append(run)
        return original(run, *args, **options)

    monkeypatch.setattr(train, "train", watched)
    return specs
