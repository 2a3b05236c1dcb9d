"""What the page on the criterion shows: what the entropy of Eq. 4 says of weights that are drawn, not trained (outliers, scale,
shape, averages), and the tables of what trained layers hold. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

_D = 64  # of a layer of the small data sets
_SIZES = (_D * _D, 1350 * _D)  # weights of a matrix in a block, and of an item table

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
    return float((p[p > 0] * -np.log(p[p > 0])).sum()) + 0.0  # of a constant layer 0, not -0


def outlier(reach: Sequence[float], sizes: Sequence[int] = _SIZES) -> pd.DataFrame:
    """H of Gaussian weights, one of which is set to ``reach`` standard deviations, and their share in the L1 norm (Eq. 2)
    beside the same weights without it: a row a size and reach.

    The others are cut at 3.5 standard deviations, so that it is the largest where reach is more.
    """
    rows = []
    for size in sizes:
        without = np.clip(np.random.default_rng(0).standard_normal(size), -3.5, 3.5)
        for far in reach:
            w = np.r_[far, without[1:]]
            rows.append(
                {
                    "weights": size,
                    "outlier": far,
                    "H": entropy(w),
                    "L1 share": float(_share(w, without)),
                }
            )
    return pd.DataFrame(rows)


def drawn(sizes: Sequence[int] = _SIZES, draws: int = 20) -> pd.DataFrame:
    """What the criteria say of layers of each distribution and size, means over pairs of draws: a row a distribution and size.

    H as drawn, with its standard deviation, and the larger mu of two draws at alpha 30 (Eq. 9); H times 1000, averaged with
    another draw, with a layer that is large where it is small (Section 3.2.2), and with minus itself; the share in the L1 norm
    (Eq. 2) beside a Gaussian layer, as drawn, times 1000, and averaged with another draw.
    """
    return pd.DataFrame(
        [
            {"weights": name, "size": size, **_drawn(of, size, draws)}
            for name, of in DRAWN.items()
            for size in sizes
        ]
    )


def _drawn(
    of: Callable[[np.random.Generator, int], np.ndarray], size: int, draws: int
) -> dict[str, float]:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(draws):
        w, other, gaussian = of(rng, size), of(rng, size), DRAWN["Gaussian"](rng, size)
        h, average = entropy(w), (w + other) / 2
        rows.append(
            {
                "H": h,
                "larger mu": expit(30 * abs(h - entropy(other))),
                "times 1000": entropy(1000 * w),
                "with another": entropy(average),
                "with its opposite": entropy((w + opposite(w, rng)) / 2),
                "with its negative": entropy((w - w) / 2),
                "L1 share": _share(w, gaussian),
                "L1 share, times 1000": _share(1000 * w, gaussian),
                "L1 share, with another": _share(average, gaussian),
            }
        )
    frame = pd.DataFrame(rows)
    return {"H": frame["H"].mean(), "SD": frame["H"].std(), **frame.drop(columns="H").mean()}


def opposite(w: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The magnitudes of ``w`` the other way round, the largest where the smallest was, with signs that are drawn."""
    turned = np.empty_like(w)
    turned[np.argsort(np.abs(w))] = np.sort(np.abs(w))[::-1]
    return turned * rng.choice([-1, 1], len(w))


def _share(w: np.ndarray, other: np.ndarray) -> float:
    """Eq. 2."""
    return np.abs(w).sum() / (np.abs(w).sum() + np.abs(other).sum())
