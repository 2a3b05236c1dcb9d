"""The evidence that is planned: the runs of each page, and the steps after them.

The number of seeds on a page was fixed before its evidence: three where a claim is to be decided,
else one. The steps of Amendment 1 (:ref:`statistics-amendment-1`) add seeds, data sets and
arms. A page uses the seeds of a step once all its runs are there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from pcrec_core.datasets import SOURCES
from pcrec_core.errors import SpecError, require_known
from pcrec_core.specs.trivial import TRIVIAL
from pcrec_core.study.planning import ALL, DEEP, SASREC, SMALL, Plan
from pcrec_core.study.steps import steps
from pcrec_core.study.variants import Spec, variant

_PLANNED = tuple(name for name in SOURCES if name != "csv")

#: Controls 1 to 8: those of both deep models, and those of SASRec alone.
CONTROLS_1_2 = ("base-constant", "LE-constant", "avg")
CONTROLS_4_5 = ("base-2x-epochs", "apart-best", "apart-ensemble")
OTHER_CONTROLS = (
    "permuted",
    "random",
    "base-batch-256",
    "ema",
    "swa",
    "LE-k2",
    "LE-k5",
    "LE-once",
    "base-half-eta",
    "LE-same-start",
)
#: Protocol options that the page on deviations changes one by one, and two that act together.
CHANGED_OPTIONS = (
    {"loss": "all"},
    {"attention": "all"},
    {"mean": "all"},
    {"data": "own"},
    {"hidden": "seen"},
    {"candidates": "padding too"},
    {"order": "once"},
    {"choice": "test"},
    {"layers": "released"},
    {"last_bin": "open"},
    {"evaluated": "before"},
    {"loss": "all", "candidates": "padding too"},
)


def changed_options(model: str, label: str) -> list[dict[str, str]]:
    """Return those of ``CHANGED_OPTIONS`` that have a meaning for a label of a model."""
    return [one for one in CHANGED_OPTIONS if _possible(label, model, {"options": one})]


def _possible(label: str, model: str, given: Mapping[str, Any]) -> bool:
    try:
        variant(label, SMALL[0], model, given=given)
    except SpecError:
        return False
    return True


_THREE = dict.fromkeys(SMALL, 3)
_ON_HALF = {"retailrocket-half": 3}
_ON_ML_100K: dict[str, Any] = {"models": SASREC, "datasets": ("ml-100k",)}
_PRUNED = tuple(f"pruned{share}{end}" for end in ("", "-tuned") for share in range(0, 100, 10))

#: By page, the most important first, which is also the order in which they are made.
PLANS: dict[str, tuple[Plan, ...]] = {
    "table3": (
        Plan((*TRIVIAL, "base", "LE"), ALL, seeds=_THREE),
        Plan(("shuffled",), SASREC, seeds=_ON_HALF),
    ),
    "controls-1-2": (Plan(CONTROLS_1_2, DEEP, seeds=_THREE),),
    "table4": (Plan(("LN", "W", "N", "M2", "M3"), DEEP, seeds=_ON_HALF),),
    "fig4": (Plan(tuple(f"LE@{alpha}" for alpha in (10, 20, 30, 40, 50)), DEEP, seeds=_ON_HALF),),
    "controls": (
        Plan(CONTROLS_4_5, DEEP, seeds=_ON_HALF),
        Plan(OTHER_CONTROLS, SASREC, seeds=_ON_HALF),
    ),
    "table5": (Plan(("SD", "DS"), ALL, seeds=_ON_HALF),),
    "fig5": (Plan(("E", "M", "S"), DEEP, seeds=_ON_HALF),),
    "fig1": (Plan(("half", *_PRUNED), SASREC, ("ml-100k",)),),
    "fig6": (Plan(("probed-base", "probed-LE"), DEEP, ("ml-100k",), {"ml-100k": 3}),),
    "deviations": (
        *(
            Plan(("base", "LE"), given={"protocol": name}, **_ON_ML_100K)
            for name in ("paper", "released")
        ),
        *(
            Plan((label,), given={"options": one}, **_ON_ML_100K)
            for one in CHANGED_OPTIONS
            for label in ("base", "LE")
            if _possible(label, "sasrec", {"options": one})
        ),
    ),
}
#: By step, in order.
STEPS: dict[str, tuple[Plan, ...]] = steps(PLANS)
#: The steps whose records are all committed, so that pages use their seeds.
FINISHED = ("step1", "step2")


def planned(
    names: Sequence[str] = (), datasets: Sequence[str] | None = None, seeds: int | None = None
) -> list[Spec]:
    """List the specs of plans and steps, each once, in order.

    Parameters
    ----------
    names : sequence of str
        Names of ``PLANS`` and ``STEPS``; all of ``PLANS`` without any.
    datasets : sequence of str, optional
        Only these data sets. A larger one, which no plan of a page has, gets all that the page
        has. By default every plan has its own.
    seeds : int, optional
        How many seeds each run gets; by default as planned, and one on larger data sets.

    Raises
    ------
    SpecError
        For an unknown plan, step or data set, or a number of seeds below 1.
    """
    # ensembles take the seeds from 100 on
    if seeds is not None and not 1 <= seeds <= 100:
        raise SpecError(f"seeds must be from 1 to 100, not {seeds}.")
    wanted = (plan.specs(places, seeds) for plan, places in _places(names, datasets))
    return list(dict.fromkeys(chain.from_iterable(wanted)))


def unchosen(names: Sequence[str] = (), datasets: Sequence[str] | None = None) -> list[str]:
    """List the arms that ``planned`` leaves out, because a setting of theirs is not chosen yet."""
    left = (plan.unchosen(places) for plan, places in _places(names, datasets))
    return list(dict.fromkeys(chain.from_iterable(left)))


def _places(
    names: Sequence[str], datasets: Sequence[str] | None
) -> Iterable[tuple[Plan, Sequence[str]]]:
    """Return each plan of plans and steps with the data sets on which it is wanted."""
    for name in names:
        require_known("plan or step", name, PLANS | STEPS)
    for name in datasets or ():
        require_known("data set of the plans", name, _PLANNED)
    return [
        (
            plan,
            plan.datasets
            if datasets is None
            else [
                place
                for place in datasets
                if place in plan.datasets or (name in PLANS and place not in SMALL)
            ],
        )
        for name in names or PLANS
        for plan in (PLANS | STEPS)[name]
    ]


def controls(model: str) -> tuple[str, ...]:
    """Return the labels of a model's controls, 0 to 8."""
    of_deep = CONTROLS_1_2 + CONTROLS_4_5 if model in DEEP else ()
    return (*TRIVIAL, *of_deep, *(OTHER_CONTROLS if model in SASREC else ()))


def chosen_controls(
    models: Sequence[str], wanted: Sequence[str] = (), given: Mapping[str, Any] | None = None
) -> tuple[dict[str, list[str]], str]:
    """Return the labels of controls by model, and a sentence on what is left out.

    Parameters
    ----------
    wanted : sequence of str
        Those that are asked for, in addition to the trivial baselines. By default all that are
        planned, except those for which the ``given`` settings leave no room, such as an exchange
        every 5 epochs in 2.

    Raises
    ------
    SpecError
        For a wanted label that is not a planned control of any of the models.
    """
    planned = {model: controls(model) for model in models}
    labels = set().union(*planned.values())
    for label in wanted:
        require_known("control of these models", label, sorted(labels))
    if wanted:
        asked = (*TRIVIAL, *wanted)
        chosen = {model: [one for one in planned[model] if one in asked] for model in models}
        return chosen, ""
    chosen = {
        model: [label for label in planned[model] if _possible(label, model, given or {})]
        for model in models
    }
    left = ", ".join(sorted(labels.difference(*chosen.values())))
    return chosen, f"Left out, since these epochs are too few for them: {left}." if left else ""


def seeds(
    label: str, model: str, dataset: str, given: Mapping[str, Any] | None = None
) -> tuple[int, ...]:
    """Return the seeds of an arm: those of its page, or of a finished step that adds some.

    An arm that no page has gets those of the steps.

    It has seed 0 alone where none are planned, or where the protocol or single options are
    ``given``.
    """
    given = given or {}
    deviates = given.get("protocol", "controlled") != "controlled" or bool(given.get("options"))
    return (0,) if deviates else tuple(range(_count(label, model, dataset)))


@functools.cache
def _count(label: str, model: str, dataset: str) -> int:
    if label in TRIVIAL:
        return 1
    finished = [*PLANS.values(), *(STEPS[name] for name in FINISHED)]
    for groups in (finished, STEPS.values()):
        candidates = [
            plan
            for group in groups
            for plan in group
            if dataset in plan.datasets and model in plan.models and not plan.given
        ]
        if not candidates:
            continue
        wanted = variant(label, dataset, model)
        counts = [plan.count(dataset) for plan in candidates if plan.makes(wanted, dataset, model)]
        if counts:
            return max(counts)
    return 1
