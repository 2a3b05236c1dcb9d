"""The evidence that is planned: which runs each page of the study rests on, and in which order they are made. No torch.

The number of seeds was fixed before the evidence: three where a claim is to be decided, else one (STATISTICS.md, section 6).
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pcrec_core.datasets import SOURCES
from pcrec_core.derived import TRIVIAL, TUNING_EPOCHS, Derived
from pcrec_core.errors import SpecError
from pcrec_core.parts import known
from pcrec_core.records import Record
from pcrec_core.spec import RunSpec
from pcrec_core.variants import Spec, variant

SMALL = ("ml-100k", "retailrocket-half")
_PLANNED = tuple(name for name in SOURCES if name != "csv")
_ALL, _DEEP, _SASREC = ("sasrec", "dnn", "bpr"), ("sasrec", "dnn"), ("sasrec",)


@dataclass(frozen=True)
class Plan:
    """Labels of ``variants`` on models and data sets; ``decided`` are data sets with three seeds, the others have one.

    ``given`` are settings of ``settings.run_spec`` that differ from the study's.
    """

    labels: tuple[str, ...]
    models: tuple[str, ...]
    datasets: tuple[str, ...] = SMALL
    decided: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    def seeds(self, dataset: str) -> range:
        """0, 1, 2, or 0 alone."""
        return range(3 if dataset in self.decided else 1)

    def specs(self, datasets: Sequence[str], many: int | None = None) -> Iterator[Spec]:
        """What is to be made on ``datasets``, with ``many`` seeds or the planned ones: a whole arm after the other."""
        for dataset in (name for name in datasets if name in self.datasets or name not in SMALL):
            seeds = self.seeds(dataset) if many is None else range(many)
            for label in self.labels:
                if label in TRIVIAL:
                    yield variant(label, dataset, self.models[0])
                else:
                    yield from (variant(label, dataset, model, seed, self.given)
                                for model in self.models for seed in seeds)


#: Controls 1 to 8 of PROTOCOLS.md, section 6: those of both deep models, and those of SASRec alone.
CONTROLS_1_2 = ("base-constant", "LE-constant", "avg")
CONTROLS_4_5 = ("base-2x-epochs", "apart-best", "apart-ensemble")
OTHER_CONTROLS = ("permuted", "random", "base-batch-256", "ema", "swa", "LE-k2", "LE-k5", "LE-once",
                  "base-half-eta", "LE-same-start")
#: Single lines of the protocols' table that the page on deviations changes, and two that act together.
LINES = ({"loss": "all"}, {"attention": "all"}, {"mean": "all"}, {"data": "own"}, {"hidden": "seen"},
         {"candidates": "padding too"}, {"order": "once"}, {"choice": "test"}, {"layers": "released"}, {"last_bin": "open"},
         {"evaluated": "before"}, {"loss": "all", "candidates": "padding too"})


def lines(model: str, label: str) -> list[dict[str, str]]:
    """Those of ``LINES`` that have a meaning for a label of a model."""
    return [rules for rules in LINES if _has_meaning(label, model, rules)]


def _has_meaning(label: str, model: str, rules: dict[str, str]) -> bool:
    return _possible(label, model, {"rules": rules})


def _possible(label: str, model: str, given: Mapping[str, Any]) -> bool:
    try:
        variant(label, SMALL[0], model, given=given)
    except SpecError:
        return False
    return True


_ON_ML_100K = {"models": _SASREC, "datasets": ("ml-100k",)}

#: By page, in the order of their weight: what is first is made first.
PLANS: dict[str, tuple[Plan, ...]] = {
    "table3": (Plan((*TRIVIAL, "base", "LE"), _ALL, decided=SMALL), Plan(("shuffled",), _SASREC)),
    "controls-1-2": (Plan(CONTROLS_1_2, _DEEP, decided=SMALL),),
    "table4": (Plan(("LN", "W", "N", "M2", "M3"), _DEEP, decided=("retailrocket-half",)),),
    "fig4": (Plan(tuple(f"LE@{alpha}" for alpha in (10, 20, 30, 40, 50)), _DEEP),),
    "controls": (Plan(CONTROLS_4_5, _DEEP), Plan(OTHER_CONTROLS, _SASREC)),
    "table5": (Plan(("SD", "DS"), _ALL),),
    "fig5": (Plan(("E", "M", "S"), _DEEP),),
    "fig1": (Plan(("half", *(f"pruned{share}{end}" for end in ("", "-tuned") for share in range(0, 100, 10))), _SASREC,
                  ("ml-100k",)),),
    "fig6": (Plan(("probed-base", "probed-LE"), _DEEP, ("ml-100k",), decided=("ml-100k",)),),
    "deviations": (*(Plan(("base", "LE"), given={"protocol": name}, **_ON_ML_100K) for name in ("paper", "released")),
                   *(Plan((label,), given={"rules": line}, **_ON_ML_100K)
                     for line in LINES for label in ("base", "LE") if _has_meaning(label, "sasrec", line))),
}


def planned(names: Sequence[str] = (), datasets: Sequence[str] = SMALL, seeds: int | None = None) -> list[Spec]:
    """What the named plans, or all of them, want on ``datasets``, each once, in order; larger data sets are not planned, and
    get all that is asked for.

    ``seeds`` is how many each run gets, where it is not what the plans say (one on larger data sets).

    Raises
    ------
    SpecError
        For an unknown plan or data set, or a number of seeds below 1.
    """
    for name in names:
        known("plan", name, PLANS)
    for name in datasets:
        known("data set of the plans", name, _PLANNED)
    if seeds is not None and seeds < 1:
        raise SpecError(f"seeds must be 1 or more, not {seeds}.")
    return list(dict.fromkeys(spec for name in names or PLANS for plan in PLANS[name] for spec in plan.specs(datasets, seeds)))


def controls(model: str) -> tuple[str, ...]:
    """The labels of a model's controls, 0 to 8."""
    return (*TRIVIAL, *(CONTROLS_1_2 + CONTROLS_4_5 if model in _DEEP else ()), *(OTHER_CONTROLS if model in _SASREC else ()))


def chosen_controls(models: Sequence[str], wanted: Sequence[str] = (),
                    given: Mapping[str, Any] | None = None) -> tuple[dict[str, list[str]], str]:
    """The labels of controls by model, and a sentence on what is left out.

    Parameters
    ----------
    wanted : sequence of str
        Those that are asked for, beside the trivial baselines; all that are planned without any, but for those that ``given``
        settings leave no room for: an exchange every 5 epochs in 2.

    Raises
    ------
    SpecError
        For a wanted label that is no planned control of any of the models.
    """
    planned = {model: controls(model) for model in models}
    for label in wanted:
        known("control of these models", label, sorted(set().union(*planned.values())))
    if wanted:
        return {model: [label for label in of if label in (*TRIVIAL, *wanted)] for model, of in planned.items()}, ""
    chosen = {model: [label for label in of if _possible(label, model, given or {})] for model, of in planned.items()}
    left = sorted(set().union(*planned.values()) - set().union(*chosen.values()))
    return chosen, f"Left out, since these epochs are too few for them: {', '.join(left)}." if left else ""


def seeds(label: str, model: str, dataset: str, given: Mapping[str, Any] | None = None) -> tuple[int, ...]:
    """The seeds that are planned for an arm; 0 alone where none are, or where the protocol or single rules are ``given``."""
    given = given or {}
    deviates = given.get("protocol", "controlled") != "controlled" or bool(given.get("rules"))
    return (0,) if deviates else _seeds(label, model, dataset)


@functools.cache
def _seeds(label: str, model: str, dataset: str) -> tuple[int, ...]:
    if label in TRIVIAL or dataset not in SMALL:
        return (0,)
    wanted = variant(label, dataset, model)
    for plan in (plan for plans in PLANS.values() for plan in plans):
        if dataset in plan.datasets and model in plan.models and not plan.given and any(
                variant(name, dataset, model) == wanted for name in plan.labels if name not in TRIVIAL):
            return tuple(plan.seeds(dataset))
    return (0,)


def seconds(missing: Iterable[Spec], found: Iterable[Record], absent: Iterable[RunSpec] = ()) -> float | None:
    """How long it takes on one thread to make what is ``missing``, and to train the ``absent`` runs whose weights it needs,
    by what a peer's epoch took in the runs ``found`` of the same model and data; None if nothing like one of them was found.

    Of what is derived only fine-tuning takes time.
    """
    taken: dict[tuple, list[float]] = {}
    for record in found:
        if record.kind == "run" and record.run["began_with_epoch"] == 0:
            taken.setdefault(_alike(record.spec), []).append(sum(record.run["seconds"].values()) / _work(record.spec))
    wanted = [spec for spec in dict.fromkeys((*missing, *absent)) if _work(spec)]
    each = [_work(spec) * statistics.median(taken[_alike(spec)]) if _alike(spec) in taken else None for spec in wanted]
    return None if None in each else sum(each)


def _alike(spec: Spec) -> tuple:
    return spec.data.source, spec.model.name


def _work(spec: Spec) -> int:
    """Epochs of training, of all peers together."""
    if isinstance(spec, RunSpec):
        return spec.training.epochs * spec.peers
    return TUNING_EPOCHS if isinstance(spec, Derived) and spec.operation == "tuned" else 0
