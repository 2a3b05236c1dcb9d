"""Specs of results without a training of their own: from finished runs, or the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from pcrec_core.errors import SpecError, require, require_known
from pcrec_core.specs.fields import Identified
from pcrec_core.specs.run import Data, Model, RunSpec, from_dict, has_meaning

#: Version of the numerics: raised by a change that moves a bit of these results.
NUMERICS = 1
OPERATIONS = ("ensemble", "apart", "pruned", "tuned", "probed")
#: Epochs of a fine-tuning (protocols-figures).
TUNING_EPOCHS = 10
TRIVIAL = ("popularity", "transitions", "recency")


class Named(NamedTuple):
    """A name in the place of a model."""

    name: str


@dataclass(frozen=True)
class Derived(Identified):
    """An operation on the reported weights of runs.

    See :ref:`protocols-variants`, :ref:`protocols-figures` and :ref:`protocols-controls`.

    Parameters
    ----------
    operation : {"ensemble", "apart", "pruned", "tuned", "probed"}
        "ensemble": the mean of the scores of several runs; "apart": that of the peers of one run
        that never exchange, each at its own best epoch; "pruned" and "tuned": the smallest
        ``share`` of all weights set to 0, without and with fine-tuning; "probed": the information
        and the effect of each layer.
    parents : tuple of RunSpec
        The runs: two or more of an ensemble, else one.
    share : float, optional
        Share of the weights that are pruned, in [0, 1).

    Raises
    ------
    SpecError
        The runs do not fit the operation or each other, or the share does not.
    """

    operation: str
    parents: tuple[RunSpec, ...]
    share: float | None = None
    numerics: int = NUMERICS

    def __post_init__(self) -> None:
        """Put the runs in the order of their seeds, and check everything."""
        require_known("operation", self.operation, OPERATIONS)
        require(
            bool(self.parents) and all(isinstance(parent, RunSpec) for parent in self.parents),
            "parents must be runs.",
        )
        in_order = tuple(sorted(self.parents, key=lambda run: (run.seed, run.identity)))
        object.__setattr__(self, "parents", in_order)
        self._check_number()
        self._check_share()
        kinds = {(p.data, p.model, p.protocol, p.options) for p in self.parents}
        require(
            len(kinds) == 1,
            "the runs of an ensemble must have the same data, model, protocol and options.",
        )
        _refuse_shuffled(self.data)
        first = self.parents[0]
        require(
            self.operation != "apart" or (first.peers > 1 and first.cooperation is None),
            "apart needs a run of two or more peers that never exchange.",
        )

    def _check_number(self) -> None:
        several = self.operation == "ensemble"
        require(
            (len(self.parents) > 1) == several,
            f"{self.operation} is made from {'two or more runs' if several else 'one run'},"
            f" not {len(self.parents)}.",
        )
        require(
            len(set(self.parents)) == len(self.parents),
            "an ensemble's runs must be different ones.",
        )

    def _check_share(self) -> None:
        prunes = self.operation in ("pruned", "tuned")
        require(
            (self.share is not None) == prunes,
            "share belongs to pruned and tuned: give it there, and leave it out else.",
        )
        require(
            not prunes or (isinstance(self.share, (int, float)) and 0 <= self.share < 1),
            f"share must be in [0, 1), not {self.share}.",
        )

    def canonical(self) -> dict[str, Any]:
        """Return the nested dict of all that identifies the result."""
        share = {} if self.share is None else {"share": float(self.share)}
        return {
            "operation": self.operation,
            "numerics": self.numerics,
            "parents": [parent.canonical() for parent in self.parents],
        } | share

    @property
    def source_models(self) -> list[tuple[RunSpec, int | None]]:
        """Models it is made from: a run with a peer's number, or ``None`` for the reported one.

        A peer stands for its weights at its own best epoch.
        """
        peers = range(self.parents[0].peers) if self.operation == "apart" else [None]
        return [(parent, peer) for parent in self.parents for peer in peers]

    @property
    def data(self) -> Data:
        """Data of the runs."""
        return self.parents[0].data

    @property
    def model(self) -> Model:
        """Model of the runs."""
        return self.parents[0].model

    @property
    def protocol(self) -> str:
        """Protocol of the runs."""
        return self.parents[0].protocol

    @property
    def seed(self) -> int:
        """Seed of the first run."""
        return self.parents[0].seed

    @property
    def variant(self) -> str:
        """Short name: m2-base, apart-apart, pruned30-base, tuned30-base, probed-le-a30."""
        parent = self.parents[0].variant
        if self.operation == "ensemble":
            return f"m{len(self.parents)}-{parent}"
        share = "" if self.share is None else f"{100 * self.share:g}"
        return f"{self.operation}{share}-{parent}"


@dataclass(frozen=True)
class Trivial(Identified):
    """A baseline without training or randomness (:ref:`protocols-controls`, control 0).

    Parameters
    ----------
    data : Data
    baseline : {"popularity", "transitions", "recency"}
    protocol : {"controlled"}
    numerics : int

    Raises
    ------
    SpecError
        Another baseline or protocol, or shuffled histories.
    """

    data: Data
    baseline: str
    protocol: str = "controlled"
    numerics: int = NUMERICS

    def __post_init__(self) -> None:
        """Check the baseline, the data and the protocol."""
        require_known("baseline", self.baseline, TRIVIAL)
        _refuse_shuffled(self.data)
        require(
            self.protocol == "controlled",
            "the trivial baselines follow protocol 'controlled' alone.",
        )

    def canonical(self) -> dict[str, Any]:
        """Return the nested dict of all that identifies the result."""
        return {
            "baseline": self.baseline,
            "numerics": self.numerics,
            "data": self.data.canonical(),
            "protocol": self.protocol,
        }

    @property
    def model(self) -> Named:
        """The baseline's name in the place of a model."""
        return Named(self.baseline)

    @property
    def variant(self) -> str:
        """Short name: trivial."""
        return "trivial"

    @property
    def seed(self) -> int:
        """0: there is no randomness."""
        return 0


#: What a record can be the result of.
Spec = RunSpec | Derived | Trivial


def derived_from_dict(values: dict[str, Any]) -> Derived:
    """Return the derived spec whose canonical form is ``values``.

    Raises
    ------
    SpecError
        A key is unknown or missing, or a value is refused.
    """
    with _readable("Derived"):
        return Derived(**values | {"parents": tuple(map(from_dict, values["parents"]))})


def trivial_from_dict(values: dict[str, Any]) -> Trivial:
    """Return the trivial baseline whose canonical form is ``values``; errors as above."""
    with _readable("Trivial"):
        return Trivial(**values | {"data": Data(**values["data"])})


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError) as error:
        raise SpecError(f"{name} cannot be read ({type(error).__name__}: {error}).") from None


def _refuse_shuffled(data: Data) -> None:
    require(
        data.histories == "ordered",
        "nothing is derived from shuffled histories: each run has an order of its own.",
    )


#: Options that change the evaluation alone, and options that change an exchange alone.
_EVALUATION = ("candidates", "hidden", "evaluated", "choice")
_EXCHANGE = ("layers", "last_bin")


def trainings(spec: Spec) -> set[tuple[object, ...]]:
    """Return the trainings behind a result, each as a tuple of all that decides its weights.

    An average of weights has the training of its model; the evaluation decides nothing; of peers
    that never exchange, the first one is the base model (:ref:`protocols-common`). Variants that
    share a training are not independent (:ref:`statistics-estimand`).
    """
    if isinstance(spec, Trivial):
        return set()
    if isinstance(spec, Derived):
        return set().union(*map(trainings, spec.parents))
    exchange = None if _exchanges_at_the_end(spec) else spec.cooperation
    without = _EVALUATION if exchange else (*_EVALUATION, *_EXCHANGE)
    options = tuple(
        (name, value)
        for name, value in vars(spec.options).items()
        if name not in without and has_meaning(name, spec)
    )
    peers = (spec.peers, spec.rates, spec.orders, spec.starts) if exchange else (1,)
    training = dataclasses.replace(spec.training, average=None)
    return {(spec.data, spec.model, training, exchange, spec.seed, spec.numerics, peers, options)}


def _exchanges_at_the_end(spec: RunSpec) -> bool:
    """Return whether the training is over when its only exchange comes."""
    return spec.cooperation is not None and spec.cooperation.every == spec.training.epochs
