"""The entropy (Eq. 4) of random, untrained weights: outliers, scale, shape and averaging."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Weights = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Weights]

_D = 64  # width of a layer on the small data sets
_SIZES = (_D * _D, 1350 * _D)  # weights of a matrix in a block, and of an item table

#: Weights of variance 1, by the name of their distribution.
DRAWN: dict[str, Draw] = {
    "uniform": lambda draw, n: draw.uniform(-math.sqrt(3), math.sqrt(3), n),
    "Gaussian": lambda draw, n: draw.standard_normal(n),
    "Laplace": lambda draw, n: draw.laplace(scale=math.sqrt(0.5), size=n),
}


def entropy(w: ArrayLike, bins: int = 10) -> float:
    """Compute H(W) in nats by numpy's histogram (Eq. 3 and 4).

    The value equals that of ``criteria.entropy`` with closed bins, which needs torch.

    Examples
    --------
    >>> round(entropy([0, 0, 1, 1]), 4)
    0.6931
    """
    p = np.histogram(w, bins)[0] / np.size(w)
    # Adding 0 makes the -0 of a constant layer 0.
    return float((p[p > 0] * -np.log(p[p > 0])).sum()) + 0.0


def outlier(reach: Sequence[float], sizes: Sequence[int] = _SIZES) -> pd.DataFrame:
    """Compute how one outlier changes H, and the share in the L1 norm, of Gaussian weights.

    Parameters
    ----------
    reach : sequence of float
        Values of the outlier, in standard deviations. The other weights are cut at 3.5, so that an
        outlier beyond that is the largest weight.
    sizes : sequence of int
        Numbers of weights.

    Returns
    -------
    DataFrame
        One row per size and reach: H, and the share in the L1 norm (Eq. 2) against the same
        weights without the outlier.
    """
    rows = []
    for size in sizes:
        without = np.clip(np.random.default_rng(0).standard_normal(size), -3.5, 3.5)
        for far in reach:
            w = np.r_[far, without[1:]]
            share = _share(w, without)
            rows.append({"weights": size, "outlier": far, "h": entropy(w), "l1_share": share})
    return pd.DataFrame(rows)


def drawn(sizes: Sequence[int] = _SIZES, draws: int = 20) -> pd.DataFrame:
    """Compute both criteria of random layers, by distribution and size.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of weights.
    draws : int
        Pairs of layers over which the numbers are averaged.

    Returns
    -------
    DataFrame
        One row per distribution and size. H of a layer, with its standard deviation, and the larger
        mu of two layers at alpha 30 (Eq. 9). H of the layer times 1000, and of its average with
        another one, with one that is large where it is small (Section 3.2.2), and with its
        negative. The share in the L1 norm (Eq. 2) against a Gaussian layer: of the layer, of the
        layer times 1000, and of its average with another one.
    """
    return pd.DataFrame(
        [
            {"weights": name, "size": size, **_drawn(draw, size, draws)}
            for name, draw in DRAWN.items()
            for size in sizes
        ]
    )


def _drawn(draw: Draw, size: int, draws: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame([_pair(draw, size, rng) for _ in range(draws)])
    return {"h": frame["h"].mean(), "sd": frame["h"].std(), **frame.drop(columns="h").mean()}


def _pair(draw: Draw, size: int, rng: np.random.Generator) -> dict[str, float]:
    w, other, gaussian = draw(rng, size), draw(rng, size), DRAWN["Gaussian"](rng, size)
    h, average = entropy(w), (w + other) / 2
    return {
        "h": h,
        "larger_mu": expit(30 * abs(h - entropy(other))),
        "times_1000": entropy(1000 * w),
        "with_another": entropy(average),
        "with_opposite": entropy((w + opposite(w, rng)) / 2),
        "with_negative": entropy((w - w) / 2),
        "l1_share": _share(w, gaussian),
        "l1_share_times_1000": _share(1000 * w, gaussian),
        "l1_share_with_another": _share(average, gaussian),
    }


def opposite(w: Weights, rng: np.random.Generator) -> Weights:
    """Return the magnitudes of ``w`` in reverse, the largest where the smallest was.

    The signs are drawn.
    """
    turned = np.empty_like(w)
    turned[np.argsort(np.abs(w))] = np.sort(np.abs(w))[::-1]
    signed: Weights = turned * rng.choice([-1, 1], len(w))
    return signed


def _share(w: Weights, other: Weights) -> float:
    """Compute Eq. 2."""
    return float(np.abs(w).sum() / (np.abs(w).sum() + np.abs(other).sum()))
