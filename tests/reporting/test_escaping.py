"""Names of data sets, columns and files are text on every page, whatever they hold."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import pandas as pd
import pytest
from curves_support import ranked

from pcrec_core.analysis import comparisons
from pcrec_core.reporting import html, own_data, own_data_page, tables
from pcrec_core.reporting.figures import forest
from pcrec_core.reporting.html import Html
from pcrec_core.reporting.page import Runs

EVIL = "<script>alert(1)</script>&\"'"
FRAME = pd.DataFrame({EVIL: [EVIL, f"supported, {EVIL}"], "n": [1.5, None]})
TABLE = html.table(FRAME, {}, EVIL, EVIL)
ARMS = [ranked(label, [1, 2, 3], [2, 2, 1]) for label in ("base", "LE", "avg")]
RUNS = Runs([{arm.variant: arm for arm in ARMS}])
COMPARED = comparisons.comparisons([(ARMS[1], ARMS[0])], ["MRR@5"]).assign(dataset=EVIL)

SHOWN = {
    "sentence": html.sentence(EVIL),
    "table": TABLE,
    "table without rows": html.table(FRAME[:0], {}, EVIL, empty=EVIL),
    "long table": html.table(pd.concat([FRAME] * 20), {}, EVIL, EVIL, FRAME),
    "caption": html.captioned(TABLE, EVIL),
    "fold": html.folded(TABLE, EVIL),
    "link to a csv": html.download(FRAME, EVIL),
    "list": Html(own_data.list_of([EVIL, EVIL]), ""),
    "comparisons": tables.show_comparisons(COMPARED, EVIL, EVIL),
    "report of try": Html(own_data_page.report(EVIL, EVIL, RUNS, Runs([]), 0.05), ""),
}
ATTRIBUTES = {
    "class",
    "id",
    "href",
    "download",
    "scope",
    "colspan",
    "data-order",
    "lang",
    "charset",
    "name",
    "content",
}


class Page(HTMLParser):
    """The tags, attributes and text of a page as a browser finds them."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.text = set[str](), list[tuple[str, str | None]](), ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attributes

    def handle_data(self, text: str) -> None:
        self.text += text


@pytest.mark.parametrize("what", SHOWN)
def test_a_name_is_text_and_nothing_else(what):
    page = Page(SHOWN[what]._repr_html_())
    assert "script" not in page.tags and {name for name, _ in page.attributes} <= ATTRIBUTES
    assert EVIL in page.text and "&lt;" not in page.text
    named = [value for name, value in page.attributes if name in ("download", "id")]
    assert set(named) <= {EVIL, f"{EVIL}.csv"} or what == "report of try"


def test_a_name_is_text_in_a_figure():
    figure = forest.forest(COMPARED)
    figure.savefig(drawn := io.StringIO(), format="svg")
    assert "alert" in drawn.getvalue() and "<script" not in drawn.getvalue()
