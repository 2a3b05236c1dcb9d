"""The runs of a page: replicates by label, for every data set and model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pcrec_core.reporting import tables
from pcrec_core.study.replicates import Replicates

Pair = tuple[Replicates, Replicates]


@dataclass(frozen=True)
class Runs:
    """Replicates by label, one group per data set and model, in the order that was asked for."""

    groups: Sequence[Mapping[str, Replicates]]

    def __iter__(self) -> Iterator[Replicates]:
        """Go over all replicates, group by group."""
        return (arm for group in self.groups for arm in group.values())

    def of(self, *labels: str) -> list[Replicates]:
        """Return the replicates of the labels, group by group; what a group lacks is skipped."""
        return [group[label] for group in self.groups for label in labels if label in group]

    def pairs(self, *labels: str, over: str) -> list[Pair]:
        """Pair each label with ``over`` in its group, where both are there."""
        return self.couples(*((label, over) for label in labels if label != over))

    def couples(self, *couples: tuple[str, str]) -> list[Pair]:
        """Pair two labels of a group, in the order of the groups, where both are there."""
        return [
            (group[a], group[b])
            for group in self.groups
            for a, b in couples
            if {a, b} <= group.keys()
        ]

    @property
    def footnote(self) -> str:
        """Protocol, users, runs and test that the numbers of these runs rest on."""
        return tables.footnote(list(self))
