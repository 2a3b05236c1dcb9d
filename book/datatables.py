"""DataTables as a page that is opened from disk can load it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import itables


def bring(folder: Path) -> None:
    """Copy the style sheet and the script of DataTables, which itables ships, into a folder."""
    bundle = Path(itables.__file__).parent / "html" / "dt_bundle"
    shutil.copy(bundle.with_suffix(".css"), folder / "datatables.css")
    script = classic(bundle.with_suffix(".js").read_text(encoding="utf-8"), "DataTable")
    (folder / "datatables.js").write_text(script, encoding="utf-8")


def classic(module: str, name: str) -> str:
    """Turn a bundled ES module into a classic script that sets ``window.name`` to its default.

    A browser loads no module into a page opened from disk, but any classic script.

    Raises
    ------
    SystemExit
        If the text is not a bundle with one export list that has a default.
    """
    exports = r"export\s*\{[^{}]*?([\w$]+) as default[^{}]*\};?"
    body, found = re.subn(exports, lambda match: f"window.{name}={match[1]};", module)
    if found != 1:
        raise SystemExit(
            f"{name} cannot be a classic script: its module has {found} lists of exports with a"
            " default, not 1; see book/datatables.py."
        )
    return f'(function () {{ "use strict";\n{body}\n}})();\n'
