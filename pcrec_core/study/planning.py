"""A plan: arms of the study on data sets, each with a number of seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pcrec_core.errors import NotChosen
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.trivial import TRIVIAL
from pcrec_core.study.variants import Spec, variant

SMALL = ("ml-100k", "retailrocket-half")
ALL, DEEP = ("sasrec", "dnn", "bpr"), ("sasrec", "dnn")
SASREC, BPR = ("sasrec",), ("bpr",)


@dataclass(frozen=True)
class Plan:
    """Arms that are planned together.

    Parameters
    ----------
    labels : tuple of str
        Labels of ``variants``.
    models : tuple of str
        Every label is planned for each of them; a trivial baseline is planned once.
    datasets : tuple of str
    seeds : mapping, optional
        How many seeds an arm gets, by data set; 1 where none is named.
    given : mapping, optional
        Settings of ``defaults.run_spec`` that differ from the study's.
    """

    labels: tuple[str, ...]
    models: tuple[str, ...]
    datasets: tuple[str, ...] = SMALL
    seeds: Mapping[str, int] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)

    def count(self, dataset: str) -> int:
        """Return the number of seeds on a data set."""
        return self.seeds.get(dataset, 1)

    def specs(self, datasets: Iterable[str], many: int | None = None) -> Iterator[Spec]:
        """Yield the specs on ``datasets``, arm by arm.

        ``many`` replaces the planned number of seeds. An arm whose setting is not chosen yet is
        left out; ``unchosen`` names it.
        """
        for dataset in datasets:
            for label, model in self._arms():
                seeds = range(1 if label in TRIVIAL else many or self.count(dataset))
                with suppress(NotChosen):
                    for seed in seeds:
                        yield from _with_parents(variant(label, dataset, model, seed, self.given))

    def unchosen(self, datasets: Iterable[str]) -> Iterator[str]:
        """Yield the names of the arms whose setting is not chosen yet."""
        for dataset in datasets:
            for label, model in self._arms():
                try:
                    variant(label, dataset, model, given=self.given)
                except NotChosen:
                    yield f"{label} of {model}"

    def makes(self, wanted: Spec, dataset: str, model: str) -> bool:
        """Return whether ``wanted``, of seed 0, is an arm of this plan."""
        for label in set(self.labels) - set(TRIVIAL):
            with suppress(NotChosen):
                if variant(label, dataset, model, given=self.given) == wanted:
                    return True
        return False

    def _arms(self) -> Iterator[tuple[str, str]]:
        for label in self.labels:
            for model in self.models[:1] if label in TRIVIAL else self.models:
                yield label, model


def _with_parents(spec: Spec) -> Iterator[Spec]:
    """Yield the runs of an ensemble before it, because their records are kept too."""
    if isinstance(spec, Derived) and spec.operation == "ensemble":
        yield from spec.parents
    yield spec
