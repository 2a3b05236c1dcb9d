"""The style of every figure: readable in light and dark mode, safe for colour-blind eyes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas.api.typing import SeriesGroupBy

from pcrec_core.analysis.claims.outcomes import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_TESTED,
    RULED_OUT,
    SUPPORTED,
)

#: Dashes of a line as matplotlib takes them; "" is a solid line.
Dashes = str | tuple[float, ...]

#: Okabe and Ito's colours: they differ for every kind of colour vision, and in grey.
COLOURS = {"base": "#0072B2", "LE": "#D55E00", "paper": "#000000"}
#: The colour of a verdict and its sign, those of the style sheet.
VERDICT_SIGNS = {
    SUPPORTED: ("#00633f", "✓"),
    CONTRADICTED: ("#a01c00", "✗"),
    RULED_OUT: ("#8a4b00", "⊘"),
    INCONCLUSIVE: ("#4a5260", "?"),
    NOT_TESTED: ("#4a5260", "·"),
}

#: Colours and dashes of lines in one panel: any two lines differ by both.
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES: tuple[Dashes, ...] = (
    "",
    (4, 1.5),
    (1, 1),
    (3, 1, 1, 1),
    (5, 1, 1, 1, 1, 1),
    (2, 2),
)


def style() -> None:
    """Set the style of every figure: dark ink, which the book inverts in dark mode."""
    sns.set_theme(
        context="notebook",
        style="whitegrid",
        rc={
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "figure.dpi": 110,
            "savefig.bbox": "tight",
        },
    )


def line_styles() -> Iterator[tuple[Dashes, str]]:
    """Yield dashes and colour of one line after the other.

    After six lines the colours come again with other dashes.
    """
    for turn in itertools.count():
        yield from zip(DASHES[turn % 6 :] + DASHES[: turn % 6], CYCLE, strict=True)


def mean_of_runs(axes: Axes, by: SeriesGroupBy, dashes: Dashes, colour: str, label: str) -> Line2D:
    """Draw the mean of the runs at each place as a line, and their range as a band."""
    mean = by.mean()
    alone = "o" if len(mean) == 1 else None  # a line of one point would not be seen
    [line] = axes.plot(
        mean.index,
        mean.to_numpy(),
        dashes=dashes,
        color=colour,
        linewidth=1.6,
        marker=alone,
        label=label,
    )
    axes.fill_between(mean.index, by.min(), by.max(), color=colour, alpha=0.15, linewidth=0)
    return line


def legend_above(figure: Figure) -> None:
    """Name the lines of all panels once, above them, where the legend hides no line.

    The figure needs a constrained layout.
    """
    named = {
        label: line
        for axes in figure.axes
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=3, frameon=False)
