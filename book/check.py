"""Read the built pages as a visitor without a network: what is missing, dead, or elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag
from sphinx_external_toc.parsing import parse_toc_yaml

#: Pages that Sphinx makes beside those of the table of contents; index.html leads to the root page.
GENERATED = ("index.html", "genindex.html", "py-modindex.html", "search.html")
#: Elements that a page needs to be read as it is meant; a link that is clicked is not one.
NEEDED = ("script", "img", "source", "video", "audio", "iframe", "embed", "object")
_REMOTE = re.compile(r"(?:https?:)?//", re.I)
_LOADS = re.compile(r"""(?:\bimport\b[^;"'`/]*|\bfrom\s*|\burl\(\s*)["'`]?(?:https?:)?//""", re.I)
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
#: What the linkifier and docutils make of README.md and NDCG@20 in plain text.
_TAKEN = re.compile(r"https?://[^/]+\.(md|py)/?|mailto:[^.]+")


def problems(html: Path, toc: Path) -> list[str]:
    """List everything wrong with a built book, one sentence each; a good book gives an empty list.

    Parameters
    ----------
    html : Path
        Folder of the built pages.
    toc : Path
        The ``_toc.yml`` they were built from.
    """
    wanted = _pages(toc)
    there = {path.relative_to(html).as_posix() for path in html.rglob("*.html")}
    found = [f"{page}: in _toc.yml, but not built" for page in sorted(wanted - there)]
    for page in sorted(there):
        if (
            page not in wanted
            and page not in GENERATED
            and not page.startswith(("_modules/", "_static/"))
        ):
            found.append(f"{page}: not in _toc.yml, so of an earlier build")
        elif not page.startswith("_static/"):
            found += [f"{page}: {problem}" for problem in _problems_of(html / page, html)]
    sheets = (
        path for path in html.rglob("*.css") if _loads_elsewhere(path.read_text(encoding="utf-8"))
    )
    return found + [
        f"{path.relative_to(html)}: a style sheet that needs another host" for path in sheets
    ]


def weak_alt(alt: str | None, source: str = "") -> bool:
    """Whether an alternative text says nothing: absent, one word, or the name of the file."""
    text = (alt or "").strip()
    name = PurePosixPath(unquote(urlsplit(source).path)).name
    return len(text.split()) < 2 or (bool(name) and name in text) or "_images/" in text


def _pages(toc: Path) -> set[str]:
    return {re.sub(r"\.(md|ipynb|rst)$", "", name) + ".html" for name in parse_toc_yaml(toc)}


@cache
def _soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def _problems_of(page: Path, html: Path) -> Iterator[str]:
    soup = _soup(page)
    for image in soup.find_all("img"):
        if weak_alt(_attribute(image, "alt"), _attribute(image, "src")):
            yield f"an image with no text that says what it shows: {_short(image)}"
    for script in soup.find_all(["script", "style"]):
        if _loads_elsewhere(script.get_text()):
            yield f"code that loads from another host: {_short(script)}"
    for formula in soup.find_all(class_="math"):
        if r"\begin{split}" in formula.get_text() and r"\tag" in formula.get_text():
            yield (
                "a numbered formula of several lines, which MathJax refuses"
                f" (write it with nowrap): {_short(formula)}"
            )
    for element, url in _urls(soup):
        yield from _problems_of_address(element, url, page, html)


def _problems_of_address(element: Tag, url: str, page: Path, html: Path) -> Iterator[str]:
    if _TAKEN.fullmatch(url):
        yield f"a file's name, or a metric's, was taken for an address: {url}"
    if _REMOTE.match(url):
        loaded = element.name == "link" and "canonical" not in _attribute(element, "rel").split()
        if element.name in NEEDED or loaded:
            yield f"needs another host: {url}"
    elif not urlsplit(url).scheme and (why := _dead(url, page, html)):
        yield f"a dead link, {url}: {why}"


def _loads_elsewhere(code: str) -> bool:
    return _LOADS.search(_COMMENT.sub("", code)) is not None


def _urls(soup: BeautifulSoup) -> Iterator[tuple[Tag, str]]:
    for element in soup.find_all(True):
        for attribute in ("href", "src", "poster", "data"):
            if element.get(attribute) is not None:
                yield element, _attribute(element, attribute).strip()
        for candidate in _attribute(element, "srcset").split(","):
            if candidate.strip():
                yield element, candidate.split()[0]


def _dead(url: str, page: Path, html: Path) -> str | None:
    """Why a local link leads nowhere, or None."""
    parts = urlsplit(url)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    if not target.is_relative_to(html.resolve()) or not target.is_file():
        return "no such file in the book"
    anchor = unquote(parts.fragment)
    if anchor and target.suffix == ".html" and anchor not in _anchors(target):
        return "no such place on that page"
    return None


@cache
def _anchors(page: Path) -> set[str]:
    soup = _soup(page)
    named = soup.find_all("a", attrs={"name": True})
    return {_attribute(element, "id") for element in soup.find_all(id=True)} | {
        _attribute(element, "name") for element in named
    }


def _attribute(element: Tag, name: str) -> str:
    """Return an attribute as text, the parts of one that has several joined; empty if absent."""
    value = element.get(name) or ""
    return value if isinstance(value, str) else " ".join(value)


def _short(element: Tag) -> str:
    text = " ".join(str(element).split())
    return text if len(text) <= 120 else text[:117] + "..."
