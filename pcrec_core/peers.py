"""Peers: the tensors that they can exchange, and every reason to refuse them.

All checks are made before the first weight changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pcrec_core.errors import SpecError, unknown

#: What a normalization keeps of the batches that it has seen.
STATISTICS = ("running_mean", "running_var")
#: The types that a weighted mean is defined for.
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def models_of(peers: Iterable[nn.Module], fewest: int) -> list[nn.Module]:
    """Return the models of the peers without their wrappers.

    Raises
    ------
    SpecError
        If there are fewer than ``fewest`` peers, one of them is not a model, or a model has no
        values that can change.
    """
    if isinstance(peers, nn.Module) and not isinstance(peers, nn.ModuleList):
        raise SpecError(f"peers must be a list of models, not one {type(peers).__name__}.")
    if not isinstance(peers, Iterable):
        raise SpecError(f"peers must be a list of models, not {peers!r}.")
    given = list(peers)
    for k, peer in enumerate(given):
        if not isinstance(peer, nn.Module):
            raise SpecError(f"peer {k} is of type {type(peer).__name__}: give the module itself.")
    if len(given) < fewest:
        raise SpecError(f"cooperation needs {fewest} or more peers, not {len(given)}.")
    models = [unwrapped(peer) for peer in given]
    for k, model in enumerate(models):
        refuse_valueless(model, f" of peer {k}")
    return models


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside ``torch.compile``, ``DataParallel``, DDP and ``AveragedModel``."""
    wrappers = (
        nn.DataParallel,
        nn.parallel.DistributedDataParallel,
        torch.optim.swa_utils.AveragedModel,
    )
    while True:
        inner = model.module if isinstance(model, wrappers) else _compiled(model)
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def _compiled(model: nn.Module) -> object:
    """Return what ``torch.compile`` wrapped, or None; importing its class would take seconds."""
    return getattr(model, "_orig_mod", None)


def bare(name: str) -> str:
    """Return the name that a parameter has where no part of the model is compiled."""
    return name.replace("_orig_mod.", "")


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Return the parameters, under each of their names, and the running statistics of a model."""
    tensors: dict[str, Tensor] = dict(model.named_parameters(remove_duplicate=False))
    tensors |= {n: b for n, b in model.named_buffers() if n.rpartition(".")[2] in STATISTICS}
    return {bare(name): w for name, w in tensors.items()}


def first_names(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Map each name to the first name of its tensor, which differs for tied parameters.

    Raises
    ------
    SpecError
        If two parameters are views of one memory in different shapes.
    """
    first: dict[int, str] = {}
    names = {name: first.setdefault(_place(w), name) for name, w in tensors.items()}
    for name, other in names.items():
        w, v = tensors[name], tensors[other]
        if (w.shape, w.stride()) != (v.shape, v.stride()):
            raise SpecError(
                f"parameters {other!r} and {name!r} are views of one memory in different shapes,"
                " which would be merged twice: untie them."
            )
    return names


def refuse_valueless(model: nn.Module, whose: str = "") -> None:
    """Raise ``SpecError`` for parameters without a value of their own for each weight."""
    for name, w in model.named_parameters():
        where = f"parameter {name!r}{whose}"
        if is_lazy(w):
            raise SpecError(f"{where} has no shape yet: run one batch through the model first.")
        if w.is_meta:
            raise SpecError(f"{where} is on the meta device and has no values: load them first.")
        if w.is_inference() and not torch.is_inference_mode_enabled():
            raise SpecError(
                f"{where} was made in inference mode and cannot change: make the model outside"
                " torch.inference_mode()."
            )
        if w.layout != torch.strided or 0 in w.stride():
            raise SpecError(f"{where} is sparse or expanded: store each of its weights by itself.")


def refuse_differences(peers: Sequence[Mapping[str, Tensor]]) -> None:
    """Raise ``SpecError`` for peers whose tensors differ in names, ties, shape, type or device."""
    first, ties = peers[0], first_names(peers[0])
    for k, peer in enumerate(peers[1:], start=1):
        for name in first.keys() ^ peer.keys():
            raise SpecError(
                f"parameter {name!r} is in peer 0 or in peer {k}, not in both: peers share one"
                " architecture."
            )
        for name, other in first_names(peer).items():
            a, b = _described(first[name]), _described(peer[name])
            if a != b:
                raise SpecError(
                    f"parameter {name!r} is {a} in peer 0 and {b} in peer {k}: peers share one"
                    " architecture, type and device."
                )
            if other != ties[name]:
                raise SpecError(
                    f"parameter {name!r} is tied to another in peer 0 or in peer {k}, not in both:"
                    " tie it in both."
                )


def refuse_values(peers: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> None:
    """Raise ``SpecError`` unless the tensors of these names can be merged."""
    owners: dict[int, str] = {}
    for name in names:
        if name not in peers[0]:
            raise SpecError(unknown("parameter in the list of layers", name, peers[0]))
        for k, peer in enumerate(peers):
            owner = f"{name!r} of peer {k}"
            other = owners.setdefault(_place(peer[name]), owner)
            if other != owner:
                raise SpecError(
                    f"{owner} is tied to {other}: one tensor would be merged twice; untie them."
                )
            _refuse_value(f"parameter {owner}", peer[name])


def _refuse_value(where: str, w: Tensor) -> None:
    if w.dtype not in _FLOATS:
        raise SpecError(f"{where} holds {w.dtype}, which cannot be merged: leave it out of layers.")
    if not w.numel():
        raise SpecError(f"{where} is empty: leave it out of the layers.")
    low, high = w.aminmax()
    width = high.to(at_least_float32(w)) - low
    if not width.isfinite():  # where a weight is NaN, both extremes are
        if torch.stack([low, high]).isfinite().all():
            raise SpecError(
                f"{where} has weights from {low:.3g} to {high:.3g}, a range beyond {width.dtype}:"
                " the training diverged, nothing was exchanged."
            )
        raise SpecError(f"{where} holds NaN or infinity: nothing was exchanged.")


def at_least_float32(w: Tensor) -> torch.dtype:
    """Return the type to compute with: that of ``w``, or float32 where it has fewer bits."""
    return torch.promote_types(w.dtype, torch.float32)


def _place(w: Tensor) -> int:
    """Return what two names of one tensor have in common: its memory, where it has any."""
    return w.data_ptr() or id(w)


def _described(w: Tensor) -> str:
    return f"{w.dtype} of shape {tuple(w.shape)} on {w.device}"
