"""What the page on the criterion shows: what the entropy of Eq. 4 says of weights that are drawn, not trained (outliers, scale,
shape, averages), and the tables of what trained layers hold. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pcrec_core.report import Html, count, number, percent, share, table

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
    return float((p[p > 0] * -np.log(p[p > 0])).sum()) + 0.0  # of a constant layer 0, not -0


def outlier(reach: Sequence[float], sizes: Sequence[int] = (_D * _D, 1350 * _D)) -> pd.DataFrame:
    """H of Gaussian weights, one of which is set to ``reach`` standard deviations, and their share in the L1 norm (Eq. 2)
    beside the same weights without it: a row a size and reach.

    The others are cut at 3.5 standard deviations, so that it is the largest where reach is more.
    """
    rows = []
    for size in sizes:
        without = np.clip(np.random.default_rng(0).standard_normal(size), -3.5, 3.5)
        for far in reach:
            w = np.r_[far, without[1:]]
            rows.append({"weights": size, "outlier": far, "H": entropy(w), "L1 share": float(_share(w, without))})
    return pd.DataFrame(rows)


def drawn(size: int = _D * _D) -> pd.DataFrame:
    """H of layers of each distribution: as drawn, times 1000, averaged with another draw, averaged with minus itself; and
    their share in the L1 norm (Eq. 2) beside a Gaussian layer, as drawn, times 1000 and averaged. A row a distribution."""
    rows = []
    for name, of in DRAWN.items():
        w, other = of(np.random.default_rng(0), size), of(np.random.default_rng(1), size)
        gaussian = DRAWN["Gaussian"](np.random.default_rng(2), size)
        rows.append({"weights": name, "H": entropy(w), "times 1000": entropy(1000 * w), "with another": entropy((w + other) / 2),
                     "with its negative": entropy((w - w) / 2), "L1 share": float(_share(w, gaussian)),
                     "L1 share, times 1000": float(_share(1000 * w, gaussian)),
                     "L1 share, with another": float(_share((w + other) / 2, gaussian))})
    return pd.DataFrame(rows)


def _share(w: np.ndarray, other: np.ndarray) -> float:
    """Eq. 2."""
    return np.abs(w).sum() / (np.abs(w).sum() + np.abs(other).sum())


def show_drawn(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``drawn``."""
    return table(frame, dict.fromkeys(frame.columns[1:], number(3)), name,
                 f"{_D * _D:,} weights of variance 1; H in nats, at most ln 10 = {math.log(10):.3f}.")


def show_outliers(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``outlier``."""
    return table(frame, {"weights": count, "outlier": number(1), "H": number(3), "L1 share": number(4)}, name,
                 "Gaussian weights, one of which is as many standard deviations large as said; their share beside the same"
                 " weights without it.")


def show_layers(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``curves.layers``."""
    formats = {"H": number(3), "mean |w|": number(4), "weights": count, "outlier": number(1), "lost, pruned": percent,
               "lost, noised": percent}
    return table(frame, formats, name, "H in nats; mean |w|: the L1 norm over the number of weights; outlier: the largest"
                 " weight in standard deviations; lost: the share of"
                 " validation NDCG@20 that is lost when half of the matrix is pruned, or when noise of half its standard"
                 " deviation is added.")


def show_correlations(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``curves.rank_correlations``."""
    return table(frame, dict.fromkeys(["mean", "least", "largest"], number(2)), name,
                 "Spearman's correlation over the layers of a run; DNN has three layers, so its values say little.")


def show_merges(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``curves.merges``, summed up by model: how H changes, and how many merged layers exceed both peers."""
    peers = [column for column in frame.columns if column.startswith("peer ")]
    told = frame.assign(change=frame["merged"] - frame["mean"], above=frame["merged"] > frame[peers].max(axis=1))
    summed = told.groupby("model", sort=False).agg(**{
        "mean change of H": ("change", "mean"), "layers above both peers": ("above", "mean"), "layers": ("change", "size")})
    return table(summed.reset_index(), {"mean change of H": number(4), "layers above both peers": share}, name,
                 "At the exchange that is reported, over layers and runs; the change is from the mean of the peers.", frame)
