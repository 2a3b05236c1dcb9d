"""What the entropy of Eq. 4 says of weights that are drawn, not trained: its outliers, scale, shape and averages. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

_D = 64  # of a layer of the small data sets

#: Weights of variance 1, by the name of their distribution.
DRAWN: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "uniform": lambda draw, n: draw.uniform(-math.sqrt(3), math.sqrt(3), n),
    "Gaussian": lambda draw, n: draw.standard_normal(n),
    "Laplace": lambda draw, n: draw.laplace(scale=math.sqrt(0.5), size=n),
}


def entropy(w: ArrayLike, bins: int = 10) -> float:
    """H(W) in nats (Eq. 3 and 4): that of ``criteria.entropy`` with closed bins, by numpy's histogram.

    Examples
    --------
    >>> round(entropy([0, 0, 1, 1]), 4)
    0.6931
    """
    p = np.histogram(w, bins)[0] / np.size(w)
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def outlier(reach: Sequence[float], sizes: Sequence[int] = (_D * _D, 1350 * _D)) -> pd.DataFrame:
    """H of Gaussian weights, one of which is set to ``reach`` standard deviations: a row a size and reach.

    The others are cut at 3.5 standard deviations, so that it is the largest where reach is more.
    """
    rows = []
    for size in sizes:
        w = np.clip(np.random.default_rng(0).standard_normal(size), -3.5, 3.5)
        for far in reach:
            w[0] = far
            rows.append({"weights": size, "outlier": far, "H": entropy(w)})
    return pd.DataFrame(rows)


def drawn(size: int = _D * _D) -> pd.DataFrame:
    """H of layers of each distribution: as drawn, times 1000, averaged with another draw, averaged with minus itself; and
    its share in the L1 norm (Eq. 2) beside a Gaussian layer. A row a distribution."""
    rows = []
    for name, of in DRAWN.items():
        w, other = of(np.random.default_rng(0), size), of(np.random.default_rng(1), size)
        gaussian = DRAWN["Gaussian"](np.random.default_rng(2), size)
        rows.append({"weights": name, "H": entropy(w), "times 1000": entropy(1000 * w), "with another": entropy((w + other) / 2),
                     "with its negative": entropy((w - w) / 2), "L1 share": float(_share(w, gaussian)),
                     "L1 share, times 1000": float(_share(1000 * w, gaussian))})
    return pd.DataFrame(rows)


def _share(w: np.ndarray, other: np.ndarray) -> float:
    """Eq. 2."""
    return np.abs(w).sum() / (np.abs(w).sum() + np.abs(other).sum())
