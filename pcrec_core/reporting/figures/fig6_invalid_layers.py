"""Figure 6: the share of layers whose entropy is below a threshold."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from pcrec_core.reporting.figures.style import legend_above, line_styles, mean_of_runs, style
from pcrec_core.reporting.names import arm_name, model_name


def invalid_layers(curve: pd.DataFrame, mark: float = 0.5) -> Figure:
    """Draw Figure 6: the share of layers whose entropy is below a threshold.

    There is one row per model, and one line per variant with the range of its runs as a band.

    Parameters
    ----------
    curve : DataFrame
        The frame of ``analysis.fig6_invalid_layers.invalid``.
    mark : float
        The threshold that the paper's text names.
    """
    style()
    models, variants = curve["model"].unique(), curve["variant"].unique()
    percent = curve.assign(ratio=100 * curve["ratio"])
    figure, panels = plt.subplots(
        len(models),
        1,
        figsize=(8.6, 2.8 * len(models)),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    for axes, model in zip(panels[:, 0], models, strict=True):
        for place, (variant, (dashes, colour)) in enumerate(
            zip(variants, line_styles(), strict=False)
        ):
            one = percent[(percent["model"] == model) & (percent["variant"] == variant)]
            name = arm_name(variant)
            line = mean_of_runs(axes, one.groupby("threshold")["ratio"], dashes, colour, name)
            line.set_zorder(3 - 0.1 * place)  # the first lie on top
        axes.axvline(mark, color="0.4", linewidth=1, label=f"the text's threshold, {mark:g}")
        axes.set_title(model_name(model))
    panels[-1][0].set_xlabel("threshold of the entropy (nats)")
    figure.supylabel("layers below the threshold (%)", fontsize="medium")
    legend_above(figure)
    plt.close(figure)
    return figure
