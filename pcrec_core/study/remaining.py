"""How much of the planned evidence is missing, and how long it takes to make."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pcrec_core.specs.derived import TUNING_EPOCHS, Derived
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import plans, weight_files
from pcrec_core.study.records import Record, RunRecord
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
        On one thread, for trainings with a measured rate.
    unmeasured : int
        Trainings without one: there is no run of their model and data set.
    """

    name: str
    planned: int
    missing: int
    seconds: float
    unmeasured: int

    def __str__(self) -> str:
        """Return one line of a list."""
        time = f"{self.seconds / 3600:.1f} hours" + _unmeasured(self.unmeasured)
        return f"{self.name:<12} {self.missing:>3} of {self.planned:>3} records missing, {time}"


def sentence(missing: int, planned: int, seconds: float, unmeasured: int) -> str:
    """Return a sentence on how many records are missing, and how long they take."""
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
    """List what is left to make of each plan, then of each step.

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
        As in ``plans.planned``.
    """
    found = []
    for group in (plans.PLANS, plans.STEPS):
        counted: set[Spec] = set()
        for name in (name for name in names if name in group):
            new = [s for s in plans.planned([name], datasets, seeds) if s not in counted]
            left = [spec for spec in new if spec in missing]
            again = [run for run in weight_files.missing(left) if run not in counted]
            found.append(Remaining(name, len(new), len(left), *seconds([*left, *again], rates)))
            counted.update(new, again)
    return found


def measured(found: Iterable[Record]) -> dict[tuple[str, str], float]:
    """Return the median seconds of a peer's epoch in the runs ``found``."""
    taken: dict[tuple[str, str], list[float]] = {}
    for record in found:
        if isinstance(record, RunRecord) and record.provenance.began_with_epoch == 0:
            spec = record.spec
            seconds = sum(record.provenance.seconds.values()) / _epochs(spec)
            taken.setdefault(_kind(spec), []).append(seconds)
    return {kind: statistics.median(each) for kind, each in taken.items()}


def seconds(wanted: Iterable[Spec], rates: Rates) -> tuple[float, int]:
    """Return the seconds that ``wanted`` takes on one thread, and the number without a rate.

    Among derived results only fine-tuning takes time.
    """
    trained = [spec for spec in dict.fromkeys(wanted) if _epochs(spec)]
    known = [spec for spec in trained if _kind(spec) in rates]
    return sum(_epochs(spec) * rates[_kind(spec)] for spec in known), len(trained) - len(known)


def _kind(spec: Spec) -> tuple[str, str]:
    return spec.data.source, spec.model.name


def _epochs(spec: Spec) -> int:
    """Return the number of epochs of training, of all peers together."""
    if isinstance(spec, RunSpec):
        return spec.training.epochs * spec.peers
    return TUNING_EPOCHS if isinstance(spec, Derived) and spec.operation == "tuned" else 0
