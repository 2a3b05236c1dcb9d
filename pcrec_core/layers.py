"""Reasons to refuse peers, all looked for before the first weight changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pcrec_core.errors import SpecError, unknown


def checked(
    peers: Sequence[nn.Module], names: Sequence[str], fewest: int = 2
) -> list[dict[str, Tensor]]:
    """Parameters by name of each of the peers, those of ``names`` fit to be exchanged.

    Raises
    ------
    SpecError
        For fewer than ``fewest`` peers, tied, integer or NaN parameters, peers that differ, a name that is no parameter
        or stands there twice.
    """
    if len(peers) < fewest:
        raise SpecError(f"cooperation needs {fewest} or more peers, not {len(peers)}.")
    parameters = [dict(peer.named_parameters(remove_duplicate=False)) for peer in peers]
    _refuse_ties(parameters)
    _refuse_differences(parameters)
    for name in names:
        if name not in parameters[0]:
            raise SpecError(unknown("parameter in the list of layers", name, parameters[0]))
        if names.count(name) > 1:
            raise SpecError(f"parameter {name!r} stands in two layers; it can share one mu only.")
        for k, p in enumerate(parameters):
            _refuse_values(name, k, p[name])
    return parameters


def _refuse_ties(parameters: list[dict[str, Tensor]]) -> None:
    owners: dict[int, str] = {}
    for k, peer in enumerate(parameters):
        for name, w in peer.items():
            first = owners.setdefault(w.data_ptr() if w.numel() else id(w), f"{name!r} of peer {k}")
            if first != f"{name!r} of peer {k}":
                raise SpecError(
                    f"{name!r} of peer {k} is tied to {first}: one tensor would be merged twice; untie them."
                )


def _refuse_differences(parameters: list[dict[str, Tensor]]) -> None:
    first = {name: (tuple(w.shape), w.dtype) for name, w in parameters[0].items()}
    for k, peer in enumerate(parameters[1:], start=1):
        for name in first.keys() ^ peer.keys():
            raise SpecError(
                f"parameter {name!r} is in peer 0 or in peer {k}, not in both: peers share one architecture."
            )
        for name, w in peer.items():
            if (tuple(w.shape), w.dtype) != first[name]:
                raise SpecError(
                    f"parameter {name!r} is {first[name]} in peer 0 and {(tuple(w.shape), w.dtype)} in peer {k}:"
                    " peers share one architecture."
                )


def _refuse_values(name: str, k: int, w: Tensor) -> None:
    if not w.is_floating_point():
        raise SpecError(
            f"parameter {name!r} holds {w.dtype}, which cannot be merged: leave it out of the layers."
        )
    if (
        w.numel() and not torch.stack(w.aminmax()).isfinite().all()
    ):  # a NaN is both smallest and largest
        raise SpecError(
            f"parameter {name!r} of peer {k} holds NaN or infinity: nothing was exchanged."
        )


class Layer(NamedTuple):
    """A layer: parameters that share one mu. ``measured`` names the weight matrix whose information counts, ``followers``
    the bias and normalization terms that "share the same mu" (Section 3.3)."""

    name: str
    component: str
    measured: str
    followers: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        return self.measured, *self.followers


def default_layers(model: nn.Module) -> list[Layer]:
    """A layer rule for any module: a parameter with two or more dimensions opens a layer, one-dimensional ones follow.

    Parameters before the first matrix follow the first one. The component is the name of the top-level child.

    Raises
    ------
    SpecError
        If no parameter has two or more dimensions.
    """
    opened: list[tuple[str, list[str]]] = []
    early: list[str] = []
    for name, parameter in model.named_parameters():
        if parameter.dim() >= 2:
            opened.append((name, early))
            early = []
        else:
            (opened[-1][1] if opened else early).append(name)
    if not opened:
        raise SpecError(
            f"{type(model).__name__} has no parameter with two or more dimensions, so it has no layer."
        )
    return [
        Layer(name.removesuffix(".weight"), name.split(".")[0], name, tuple(follow))
        for name, follow in opened
    ]
