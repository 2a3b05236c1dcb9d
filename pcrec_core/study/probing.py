"""How a probe measures a trained model: its tensors, and the damage to each of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pcrec_core.criteria import entropy
from pcrec_core.evaluation import Ranker, summary
from pcrec_core.layers import Layer
from pcrec_core.metrics import SELECTION
from pcrec_core.specs.run import RunSpec
from pcrec_core.training.pruning import prune
from pcrec_core.training.random_streams import stream_seed


@torch.no_grad()
def probe(model: nn.Module, layers: list[Layer], ranker: Ranker, run: RunSpec) -> dict[str, Any]:
    """Measure every tensor, and what damage to each layer costs on validation.

    The view of the result is ``study.probes.Probe``.
    """
    tensors = {
        name: {
            "h": entropy(w).item(),
            "h_open": entropy(w, last_bin="open").item(),
            "size": w.numel(),
            "dimensions": w.dim(),
            "std": w.double().std(correction=0).item(),
            "largest": w.abs().max().item(),
            "l1": w.double().abs().sum().item(),
        }
        for name, w in model.named_parameters()
    }
    damaged = {
        layer.measured: _damaged(model, layer, i, ranker, run) for i, layer in enumerate(layers)
    }
    return {
        "tensors": tensors,
        "whole": summary(ranker.ranks(model, "valid"))[SELECTION],
        "damaged": damaged,
    }


def _damaged(
    model: nn.Module, layer: Layer, number: int, ranker: Ranker, run: RunSpec
) -> dict[str, float]:
    """Return validation NDCG@20 with half of a matrix pruned, and with noise added to it.

    The noise has half the standard deviation of the matrix.
    """

    def prune_half(w: Tensor) -> None:
        prune(model, [layer], 0.5)

    def add_noise(w: Tensor) -> None:
        w.add_(_noise(w, run, number))

    harms = {"pruned": prune_half, "noised": add_noise}
    return {name: _score_after(harm, model, layer, ranker) for name, harm in harms.items()}


def _score_after(
    harm: Callable[[Tensor], None], model: nn.Module, layer: Layer, ranker: Ranker
) -> float:
    """Return validation NDCG@20 after some harm to a layer, which is then undone."""
    w = model.get_parameter(layer.measured)
    before = w.clone()
    harm(w)
    score = summary(ranker.ranks(model, "valid"))[SELECTION]
    w.copy_(before)
    return score


def _noise(w: Tensor, run: RunSpec, layer: int) -> Tensor:
    """Draw noise of half a matrix's standard deviation.

    Each layer has a random stream of its own, so that layers of one shape get different noise.
    """
    draw = torch.Generator(w.device).manual_seed(stream_seed(run.seed, 0, "noise", layer))
    noise = torch.randn(w.shape, generator=draw, dtype=w.dtype, device=w.device)
    return noise * (w.std(correction=0) / 2)
