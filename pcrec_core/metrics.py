"""Metric values from ranks: MRR@N, HIT@N and NDCG@N for one relevant item a user (Section 4.4 of the paper). No torch."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pcrec_core.errors import PCRecError, unknown

KINDS = ("MRR", "HIT", "NDCG")
#: What the tables of the study show; any other N is as good.
METRICS = tuple(f"{kind}@{n}" for n in (5, 20) for kind in KINDS)

#: What words are given on (STATISTICS.md, section 4).
PRIMARY = "MRR@5"
#: What chooses the epoch and the peer on validation (PROTOCOLS.md, section 1).
SELECTION = "NDCG@20"


class MetricError(PCRecError):
    """A metric whose name is unknown, or ranks that cannot be ranks."""


def parse(name: str) -> tuple[str, int]:
    """Kind and cut-off N of a metric's name.

    Raises
    ------
    MetricError
        The name is not MRR@N, HIT@N or NDCG@N with a whole N of 1 or more.

    Examples
    --------
    >>> parse("NDCG@20")
    ('NDCG', 20)
    """
    found = re.fullmatch(rf"({'|'.join(KINDS)})@([1-9][0-9]*)", name)
    if found is None:
        # The nearest name is looked for in capitals, the sentence shows what was typed.
        sentence = unknown("metric", name.upper(), METRICS).replace(
            repr(name.upper()), repr(name), 1
        )
        raise MetricError(sentence.removesuffix(".") + ", and any other N of 1 or more.")
    return found[1], int(found[2])


def value_by_user(ranks: ArrayLike, name: str) -> NDArray[np.float64]:
    """Value of the metric ``name`` for each rank, one relevant item a user.

    A rank within the first N gives 1/rank (MRR), 1 (HIT) or 1/log2(1 + rank) (NDCG: the ideal gain is 1); any other
    gives 0.

    Parameters
    ----------
    ranks : array of int, any shape
        1-based rank of the target. Ties are in it already: it counts every candidate that scores at least as high
        (PROTOCOLS.md, section 1).
    name : str
        For example ``"MRR@5"``.

    Returns
    -------
    array of float64, shape of ``ranks``
        In [0, 1].

    Raises
    ------
    MetricError
        An unknown name, or a rank that is not a whole number of 1 or more.

    Examples
    --------
    Scores 0.9, 0.7, 0.7, 0.1 with the target at the second 0.7: the tie counts against it, so its rank is 3.

    >>> value_by_user([3, 6], "MRR@5")
    array([0.33333333, 0.        ])
    >>> value_by_user([3, 6], "NDCG@5")
    array([0.5, 0. ])
    """
    kind, n = parse(name)
    ranks = _checked(np.asarray(ranks))
    gain = {
        "MRR": lambda: 1 / ranks,
        "HIT": lambda: np.ones(ranks.shape),
        "NDCG": lambda: 1 / np.log2(1 + ranks),
    }
    return np.where(ranks <= n, gain[kind](), 0.0)


def _checked(ranks: NDArray) -> NDArray:
    if not np.issubdtype(ranks.dtype, np.integer):
        raise MetricError(
            f"ranks must be whole numbers, not of type {ranks.dtype}; give the rank of each target."
        )
    if (wrong := ranks < 1).any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise MetricError(
            f"ranks start at 1, but the one at index {', '.join(map(str, first))} is {ranks[first]};"
            " count the target itself."
        )
    return ranks.astype(np.int64, copy=False)
