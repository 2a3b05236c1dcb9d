"""A trial on a user's data: the runs that it takes, and how many fit into some hours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pcrec_core import paths
from pcrec_core.errors import SpecError
from pcrec_core.specs.derived import Spec
from pcrec_core.specs.fields import digest
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.specs.trivial import TRIVIAL, Trivial
from pcrec_core.study.forecast import Rates, duration
from pcrec_core.study.variants import variant
from pcrec_core.writing import write_whole

#: What is trained: the base, PCRec, plain averaging.
LABELS = ("base", "LE", "avg")
#: Peers of one seed of all labels.
_PEERS = 5
_EPOCHS = (200, 100, 50, 20, 10, 5)
_FEWEST_SEEDS, _MOST_SEEDS = 3, 10
#: Part of the hours that is planned for; the rest is for reading, ranking and writing.
_PLANNED = 0.8


@dataclass(frozen=True)
class Plan:
    """Seeds and epochs of every run of a trial."""

    seeds: int = _FEWEST_SEEDS
    epochs: int = 20


def specs(data: Data, models: Sequence[str], plan: Plan) -> list[Spec]:
    """Return the runs of a trial and the baselines without training.

    The runs are ordered by seed, so that an interrupted trial has whole seeds.
    """
    runs = [
        variant(label, data, model, seed, {"epochs": plan.epochs})
        for seed in range(plan.seeds)
        for model in models
        for label in LABELS
    ]
    return [*runs, *(Trivial(data, name) for name in TRIVIAL)]


def one_each(data: Data, models: Sequence[str]) -> list[RunSpec]:
    """Return a base run of each model, whose epochs are timed."""
    found = (variant("base", data, model) for model in models)
    return [run for run in found if isinstance(run, RunSpec)]


def fitting(hours: float, rates: Rates) -> Plan:
    """Return the longest training, and then the most seeds, that fit into some hours.

    Parameters
    ----------
    hours : float
    rates : mapping
        Seconds of a peer's epoch by model.

    Raises
    ------
    SpecError
        If even three seeds of five epochs do not fit.
    """
    budget, unit = 3600 * _PLANNED * hours, _PEERS * sum(rates.values())
    for epochs in _EPOCHS:
        if unit * epochs * _FEWEST_SEEDS <= budget:
            return Plan(min(_MOST_SEEDS, int(budget // (unit * epochs))), epochs)
    least = duration(unit * _EPOCHS[-1] * _FEWEST_SEEDS / _PLANNED)
    raise SpecError(
        f"{_FEWEST_SEEDS} seeds of {_EPOCHS[-1]} epochs take about {least}, which is more than"
        f" {hours:g} hours; give more hours, fewer --models, or a larger --core."
    )


def remembered(data: Data, models: Sequence[str], hours: float) -> tuple[Plan | None, Path]:
    """Return the plan of an earlier call with these hours, and the file where it is kept.

    Times differ from call to call, and an interrupted trial must go on with the same runs.
    """
    key = digest({"data": data.canonical(), "models": list(models), "hours": hours})[:12]
    path = paths.cache() / "trials" / f"{key}.json"
    try:
        kept = json.loads(path.read_text()) if path.is_file() else {}
        return Plan(int(kept["seeds"]), int(kept["epochs"])), path
    except (OSError, ValueError, LookupError, TypeError):
        return None, path


def remember(plan: Plan, path: Path) -> None:
    """Keep a plan for the next call."""
    write_whole(path, json.dumps(asdict(plan)).encode())
