"""A Sphinx extension: every header of a table says whether it heads a column or a row."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_HEADER = re.compile(r"<th(?![a-z])(?![^>]*\bscope=)([^>]*)>")


def scoped(body: str) -> str:
    """Add the scope that a header lacks: a row's for a stub, else a column's."""
    return _HEADER.sub(
        lambda th: f'<th scope="{"row" if "stub" in th[1] else "col"}"{th[1]}>', body
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Change the body of every page before it is written."""

    def change(
        app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
    ) -> None:
        if "body" in context:
            context["body"] = scoped(context["body"])

    app.connect("html-page-context", change)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
