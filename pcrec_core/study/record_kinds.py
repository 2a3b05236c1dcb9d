"""The kinds of records: of a trained run, derived from runs, of a trivial baseline, of data."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pcrec_core.errors import RecordError
from pcrec_core.specs import run as specs
from pcrec_core.specs.derived import Derived, Spec, derived_from_dict
from pcrec_core.specs.fields import digest
from pcrec_core.specs.run import RunSpec
from pcrec_core.specs.trivial import Trivial, trivial_from_dict
from pcrec_core.study.probes import Probe, ProbedResult
from pcrec_core.study.record import ModelRecord, Record
from pcrec_core.study.results import DerivedResult, RunResult, StatisticsResult, TrivialResult
from pcrec_core.study.views import parse


class RunRecord(ModelRecord):
    """The result of a trained run."""

    kind, of_what = "run", "a trained run"

    @cached_property
    def spec(self) -> RunSpec:
        """The run."""
        return specs.from_dict(self.key)

    @cached_property
    def outcome(self) -> RunResult:
        """What the result holds, with a best epoch per metric where the protocol has it so."""
        found = parse(RunResult, self.result, self.name)
        if bool(found.best_by_metric) != self.spec.options.chosen_on_test:
            raise RecordError(
                f"record {self.name} does not choose the epoch as its protocol does: a run has a"
                " best epoch of each metric if, and only if, it is chosen on the test set."
            )
        if found.history.evaluate_every != self.spec.training.evaluate_every:
            raise RecordError(
                f"record {self.name} was not evaluated after every"
                f" {self.spec.training.evaluate_every} epochs, as its key has it; restore it, or"
                " delete it and train the run again."
            )
        return found


class DerivedRecord(ModelRecord):
    """A result derived from the weights of trained runs."""

    kind, of_what = "derived", "a result derived from runs"

    @cached_property
    def spec(self) -> Derived:
        """The operation and its runs."""
        return derived_from_dict(self.key)

    @cached_property
    def outcome(self) -> DerivedResult:
        """What the result of any operation other than a probe holds."""
        return parse(DerivedResult, self.result, self.name)

    @cached_property
    def probe(self) -> Probe:
        """What a probe measured; ``RecordError`` for another operation."""
        return parse(ProbedResult, self.result, self.name).probed


class TrivialRecord(ModelRecord):
    """The result of a baseline without training."""

    kind, of_what = "trivial", "a trivial baseline"

    @cached_property
    def spec(self) -> Trivial:
        """The baseline and its data."""
        return trivial_from_dict(self.key)

    @cached_property
    def outcome(self) -> TrivialResult:
        """What the result holds."""
        return parse(TrivialResult, self.result, self.name)


class StatisticsRecord(Record):
    """The statistics of a data set, which no spec makes."""

    kind, of_what = "statistics", "the statistics of a data set"

    @property
    def expected_name(self) -> str:
        """The name that the data give."""
        return statistics_name(specs.Data(**self.key))

    @cached_property
    def outcome(self) -> StatisticsResult:
        """The statistics; ``RecordError`` if some are missing or of another type."""
        return parse(StatisticsResult, self.result, self.name)


#: The classes by the field ``kind`` of the file.
CLASSES: dict[str, type[Record]] = {
    cls.kind: cls for cls in (RunRecord, DerivedRecord, TrivialRecord, StatisticsRecord)
}
_OF_SPECS = {RunSpec: RunRecord, Derived: DerivedRecord, Trivial: TrivialRecord}


def new_record(spec: Spec, result: dict[str, Any], run: dict[str, Any]) -> ModelRecord:
    """Return the record of a trained run, a derived result or a trivial baseline."""
    return _OF_SPECS[type(spec)].of(spec, result, run)


def statistics_name(data: specs.Data) -> str:
    """Return the name of the record of a data set's statistics."""
    return f"{data.source}/statistics-{digest(data.canonical())[:12]}"
