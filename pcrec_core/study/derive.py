"""How derived results are computed from the weights of runs, and trivial baselines from data."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pcrec_core import paths, provenance
from pcrec_core.datasets.split import Split
from pcrec_core.evaluation import Ranker, ranker_of, summary
from pcrec_core.metrics import SELECTION
from pcrec_core.models import baselines
from pcrec_core.models.ensemble import ScoreEnsemble
from pcrec_core.specs.derived import TUNING_EPOCHS, Derived
from pcrec_core.specs.run import RunSpec
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import machine, records, weights
from pcrec_core.study.probing import probe
from pcrec_core.study.records import Store
from pcrec_core.study.splits import split_for, split_of
from pcrec_core.training.build import device_of, examples_of, layers_of
from pcrec_core.training.optimizer import Adam
from pcrec_core.training.peer import decay
from pcrec_core.training.precision import products
from pcrec_core.training.pruning import MaskedPeer, prune, tuning
from pcrec_core.training.result import by_user, facts
from pcrec_core.training.selection import Choice


def make(spec: Derived | Trivial, store: Store, *, device: str = "auto", threads: int = 1) -> None:
    """Compute a derived result or a trivial baseline, and store its record.

    Parameters
    ----------
    spec : Derived or Trivial
    store : Store
        Where the record is written, and where those of its runs are read.
    device : {"auto", "cpu", "cuda"}
        Where a derived result is computed.
    threads : int
        CPU threads.

    Raises
    ------
    RecordError
        If the weights of its runs cannot be used.
    """
    started, began = provenance.provenance(), time.perf_counter()
    place = device_of("cpu" if isinstance(spec, Trivial) else device)
    if isinstance(spec, Trivial):
        with machine.torch_threads(threads):
            result = trivial(spec, split_of(spec.data))
    else:
        split, stores = split_for(spec.parents[0]), (store, Store(paths.again()))
        with machine.torch_threads(threads, spec.parents[0]):
            models = {source: weights.model(*source, split, place) for source in spec.source_models}
            parents = {
                parent.name: weights.checked(parent, split, place, stores)
                for parent in spec.parents
            }
            result = derive(spec, split, models, place)
        started |= {"parents": parents}
    run = started | {
        "clean": started["clean"] and provenance.sound(),
        "device": machine.device_name(place),
        "processor": machine.processor(),
        "threads": threads,
        "seconds": {"derive": round(time.perf_counter() - began, 3)},
    }
    store.put(records.new_record(spec, result, run))


def derive(
    spec: Derived,
    split: Split,
    models: Mapping[tuple[RunSpec, int | None], nn.Module],
    device: torch.device,
) -> dict[str, Any]:
    """Compute the result of an operation on the weights of runs.

    Parameters
    ----------
    spec : Derived
        The operation and its runs.
    split : Split
        As the runs see it.
    models : mapping
        The model of each of ``spec.source_models``; pruning changes it.
    device : torch.device
        Where it is computed.
    """
    run, ranker = spec.parents[0], ranker_of(spec.parents[0], split, device)
    if spec.operation in ("ensemble", "apart"):
        ensemble = ScoreEnsemble([models[source] for source in spec.source_models])
        return _evaluated(partial(ranker.ranks, ensemble), split)
    model = models[run, None]
    layers = layers_of(dataclasses.replace(run, protocol="controlled", custom_options=None), model)
    if spec.operation == "probed":
        return facts(split) | {"probed": probe(model, layers, ranker, run)}
    assert spec.share is not None, "checked by the spec"
    masks = prune(model, layers, spec.share)
    if spec.operation == "pruned":
        return _evaluated(partial(ranker.ranks, model), split)
    return _tuned(run, model, masks, ranker, split, device)


def trivial(spec: Trivial, split: Split) -> dict[str, Any]:
    """Compute the result of a trivial baseline.

    Popularity leaves out the items a user has seen where the data have no repeated items.
    """
    if spec.baseline == "recency":
        return _evaluated(partial(baselines.recency, split), split)
    kind = {"popularity": baselines.Popularity, "transitions": baselines.Transitions}[spec.baseline]
    hides = spec.baseline == "popularity" and not split.repeats
    ranker = Ranker(split, 2, hides, torch.device("cpu"))
    return _evaluated(partial(ranker.ranks, kind(split)), split)


def _evaluated(ranks_of: Callable[[str], np.ndarray], split: Split) -> dict[str, Any]:
    """Return the metrics on validation and test, and the test ranks by user."""
    ranks = ranks_of("test")
    return facts(split) | {
        "valid": summary(ranks_of("valid")),
        "test": summary(ranks),
        **by_user(split, ranks),
    }


def _tuned(
    run: RunSpec,
    model: nn.Module,
    masks: dict[str, Tensor],
    ranker: Ranker,
    split: Split,
    device: torch.device,
) -> dict[str, Any]:
    """Fine-tune the kept weights, and return the result of the best epoch on validation."""
    spec = tuning(run)
    eta = spec.training.eta
    adam = Adam(model.parameters(), eta, decay(spec))
    peer = MaskedPeer(0, spec, model, adam, eta, None, masks)
    examples, choice, valid = examples_of(spec, split), Choice(), []
    for epoch in range(TUNING_EPOCHS):
        with products(spec.training.precision, device):
            peer.train_epoch(examples, run.training.epochs + epoch, device)
        valid.append(summary(ranker.ranks(model, "valid")))
        choice.offer(valid[-1][SELECTION], epoch, 0, lambda: model)
    model.load_state_dict(choice.weights)
    by_epoch = {metric: [values[metric] for values in valid] for metric in valid[0]}
    result = _evaluated(partial(ranker.ranks, model), split)
    return result | {"chosen": choice.epoch, "epochs": by_epoch}
