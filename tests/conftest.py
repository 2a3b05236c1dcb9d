"""Fixtures of every test: a folder of its own for all that is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from pcrec_core import paths

# no test fails because the machine was busy for a moment
settings.register_profile("study", deadline=None)
settings.load_profile("study")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Send checkpoints, weights and own records to a new folder.

    Processes that the test starts inherit it.
    """
    monkeypatch.setenv(paths.CACHE, str(tmp_path))
    return tmp_path
