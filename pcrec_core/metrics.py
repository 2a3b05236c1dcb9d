"""Metrics from ranks (Section 4.4): MRR@N, HIT@N and NDCG@N, with one relevant item per user."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pcrec_core.errors import PCRecError, unknown

KINDS = ("MRR", "HIT", "NDCG")
#: What the tables of the study show; any other N works too.
METRICS = tuple(f"{kind}@{n}" for n in (5, 20) for kind in KINDS)

#: The metric that verdicts are given on (statistics-verdicts).
PRIMARY = "MRR@5"
#: The metric that chooses the epoch and the peer on validation (protocols-common).
SELECTION = "NDCG@20"


class MetricError(PCRecError):
    """A metric whose name is unknown, or values that cannot be ranks."""


def parse(name: str) -> tuple[str, int]:
    """Split a metric's name into its kind and its cut-off N.

    Raises
    ------
    MetricError
        If the name is not MRR@N, HIT@N or NDCG@N with a whole N of 1 or more.

    Examples
    --------
    >>> parse("NDCG@20")
    ('NDCG', 20)
    """
    match = re.fullmatch(rf"({'|'.join(KINDS)})@([1-9][0-9]*)", name)
    if match is None:
        # The nearest name is searched in capitals, but the sentence shows what was typed.
        capitals = name.upper()
        sentence = unknown("metric", capitals, METRICS).replace(repr(capitals), repr(name), 1)
        raise MetricError(sentence.removesuffix(".") + ", and any other N of 1 or more.")
    return match[1], int(match[2])


def value_by_user(ranks: ArrayLike, name: str) -> NDArray[np.float64]:
    """Compute the value of a metric for each rank, with one relevant item per user (Section 4.4).

    A rank within the first N gives 1/rank (MRR), 1 (HIT) or 1/log2(1 + rank) (NDCG, whose ideal
    gain is 1); any other rank gives 0.

    Parameters
    ----------
    ranks : array of int, any shape
        1-based rank of the target. Ties are included: the rank counts every candidate that scores
        at least as high (:ref:`protocols-common`).
    name : str
        For example ``"MRR@5"``.

    Returns
    -------
    array of float64, shape of ``ranks``
        In [0, 1].

    Raises
    ------
    MetricError
        For an unknown name, or a rank that is not a whole number of 1 or more.

    Examples
    --------
    Scores 0.9, 0.7, 0.7, 0.1 with the target at the second 0.7: the tie counts against it, so its
    rank is 3.

    >>> value_by_user([3, 6], "MRR@5")
    array([0.33333333, 0.        ])
    >>> value_by_user([3, 6], "NDCG@5")
    array([0.5, 0. ])
    """
    kind, n = parse(name)
    ranks = _checked(np.asarray(ranks))
    if kind == "MRR":
        gain = 1 / ranks
    else:
        gain = np.ones(ranks.shape) if kind == "HIT" else 1 / np.log2(1 + ranks)
    return np.where(ranks <= n, gain, 0.0)


def _checked(ranks: NDArray[Any]) -> NDArray[np.int64]:
    if not np.issubdtype(ranks.dtype, np.integer):
        raise MetricError(
            f"ranks must be whole numbers, not of type {ranks.dtype}; give the rank of each target."
        )
    if (wrong := ranks < 1).any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise MetricError(
            f"ranks start at 1, but the one at index {', '.join(map(str, first))} is"
            f" {ranks[first]}; count the target itself."
        )
    return ranks.astype(np.int64, copy=False)
