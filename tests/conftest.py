"""What every test has: a folder of its own for all that is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcrec_core import paths


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Send checkpoints, weights and own records to a new folder, in this process and in processes that the test starts."""
    monkeypatch.setenv(paths.CACHE, str(tmp_path))
    return tmp_path
