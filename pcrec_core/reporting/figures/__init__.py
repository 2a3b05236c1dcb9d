"""The figures, one module each, in the style of ``style``."""

from pcrec_core.reporting.figures import (
    baselines,
    chances,
    cost,
    entropy,
    fig1_pruning,
    fig4_alpha,
    fig5_convergence,
    fig6_invalid_layers,
    forest,
    headline,
    ladder,
    levels,
    options,
    robustness,
    search,
    style,
)

__all__ = [
    "baselines",
    "chances",
    "cost",
    "entropy",
    "fig1_pruning",
    "fig4_alpha",
    "fig5_convergence",
    "fig6_invalid_layers",
    "forest",
    "headline",
    "ladder",
    "levels",
    "options",
    "robustness",
    "search",
    "style",
]
