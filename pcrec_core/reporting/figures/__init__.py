"""The figures, one module each, in the style of ``style``."""

from pcrec_core.reporting.figures import (
    cost,
    entropy,
    fig1_pruning,
    fig4_alpha,
    fig5_convergence,
    fig6_invalid_layers,
    forest,
    headline,
    style,
)

__all__ = [
    "cost",
    "entropy",
    "fig1_pruning",
    "fig4_alpha",
    "fig5_convergence",
    "fig6_invalid_layers",
    "forest",
    "headline",
    "style",
]
