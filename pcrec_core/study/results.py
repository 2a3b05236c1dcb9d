"""What the result of a record holds, by kind: typed, frozen views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pcrec_core.metrics import PRIMARY
from pcrec_core.study.run_history import History
from pcrec_core.study.views import Curves, Flags, Integers, Metrics, View, require_shape


@dataclass(frozen=True)
class Data(View):
    """The split that a model was evaluated on.

    ``users_not_trained`` have every item in their history, and so no negative for BPR.
    """

    fingerprint: str
    users: int
    items: int
    users_not_trained: int = 0


class Layer(NamedTuple):
    """A layer of a model: its name, and its component in Section 3.3."""

    name: str
    component: str


@dataclass(frozen=True)
class Chosen(View):
    """The epoch and peer whose model is reported, and its metrics on validation.

    ``merged`` and ``after`` mean the model after that epoch's exchange: the one model of all peers,
    or the peer's own.
    """

    epoch: int
    peer: int
    merged: bool
    valid: Metrics
    after: bool = False


@dataclass(frozen=True)
class Best(View):
    """The best value of one metric on the test set, over all epochs and peers."""

    value: float
    epoch: int
    peer: int
    ranks: Integers


@dataclass(frozen=True)
class ByValidation(View):
    """What validation would have chosen in a run whose epoch is chosen on the test set."""

    epoch: int
    peer: int
    valid: Metrics
    test: Metrics
    ranks: Integers


@dataclass(frozen=True)
class Evaluated(View):
    """A model that was evaluated on the test set.

    Parameters
    ----------
    data : Data
    reported : dict of float
        The value that is reported in each metric.
    chosen_ranks : array, shape (users,)
        Rank of each user's test target by the chosen model. A metric is computed from
        ``ranks_for(metric)``.
    repeated : array, shape (users,)
        Whether each user's test target occurs earlier in the user's history.
    """

    data: Data
    reported: Metrics = field(metadata={"name": "test"})
    chosen_ranks: Integers = field(metadata={"name": "ranks"})
    repeated: Flags

    def __post_init__(self) -> None:
        """Refuse ranks or flags of another number of users."""
        users = (self.data.users,)
        require_shape("the", {"ranks": self.chosen_ranks, "repeated": self.repeated}, users)

    def ranks_for(self, metric: str) -> Integers:
        """Return the ranks from which a metric is reported, (users,)."""
        return self.chosen_ranks


@dataclass(frozen=True)
class RunResult(Evaluated):
    """The result of a trained run.

    Where the protocol chooses the epoch on the test set, each metric is reported from its own best
    epoch and peer, which ``best_by_metric`` holds. Then no single model has all values of
    ``reported``, and ``chosen`` and ``chosen_ranks`` belong to MRR@5.

    Parameters
    ----------
    chosen : Chosen
    history : History
    layers : tuple of Layer
    weights : int
        Number of weights of one model.
    best_by_metric : dict of Best
    by_validation : ByValidation or None
        Kept where a run serves both ways to choose.
    """

    chosen: Chosen
    history: History = field(metadata={"name": "epochs"})
    layers: tuple[Layer, ...]
    weights: int
    best_by_metric: dict[str, Best] = field(default_factory=dict, metadata={"name": "best"})
    by_validation: ByValidation | None = None

    def __post_init__(self) -> None:
        """Refuse best values by metric that differ from the reported ones."""
        super().__post_init__()
        if not self.best_by_metric:
            return
        if {name: best.value for name, best in self.best_by_metric.items()} != self.reported:
            raise ValueError("the best values by metric are not the reported ones")
        if not np.array_equal(self.best_by_metric[PRIMARY].ranks, self.chosen_ranks):
            raise ValueError(f"the ranks are not those of the best epoch in {PRIMARY}")

    def ranks_for(self, metric: str) -> Integers:
        """Return the ranks from which a metric is reported, (users,).

        Where the epoch is chosen on the test set, they come from the metric's own best epoch.
        """
        best = self.best_by_metric.get(metric)
        return best.ranks if best else self.chosen_ranks


@dataclass(frozen=True)
class TrivialResult(Evaluated):
    """The result of a trivial baseline."""

    valid: Metrics


@dataclass(frozen=True)
class DerivedResult(Evaluated):
    """The result of an ensemble, or of a pruned or fine-tuned model.

    ``chosen`` is the epoch of fine-tuning that validation chose, and ``by_epoch`` holds its metrics
    on validation, each (epochs,).
    """

    valid: Metrics
    chosen: int | None = None
    by_epoch: Curves = field(default_factory=dict, metadata={"name": "epochs"})


@dataclass(frozen=True)
class StatisticsResult(View):
    """The statistics of a data set; ``datasets.statistics`` explains each."""

    source: str
    core: int
    users: int
    items: int
    actions: int
    actions_per_user_mean: float
    actions_per_user_median: float
    density: float
    repeats: bool
    tie_share: float | None
    repeat_share_valid: float
    repeat_share_test: float
    test_groups: Integers
    counts: dict[str, int]
    fingerprint: str
