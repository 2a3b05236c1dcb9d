"""How often the peer with more entropy is the better one, over chance."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

#: The exchanges that each row of ``summarize_agreement`` counts.
_EXCHANGES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "the first": lambda frame: frame["epoch"] == frame.groupby("seed")["epoch"].transform("min"),
    "up to the reported": lambda frame: frame["epoch"] <= frame["reported"],
    "all": lambda frame: frame["epoch"] >= 0,
}


def summarize_agreement(frame: pd.DataFrame) -> pd.DataFrame:
    """Count how often the peer with more H is the better one, by data set, model and exchanges.

    ``frame`` is that of ``entropy_trained.entropy_vs_accuracy``. Layers of equal H and exchanges of
    equal accuracy are left out. Shares are means over runs.
    """
    decided = frame[(frame["h"] != 0) & (frame["validation"] != 0)]
    summed = pd.DataFrame(
        [
            {"dataset": dataset, "model": model, "exchanges": name, **_agreement(one[chosen(one)])}
            for (dataset, model), one in decided.groupby(["dataset", "model"], sort=False)
            for name, chosen in _EXCHANGES.items()
        ]
    )
    # In one exchange the better peer is the same for all layers, so chance is what is measured.
    of_first = (summed["exchanges"] == "the first").to_numpy()
    return summed.mask(of_first[:, None] & summed.columns.str.contains("chance"))


def _agreement(frame: pd.DataFrame) -> dict[str, float]:
    more, better = frame["h"] > 0, frame["validation"] > 0
    runs = frame.assign(more=more, better=better, agree=more == better).groupby("seed")
    more, better, agree = (runs[column].mean() for column in ("more", "better", "agree"))
    chance = more * better + (1 - more) * (1 - better)
    return {
        "first_has_more_h": more.mean(),
        "first_is_better": better.mean(),
        "agreement": agree.mean(),
        "by_chance": chance.mean(),
        "least_beyond_chance": (agree - chance).min(),
        "largest_beyond_chance": (agree - chance).max(),
        "runs": len(agree),
    }
