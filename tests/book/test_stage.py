"""What is made of the sources before the build: folds, numbers, computed parts, buttons, scopes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from nbformat import v4

from book import accessible, computed, fold, launch, numbers
from pcrec_core.analysis.claims.registry import registry
from pcrec_core.paths import ROOT
from pcrec_core.reporting.html import Html, captioned
from pcrec_core.study.records import Store

HOSTED = {"GITHUB_SERVER_URL": "https://example.org", "GITHUB_REPOSITORY": "who/what"}


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A book of a page with a figure, and a notebook with a table and a figure."""
    for folder in ("book", "notebooks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/a\nchapters:\n- file: notebooks/b\n"
    )
    (tmp_path / "book" / "a.md").write_text(
        "See [](#fig-late), [](#t1) and [](#section).\n\n"
        "```{figure} x.svg\n:alt: A drawing\n:name: fig-first\n:width: 9px\n\nA drawing.\n```\n"
    )
    shown = captioned(Html("<table></table>", "1 row", "t1"), "Means. See [](#fig-first).")
    table = v4.new_output("display_data", {"text/html": shown._repr_html_()})
    figure = {"mystnb": {"figure": {"name": "fig-late", "caption": "Bars; [](#t1)."}}}
    cells = [v4.new_code_cell("1", outputs=[table]), v4.new_code_cell("2", metadata=figure)]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "notebooks" / "b.ipynb")
    return tmp_path


def test_figures_and_tables_are_numbered_in_the_order_of_the_pages(staged: Path) -> None:
    assert numbers.number(staged) == {
        "fig-first": "Fig. R1",
        "t1": "Table R1",
        "fig-late": "Fig. R2",
    }
    page = (staged / "book" / "a.md").read_text()
    assert page.startswith(
        'See <a href="../notebooks/b.html#fig-late">Fig. R2</a>,'
        ' <a href="../notebooks/b.html#t1">Table R1</a> and [](#section).'
    )
    assert "\n\nFig. R1. A drawing.\n" in page
    table, figure = nbformat.read(staged / "notebooks" / "b.ipynb", 4).cells
    caption = re.search("<figcaption.*</figcaption>", table.outputs[0].data["text/html"])
    assert caption is not None
    assert caption[0] == (
        '<figcaption id="t1">Table R1. Means. See <a href="../book/a.html#fig-first">Fig. R1</a>.'
        "</figcaption>"
    )
    assert (
        figure.metadata.mystnb.figure.caption == 'Fig. R2. Bars; <a href="b.html#t1">Table R1</a>.'
    )


def test_a_name_has_one_number(staged: Path) -> None:
    page = staged / "book" / "a.md"
    page.write_text(page.read_text().replace("fig-first", "fig-late"))
    with pytest.raises(SystemExit, match=r"b\.ipynb: the name fig-late has a number already"):
        numbers.number(staged)


def test_the_code_of_a_page_goes_into_one_fold_and_that_of_a_lesson_stays() -> None:
    def notebook() -> nbformat.NotebookNode:
        cells = [v4.new_code_cell("a = 1"), v4.new_markdown_cell("text"), v4.new_code_cell("a")]
        return v4.new_notebook(cells=cells)

    folded = fold.fold_code(notebook(), "table3").cells
    assert [cell.metadata.get("tags") for cell in folded[:3:2]] == [["remove-input"]] * 2
    assert "```python\na = 1\n\na\n```" in folded[-1].source
    assert len(fold.fold_code(notebook(), "quickstart").cells) == 3


def test_a_computed_line_is_replaced_and_other_text_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(computed.PARTS, "answer", lambda: "42")
    (tmp_path / "a.md").write_text("before\n\n% computed: answer\n\n% a comment\n")
    computed.fill(tmp_path)
    assert (tmp_path / "a.md").read_text() == "before\n\n42\n\n% a comment\n"


def test_every_computed_part_stands_on_a_page() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "book").glob("*.md"))
    assert sorted(re.findall(r"^% computed: (\w+)$", pages, re.M)) == sorted(computed.PARTS)


def test_every_claim_is_listed_once_and_every_notebook_is_on_the_index() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", computed.claims(), re.M)
    assert sorted(listed) == sorted(registry())
    linked = set(re.findall(r"notebooks/(\w+)\.ipynb", computed.artifacts()))
    pages = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert linked == pages - {"quickstart", "your_data"}
    counted = [int(n) for n in re.findall(r"\| (\d+) \|$", computed.artifacts(), re.M)]
    assert sum(counted) == len(registry())


def test_every_record_is_listed_with_its_file_and_a_command() -> None:
    shown, records = computed.records(), list(Store().all())
    listed = re.findall(r'^\| <a href="\.\./records/(.+)\.json">.* `(.+)` \|$', shown, re.M)
    assert [name for name, _ in listed] == [record.name for record in records]
    assert all(made.startswith("pcrec ") for _, made in listed)
    unsealed = sum(not record.sealed for record in records)
    assert shown.count("†") == unsealed + 1
    assert shown.startswith(f"In {unsealed} of {len(records)} records the hash covers the result,")


def test_the_speed_is_that_of_the_slowest_and_the_fastest_case(monkeypatch):
    columns = ["ratio", "ours_megabytes", "reference_megabytes"]
    rows = [(1.61, 50, 100), (7.83, 9, 45), (None, 2106, None)]
    frame = pd.DataFrame(rows, columns=columns)
    monkeypatch.setattr(computed.cost, "measured", lambda name: frame)
    shown = computed.speed().replace("\xa0", " ")
    assert shown.startswith("1.6 to 7.8 times as fast") and "with 20 % to 50 % of" in shown


def test_how_to_cite_names_version_and_licence() -> None:
    shown = computed.citation()
    assert "  author  = {{The PCRec study contributors}}," in shown
    assert re.search(r"version = \{\d+\.\d+\.\d+\}", shown)
    assert "MIT" in shown


@pytest.mark.parametrize("missing", ["", *HOSTED])
def test_a_published_book_has_buttons_and_one_built_at_home_has_none(
    tmp_path: Path, missing: str
) -> None:
    config = tmp_path / "_config.yml"
    shutil.copy(ROOT / "_config.yml", config)
    launch.add_buttons(config, {name: at for name, at in HOSTED.items() if name != missing})
    options = yaml.safe_load(config.read_text())["sphinx"]["config"]["html_theme_options"]
    assert "navbar_persistent" in options
    buttons = options.get("launch_buttons", {})
    assert {"binderhub_url", "colab_url"} & set(buttons) == (
        set() if missing else {"binderhub_url", "colab_url"}
    )
    assert options.get("repository_url") == (None if missing else "https://example.org/who/what")


def test_a_header_gets_the_scope_that_it_lacks() -> None:
    given = '<thead><th>a<th class="stub">b<th scope="row">c<th class="head">d'
    assert accessible.scoped(given) == (
        '<thead><th scope="col">a<th scope="row" class="stub">b<th scope="row">c'
        '<th scope="col" class="head">d'
    )
