"""The parameters that a notebook declares in its first code cell: type, default and help."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple


class Parameter(NamedTuple):
    """A parameter of a notebook: its type as it is written there, its default and its help."""

    kind: str
    default: Any
    help: str


def declared(source: str) -> dict[str, Parameter]:
    """Return the parameters that a cell declares, by name.

    Parameters
    ----------
    source : str
        Lines ``name: type = literal  # help``; what else it holds is passed over.

    Raises
    ------
    SyntaxError, ValueError
        If it is no Python, or a default is no literal.

    Examples
    --------
    >>> declared("seeds: list[int] = [0]  # one run per seed")
    {'seeds': Parameter(kind='list[int]', default=[0], help='one run per seed')}
    """
    lines = source.splitlines()
    return {
        ast.unparse(line.target): Parameter(
            ast.unparse(line.annotation),
            ast.literal_eval(line.value) if line.value else None,
            lines[(line.end_lineno or 1) - 1].partition("  # ")[2],
        )
        for line in ast.parse(source).body
        if isinstance(line, ast.AnnAssign)
    }
