"""Every page in a real browser: what a visitor sees at a desk and on a phone, by day and by night.

The browser is Debian's ``chromium``; where it is not installed, these tests are skipped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from browser_support import opened, survey
from playwright.sync_api import Browser
from sphinx_external_toc.parsing import parse_toc_yaml

from pcrec_core.paths import ROOT

Survey = Callable[[str], dict[str, Any]]

PAGES = [
    *(
        page.removesuffix(".md").removesuffix(".ipynb")
        for page in parse_toc_yaml(ROOT / "_toc.yml")
    ),
    "genindex",
    "search",
]
#: What is looked at: name of the facts, and what a page with an entry does wrong.
WRONG = {
    "errors": "reports an error",
    "elsewhere": "asks another host",
    "tooWide": "is wider than its column",
    "untold": "scrolls without a cue",
    "pale": "is too pale",
    "unscoped": "has a header without scope",
    "unnamed": "is an image without a text",
}
#: Pages that may have a longer table: a list in which readers look something up.
LISTS = ("book/reliability",)
#: Words that a visitor may look for, and a page that must be among what is found.
SEARCHED = {"entropy": "criterion", "Retailrocket": "data", "amendment": "statistics"}


@pytest.fixture(scope="module")
def surveyed(browser: Browser, html: Path) -> Survey:
    """What is wrong on a page, which is visited once."""
    return cache(lambda page: survey(browser, html / f"{page}.html"))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("wrong", WRONG, ids=WRONG.values())
def test_nothing_on_a_page(surveyed: Survey, page: str, wrong: str) -> None:
    assert surveyed(page)[wrong] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page not in LISTS])
def test_no_table_outside_a_fold_has_more_than_7_columns_or_30_rows(
    surveyed: Survey, page: str
) -> None:
    assert surveyed(page)["large"] == []


@pytest.mark.parametrize("page", LISTS)
def test_a_list_is_long(surveyed: Survey, page: str) -> None:
    assert len(surveyed(page)["large"]) == 1


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("notebooks/")])
def test_the_first_number_of_a_page_is_seen_without_scrolling(surveyed: Survey, page: str) -> None:
    assert surveyed(page)["first"] < 720


@pytest.mark.parametrize("word", SEARCHED)
def test_search_finds(browser: Browser, html: Path, word: str) -> None:
    with opened(browser, html / "search.html") as (tab, _):
        tab.goto(f"{(html / 'search.html').as_uri()}?q={word}")
        tab.wait_for_selector("text=Search finished")
        links = tab.locator("#search-results li > a").evaluate_all("all => all.map(a => a.href)")
    assert any(SEARCHED[word] in link for link in links)


def test_a_click_on_a_header_sorts_by_the_numbers(browser: Browser, html: Path) -> None:
    with opened(browser, html / "notebooks" / "table1.html") as (tab, _):
        table = tab.locator("table.sortable.dataTable").first  # what DataTables has taken over
        header = table.locator("th").filter(has_text="users").first
        place = header.evaluate("th => [...th.parentElement.children].indexOf(th)")
        header.click()
        table.locator("th[aria-sort=ascending]").first.wait_for(state="attached")
        cells = table.locator(f"tbody tr td:nth-child({place + 1})")
        orders = cells.evaluate_all("all => all.map(td => Number(td.dataset.order))")
    assert len(orders) > 1
    assert orders == sorted(orders)


def test_a_fold_opens_and_shows_the_code(browser: Browser, html: Path) -> None:
    with opened(browser, html / "notebooks" / "table3.html") as (tab, _):
        code = tab.locator("details.code-fold pre")
        assert not code.is_visible()
        tab.locator("details.code-fold > summary").click()
        assert code.is_visible()
        assert "Study.from_parameters(globals())" in code.inner_text()


def test_a_table_comes_as_a_csv(browser: Browser, html: Path) -> None:
    with opened(browser, html / "notebooks" / "table1.html") as (tab, _):
        link = tab.locator("a[download]").first
        with tab.expect_download() as download:
            link.click()
        name, address = link.get_attribute("download"), link.get_attribute("href")
        content = Path(download.value.path()).read_text(encoding="utf-8")
    assert download.value.suggested_filename == name
    assert content == unquote(address.partition(",")[2])
    assert len(list(csv.reader(io.StringIO(content)))) > 2


def test_paper_gets_neither_code_nor_a_cut_table(browser: Browser, html: Path) -> None:
    with opened(browser, html / "notebooks" / "table3.html", width=760) as (tab, _):
        tab.emulate_media(media="print")
        tables = tab.locator("table.sortable").evaluate_all(
            "all => all.map(t => t.getBoundingClientRect().right)"
        )
        assert len(tables) > 3
        assert max(tables) <= 761
        assert not tab.locator("details.code-fold").is_visible()
