"""The book: its pages, built from the stored outputs, and the checker of pages on wrong pages."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat import v4

from book import build, check, datatables
from pcrec_core.paths import ROOT
from pcrec_core.reporting import formats

GOOD = """<html><head><link rel="canonical" href="https://example.org/a.html">
<link rel="stylesheet" href="_static/a.css"></head><body><h1 id="top">A</h1>
<img src="_images/3f.png" alt="Bars of two values"><a href="b.html#there">b</a>
<a href="https://example.org">elsewhere</a><a href="mailto:a@example.org">write</a>
<a href="#top">up</a>
<a download="t.csv" href="data:text/csv,a%2Cb">t.csv</a></body></html>"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A book of two pages with nothing wrong."""
    for folder in ("html/_static", "html/_images"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: a\nchapters:\n- file: b.md\n")
    (tmp_path / "html" / "a.html").write_text(GOOD)
    (tmp_path / "html" / "b.html").write_text('<h1 id="there">B</h1><a href="a.html">a</a>')
    (tmp_path / "html" / "_static" / "a.css").write_text(
        "/* from https://example.org */ p { background: url(data:,) }"
    )
    (tmp_path / "html" / "_images" / "3f.png").write_bytes(b"")
    return tmp_path


def found(small: Path) -> list[str]:
    return check.problems(small / "html", small / "_toc.yml")


def with_body(small: Path, markup: str) -> list[str]:
    (small / "html" / "b.html").write_text(f'<h1 id="there">B</h1>{markup}')
    return found(small)


def test_every_page_of_the_table_of_contents_has_a_title(html: Path) -> None:
    pages = [
        name
        for name in (ROOT / "_toc.yml").read_text().split()
        if name.startswith(("book/", "notebooks/"))
    ]
    assert len(pages) > 1
    titles = [
        BeautifulSoup((html / f"{page}.html").read_text(), "html.parser").h1 for page in pages
    ]
    assert all(title is not None and title.get_text(strip=True).rstrip("#") for title in titles)


def test_the_built_pages_have_no_problem(html: Path) -> None:
    assert check.problems(html, ROOT / "_toc.yml") == []


def test_no_page_contains_the_path_of_the_build(html: Path) -> None:
    pages = sorted(html.rglob("*.html"))
    assert len(pages) > 10
    assert [page.name for page in pages if str(ROOT) in page.read_text(encoding="utf-8")] == []


def test_equations_and_sorting_come_with_the_book(html: Path) -> None:
    assert (html / "_static" / "mathjax" / "tex-chtml.js").is_file()
    script = (html / "_static" / "datatables.js").read_text(encoding="utf-8")
    assert "window.DataTable=" in script
    assert "export{" not in script
    assert "export {" not in script
    pages = [page.read_text(encoding="utf-8") for page in (html / "notebooks").glob("*.html")]
    assert all(
        sum(f"_static/{name}" in page for page in pages) == len(pages)
        for name in ("datatables.js", "tables.js")
    )
    assert any("sortable" in page for page in pages)


def test_a_value_with_its_interval_is_sorted_by_the_value() -> None:
    script = (ROOT / "book" / "_static" / "tables.js").read_text(encoding="utf-8")
    # the pattern means the same in Python
    interval = re.compile(re.search(r"const interval = /(.*)/\.exec", script)[1])
    for shown, value in (
        (formats.with_interval(formats.percent, 0.194, -0.035, 0.3, True), "+19.4"),
        (formats.with_interval(formats.percent, -0.006, -0.041, 0.029), "−0.6"),
        (formats.with_interval(formats.number(4), 0.035, 0.029, 0.041), "0.0350"),
    ):
        assert interval.match(shown)[1] == value
    assert interval.match("base") is None
    assert interval.match("0.5") is None


def test_a_good_book_has_no_problem(small: Path) -> None:
    assert found(small) == []


def test_a_page_that_was_not_built_and_one_of_an_earlier_build_are_named(small: Path) -> None:
    (small / "html" / "b.html").rename(small / "html" / "c.html")
    assert found(small) == [
        "b.html: in _toc.yml, but not built",
        "a.html: a dead link, b.html#there: no such file in the book",
        "c.html: not in _toc.yml, so of an earlier build",
    ]


@pytest.mark.parametrize(
    "alt", ["", "alt=''", "alt='Figure'", "alt='_images/3f.png'", "alt='the 3f.png file'"]
)
def test_an_image_needs_a_text_that_describes_it(small: Path, alt: str) -> None:
    [problem] = with_body(small, f"<img src='_images/3f.png' {alt}>")
    assert problem.startswith("b.html: an image with no text that says what it shows: <img")


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("<a href='gone.html'>x</a>", "gone.html: no such file in the book"),
        ("<a href='a.html#nowhere'>x</a>", "a.html#nowhere: no such place on that page"),
        ("<a href='#nowhere'>x</a>", "#nowhere: no such place on that page"),
        ("<a href='../_toc.yml'>x</a>", "../_toc.yml: no such file in the book"),
        ("<script src='_static/gone.js'></script>", "_static/gone.js: no such file in the book"),
        (
            "<img srcset='_images/gone.png 2x' src='_images/3f.png' alt='Two bars'>",
            "_images/gone.png: no such file in the book",
        ),
    ],
)
def test_a_dead_link_is_named(small: Path, link: str, why: str) -> None:
    assert with_body(small, link) == [f"b.html: a dead link, {why}"]


@pytest.mark.parametrize(
    "markup",
    [
        "<script src='{}'></script>",
        "<link rel='stylesheet' href='{}'>",
        "<link rel='preload' href='{}'>",
        "<img src='{}' alt='Two bars'>",
        "<iframe src='{}'></iframe>",
        "<video poster='{}'></video>",
    ],
)
@pytest.mark.parametrize("url", ["https://cdn.example.org/x", "//cdn.example.org/x"])
def test_a_page_must_not_need_another_host(small: Path, markup: str, url: str) -> None:
    assert with_body(small, markup.format(url)) == [f"b.html: needs another host: {url}"]


def test_a_formula_that_mathjax_refuses_is_named(small: Path) -> None:
    refused = r"<div class='math'>\[\begin{split}x \\ y \tag{7}\end{split}\]</div>"
    [problem] = with_body(small, refused + r"<div class='math'>x \tag{8}</div>")
    assert problem.startswith("b.html: a numbered formula of several lines, which MathJax refuses")


@pytest.mark.parametrize("url", ["mailto:NDCG%4020", "http://README.md", "http://spec.py/"])
def test_a_name_that_was_taken_for_an_address_is_named(small: Path, url: str) -> None:
    assert with_body(small, f"<a href='{url}'>x</a>") == [
        f"b.html: a file's name, or a metric's, was taken for an address: {url}"
    ]


@pytest.mark.parametrize(
    "code",
    [
        "<script type='module'>import x from 'https://cdn.example.org/x.js'</script>",
        "<script>import('//cdn.example.org/x.js')</script>",
        "<style>@import url(https://cdn.example.org/x.css);</style>",
        "<style>p { background: url('https://cdn.example.org/x.png') }</style>",
    ],
)
def test_code_that_loads_from_another_host_is_named(small: Path, code: str) -> None:
    [problem] = with_body(small, code)
    assert problem.startswith("b.html: code that loads from another host: <s")


def test_a_style_sheet_that_loads_from_another_host_is_named(small: Path) -> None:
    (small / "html" / "_static" / "a.css").write_text(
        "@font-face { src: url(https://fonts.example.org/x.woff2) }"
    )
    assert found(small) == ["_static/a.css: a style sheet that needs another host"]


def test_a_module_becomes_a_script_that_names_its_default_export() -> None:
    script = datatables.classic(
        "const a=1;const b$=2;export{a as one,b$ as default,a as two};\n/* end */", "Two"
    )
    assert (
        script
        == '(function () { "use strict";\nconst a=1;const b$=2;window.Two=b$;\n/* end */\n})();\n'
    )


@pytest.mark.parametrize(
    ("module", "lists"),
    [
        ("const a=1;", 0),
        ("export{a as one};", 0),
        ("export{a as default};export{b as default};", 2),
    ],
)
def test_a_module_without_one_default_export_is_refused(module: str, lists: int) -> None:
    with pytest.raises(
        SystemExit, match=f"its module has {lists} lists of exports with a default, not 1"
    ):
        datatables.classic(module, "DataTable")


def test_a_notebook_is_executed_in_place_and_comes_out_the_same_twice(tmp_path: Path) -> None:
    path = tmp_path / "one.ipynb"
    nbformat.write(
        v4.new_notebook(
            cells=[v4.new_code_cell("6 * 7")], metadata={"kernelspec": build.KERNELSPEC}
        ),
        path,
    )
    build.execute(tmp_path)
    first = path.read_bytes()
    build.execute(tmp_path)
    notebook = nbformat.reads(first.decode(), as_version=4)
    assert path.read_bytes() == first
    assert notebook.cells[0].outputs[0]["data"]["text/plain"] == "42"
    assert notebook.metadata == {"kernelspec": build.KERNELSPEC, "language_info": build.LANGUAGE}
    assert notebook.cells[0].metadata == {}


def test_a_notebook_that_fails_is_named_with_its_cell_and_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "bad.ipynb"
    cells = [v4.new_code_cell("1"), v4.new_code_cell("raise ValueError('no\\nsuch record')")]
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": build.KERNELSPEC}), path)
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"bad\.ipynb, cell 2: ValueError: no such record"):
        build.execute(tmp_path)
    assert path.read_bytes() == before
