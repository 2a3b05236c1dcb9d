"""Specs of the trivial baselines: results from the data alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from pcrec_core.errors import SpecError, require, require_known
from pcrec_core.specs.data import Data
from pcrec_core.specs.fields import Identified

#: Version of the numerics of results without a training of their own, raised by a change that
#: moves a bit of them.
NUMERICS = 1
TRIVIAL = ("popularity", "transitions", "recency")


class Named(NamedTuple):
    """A name in the place of a model."""

    name: str


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
        refuse_shuffled(self.data)
        require(
            self.protocol == "controlled",
            "the trivial baselines follow protocol 'controlled' only.",
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


def trivial_from_dict(values: dict[str, Any]) -> Trivial:
    """Return the trivial baseline whose canonical form is ``values``.

    Raises
    ------
    SpecError
        A key is unknown or missing, or a value is refused.
    """
    with readable("Trivial"):
        return Trivial(**values | {"data": Data(**values["data"])})


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn a missing or unknown key inside the context into a ``SpecError``."""
    try:
        yield
    except (KeyError, TypeError) as error:
        raise SpecError(f"{name} cannot be read ({type(error).__name__}: {error}).") from None


def refuse_shuffled(data: Data) -> None:
    """Raise ``SpecError`` for shuffled histories."""
    require(
        data.histories == "ordered",
        "nothing is derived from shuffled histories: each run has an order of its own.",
    )
