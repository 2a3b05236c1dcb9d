"""What a notebook shows: HTML tables with their numbers as a CSV to download."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pandas as pd

from pcrec_core.reporting.formats import (
    DASH,
    Formatter,
    missing,
)

_SHORT = 26  # characters of a text that needs no second line


class Html:
    """Something a notebook shows: HTML, with a plain text for where there is none."""

    def __init__(self, markup: str, text: str) -> None:
        self._markup, self._text = markup, text

    def _repr_html_(self) -> str:
        return self._markup

    def __repr__(self) -> str:
        return self._text


def sentence(text: str) -> Html:
    """A paragraph of plain text."""
    return Html(f"<p>{html.escape(text)}</p>", text)


def table(
    frame: pd.DataFrame,
    formats: Mapping[str, Formatter],
    name: str,
    note: str = "",
    data: pd.DataFrame | None = None,
    empty: str = "Nothing to show here.",
) -> Html:
    """A table people can sort in the book, a note below it, and its numbers as a CSV.

    Parameters
    ----------
    frame : DataFrame
        What is shown; its index is not.
    formats : mapping
        How a column is written; others as they are. Numbers keep their value for sorting.
    name : str
        Name of the CSV file, without its ending.
    note : str
        Said below: protocol, users, runs, test.
    data : DataFrame, optional
        What the CSV holds, if more than ``frame``.
    empty : str
        What is said in place of a table without rows.
    """
    if frame.empty:
        return sentence(empty)
    head = "".join(f"<th>{html.escape(str(column))}</th>" for column in frame.columns)
    body = "".join(
        f"<tr>{''.join(_cell(value, formats.get(column)) for column, value in row.items())}</tr>"
        for row in frame.to_dict("records")
    )
    markup = (
        f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )
    return Html(
        markup + _below(note) + csv_link(frame if data is None else data, name),
        f"{name}: {len(frame)} rows",
    )


def _cell(value: Any, form: Formatter | None) -> str:
    # as many digits as in the CSV: the last of 17 differ between processors
    order = (
        f' data-order="{value:.8g}"'
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else ""
    )
    text = (form or (lambda x: DASH if missing(x) else str(x)))(value)
    long = len(text) > _SHORT and text[0].isalpha() and " " in text
    kind = ' class="lines"' if "\n" in text else ' class="text"' if long else ""
    return f"<td{order}{kind}>{html.escape(text)}</td>"


def _below(note: str) -> str:
    return f"<p><small>{html.escape(note)}</small></p>" if note else ""


def csv_link(frame: pd.DataFrame, name: str) -> str:
    """A link that holds the numbers themselves, so that it works in every notebook and on every page."""
    text = frame.to_csv(index=False, float_format="%.8g")
    return f'<p><a download="{name}.csv" href="data:text/csv;charset=utf-8,{quote(text)}">{name}.csv</a></p>'


def download(frame: pd.DataFrame, name: str) -> Html:
    """The numbers behind a figure, to download."""
    return Html(csv_link(frame, name), f"{name}.csv: {len(frame)} rows")
