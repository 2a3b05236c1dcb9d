"""The steps of Amendment 1: which runs are made after the pages' own, and in which order. No torch.

Section 8 of the page on statistics says which claims they serve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pcrec_core.planning import ALL, SASREC, Plan

HALF, WHOLE = "retailrocket-half", "retailrocket"
_MAIN = ("base", "LE", "avg")
_PAIRED = ("base", "LE", "avg", "LN", "W", "N", "M2", "M3", "base-constant", "LE-constant")
_OTHERS = ("SD", "DS", "E", "M", "S", "LE@10", "LE@20", "LE@40", "LE@50")


def steps(pages: Mapping[str, tuple[Plan, ...]]) -> dict[str, tuple[Plan, ...]]:
    """Return the steps by name, in the order in which they are made.

    Parameters
    ----------
    pages : mapping
        The plans of the pages, whose arms on the half of Retailrocket get more seeds.
    """
    return {
        "step1": tuple(_on_half(pages, ALL, 3)),
        "step2": (*_on_half(pages, ("dnn", "bpr"), 10), _half(("avg",), ("bpr",), 10)),
        "step3": (_half(_PAIRED, SASREC, 10),),
        "step6": (_three_seeds(_MAIN, ("dnn",), WHOLE),),
        "step7": (_half(_OTHERS, SASREC, 10),),
        "step8": (_three_seeds(_MAIN, SASREC, WHOLE),
                  _three_seeds(_MAIN, ("dnn", "sasrec"), "beauty", "video-games", "ml-1m")),
    }


def _on_half(pages: Mapping[str, tuple[Plan, ...]], models: tuple[str, ...],
             seeds: int) -> Iterator[Plan]:
    """Yield the pages' plans on the half, for some models and with another number of seeds."""
    for plan in (plan for plans in pages.values() for plan in plans if HALF in plan.datasets):
        kept = tuple(model for model in plan.models if model in models)
        if kept:
            yield replace(plan, models=kept, datasets=(HALF,), seeds={HALF: seeds})


def _half(labels: tuple[str, ...], models: tuple[str, ...], seeds: int) -> Plan:
    return Plan(labels, models, (HALF,), {HALF: seeds})


def _three_seeds(labels: tuple[str, ...], models: tuple[str, ...], *datasets: str) -> Plan:
    return Plan(labels, models, datasets, dict.fromkeys(datasets, 3))
