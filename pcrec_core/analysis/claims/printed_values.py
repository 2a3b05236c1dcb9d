"""The paper's printed values of a claim's arms, and the uncertainty that follows from them."""

from __future__ import annotations

from pcrec_core.analysis import paper
from pcrec_core.analysis.claims.measurement import SUPPORTING, Found
from pcrec_core.analysis.claims.paper_uncertainty import PaperSide, Printed, paper_side
from pcrec_core.analysis.claims.registry import Claim
from pcrec_core.analysis.effects import Comparison
from pcrec_core.metrics import parse


def side_of_claim(claim: Claim, found: Found | None) -> PaperSide | None:
    """Compute the paper's side of a claim; None without a comparison of means above 0."""
    if not isinstance(found, Comparison) or found.L is None:
        return None
    if found.metric == SUPPORTING or not claim.paper_dataset:
        return paper_side(found, None)
    arms = (_arm(claim, claim.a), _arm(claim, claim.b))
    return paper_side(found, printed(claim.metric, claim.paper_dataset, *arms))


def printed(
    metric: str, dataset: str, over: tuple[str, str], base: tuple[str, str]
) -> Printed | None:
    """Look up the paper's values of two arms, each given as a model and a variant.

    None where the paper does not print the metric and HIT of both.
    """
    hit = f"HIT@{parse(metric)[1]}"
    value_v, value_b, hit_v, hit_b = (
        paper.value(dataset, *arm, name) for name in (metric, hit) for arm in (over, base)
    )
    if value_v is None or value_b is None or hit_v is None or hit_b is None:
        return None
    return Printed(metric, value_v, value_b, hit_v, hit_b, paper.users(dataset))


def _arm(claim: Claim, name: str) -> tuple[str, str]:
    """Return model and variant as the paper names them.

    "dnn:base" names its own model; a robustness claim changes base and LE, so their printed values
    stand beside it.
    """
    model, _, variant = name.rpartition(":")
    robust = claim.family.startswith("robustness/")
    return model or claim.model, variant.partition("-")[0] if robust else variant
