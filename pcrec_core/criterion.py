"""What the page on the criterion shows: what the entropy of Eq. 4 says of weights that are drawn, not trained (outliers, scale,
shape, averages), and the tables of what trained layers hold. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from pcrec_core.metrics import SELECTION
from pcrec_core.report import Html, count, number, percent, points, share, table

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


def show_drawn(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``drawn``."""
    formats = dict.fromkeys(frame.columns[2:], number(3)) | {"size": count, "larger mu": number(2)}
    return table(
        frame,
        formats,
        name,
        f"Weights of variance 1, means over pairs of draws; SD: of H over draws; larger mu: of the two at alpha"
        f" 30; H in nats, at most ln 10 = {math.log(10):.3f}. With its opposite: the same magnitudes the other way"
        " round, the largest where the smallest was, and signs that are drawn.",
    )


def show_outliers(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``outlier``."""
    return table(
        frame,
        {"weights": count, "outlier": number(1), "H": number(3), "L1 share": number(4)},
        name,
        "Gaussian weights cut at 3.5 standard deviations, one of which is as many standard deviations large as said;"
        " their share beside the same weights without it.",
    )


def show_layers(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.layers``."""
    formats = {
        "H": number(3),
        "mean |w|": number(4),
        "weights": count,
        "outlier": number(1),
        "lost, pruned": percent,
        "lost, noised": percent,
    }
    return table(
        frame,
        formats,
        name,
        "H in nats; mean |w|: the L1 norm (Eq. 1) over the number of weights; outlier: the"
        " largest weight in standard deviations; lost: the share of"
        " validation NDCG@20 that is lost when half of the matrix is pruned, or when noise of half its standard"
        " deviation is added.",
    )


def show_correlations(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.rank_correlations``."""
    return table(
        frame,
        dict.fromkeys(["mean", "least", "largest"], number(2)),
        name,
        "Spearman's correlation over the layers of a run, of a SASRec 13 measured ones, ten of them matrices of one size"
        " in its blocks; DNN has three, so its values say little.",
    )


def show_merges(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.merges``, summed up by model: how H changes, and how many merged layers have more than both peers,
    or less."""
    peers = frame[[column for column in frame.columns if column.startswith("peer ")]]
    told = frame.assign(
        change=frame["merged"] - frame["mean"],
        above=frame["merged"] > peers.max(axis=1),
        below=frame["merged"] < peers.min(axis=1),
    )
    summed = told.groupby("model", sort=False).agg(
        **{
            "mean change of H": ("change", "mean"),
            "SD": ("change", "std"),
            "layers above both peers": ("above", "mean"),
            "layers below both": ("below", "mean"),
            "layers": ("change", "size"),
        }
    )
    formats = dict.fromkeys(["mean change of H", "SD"], number(4)) | dict.fromkeys(
        summed.columns[2:4], share
    )
    return table(
        summed.reset_index(),
        formats,
        name,
        "At the exchange that is reported, over layers and runs; the change is from the mean of the peers' H with the"
        " weights mu.",
        frame,
    )


def show_strangers(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.strangers``, summed up by model and variant: H by epoch."""
    by = ["model", "variant"]
    summed = frame.groupby([*by, "epoch"], sort=False)["H"].mean().unstack().add_prefix("epoch ")
    runs = frame.groupby(by, sort=False)["seed"].nunique().rename("runs")
    shown = summed.join(runs).loc[runs.index].reset_index()
    return table(
        shown,
        dict.fromkeys(summed.columns, number(3)),
        name,
        "H of the block matrices before the exchange that follows an epoch, mean over both peers and the runs; a dash:"
        " no exchange follows.",
        frame,
    )


#: Which exchanges each row of ``show_trusted`` counts.
_WHICH: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "the first": lambda frame: frame["epoch"] == frame.groupby("seed")["epoch"].transform("min"),
    "up to the reported": lambda frame: frame["epoch"] <= frame["reported"],
    "all": lambda frame: frame["epoch"] >= 0,
}


def show_trusted(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.trusted``, summed up by data set and model: how often the peer whose layer has more H is the
    better one."""
    summed = _summed(frame)
    formats = dict.fromkeys(summed.columns[3:7], share) | dict.fromkeys(summed.columns[7:9], points)
    return table(
        summed,
        formats,
        name,
        f"Shares of layers and exchanges in which neither H nor accuracy is equal, means over runs. Better: by"
        f" validation {SELECTION}, before the exchange. By chance: if who has more H had nothing to do with who is"
        " better; beyond chance: the difference, in points, in the run where it is least, and largest.",
        frame,
    )


def _summed(frame: pd.DataFrame) -> pd.DataFrame:
    decided = frame[(frame["H"] != 0) & (frame[SELECTION] != 0)]
    summed = pd.DataFrame(
        [
            {
                "data set": dataset,
                "model": model,
                "exchanges": which,
                **_agreement(one[chosen(one)]),
            }
            for (dataset, model), one in decided.groupby(["data set", "model"], sort=False)
            for which, chosen in _WHICH.items()
        ]
    )
    # in one exchange the better peer is the same for all layers, so chance would be what is seen
    return summed.mask(
        (summed["exchanges"] == "the first").to_numpy()[:, None]
        & summed.columns.str.contains("chance")
    )


def _agreement(frame: pd.DataFrame) -> dict[str, float]:
    runs = frame.assign(
        more=frame["H"] > 0,
        better=frame[SELECTION] > 0,
        agree=(frame["H"] > 0) == (frame[SELECTION] > 0),
    )
    more, better, agree = (
        runs.groupby("seed")[column].mean() for column in ("more", "better", "agree")
    )
    chance = more * better + (1 - more) * (1 - better)
    return {
        "peer 0 has more H": more.mean(),
        "peer 0 is better": better.mean(),
        "the one with more H is better": agree.mean(),
        "by chance": chance.mean(),
        "least beyond chance": (agree - chance).min(),
        "largest beyond chance": (agree - chance).max(),
        "runs": len(agree),
    }


def said(
    correlations: pd.DataFrame, trusted: pd.DataFrame, strangers: pd.DataFrame
) -> dict[str, str]:
    """For sentences of other pages: the mean correlation of H, under keys such as ``sasrec-base-lost-pruned`` and, of the block
    matrices alone, ``sasrec-base-lost-pruned-blocks``; how often up to the reported epoch, or in the first exchange, the peer
    with more H is the better one, under ``sasrec-trusted``, ``sasrec-by-chance`` and ``sasrec-trusted-first``; and H by epoch,
    under ``sasrec-LE-epoch-1``."""
    ends = {"measured layers": "", "block matrices": "-blocks"}
    found = {
        f"{row['model']}-{row['variant']}-{row['with'].replace(', ', '-')}{ends[row['layers']]}": number(
            2
        )(row["mean"])
        for row in correlations[correlations["of"] == "H"].to_dict("records")
    }
    rows = {(row["model"], row["exchanges"]): row for row in _summed(trusted).to_dict("records")}
    for model in trusted["model"].unique():
        row = rows[model, "up to the reported"]
        found |= {
            f"{model}-trusted": share(row["the one with more H is better"]),
            f"{model}-by-chance": share(row["by chance"]),
            f"{model}-trusted-first": share(
                rows[model, "the first"]["the one with more H is better"]
            ),
        }
    means = strangers.groupby(["model", "variant", "epoch"], sort=False)["H"].mean()
    return found | {
        f"{model}-{variant}-epoch-{epoch}": number(2)(h)
        for (model, variant, epoch), h in means.items()
    }


def show_larger(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``trained.larger`` of L1 pairs, summed up by model: how far shares and mu are from one half."""
    said = frame.rename(columns={"criterion": "share", "mu": "μ"}).melt(
        ["model", "seed"], ["share", "μ"], "the larger"
    )
    summed = (
        said.groupby(["model", "the larger"], sort=False)["value"]
        .quantile([0.5, 0.95, 1])
        .unstack()
    )
    summed.columns = ["median", "95 % are below", "largest"]
    return table(
        summed.reset_index(),
        dict.fromkeys(summed.columns, number(3)),
        name,
        "Over all layers, exchanges and runs of layer-wise cooperation by L1 norm (LN); equal peers have one half.",
    )
