"""The three recommenders of the paper, one file each. Each is a plain ``nn.Module`` with

- ``examples(split, t)``: what one epoch goes over (see ``examples.py``);
- ``batches(rows, size, device)``: those rows as the arguments of ``loss``, batch by batch;
- ``loss(rows)``: the training loss of a batch, a scalar;
- ``scores(users, inputs)``: scores of all ids 0..n for ranking, shape (batch, n + 1); column 0 is padding;
- ``layers(model)``: a function beside the class that lists the layers cooperation works on.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from torch import nn

from pcrec_core import spec as specs
from pcrec_core.cooperation import Layer
from pcrec_core.datasets.split import Split
from pcrec_core.models import bpr, sasrec, youtube_dnn

_FILES: dict[str, ModuleType] = {"sasrec": sasrec, "dnn": youtube_dnn, "bpr": bpr}


def build(model: specs.Model, training: specs.Training, split: Split) -> nn.Module:
    """A new model of ``split``'s size, its weights drawn from torch's global generator."""
    if model.name == "sasrec":
        return sasrec.SASRec(split.n_items, d=model.d, t=model.t, p=model.p)
    if model.name == "dnn":
        return youtube_dnn.YouTubeDNN(split.n_items, d=model.d)
    return bpr.BPR(split.n_users, split.n_items, d=model.d, l2=training.l2)


def layers_of(model: specs.Model) -> Callable[[nn.Module], list[Layer]]:
    """The layer rule beside the model's class."""
    return _FILES[model.name].layers
