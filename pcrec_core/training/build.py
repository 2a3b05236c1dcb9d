"""Build what a run needs: its model, examples, layers, rule of cooperation and device."""

from __future__ import annotations

import torch
from torch import nn

from pcrec_core.cooperation import Averaging, LayerWise, ParameterWise, Rule
from pcrec_core.datasets.shuffled import shuffled
from pcrec_core.datasets.split import Split
from pcrec_core.errors import SpecError, TrainingError
from pcrec_core.layers import Layer
from pcrec_core.models import bpr, sasrec, youtube_dnn
from pcrec_core.specs.run import Cooperation, Model, RunSpec
from pcrec_core.training.control_rules import Noise, Permuted, Random
from pcrec_core.training.environment import require_device
from pcrec_core.training.examples import Positives, Sequences
from pcrec_core.training.random_streams import stream_seed


def build(run: RunSpec, split: Split) -> sasrec.SASRec | youtube_dnn.YouTubeDNN | bpr.BPR:
    """Build the model of a run for the users and items of ``split``.

    Its weights are drawn from torch's global generator.
    """
    options = run.options
    match run.model:
        case Model("sasrec", d, int(t), float(p)):
            return sasrec.SASRec(split.n_items, d, t, p, options.loss, options.attention)
        case Model("dnn", d):
            return youtube_dnn.YouTubeDNN(split.n_items, d, options.mean)
        case Model("bpr", d):
            return bpr.BPR(split.n_users, split.n_items, d, run.training.l2)
    raise TypeError(f"build has no branch for {run.model}.")


def examples_of(run: RunSpec, split: Split) -> Sequences | Positives:
    """Return the training examples of a run."""
    if run.model.t is None:  # BPR
        return Positives(split)
    return Sequences(split, run.model.t, counted=run.model.name == "sasrec")


def layers_of(run: RunSpec, model: nn.Module) -> list[Layer]:
    """Return the layers of a run's model that are measured and exchanged."""
    match model:
        case sasrec.SASRec():
            return sasrec.layers(model, _measured_norms(run))
        case youtube_dnn.YouTubeDNN():
            return youtube_dnn.layers(model)
        case bpr.BPR():
            return bpr.layers(model)
    raise TypeError(f"{type(model).__name__} is not a model of a run.")


def _measured_norms(run: RunSpec) -> tuple[str, ...]:
    """Return the LayerNorms of SASRec whose weight is measured on its own."""
    criterion = run.cooperation.criterion if run.cooperation else None
    if run.options.layers == "matrices" or criterion is None:
        return ()
    return ("attention_norm", "forward_norm") if criterion == "l1" else ("attention_norm",)


def device_of(name: str) -> torch.device:
    """Return the device of a name; auto is the GPU where there is one.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda"}
        Name of the device.

    Raises
    ------
    TrainingError
        If the name is unknown, or cuda is asked for without a GPU.
    """
    require_device(name)
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "device cuda was asked for, but torch sees no GPU here; use cpu or auto."
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def rule_of(spec: RunSpec, epoch: int) -> Rule:
    """Return the rule of the exchange after ``epoch``.

    Raises
    ------
    SpecError
        If the run has no cooperation.
    """
    if spec.cooperation is None:
        raise SpecError(f"{spec.name} has no cooperation, so its peers never exchange.")
    return _rule(spec.cooperation, spec, epoch)


def _rule(cooperation: Cooperation, spec: RunSpec, epoch: int) -> Rule:
    match cooperation:
        case Cooperation("averaging"):
            return Averaging()
        case Cooperation("parameterwise", gamma=gamma):
            return ParameterWise(gamma)
        case Cooperation("layerwise", str(criterion), float(alpha), shares=shares):
            last_bin, seed = spec.options.last_bin, stream_seed(spec.seed, 0, "shares", epoch)
            if shares == "own":
                return LayerWise(criterion, alpha, last_bin)
            control = Permuted if shares == "permuted" else Random
            return control(criterion, alpha, last_bin, seed)
        case Cooperation("noise"):
            seeds = tuple(stream_seed(spec.seed, k, "noise", epoch) for k in range(spec.peers))
            # the standard deviation of the released code
            return Noise(0.05 ** (epoch // 30 + 1), seeds)
    raise TypeError(f"rule_of has no branch for {cooperation}.")


def seen_by(spec: RunSpec, split: Split) -> Split:
    """Return the split as the run's model sees it: histories in their order, or shuffled."""
    if spec.data.histories == "ordered":
        return split
    return shuffled(split, stream_seed(spec.seed, 0, "histories"))
