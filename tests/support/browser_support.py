"""What a browser finds on a page of the book; ``tests/book/test_browser.py`` tests it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
#: Widths of a desk's window, a tablet and a phone.
WIDTHS = (1400, 768, 390)
#: Returns the facts of a page; see the comments there.
FACTS = (Path(__file__).parent / "page_facts.js").read_text(encoding="utf-8")
#: Waits until equations are set and observers of sizes have run.
_SETTLED = """async () => {
  if (window.MathJax?.startup?.promise) await window.MathJax.startup.promise;
  for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); }"""
_DARK = "document.documentElement.dataset.theme = 'dark'"

Wrong = dict[str, list[str]]


@contextmanager
def opened(browser: Browser, page: Path, width: int = 1280) -> Iterator[tuple[Page, Wrong]]:
    """Open a page from disk; give its tab, and the errors and foreign requests as they come."""
    with browser.new_context(
        viewport={"width": width, "height": 720}, color_scheme="light"
    ) as context:
        tab, wrong = context.new_page(), Wrong(errors=[], elsewhere=[])
        tab.on("console", lambda m: wrong["errors"].append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda error: wrong["errors"].append(str(error)))
        tab.on("request", lambda request: _note_foreign(request.url, wrong["elsewhere"]))
        tab.goto(page.as_uri(), wait_until="load")
        tab.evaluate(_SETTLED)
        yield tab, wrong


def _note_foreign(url: str, found: list[str]) -> None:
    if not url.startswith(("file:", "data:", "blob:")):
        found.append(url)


def survey(browser: Browser, page: Path) -> dict[str, Any]:
    """Visit a page at every width and in both modes, and return what is wrong.

    Each value is a list, empty on a good page, but for ``first``: the distance in pixels from the
    top of a window of 1280 x 720 to the end of the page's first number, or None.
    """
    with opened(browser, page) as (tab, wrong):
        first = tab.evaluate(FACTS, "first")
        for part in ("unread", "large"):
            _add(wrong, tab.evaluate(FACTS, part), "")
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 900})
            tab.evaluate(_SETTLED)
            _add(wrong, tab.evaluate(FACTS, "layout"), f"{width} px: ")
        for mode, switch in (("light", ""), ("dark", _DARK)):
            tab.evaluate(switch)
            _add(wrong, tab.evaluate(FACTS, "pale"), f"{mode}: ")
    return {**wrong, "first": first}


def _add(wrong: Wrong, facts: Wrong, where: str) -> None:
    for name, found in facts.items():
        wrong.setdefault(name, []).extend(f"{where}{one}" for one in found)
