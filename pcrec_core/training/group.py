"""The processes of a run as the trainer sees them, and the serial mode of Section 3.3.

The trainer calls a ``Group`` and does not know its mode. Both modes give the same bits: values come
in the order of the peers, and every process merges the same weights in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from torch import nn

T = TypeVar("T")


class Group(Protocol):
    """The processes of one run; all of them call the same methods in the same order.

    ``gather`` and ``from_first`` share values, ``models`` shares weights, and ``collect`` the state
    that a checkpoint keeps. A ``PCRecError`` that one process raises while it computes a value is
    raised in all of them, so that none waits in vain.

    Attributes
    ----------
    first : bool
        Whether this is the process that writes and prints.
    """

    first: bool

    def numbers(self, peers: int) -> Sequence[int]:
        """Return the numbers of those of the run's ``peers`` that this process trains."""

    def gather(self, compute: Callable[[], list[T]]) -> list[T]:
        """Concatenate the lists that ``compute`` returns in each process, in order of the peers."""

    def from_first(self, compute: Callable[[], T]) -> T:
        """Return the value of ``compute`` in the first process, the only one that calls it."""

    def models(self, here: list[nn.Module]) -> list[nn.Module]:
        """Return the models of all peers, given those of this process.

        Models of other processes are copies with their present weights.
        """

    def collect(self, here: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the states of all peers in the first process, and an empty list in the others.

        States of other processes are on the CPU.
        """


class Serial:
    """All peers in this process, trained in turn: about 2 TC for a pair (Section 3.3)."""

    first = True

    def numbers(self, peers: int) -> Sequence[int]:
        """Return the numbers of all peers."""
        return range(peers)

    def gather(self, compute: Callable[[], list[T]]) -> list[T]:
        """Return the list of this process."""
        return compute()

    def from_first(self, compute: Callable[[], T]) -> T:
        """Return the value of this process."""
        return compute()

    def models(self, here: list[nn.Module]) -> list[nn.Module]:
        """Return the models of this process."""
        return here

    def collect(self, here: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the states of this process."""
        return here


SERIAL = Serial()
