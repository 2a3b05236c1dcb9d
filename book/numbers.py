"""Number the figures and tables of the book, in the order of its pages: Fig. R3, Table R5.

A number belongs to a name, so that a new figure renumbers those behind it. What has a number:

- a figure of a notebook, by ``mystnb.figure`` of its cell's metadata: a name and a caption;
- a table of a notebook, by ``pcrec_core.reporting.html.captioned``;
- the directive ``figure`` of a page with ``:name:``.

A page refers to one by an empty link, ``[](#name)``, which becomes "Fig. R3".
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from sphinx_external_toc.parsing import parse_toc_yaml

_TABLE = re.compile(r'(<figcaption id="([\w@.-]+)">)')
_FIGURE = re.compile(
    r"(^```\{figure\}[^\n]*\n(?::[^\n]*\n)*?:name: ([\w-]+)\n(?::[^\n]*\n)*\n)", re.M
)
_REFERENCE = re.compile(r"\[\]\(#([\w@.-]+)\)")


def number(folder: Path) -> dict[str, str]:
    """Write the numbers into the captions and links of the staged sources.

    Parameters
    ----------
    folder : Path
        The staged book, with its ``_toc.yml``; pages and notebooks are changed in place.

    Returns
    -------
    dict
        Number by name, such as "Table R5".

    Raises
    ------
    SystemExit
        For a name that stands twice.
    """
    pages = [_file(folder, page) for page in parse_toc_yaml(folder / "_toc.yml")]
    places = {}
    numbers: dict[str, str] = {}
    counts = {"Fig.": 0, "Table": 0}
    for page in pages:
        for kind, name in _defined(page):
            if name in numbers:
                raise SystemExit(f"{page.name}: the name {name} has a number already.")
            counts[kind] += 1
            numbers[name] = f"{kind} R{counts[kind]}"
            places[name] = page.relative_to(folder)
    for page in pages:
        _write(page, folder, numbers, places)
    return numbers


def _file(folder: Path, page: str) -> Path:
    found = [folder / f"{page}{ending}" for ending in ("", ".md", ".ipynb")]
    return next(path for path in found if path.is_file())


def _defined(page: Path) -> Iterator[tuple[str, str]]:
    """Yield kind and name of what has a caption, in the order of the page."""
    if page.suffix == ".md":
        yield from (("Fig.", name) for _, name in _FIGURE.findall(page.read_text("utf-8")))
        return
    for cell in _read(page).cells:
        if figure := _caption(cell):
            yield "Fig.", figure["name"]
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/html", "")
            yield from (("Table", name) for _, name in _TABLE.findall(text))


def _caption(cell: NotebookNode) -> dict[str, str]:
    figure: dict[str, str] = cell.metadata.get("mystnb", {}).get("figure", {})
    return figure if "name" in figure else {}


def _write(page: Path, folder: Path, numbers: dict[str, str], places: dict[str, Path]) -> None:
    def link(match: re.Match[str]) -> str:
        name = match[1]
        if name not in numbers:  # a label of a section, which Sphinx resolves
            return match[0]
        target = os.path.relpath((folder / places[name]).with_suffix(".html"), page.parent)
        return f'<a href="{html.escape(target)}#{name}">{numbers[name]}</a>'

    def numbered(match: re.Match[str]) -> str:
        return f"{match[1]}{numbers[match[2]]}. "

    if page.suffix == ".md":
        text = _FIGURE.sub(numbered, page.read_text("utf-8"))
        page.write_text(_REFERENCE.sub(link, text), "utf-8")
        return
    notebook = _read(page)
    for cell in notebook.cells:
        _write_cell(cell, numbers, numbered, link)
    nbformat.write(notebook, page)  # type: ignore[no-untyped-call] # nbformat has no types


def _write_cell(
    cell: NotebookNode,
    numbers: dict[str, str],
    numbered: Callable[[re.Match[str]], str],
    link: Callable[[re.Match[str]], str],
) -> None:
    if cell.cell_type == "markdown":
        cell.source = _REFERENCE.sub(link, cell.source)
    if figure := _caption(cell):
        caption = _REFERENCE.sub(link, figure["caption"])
        figure["caption"] = f"{numbers[figure['name']]}. {caption}"
    for output in cell.get("outputs", []):
        if "text/html" in output.get("data", {}):
            data = output["data"]
            data["text/html"] = _REFERENCE.sub(link, _TABLE.sub(numbered, data["text/html"]))


def _read(page: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(page, as_version=4)  # type: ignore[no-untyped-call] # as above
    return notebook
