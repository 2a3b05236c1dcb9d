"""The report of ``pcrec try`` in a real browser: one command on a file of one's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from browser_support import FACTS, opened
from datasets_support import strangers_log
from playwright.sync_api import Browser

from pcrec_core.paths import CACHE, ROOT


@pytest.fixture(scope="module")
def report(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of one command, where a browser can open it."""
    folder = tmp_path_factory.mktemp("try")
    log = strangers_log(folder / "my <i>log.csv")
    words = ["-m", "pcrec_core", "try", str(log), "--epochs", "2", "--records", "records"]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), CACHE: str(folder)}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"report       {folder}/my <i>log-pcrec.html"
    return folder / "my <i>log-pcrec.html"


def test_the_report_asks_no_other_host_and_shows_what_was_asked(browser: Browser, report: Path):
    with opened(browser, report) as (tab, wrong):
        assert wrong == {"errors": [], "elsewhere": []}
        assert tab.title() == "Does PCRec help on my <i>log.csv?"
        answers = tab.locator("ul.answers li").all_inner_texts()
        assert (
            sum(": PCRec (LE) over base" in answer for answer in answers) == 3
        )  # a gain per model
        headers = tab.locator("table").first.locator("th").all_inner_texts()
        assert {"verdict", "p", "MDE", "runs needed"} <= set(headers)
        assert any(header.startswith("RI ") for header in headers)
        verdicts = tab.locator("table").first.locator("span.verdict")
        assert verdicts.count() == 9 and all(each.is_visible() for each in verdicts.all())
        for baseline in ("popularity", "recency", "transitions"):
            assert tab.get_by_text(f"csv · {baseline}", exact=True).first.is_visible()
        assert "text delimited by ';'" in tab.locator("pre").inner_text()
        assert tab.evaluate(FACTS, "unread") == {"unscoped": [], "unnamed": []}


def test_its_folds_open(browser: Browser, report: Path):
    with opened(browser, report) as (tab, _):
        fold = tab.locator("details.fold").last  # 27 runs and three baselines
        assert not fold.locator("table").is_visible()
        fold.locator("summary").click()
        assert fold.locator("tbody tr").count() == 30 and fold.locator("table").is_visible()


def test_a_phone_clips_nothing_and_says_what_scrolls(browser: Browser, report: Path):
    with opened(browser, report, width=390) as (tab, _):
        tab.locator("details.fold").last.evaluate("fold => fold.open = true")
        assert tab.evaluate("innerWidth") == 390
        assert tab.evaluate(FACTS, "layout")["tooWide"] == []
        cue = "all => all.map(box => getComputedStyle(box, '::before').content)"
        assert set(tab.locator(".wide").evaluate_all(cue)) == {'"The table scrolls sideways."'}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_it_is_readable_by_day_and_by_night(browser: Browser, report: Path, mode: str):
    with opened(browser, report) as (tab, _):
        tab.emulate_media(color_scheme=mode)
        tab.locator("details.fold").last.evaluate("fold => fold.open = true")
        red = tab.evaluate(
            "Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
        )
        assert (red < 64) == (mode == "dark")
        assert tab.evaluate(FACTS, "pale") == {"pale": []}
