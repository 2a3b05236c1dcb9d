"""Specs of results that are derived from the weights of finished runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pcrec_core.errors import require, require_known
from pcrec_core.specs.data import Data
from pcrec_core.specs.fields import Identified
from pcrec_core.specs.model import Model
from pcrec_core.specs.run import RunSpec, from_dict
from pcrec_core.specs.trivial import NUMERICS, Trivial, readable, refuse_shuffled

OPERATIONS = ("ensemble", "apart", "pruned", "tuned", "probed")
#: Epochs of a fine-tuning (protocols-figures).
TUNING_EPOCHS = 10


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
        refuse_shuffled(self.data)
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
            "share belongs to pruned and tuned: give it there, and leave it out elsewhere.",
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
        """The models it is made from: a run and a peer, or ``None`` for the run's reported model.

        A peer means its weights at its own best epoch.
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


#: What a record can be the result of.
Spec = RunSpec | Derived | Trivial


def derived_from_dict(values: dict[str, Any]) -> Derived:
    """Return the derived spec whose canonical form is ``values``.

    Raises
    ------
    SpecError
        A key is unknown or missing, or a value is refused.
    """
    with readable("Derived"):
        return Derived(**values | {"parents": tuple(map(from_dict, values["parents"]))})
