"""Move a notebook's code into one fold at the end of its page, below what it found."""

from __future__ import annotations

from nbformat import NotebookNode, v4

#: Pages on which the code is the lesson: it stays where it is.
LESSONS = ("quickstart", "your_data")

_FOLD = """\
:::{{dropdown}} Code and parameters
:class-container: code-fold

```python
{code}
```
:::
"""


def fold_code(notebook: NotebookNode, page: str) -> NotebookNode:
    """Hide every input and append one fold with all of them; leave a lesson as it is.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place, and returned.
    page : str
        The notebook's name without its ending.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if page in LESSONS or not cells:
        return notebook
    for cell in cells:
        tags = [*cell.metadata.get("tags", []), "remove-input"]
        cell.metadata["tags"] = list(dict.fromkeys(tags))
    code = "\n\n".join(cell.source for cell in cells)
    notebook.cells.append(v4.new_markdown_cell(_FOLD.format(code=code)))  # type: ignore[no-untyped-call] # nbformat has no types
    return notebook
