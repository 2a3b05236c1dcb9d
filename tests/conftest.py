"""Fixtures of every test: a folder of its own for all that is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcrec_core import paths


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Send checkpoints, weights and own records to a new folder.

    Processes that the test starts inherit it.
    """
    monkeypatch.setenv(paths.CACHE, str(tmp_path))
    return tmp_path
