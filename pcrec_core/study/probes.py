"""What a probe measures of the layers of a run, as its record holds it."""

from __future__ import annotations

from dataclasses import dataclass

from pcrec_core.study.results import Data
from pcrec_core.study.views import View


@dataclass(frozen=True)
class Tensor(View):
    """What a probe measures of one tensor.

    ``h`` and ``h_open`` are its entropy with a last bin that is closed or open, ``l1`` the sum of
    the absolute weights, ``largest`` the largest of them, ``std`` their standard deviation.
    """

    h: float
    h_open: float
    size: int
    dimensions: int
    std: float
    largest: float
    l1: float


@dataclass(frozen=True)
class Damage(View):
    """Validation NDCG@20 with half of a layer pruned, and with noise added to the layer."""

    pruned: float
    noised: float


@dataclass(frozen=True)
class Probe(View):
    """The tensors of a model, its validation NDCG@20, and that after damage to each layer."""

    tensors: dict[str, Tensor]
    whole: float
    damaged: dict[str, Damage]


@dataclass(frozen=True)
class ProbedResult(View):
    """The result of a probe."""

    data: Data
    probed: Probe
