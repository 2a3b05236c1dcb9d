"""What the paper prints of an arm: its data set, its names and its values."""

from __future__ import annotations

from pcrec_core.analysis import paper
from pcrec_core.study.defaults import ALPHA
from pcrec_core.study.replicates import Replicates


def counterpart(arm: Replicates) -> str | None:
    """Name the paper's data set with which the arm's is confronted."""
    return paper.COUNTERPART.get(arm.dataset)


def printed_value(arm: Replicates, metric: str) -> float | None:
    """Look up the paper's value of this variant on the counterpart, if it prints one."""
    name = counterpart(arm)
    return paper.value(name, *name_in_paper(arm), metric) if name else None


def name_in_paper(arm: Replicates) -> tuple[str, str]:
    """Return model and variant as the paper's tables name them.

    Its "LE" is PCRec at the best alpha of the model, so an arm at that alpha has this name, too.
    """
    best = arm.variant == f"LE@{ALPHA.get(arm.model, 0):g}"
    return arm.model, "LE" if best else arm.variant


def paper_improvement(variant: Replicates, base: Replicates, metric: str) -> float | None:
    """Compute the paper's relative improvement of the variant over the base."""
    return paper.improvement(printed_value(variant, metric), printed_value(base, metric))
