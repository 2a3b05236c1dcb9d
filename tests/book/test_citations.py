"""The book's labelled sections: whatever cites one by its label finds it."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from pcrec_core.paths import ROOT

PAGES = ("protocols", "statistics")
SECTIONS = {
    "protocols": "common table variants settings figures controls records ladder",
    "statistics": (
        "estimand interval paper verdicts strata selection-bias tables power examples amendment-1"
    ),
}
#: The documents that the study was built from; no reader has them.
DOCUMENTS = re.compile(rb"\b(?:PROTOCOLS|STATISTICS)\.md\b")
#: The history of the project, and the claims, whose hash is pinned.
HISTORY = ("CHANGELOG.md", "data/paper/claims.csv")
#: A label in a docstring's role, or bare in a comment, text or link.
CITED = re.compile(r"(?<![\w/-])(?:protocols|statistics)-[a-z]+(?:-[a-z]+|-\d+)*(?![\w-])")


def tracked(*folders: str) -> list[str]:
    """List the files that git knows, and those that it would add."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def labels() -> list[str]:
    pages = [(ROOT / "book" / f"{page}.md").read_text(encoding="utf-8") for page in PAGES]
    return [label for page in pages for label in re.findall(r"^\(([\w-]+)\)=$", page, re.M)]


def own_text(path: Path) -> bytes:
    """Return a file's content; of a notebook without its outputs, which show the claims."""
    if path.suffix != ".ipynb":
        return path.read_bytes()
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells).encode()


def test_every_label_stands_once() -> None:
    assert [label for label, count in Counter(labels()).items() if count > 1] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_sections_of_a_page_have_their_labels(page: str) -> None:
    assert {f"{page}-{name}" for name in SECTIONS[page].split()} <= set(labels())


def test_every_label_stands_before_a_heading() -> None:
    for page in PAGES:
        text = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")
        assert len(re.findall(r"^\([\w-]+\)=\n#+ \S", text, re.M)) == text.count(")=\n")


def test_what_is_cited_exists() -> None:
    known = set(labels())
    cited = {
        (name, label)
        for name in tracked("pcrec_core", "benchmarks", "tests", "notebooks")
        for label in CITED.findall((ROOT / name).read_text(encoding="utf-8"))
    }
    assert sorted(pair for pair in cited if pair[1] not in known) == []


def test_no_file_cites_the_documents_that_came_before_the_book() -> None:
    found = [
        name
        for name in tracked()
        if name not in HISTORY and DOCUMENTS.search(own_text(ROOT / name))
    ]
    assert found == []
