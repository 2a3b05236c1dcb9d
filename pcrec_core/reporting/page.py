"""The study behind a notebook: what its parameters ask for, and the runs that answer it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pcrec_core.analysis.claims import evidence
from pcrec_core.reporting import tables
from pcrec_core.reporting.html import Html
from pcrec_core.reporting.notebook import check_parameters
from pcrec_core.reporting.runs import Runs
from pcrec_core.specs.run import Data
from pcrec_core.specs.trivial import TRIVIAL
from pcrec_core.study import collect, defaults, splits
from pcrec_core.study.records import Store
from pcrec_core.study.replicates import Replicates

#: Parameters that are settings of a run; 0 stands for the study's own value.
_SETTINGS = ("protocol", "epochs", "gamma")


@dataclass(frozen=True)
class Study:
    """The data sets, models, seeds and settings of a page, and where its records are.

    Parameters
    ----------
    datasets : tuple of Data
        The data sets.
    models : tuple of str
        The models.
    seeds : tuple of int
        One run per seed; without any, the planned ones.
    given : mapping
        Settings of ``study.defaults.run_spec`` that differ from the study's.
    store : Store
        Where records are read from and written to.
    device : str
        Where a missing run is trained.
    """

    datasets: tuple[Data, ...]
    models: tuple[str, ...]
    seeds: tuple[int, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    store: Store = field(default_factory=Store)
    device: str = "auto"

    @classmethod
    def from_parameters(cls, namespace: dict[str, Any]) -> Study:
        """Read a notebook's parameters; the cell after them calls it with ``globals()``.

        Raises
        ------
        SpecError
            For a parameter that is mistyped, of another type, or cannot be meant.
        DataError
            For a file of one's own that cannot be read, or of which nothing is left.
        RecordError
            If the folder of records is a file.
        """
        check_parameters(namespace)
        names = namespace.get("datasets") or [namespace["dataset"]]
        file = namespace.get("csv", ""), namespace.get("columns", ()), namespace.get("core", 5)
        datasets = tuple(defaults.dataset(name, *file) for name in names)
        for data in datasets:
            if data.source == "csv":
                splits.split_of(data)  # a bad file is refused before other data are trained on
        return cls(
            datasets,
            tuple(namespace.get("models") or [namespace["model"]]),
            tuple(namespace.get("seeds", ())),
            {name: namespace[name] or None for name in _SETTINGS if name in namespace},
            Store.of(namespace.get("records", "")),
            namespace.get("device", "auto"),
        )

    @property
    def names(self) -> list[str]:
        """The names of the data sets."""
        return [data.source for data in self.datasets]

    def runs(
        self,
        *labels: str,
        by_model: Mapping[str, Sequence[str]] | None = None,
        by_epoch: bool = False,
    ) -> Runs:
        """Read the runs of the labels for every data set and model, and train what is missing.

        Parameters
        ----------
        labels : str
            Labels of ``study.variants``, the same for all models.
        by_model : mapping, optional
            The labels of each model, instead.
        by_epoch : bool
            Whether the page shows what is reported after each epoch.

        Raises
        ------
        SpecError
            For an unknown label, one that a model does not have, or ``by_epoch`` one without
            epochs: before the first is trained.
        """
        plan = [(data, model) for data in self.datasets for model in self.models]
        wanted = list(labels) if by_model is None else by_model
        given = plan, wanted, self.seeds, self.given
        return Runs(collect.by_label(*given, by_epoch=by_epoch, **self._where))

    def one(
        self,
        label: str,
        data: Data | None = None,
        model: str = "",
        *,
        planned: bool = False,
        **changed: Any,
    ) -> Replicates:
        """Read the runs of one label, and train what is missing.

        Parameters
        ----------
        label : str
            A label of ``study.variants``.
        data, model : optional
            By default the page's first.
        planned : bool
            The planned seeds, whatever the page's.
        changed
            Settings that differ from the page's.
        """
        seeds = () if planned else self.seeds
        where = data or self.datasets[0], model or self.models[0]
        return collect.labelled(label, *where, seeds, {**self.given, **changed}, **self._where)

    def found(self, *labels: str) -> Runs:
        """Read the runs of the labels that have records, and train nothing.

        A group lacks the labels without a record.
        """
        return Runs(
            [
                {label: arm for label in labels if (arm := self._found(label, data, model))}
                for data in self.datasets
                for model in self.models
            ]
        )

    def _found(self, label: str, data: Data, model: str) -> Replicates | None:
        return collect.found(label, data, model, self.seeds, self.given, store=self.store)

    def trivial(self) -> Runs:
        """Read the baselines without training for every data set; only ``controlled`` has any."""
        if self.given.get("protocol", "controlled") != "controlled":
            return Runs([])
        return Runs([{name: self.one(name, data) for name in TRIVIAL} for data in self.datasets])

    def claims(self, artifact: str) -> pd.DataFrame:
        """Decide the claims of an artifact, such as ``table3``, about the page's data sets."""
        return evidence.of_family(evidence.decided(self.store, self.names), artifact, self.names)

    def by_dataset(self, arms: Sequence[Replicates]) -> list[Replicates]:
        """Order replicates by data set, and within one as they are given."""
        return [arm for name in self.names for arm in arms if arm.dataset == name]

    @property
    def _where(self) -> dict[str, Any]:
        return {"store": self.store, "device": self.device}


def footnote(*groups: Iterable[Replicates]) -> str:
    """State protocol, users, runs and test of all these replicates."""
    return tables.footnote([arm for group in groups for arm in group])


def sources(*groups: Iterable[Replicates]) -> Html:
    """List the records that a page rests on, one row per record."""
    return tables.sources([run for group in groups for arm in group for run in arm.runs])
