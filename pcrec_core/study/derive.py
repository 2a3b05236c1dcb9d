"""How derived results are computed from the weights of runs, and the trivial baselines from the data."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from pcrec_core import paths, provenance
from pcrec_core.criteria import entropy
from pcrec_core.datasets.split import Split
from pcrec_core.evaluation import Ranker, by_user, facts, ranker_of, summary
from pcrec_core.layers import Layer
from pcrec_core.metrics import SELECTION
from pcrec_core.models import baselines
from pcrec_core.models.ensemble import ScoreEnsemble
from pcrec_core.specs.derived import TUNING_EPOCHS, Derived, Trivial
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import records, weights
from pcrec_core.study.records import Store
from pcrec_core.study.splits import split_for, split_of
from pcrec_core.study.train import (
    _device_name,
    _processor,
    _torch_for_us,
)
from pcrec_core.training.build import examples_of, layers_of
from pcrec_core.training.optimizer import Adam
from pcrec_core.training.peer import decay
from pcrec_core.training.precision import products
from pcrec_core.training.pruning import MaskedPeer, prune, tuning
from pcrec_core.training.random_streams import stream_seed
from pcrec_core.training.selection import Choice


def derive(
    spec: Derived,
    split: Split,
    models: Mapping[tuple[RunSpec, int | None], nn.Module],
    device: torch.device,
) -> dict[str, Any]:
    """The result of an operation.

    Parameters
    ----------
    spec : Derived
        What is wanted.
    split : Split
        As its runs see it.
    models : mapping
        The model of each of ``spec.needs``; changed where weights are pruned.
    device : torch.device
        Where it is computed.
    """
    run, ranker = spec.parents[0], ranker_of(spec.parents[0], split, device)
    if spec.operation in ("ensemble", "apart"):
        return _read(
            partial(ranker.ranks, ScoreEnsemble([models[need] for need in spec.needs])), split
        )
    model = models[run, None]
    layers = layers_of(dataclasses.replace(run, protocol="controlled", rules=None), model)
    if spec.operation == "probed":
        return facts(split) | {"probed": _probe(model, layers, ranker, run)}
    masks = prune(model, layers, spec.share)
    if spec.operation == "pruned":
        return _read(partial(ranker.ranks, model), split)
    return _tuned(run, model, masks, ranker, split, device)


def trivial(spec: Trivial, split: Split) -> dict[str, Any]:
    """The result of a baseline; popularity hides what a user has seen where the data cannot repeat."""
    if spec.baseline == "recency":
        return _read(partial(baselines.recency, split), split)
    kind = {"popularity": baselines.Popularity, "transitions": baselines.Transitions}[spec.baseline]
    ranker = Ranker(
        split, 2, spec.baseline == "popularity" and not split.repeats, torch.device("cpu")
    )
    return _read(partial(ranker.ranks, kind(split)), split)


def _read(ranks_of: Callable[[str], np.ndarray], split: Split) -> dict[str, Any]:
    """Validation, and what the test set says."""
    ranks = ranks_of("test")
    return facts(split) | {
        "valid": summary(ranks_of("valid")),
        "test": summary(ranks),
        **by_user(split, ranks),
    }


def _tuned(
    run: RunSpec, model: nn.Module, masks: dict, ranker: Ranker, split: Split, device: torch.device
) -> dict[str, Any]:
    """Fine-tuned with the masks held; the best epoch on validation is read."""
    spec = tuning(run)
    peer = MaskedPeer(
        0,
        spec,
        model,
        Adam(model.parameters(), spec.training.eta, decay(spec)),
        spec.training.eta,
        None,
        masks,
    )
    examples, choice, valid = examples_of(spec, split), Choice(), []
    for epoch in range(TUNING_EPOCHS):
        with products(spec.training.precision, device):
            peer.train_epoch(examples, run.training.epochs + epoch, device)
        valid.append(summary(ranker.ranks(model, "valid")))
        choice.offer(valid[-1][SELECTION], epoch, 0, lambda: model)
    model.load_state_dict(choice.weights)
    by_epoch = {metric: [values[metric] for values in valid] for metric in valid[0]}
    return _read(partial(ranker.ranks, model), split) | {"chosen": choice.epoch, "epochs": by_epoch}


@torch.no_grad()
def _probe(model: nn.Module, layers: list[Layer], ranker: Ranker, run: RunSpec) -> dict[str, Any]:
    """What each tensor holds; and of each matrix, what validation NDCG@20 is left when half of it is pruned, or when noise
    of half its standard deviation is added."""
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
        layer.measured: {
            "pruned": _damage(
                model, layer, ranker, lambda w, layer=layer: prune(model, [layer], 0.5)
            ),
            "noised": _damage(model, layer, ranker, lambda w, i=i: w.add_(_noise(w, run, i))),
        }
        for i, layer in enumerate(layers)
    }
    return {
        "tensors": tensors,
        "whole": summary(ranker.ranks(model, "valid"))[SELECTION],
        "damaged": damaged,
    }


def _damage(
    model: nn.Module, layer: Layer, ranker: Ranker, harm: Callable[[torch.Tensor], Any]
) -> float:
    w = model.get_parameter(layer.measured)
    before = w.clone()
    harm(w)
    left = summary(ranker.ranks(model, "valid"))[SELECTION]
    w.copy_(before)
    return left


def _noise(w: torch.Tensor, run: RunSpec, layer: int) -> torch.Tensor:
    """A draw of its own for each layer, so that layers of one shape do not get the same."""
    draw = torch.Generator(w.device).manual_seed(stream_seed(run.seed, 0, "noise", layer))
    return torch.randn(w.shape, generator=draw, dtype=w.dtype, device=w.device) * (
        w.std(correction=0) / 2
    )


def make(spec: Derived | Trivial, store: Store, *, device: str = "auto", threads: int = 1) -> None:
    """Compute what is derived from the weights of runs, or a trivial baseline, and store its record."""
    from pcrec_core.study import derive
    from pcrec_core.training.build import device_of

    started, began = provenance.provenance(), time.perf_counter()
    place = device_of("cpu" if isinstance(spec, Trivial) else device)
    if isinstance(spec, Trivial):
        with _torch_for_us(threads):
            result = derive.trivial(spec, split_of(spec.data))
    else:
        split = split_for(spec.parents[0])
        with _torch_for_us(threads):
            models = {need: weights.model(*need, split, place) for need in spec.needs}
            parents = {
                parent.name: weights.checked(parent, split, place, (store, Store(paths.again())))
                for parent in spec.parents
            }
            result = derive.derive(spec, split, models, place)
        started |= {"parents": parents}
    run = started | {
        "clean": started["clean"] and provenance.sound(),
        "device": _device_name(place),
        "processor": _processor(),
        "threads": threads,
        "seconds": {"derive": round(time.perf_counter() - began, 3)},
    }
    store.put(records.run_record(spec, result, run))
