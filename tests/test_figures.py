"""Figures draw the numbers they are given."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from pcrec_core import figures

FRAME = pd.DataFrame([
    {"data set": "ml-100k", "model": "bpr", "metric": "MRR@5", "RI": 0.04, "low": -0.08, "high": 0.18, "RI paper": 0.096},
    {"data set": "ml-100k", "model": "dnn", "metric": "NDCG@20", "RI": -0.02, "low": -0.1, "high": 0.06, "RI paper": None}])


def test_a_forest_plot_shows_improvement_interval_and_the_papers_in_percent():
    figure = figures.forest(FRAME)
    [axes] = figure.axes
    [bars] = axes.containers
    points, _, [lines] = bars
    assert list(points.get_xdata()) == pytest.approx([4, -2]) and list(points.get_ydata()) == [1, 0]
    ends = [sorted(x for x, _ in segment) for segment in lines.get_segments()]
    assert ends == [pytest.approx([-8, 18]), pytest.approx([-10, 6])]
    paper = next(line for line in axes.lines if line.get_marker() == "x")
    assert paper.get_xdata()[0] == pytest.approx(9.6) and pd.isna(paper.get_xdata()[1])  # the paper prints no NDCG
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ml-100k, bpr, MRR@5", "ml-100k, dnn, NDCG@20"]
    assert axes.get_xlabel() == "relative improvement over the base (%)"


def test_a_figure_stands_on_opaque_white_so_that_it_is_readable_in_dark_mode():
    assert to_hex(figures.forest(FRAME).get_facecolor(), keep_alpha=True) == "#ffffffff"
