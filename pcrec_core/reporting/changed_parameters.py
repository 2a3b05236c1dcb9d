"""The note of a page that was run with other parameters than those it was written for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pcrec_core.reporting.html import sentence
from pcrec_core.study.parameters import declared

#: Parameters that change nothing of what a page is about.
_ELSEWHERE = ("device",)


def show_note(namespace: Mapping[str, Any]) -> None:
    """Display the note below the cell that checks the parameters, where any has another value."""
    if text := note(changed(namespace)):
        from IPython.display import display

        display(sentence(text))  # type: ignore[no-untyped-call] # IPython has no types


def changed(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters whose values are not those of the page, by name.

    Parameters
    ----------
    namespace : mapping
        The globals of a notebook. Its ``In`` has the cells that were executed: the first that
        declares the parameters is the page's own. Outside a notebook nothing is changed.
    """
    names = namespace.get("__annotations__", {}).keys()
    for source in namespace.get("In", ()):
        try:
            own = declared(source)
        except (SyntaxError, ValueError):
            continue
        if own and own.keys() == names:
            return {
                name: namespace[name]
                for name, parameter in own.items()
                if name not in _ELSEWHERE and namespace[name] != parameter.default
            }
    return {}


def note(changes: Mapping[str, Any]) -> str:
    """Return what a reader must know of a page with these parameters; empty without any.

    Examples
    --------
    >>> print(note({"datasets": ["synthetic"], "epochs": 2}))
    This page was run with datasets = synthetic, epochs = 2. Its tables, figures and computed \
sentences follow these parameters, except where they rest on the planned runs; the text between \
them was written about the page's own parameters, and what it states about runs is not about these.
    """
    if not changes:
        return ""
    given = ", ".join(f"{name} = {_text(value)}" for name, value in changes.items())
    return (
        f"This page was run with {given}. Its tables, figures and computed sentences follow these"
        " parameters, except where they rest on the planned runs; the text between them was written"
        " about the page's own parameters, and what it states about runs is not about these."
    )


def _text(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return " ".join(map(str, values)) or "none"
