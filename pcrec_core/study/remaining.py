"""How much of the planned evidence is missing, and how long it takes to make. No torch."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pcrec_core.specs.derived import TUNING_EPOCHS, Derived
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import plans, weight_files
from pcrec_core.study.records import Record
from pcrec_core.study.variants import Spec

#: Seconds of one peer's epoch, by data set and model.
Rates = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Remaining:
    """What is left to make of a plan or step.

    Parameters
    ----------
    name : str
    planned, missing : int
        Numbers of records.
    seconds : float
        On one thread, of what has a measured rate.
    unmeasured : int
        Trainings without one: no run of their model and data set is there.
    """

    name: str
    planned: int
    missing: int
    seconds: float
    unmeasured: int

    def __str__(self) -> str:
        time = f"{self.seconds / 3600:.1f} hours" + _unmeasured(self.unmeasured)
        return f"{self.name:<12} {self.missing:>3} of {self.planned:>3} records missing, {time}"


def sentence(missing: int, planned: int, seconds: float, unmeasured: int) -> str:
    """Say how many records are missing, and how long they take."""
    return (
        f"{missing} of {planned} records are missing; about {seconds / 3600:.1f} hours on one"
        f" thread like those before{_unmeasured(unmeasured)}."
    )


def _unmeasured(trainings: int) -> str:
    return f", and {trainings} trainings without a measured rate" if trainings else ""


def by_name(
    names: Sequence[str],
    missing: Collection[Spec],
    rates: Rates,
    datasets: Sequence[str] | None = None,
    seeds: int | None = None,
) -> list[Remaining]:
    """List what is left of each plan, then of each step.

    A spec counts for the first of the plans that wants it, and for the first of the steps.

    Parameters
    ----------
    names : sequence of str
        Names of ``plans.PLANS`` and ``plans.STEPS``.
    missing : collection of specs
        Those without a record.
    rates : mapping
        What ``measured`` returns.
    datasets, seeds : optional
        As of ``plans.planned``.
    """
    found = []
    for group in (plans.PLANS, plans.STEPS):
        counted: set[Spec] = set()
        for name in (name for name in names if name in group):
            here = [s for s in plans.planned([name], datasets, seeds) if s not in counted]
            left = [spec for spec in here if spec in missing]
            again = [run for run in weight_files.missing(left) if run not in counted]
            found.append(Remaining(name, len(here), len(left), *seconds([*left, *again], rates)))
            counted.update(here, again)
    return found


def measured(found: Iterable[Record]) -> dict[tuple[str, str], float]:
    """Return the median seconds of a peer's epoch in the runs ``found``."""
    taken: dict[tuple[str, str], list[float]] = {}
    for record in found:
        if record.kind == "run" and record.run["began_with_epoch"] == 0:
            spec = record.spec
            seconds = sum(record.run["seconds"].values()) / _work(spec)
            taken.setdefault(_alike(spec), []).append(seconds)
    return {alike: statistics.median(each) for alike, each in taken.items()}


def seconds(wanted: Iterable[Spec], rates: Rates) -> tuple[float, int]:
    """Return how long ``wanted`` takes on one thread, and how many of it have no rate.

    Of what is derived only fine-tuning takes time.
    """
    trained = [spec for spec in dict.fromkeys(wanted) if _work(spec)]
    known = [spec for spec in trained if _alike(spec) in rates]
    return sum(_work(spec) * rates[_alike(spec)] for spec in known), len(trained) - len(known)


def _alike(spec: Spec) -> tuple[str, str]:
    return spec.data.source, spec.model.name


def _work(spec: Spec) -> int:
    """Return the epochs of training, of all peers together."""
    if isinstance(spec, RunSpec):
        return spec.training.epochs * spec.peers
    return TUNING_EPOCHS if isinstance(spec, Derived) and spec.operation == "tuned" else 0
