"""Build what a run needs: its model with the examples it is trained on, its layers, its rule and its device."""

from __future__ import annotations

from torch import nn

from pcrec_core.datasets.split import Split
from pcrec_core.layers import Layer
from pcrec_core.models import bpr, sasrec, youtube_dnn
from pcrec_core.specs.run import RunSpec
from pcrec_core.training.examples import Pieces, Positives


def build(run: RunSpec, split: Split) -> nn.Module:
    """A new model of ``split``'s size, its weights drawn from torch's global generator."""
    model, lines = run.model, run.lines
    if model.name == "sasrec":
        return sasrec.SASRec(split.n_items, model.d, model.t, model.p, lines.loss, lines.attention)
    if model.name == "dnn":
        return youtube_dnn.YouTubeDNN(split.n_items, model.d, lines.mean)
    return bpr.BPR(split.n_users, split.n_items, model.d, run.training.l2)


def examples_of(run: RunSpec, split: Split) -> Pieces | Positives:
    """What an epoch of the run goes over."""
    if run.model.name == "bpr":
        return Positives(split)
    return Pieces(split, run.model.t, counted=run.model.name == "sasrec")


def layers_of(run: RunSpec, model: nn.Module) -> list[Layer]:
    """The layers of a run's model that are measured and exchanged."""
    if run.model.name == "sasrec":
        return sasrec.layers(model, _measured_norms(run))
    return (youtube_dnn if run.model.name == "dnn" else bpr).layers(model)


def _measured_norms(run: RunSpec) -> tuple[str, ...]:
    if (
        run.lines.layers == "matrices"
        or run.cooperation is None
        or run.cooperation.criterion is None
    ):
        return ()
    return (
        ("attention_norm", "forward_norm")
        if run.cooperation.criterion == "l1"
        else ("attention_norm",)
    )
