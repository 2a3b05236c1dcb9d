"""What a layer is (Section 3.3), and the reasons to refuse peers.

A layer is one measured weight matrix and the parameters that share its mu. Each model lists its own
layers; ``default_layers`` derives them for any module. ``checked`` looks for every reason to refuse
before the first weight changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pcrec_core.errors import SpecError, unknown


class Layer(NamedTuple):
    """Parameters that share one mu (Section 3.3).

    ``measured`` names the weight matrix whose information counts, ``followers`` the bias and
    normalization terms that "share the same mu". ``component`` is the group that the layer belongs
    to: embedding, middle or softmax in the models of the paper.
    """

    name: str
    component: str
    measured: str
    followers: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters of the layer, the measured one first."""
        return self.measured, *self.followers


def default_layers(model: nn.Module) -> list[Layer]:
    """Derive the layers of any module from the dimensions of its parameters.

    A parameter with two or more dimensions opens a layer, and the one-dimensional parameters after
    it follow. Those before the first matrix follow the first one. The component is the name of the
    top-level child.

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
            f"{type(model).__name__} has no parameter with two or more dimensions, so it has no"
            " layer."
        )
    return [
        Layer(name.removesuffix(".weight"), name.split(".")[0], name, tuple(followers))
        for name, followers in opened
    ]


def checked(
    peers: Sequence[nn.Module], names: Sequence[str], fewest: int = 2
) -> list[dict[str, Tensor]]:
    """Return the parameters of each peer by name, after checking that ``names`` can be exchanged.

    Parameters
    ----------
    peers : sequence of nn.Module
        The models that are to cooperate.
    names : sequence of str
        Parameters that are to be exchanged.
    fewest : int
        The smallest number of peers that the rule accepts.

    Raises
    ------
    SpecError
        For fewer than ``fewest`` peers, for tied, integer or NaN parameters, for peers that differ,
        and for a name that is no parameter or occurs twice.
    """
    if len(peers) < fewest:
        raise SpecError(f"cooperation needs {fewest} or more peers, not {len(peers)}.")
    parameters: list[dict[str, Tensor]] = [
        dict(peer.named_parameters(remove_duplicate=False)) for peer in peers
    ]
    _refuse_ties(parameters)
    _refuse_differences(parameters)
    for name in names:
        if name not in parameters[0]:
            raise SpecError(unknown("parameter in the list of layers", name, parameters[0]))
        if names.count(name) > 1:
            raise SpecError(f"parameter {name!r} stands in two layers; it can share one mu only.")
        for k, peer in enumerate(parameters):
            _refuse_values(name, k, peer[name])
    return parameters


def _refuse_ties(parameters: Sequence[Mapping[str, Tensor]]) -> None:
    owners: dict[int, str] = {}
    for k, peer in enumerate(parameters):
        for name, w in peer.items():
            owner = f"{name!r} of peer {k}"
            first = owners.setdefault(w.data_ptr() if w.numel() else id(w), owner)
            if first != owner:
                raise SpecError(
                    f"{owner} is tied to {first}: one tensor would be merged twice; untie them."
                )


def _refuse_differences(parameters: Sequence[Mapping[str, Tensor]]) -> None:
    first = {name: (tuple(w.shape), w.dtype) for name, w in parameters[0].items()}
    for k, peer in enumerate(parameters[1:], start=1):
        for name in first.keys() ^ peer.keys():
            raise SpecError(
                f"parameter {name!r} is in peer 0 or in peer {k}, not in both: peers share one"
                " architecture."
            )
        for name, w in peer.items():
            if (found := (tuple(w.shape), w.dtype)) != first[name]:
                raise SpecError(
                    f"parameter {name!r} is {first[name]} in peer 0 and {found} in peer {k}: peers"
                    " share one architecture."
                )


def _refuse_values(name: str, k: int, w: Tensor) -> None:
    if not w.is_floating_point():
        raise SpecError(
            f"parameter {name!r} holds {w.dtype}, which cannot be merged: leave it out of the"
            " layers."
        )
    # The extremes suffice: where a weight is NaN, both of them are.
    if w.numel() and not torch.stack(w.aminmax()).isfinite().all():
        raise SpecError(
            f"parameter {name!r} of peer {k} holds NaN or infinity: nothing was exchanged."
        )
