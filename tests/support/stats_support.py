"""Comparisons made by hand, ranks drawn from a model, and pages as text."""

from __future__ import annotations

import math
import re
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrec_core.analysis.effects import Comparison, Effect

_USUAL = Comparison(
    metric="MRR@5",
    mean_v=0.2,
    mean_b=0.2,
    rv_v=3.0,
    rv_b=3.0,
    runs_v=3,
    runs_b=3,
    users=100,
    paired=False,
    users_only=False,
    reason="",
    **(dict.fromkeys((field.name for field in fields(Effect)), 0.0) | {"p": 1.0}),
)


def plain(text: str) -> str:
    """Return the text with usual spaces where it has no-break ones."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def cells(page: Any, tag: str = "td") -> list[str]:
    """Return the cells of a table as it is shown in a notebook, row by row, as plain text."""
    return [plain(text) for text in re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", page._repr_html_())]


def comparison_of(L: float, se: float, df: float, **more: Any) -> Comparison:
    """Return a comparison with this L, standard error and df, all variance by users."""
    return replace(_USUAL, L=L, se=se, df=df, RI=math.expm1(L), **{"Vu": se**2, **more})


def simulated(
    seed: int, users: int, runs: int, gain: float = 0.0, run_sd: float = 0.1
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Draw ranks of two arms whose users have tastes and whose runs differ.

    Ranks of v are better by ``gain`` (log).
    """
    rng = np.random.default_rng(seed)
    taste = rng.standard_normal(users)

    def arm(shift: float) -> NDArray[np.int_]:
        run = run_sd * rng.standard_normal((runs, 1))
        noise = 0.5 * rng.standard_normal((runs, users))
        return np.exp(1.5 + taste + run - shift + noise).astype(int) + 1

    return arm(gain), arm(0.0)
