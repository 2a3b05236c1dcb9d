"""Build what a run needs: its model with the examples it is trained on, its layers, its rule and its device."""

from __future__ import annotations

import torch
from torch import nn

from pcrec_core.cooperation import (
    Averaging,
    LayerWise,
    Noise,
    ParameterWise,
    Rule,
)
from pcrec_core.datasets.split import Split
from pcrec_core.errors import TrainingError
from pcrec_core.layers import Layer
from pcrec_core.models import bpr, sasrec, youtube_dnn
from pcrec_core.specs.run import RunSpec
from pcrec_core.training.control_rules import Permuted, Random
from pcrec_core.training.environment import known_device
from pcrec_core.training.examples import Pieces, Positives
from pcrec_core.training.random_streams import stream_seed


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


def device_of(name: str) -> torch.device:
    """The device of ``auto | cpu | cuda``; auto is the GPU where there is one."""
    known_device(name)
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "device cuda was asked for, but torch sees no GPU here; take cpu or auto."
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def rule_of(spec: RunSpec, epoch: int) -> Rule:
    """The rule of the exchange after ``epoch``, of a run that has one."""
    given = spec.cooperation
    if given.rule == "averaging":
        return Averaging()
    if given.rule == "parameterwise":
        return ParameterWise(given.gamma)
    if given.rule == "noise":  # the released code's standard deviation
        seeds = tuple(stream_seed(spec.seed, k, "noise", epoch) for k in range(spec.peers))
        return Noise(0.05 ** (epoch // 30 + 1), seeds)
    kind = {"own": LayerWise, "permuted": Permuted, "random": Random}[given.shares]
    seed = {} if given.shares == "own" else {"seed": stream_seed(spec.seed, 0, "shares", epoch)}
    return kind(given.criterion, given.alpha, spec.lines.last_bin, **seed)


def seen_by(spec: RunSpec, split: Split) -> Split:
    """The split as the run's model sees it."""
    return (
        split
        if spec.data.histories == "ordered"
        else split.shuffled(stream_seed(spec.seed, 0, "histories"))
    )
