"""What is made from finished runs, or from the data alone, and needs no training of its own: named as runs are. No torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

from pcrec_core.errors import SpecError, known, require
from pcrec_core.specs.fields import Identified
from pcrec_core.specs.run import Data, RunSpec, from_dict, has_meaning

#: Raised by a change that moves a bit of what these give.
NUMERICS = 1
OPERATIONS = ("ensemble", "apart", "pruned", "tuned", "probed")
#: Epochs of a fine-tuning (PROTOCOLS.md, section 5).
TUNING_EPOCHS = 10
TRIVIAL = ("popularity", "transitions", "recency")


class Named(NamedTuple):
    """What stands for a model."""

    name: str


@dataclass(frozen=True)
class Derived(Identified):
    """An operation on the reported weights of runs (PROTOCOLS.md, sections 3, 5 and 6).

    Parameters
    ----------
    operation : {"ensemble", "apart", "pruned", "tuned", "probed"}
        The mean of the scores of several runs; that of the peers of one run that never exchange, each at its own best
        epoch; the smallest ``share`` of all weights set to 0, without and with fine-tuning; what each layer holds and does.
    parents : tuple of RunSpec
        The runs: two or more of an ensemble, else one.
    share : float, optional
        Of the weights that are pruned, in [0, 1).
    """

    operation: str
    parents: tuple[RunSpec, ...]
    share: float | None = None
    numerics: int = NUMERICS

    def __post_init__(self) -> None:
        known("operation", self.operation, OPERATIONS)
        require(
            bool(self.parents) and all(isinstance(parent, RunSpec) for parent in self.parents),
            "parents must be runs.",
        )
        object.__setattr__(
            self, "parents", tuple(sorted(self.parents, key=lambda run: (run.seed, run.identity)))
        )
        many = self.operation == "ensemble"
        require(
            (len(self.parents) > 1) == many,
            f"{self.operation} is made from {'two or more runs' if many else 'one run'},"
            f" not {len(self.parents)}.",
        )
        require(
            len(set(self.parents)) == len(self.parents),
            "an ensemble's runs must be different ones.",
        )
        prunes = self.operation in ("pruned", "tuned")
        require(
            (self.share is not None) == prunes,
            "share belongs to pruned and tuned: give it there, and leave it out else.",
        )
        require(
            not prunes or (isinstance(self.share, (int, float)) and 0 <= self.share < 1),
            f"share must be in [0, 1), not {self.share}.",
        )
        kinds = {(p.data, p.model, p.protocol, p.lines) for p in self.parents}
        require(
            len(kinds) == 1,
            "the runs of an ensemble must have the same data, model, protocol and rules.",
        )
        _refuse_shuffled(self.parents[0].data)
        first = self.parents[0]
        require(
            self.operation != "apart" or (first.peers > 1 and first.cooperation is None),
            "apart needs a run of two or more peers that never exchange.",
        )

    def canonical(self) -> dict[str, Any]:
        """What identifies it."""
        share = {} if self.share is None else {"share": float(self.share)}
        return {
            "operation": self.operation,
            "numerics": self.numerics,
            "parents": [p.canonical() for p in self.parents],
        } | share

    @property
    def needs(self) -> list[tuple[RunSpec, int | None]]:
        """The models it is made from: the reported one of a run, or (a number) that of one of its peers' best epoch."""
        peers = range(self.parents[0].peers) if self.operation == "apart" else [None]
        return [(parent, peer) for parent in self.parents for peer in peers]

    @property
    def data(self) -> Data:
        return self.parents[0].data

    @property
    def model(self) -> Any:
        return self.parents[0].model

    @property
    def protocol(self) -> str:
        return self.parents[0].protocol

    @property
    def seed(self) -> int:
        """Of the first run."""
        return self.parents[0].seed

    @property
    def variant(self) -> str:
        """Short name: m2, apart, pruned30-base, tuned30-base, probed-le-a30."""
        if self.operation == "ensemble":
            return f"m{len(self.parents)}-{self.parents[0].variant}"
        share = "" if self.share is None else f"{100 * self.share:g}"
        return f"{self.operation}{share}-{self.parents[0].variant}"


@dataclass(frozen=True)
class Trivial(Identified):
    """A baseline without training or randomness (PROTOCOLS.md, section 6, control 0): ``popularity``, ``transitions`` or
    ``recency``."""

    data: Data
    baseline: str
    protocol: str = "controlled"
    numerics: int = NUMERICS

    def __post_init__(self) -> None:
        known("baseline", self.baseline, TRIVIAL)
        _refuse_shuffled(self.data)
        require(
            self.protocol == "controlled",
            "the trivial baselines follow protocol 'controlled' alone.",
        )

    def canonical(self) -> dict[str, Any]:
        """What identifies it."""
        return {
            "baseline": self.baseline,
            "numerics": self.numerics,
            "data": self.data.canonical(),
            "protocol": self.protocol,
        }

    @property
    def model(self) -> Named:
        return Named(self.baseline)

    @property
    def variant(self) -> str:
        return "trivial"

    @property
    def seed(self) -> int:
        return 0


def derived_from_dict(values: dict[str, Any]) -> Derived | Trivial:
    """What has this canonical form; an unknown or missing key is a ``SpecError``."""
    kind = Trivial if "baseline" in values else Derived
    try:
        parts = (
            {"data": Data(**values["data"])}
            if kind is Trivial
            else {"parents": tuple(map(from_dict, values["parents"]))}
        )
        return kind(**values | parts)
    except (KeyError, TypeError) as error:
        raise SpecError(
            f"{kind.__name__} cannot be read ({type(error).__name__}: {error})."
        ) from None


def _refuse_shuffled(data: Data) -> None:
    require(
        data.histories == "ordered",
        "nothing is derived from shuffled histories: each run has an order of its own.",
    )


#: Lines of the protocols' table that change what is evaluated, and leave the training as it is.
_EVALUATION = ("candidates", "hidden", "evaluated", "choice")
_EXCHANGE = ("layers", "last_bin")  # and those that change an exchange alone


def trainings(spec: RunSpec | Derived | Trivial) -> set[tuple]:
    """The trainings that a result rests on, each by all that decides its weights: an average of weights has its model's,
    how a model is evaluated decides nothing, and of peers that never exchange the first one is the base (PROTOCOLS.md,
    section 1).

    Arms that share one are not independent (STATISTICS.md, section 1).
    """
    if isinstance(spec, Trivial):
        return set()
    if isinstance(spec, Derived):
        return set().union(*map(trainings, spec.parents))
    exchange = None if _exchanges_at_the_end(spec) else spec.cooperation
    without = _EVALUATION if exchange else (*_EVALUATION, *_EXCHANGE)
    lines = tuple(
        (name, value)
        for name, value in vars(spec.lines).items()
        if name not in without and has_meaning(name, spec)
    )
    peers = (spec.peers, spec.rates, spec.orders, spec.starts) if exchange else (1,)
    training = dataclasses.replace(spec.training, average=None)
    return {(spec.data, spec.model, training, exchange, spec.seed, spec.numerics, peers, lines)}


def _exchanges_at_the_end(spec: RunSpec) -> bool:
    """Whether the training is over when its only exchange comes."""
    return spec.cooperation is not None and spec.cooperation.every == spec.training.epochs
