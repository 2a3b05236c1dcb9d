"""The built book and a browser, once for all tests that read pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_support import CHROMIUM
from playwright.sync_api import Browser, sync_playwright

from book import build


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a build from stored outputs; the build raises for a warning or a problem."""
    folder = tmp_path_factory.mktemp("book") / "_build"
    build.build(folder, stored=True)
    return folder / "html"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's ``chromium``; without it, the tests that look at pages are skipped."""
    if CHROMIUM is None:
        pytest.skip("no browser here: install Debian's chromium to check the pages in one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
