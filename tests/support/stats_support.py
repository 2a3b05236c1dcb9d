"""Comparisons made by hand, and ranks drawn from a model, for the tests of the statistics."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from pcrec_core.analysis.crossed_t import Comparison

_MADE = Comparison(
    "MRR@5",
    0.2,
    0.2,
    0.0,
    0.0,
    0.0,
    0.0,
    1.0,
    0.01,
    6.0,
    1e-4,
    0.0,
    0.0,
    0.0,
    0.0,
    3.0,
    3.0,
    3,
    3,
    100,
    False,
    False,
    "",
)


def plain(text: str) -> str:
    """The text with usual spaces where it has unbroken ones."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def made(L: float, se: float, df: float, **more) -> Comparison:
    """A comparison of which only L, its standard error and df are known, all variance that of users."""
    return replace(_MADE, L=L, se=se, df=df, RI=math.expm1(L), **{"Vu": se**2, **more})


def simulated(
    seed: int, users: int, runs: int, gain: float = 0.0, run_sd: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks of two arms whose users have tastes and whose runs differ; ranks of v are better by ``gain`` (log)."""
    rng = np.random.default_rng(seed)
    taste = rng.standard_normal(users)

    def arm(shift: float) -> np.ndarray:
        run = run_sd * rng.standard_normal((runs, 1))
        return (
            np.exp(1.5 + taste + run - shift + 0.5 * rng.standard_normal((runs, users))).astype(int)
            + 1
        )

    return arm(gain), arm(0.0)
