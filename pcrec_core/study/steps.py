"""The steps of Amendment 1: which runs are made after the pages' own, and in which order.

The claims that they serve are in :ref:`statistics-amendment-1`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pcrec_core.study.chosen import CHOSEN_ON, GRIDS
from pcrec_core.study.planning import ALL, BPR, DEEP, SASREC, Plan

HALF, FIRST_HALF, WHOLE = "retailrocket-half", "retailrocket-first-half", "retailrocket"
_MAIN = ("base", "LE", "avg")
_LADDER = ("ladder-base", "ladder-base-cosine", "ladder-LE", "base-200-epochs", "LE-200-epochs")
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
        "step2": (*_on_half(pages, ("dnn", "bpr"), 10), _half(("avg",), BPR, 10)),
        "step3": (_half(_PAIRED, SASREC, 10),),
        "step4": (_half(_LADDER, DEEP, 5),),
        "step5": tuple(_robustness()),
        "step6": (_three_seeds(_MAIN, ("dnn",), WHOLE),),
        "step7": (_half(_OTHERS, SASREC, 10),),
        "step8": (
            _three_seeds(_MAIN, SASREC, WHOLE),
            _three_seeds(_MAIN, ("dnn", "sasrec"), "beauty", "video-games", "ml-1m"),
        ),
    }


def _on_half(
    pages: Mapping[str, tuple[Plan, ...]], models: tuple[str, ...], seeds: int
) -> Iterator[Plan]:
    """Yield the pages' plans on the half, for some models and with another number of seeds."""
    for plan in (plan for plans in pages.values() for plan in plans if HALF in plan.datasets):
        kept = tuple(model for model in plan.models if model in models)
        if kept:
            yield replace(plan, models=kept, datasets=(HALF,), seeds={HALF: seeds})


def _robustness() -> Iterator[Plan]:
    """Yield the changes one by one; the trials of a setting come before the runs that have it."""
    yield _half(("base-2x-epochs", "LE-2x-epochs"), ALL, 3)
    yield from (_trials(("LE",), DEEP, eta=eta) for eta in GRIDS["eta"])
    yield _half(("LE-own-eta",), DEEP, 3)
    yield _half(("base-paper-data", "LE-paper-data"), BPR, 10)
    yield from (_trials(("base", "LE"), BPR, l2=l2) for l2 in GRIDS["l2"])
    yield _half(("base-own-l2", "LE-own-l2"), BPR, 3)
    yield _three_seeds(_MAIN, ALL, FIRST_HALF)


def _trials(labels: tuple[str, ...], models: tuple[str, ...], **given: float) -> Plan:
    return Plan(labels, models, (CHOSEN_ON,), given=given)


def _half(labels: tuple[str, ...], models: tuple[str, ...], seeds: int) -> Plan:
    return Plan(labels, models, (HALF,), {HALF: seeds})


def _three_seeds(labels: tuple[str, ...], models: tuple[str, ...], *datasets: str) -> Plan:
    return Plan(labels, models, datasets, dict.fromkeys(datasets, 3))
