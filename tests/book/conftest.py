"""The built book, once for all tests that read its pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from book import build


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a build from stored outputs; the build raises for a warning or a problem."""
    folder = tmp_path_factory.mktemp("book") / "_build"
    build.build(folder, stored=True)
    return folder / "html"
