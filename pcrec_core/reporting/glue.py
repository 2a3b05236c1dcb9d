"""Numbers of a notebook that the prose of other pages quotes by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pcrec_core.reporting.formats import count, share
from pcrec_core.study.records import StatisticsRecord


def glue_statistics(found: Sequence[StatisticsRecord]) -> dict[str, str]:
    """Format the numbers of ``show_statistics``, under keys such as ``ml-100k-users``."""
    forms = {
        "users": ("users", count),
        "items": ("items", count),
        "actions": ("actions", count),
        "ties": ("tie_share", share),
        "repeats": ("repeat_share_test", share),
    }
    return {
        f"{r.outcome.source}-{key}": form(getattr(r.outcome, name))
        for r in found
        for key, (name, form) in forms.items()
    }


def keep(values: Mapping[str, str]) -> None:
    """Store values under their keys, for the prose of every page, without showing them."""
    from myst_nb import glue

    for key, text in values.items():
        glue(key, text, display=False)
