"""HTML for notebooks: tables and sentences, with the numbers as a CSV to download."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pandas as pd

from pcrec_core.analysis.claims.outcomes import VERDICTS
from pcrec_core.reporting.formats import DASH, Formatter, missing, plain
from pcrec_core.reporting.groups import grouped, leading, narrowed
from pcrec_core.reporting.headings import heading
from pcrec_core.reporting.names import READABLE

#: Most characters of a text that needs no second line.
_SHORT = 26
#: Most rows of a table that stands on the page; a longer one is folded.
LONG = 25
#: A verdict at the start of a cell, or counted in a list: "3 supported, 11 not tested".
_VERDICT = re.compile(rf"(?:^|(?<=, ))(\d+ )?({'|'.join(VERDICTS)})\b")


class Html:
    """HTML that a notebook displays, with a plain text where HTML cannot be displayed.

    A table has the name of its CSV file.
    """

    def __init__(self, markup: str, text: str, name: str = "") -> None:
        self._markup, self._text, self.name = markup, text, name

    def _repr_html_(self) -> str:
        return self._markup

    def __repr__(self) -> str:
        """Return the plain text."""
        return self._text


def sentence(text: str) -> Html:
    """Show a paragraph of plain text."""
    return Html(f"<p>{html.escape(text)}</p>", text)


def table(
    frame: pd.DataFrame,
    formats: Mapping[str, Formatter],
    name: str,
    note: str = "",
    data: pd.DataFrame | None = None,
    empty: str = "Nothing to show here.",
    whole: pd.DataFrame | None = None,
) -> Html:
    """Show a table that readers can sort, a note below it, and its numbers as a CSV.

    A table of more than ``LONG`` rows is folded, except for its CSV. Leading columns whose values
    repeat, such as the data set, head groups of rows. Where more than ``WIDEST`` columns are left,
    the note states what is the same in every row instead. The CSV has every column.

    Parameters
    ----------
    frame : DataFrame
        The rows and columns to show, without the index; readers see ``headings.heading`` of a
        column's name.
    formats : mapping
        Formats by column; other columns stay as they are. Numbers keep their value for sorting.
    name : str
        Name of the CSV file, without its ending.
    note : str
        The note: protocol, users, runs, test.
    data : DataFrame, optional
        The rows of the CSV, if they are not those of ``frame``.
    empty : str
        The sentence in place of a table without rows.
    whole : DataFrame, optional
        The same rows with all columns, for a fold below the table.
    """
    if frame.empty:
        return sentence(empty)
    forms, text = READABLE | dict(formats), f"{name}: {len(frame)} rows"
    narrow, same = narrowed(frame, forms)
    shown = Html(_table(narrow, forms) + _below(f"{note}{same}".strip()), text, name)
    if len(frame) > LONG:
        shown = folded(shown, f"Show the table: {len(frame)} rows")
    more = ""
    if whole is not None:
        every = Html(_table(whole, forms), text, name)
        more = folded(every, f"Show all {whole.shape[1]} columns")._repr_html_()
    whole = frame if whole is None else whole
    link = csv_link(whole if data is None else data, name)
    return Html(shown._repr_html_() + more + link, text, name)


def _table(frame: pd.DataFrame, forms: Mapping[str, Formatter]) -> str:
    names = [str(name) for name in frame.columns[leading(frame) :]]
    head = "".join(f'<th scope="col">{html.escape(heading(name))}</th>' for name in names)
    bodies = "".join(_group(keys, rows, forms) for keys, rows in grouped(frame))
    return (
        f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"{bodies}</table></div>"
    )


def _group(keys: Sequence[str], rows: pd.DataFrame, forms: Mapping[str, Formatter]) -> str:
    """Write the rows of a group below a heading, the values of its keys; without keys, none."""
    records = rows.to_dict("records")
    titles = [forms.get(key, plain)(records[0][key]) for key in keys]
    title, span = html.escape(" · ".join(titles)), rows.shape[1] - len(keys)
    top = f'<tr><th scope="rowgroup" colspan="{span}">{title}</th></tr>' if keys else ""
    cells = [
        "".join(
            _cell(value, forms.get(str(name))) for name, value in list(row.items())[len(keys) :]
        )
        for row in records
    ]
    return f"<tbody>{top}{''.join(f'<tr>{row}</tr>' for row in cells)}</tbody>"


def without_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop the columns whose values are all missing, or dashes."""
    empty = [name for name in frame if all(missing(one) or one == DASH for one in frame[name])]
    return frame.drop(columns=empty)


def captioned(shown: Html, caption: str) -> Html:
    """Put a caption above a table; the book numbers it, "Table R5", under the table's name.

    A page refers to the number by an empty link to the name, ``[](#name)``. What is no table, such
    as the sentence in place of an empty one, stays as it is.
    """
    if not shown.name:
        return shown
    above = f'<figcaption id="{html.escape(shown.name)}">{html.escape(caption)}</figcaption>'
    markup = f'<figure class="table">{above}{shown._repr_html_()}</figure>'
    return Html(markup, f"{caption} {shown!r}", shown.name)


def folded(shown: Html, summary: str) -> Html:
    """Hide a table behind one line, which a reader opens."""
    line = f"<summary>{html.escape(summary)}</summary>"
    markup = f'<details class="fold">{line}{shown._repr_html_()}</details>'
    return Html(markup, repr(shown), shown.name)


def _cell(value: Any, form: Formatter | None) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # as many digits as in the CSV: the last of 17 differ between processors
    order = f' data-order="{value:.8g}"' if is_number else ""
    text = (form or plain)(value)
    listed = ", " in text and "[" not in text
    long = len(text) > _SHORT and " " in text and (text[0].isalpha() or listed)
    kind = ' class="lines"' if "\n" in text else ' class="text"' if long else ""
    return f"<td{order}{kind}>{_VERDICT.sub(_badge, html.escape(text))}</td>"


def _badge(match: re.Match[str]) -> str:
    return f"{match[1] or ''}{verdict(match[2])}"


def verdict(name: str) -> str:
    """Return a verdict as markup that the style sheet gives a colour and a sign."""
    return f'<span class="verdict {name.replace(" ", "-")}">{name}</span>'


def _below(note: str) -> str:
    return f"<p><small>{html.escape(note)}</small></p>" if note else ""


def csv_link(frame: pd.DataFrame, name: str) -> str:
    """Return a link that holds the numbers themselves, so that it works everywhere."""
    content = quote(frame.to_csv(index=False, float_format="%.8g"))
    href, file = f"data:text/csv;charset=utf-8,{content}", html.escape(f"{name}.csv")
    return f'<p><a download="{file}" href="{href}">{file}</a></p>'


def download(frame: pd.DataFrame, name: str) -> Html:
    """Show a link to download the numbers behind a figure."""
    return Html(csv_link(frame, name), f"{name}.csv: {len(frame)} rows")
