"""The front page answers, and leads to the answers of a reader's questions in two clicks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from book.front import decided
from pcrec_core.analysis.claims.registry import registry
from pcrec_core.reporting import summary
from pcrec_core.reporting.names import dataset_name, model_name

#: A reader's question: the pages on the way from the front page, and words of the answer there.
QUESTIONS = {
    "what was found for SASRec on RR-half": ((), r"SASRec.* on RR-half"),
    "does PCRec beat averaging": ((), r"More than plain averaging\? \S"),
    "what is alpha": (("book/glossary",), r"alpha"),
    "how do I run it on my CSV": (("book/rerun",), r"csv"),
    "which claims were contradicted": (("notebooks/verdict",), r"contradicted"),
    "why not ML-20M": (("book/data",), r"ML-20M|MovieLens-20M"),
    "how is a claim decided": (("book/statistics",), r"supported"),
    "what does it cost": ((), r"Training a pair takes [\d.]+ times"),
    "how do I cite": (("book/citing",), r"@software"),
    "where is the record behind a number": (("book/records",), r"records"),
}


def article(path: Path) -> Tag:
    found = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select_one("article")
    assert found is not None
    return found


def words(path: Path) -> str:
    return re.sub(r"\s+", " ", article(path).get_text(" "))


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_in_two_clicks(html: Path, question: str) -> None:
    clicks, answer = QUESTIONS[question]
    page = html / "book" / "index.html"
    for click in clicks:
        links = [str(link["href"]).partition("#")[0] for link in article(page).select("a[href]")]
        target = html / f"{click}.html"
        assert target in [(page.parent / link).resolve() for link in links if link]
        page = target
    assert re.search(answer, words(page))


def test_the_front_page_is_short_and_its_counts_add_up(html: Path) -> None:
    text = words(html / "book" / "index.html")
    assert len(text.split()) <= 600
    sentence = re.search(r"The study registers (\d+) claims, [^:]*: ([^(]*)\(", text)
    assert sentence is not None
    assert int(sentence[1]) == len(registry())
    assert sum(map(int, re.findall(r"\d+", sentence[2]))) == len(registry())


def test_the_headline_figure_is_told_in_words_by_the_verdict_of_every_row(html: Path) -> None:
    alt = str(article(html / "book" / "index.html").select_one("figure img")["alt"])
    rows = summary.gains(decided()).dropna(subset="relative_improvement")
    found = re.findall(r"(\w+) on ([\w-]+): .*?; ([\w ]+), runs (\d+) and (\d+)\.", alt)
    assert len(found) == len(rows) >= 6
    assert found == [
        (model_name(row.model), dataset_name(row.dataset), row.verdict, *runs)
        for row in rows.itertuples()
        for runs in [map(str, (row.runs_variant, row.runs_base))]
    ]


def test_the_totals_on_all_pages_agree(html: Path) -> None:
    sentence = r"The study registers \d+ claims, [^)]*\)"
    pages = [words(html / f"{page}.html") for page in ("book/index", "notebooks/verdict")]
    first, second = (re.search(sentence, page) for page in pages)
    assert first is not None and second is not None and first[0] == second[0]
    counted = pages[1][pages[1].index("Every claim counts once") :]
    row = re.search(r"\ball \((\d+) claims\) ([\d ]+)", counted)
    assert row is not None
    total, parts = int(row[1]), map(int, row[2].split())
    assert total == sum(parts) == len(registry())
    index = article(html / "book" / "artifacts.html").select("td:last-child")
    assert sum(int(cell.get_text()) for cell in index if cell.get_text().isdigit()) == total
