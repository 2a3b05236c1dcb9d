"""What a layer is (Section 3.3): one measured weight matrix and what shares its mu.

Each model of the paper lists its own layers; ``default_layers`` derives them for any module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from torch import nn

from pcrec_core.errors import SpecError
from pcrec_core.peers import bare, refuse_valueless, unwrapped


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
    it follow. Those before the first matrix follow the first one. Frozen and empty parameters are
    left out, and a parameter with two names counts under the first. The component is the name of
    the top-level child.

    Raises
    ------
    SpecError
        If no trainable parameter has two or more dimensions, or the model is lazy or on the meta
        device.
    """
    model = unwrapped(model)
    refuse_valueless(model)
    opened: list[tuple[str, list[str]]] = []
    early: list[str] = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad or not parameter.numel():
            continue
        if parameter.dim() >= 2:
            opened.append((bare(name), early))
            early = []
        else:
            (opened[-1][1] if opened else early).append(bare(name))
    if not opened:
        raise SpecError(
            f"{type(model).__name__} has no trainable parameter with two or more dimensions, so it"
            " has no layer."
        )
    return [
        Layer(name.removesuffix(".weight"), name.split(".")[0], name, tuple(followers))
        for name, followers in opened
    ]


def chosen_layers(models: Sequence[nn.Module], layers: Iterable[Layer] | None) -> list[Layer]:
    """Return the given layers as a list, or the default layers of the models.

    Raises
    ------
    SpecError
        If an element of ``layers`` is not a ``Layer``, or the models train different parameters.
    """
    if layers is None:
        _refuse_different_training(models)
        return default_layers(models[0])
    given = list(layers)
    for layer in given:
        if not isinstance(layer, Layer) or isinstance(layer.followers, str):
            raise SpecError(
                "layers must be a list of Layer(name, component, measured, followers), with a tuple"
                f" of followers; {layer!r} is not one."
            )
    return given


def _refuse_different_training(models: Sequence[nn.Module]) -> None:
    first, *others = (
        {bare(name): w.requires_grad for name, w in model.named_parameters()} for model in models
    )
    for k, other in enumerate(others, start=1):
        for name, trains in other.items():
            if first.get(name, trains) != trains:
                raise SpecError(
                    f"parameter {name!r} is frozen in peer 0 or in peer {k}, not in both: freeze it"
                    " in both, or list the layers."
                )


def joined(layers: Iterable[Layer], first_names: Mapping[str, str]) -> list[Layer]:
    """Give every tensor its first name, and join the layers that measure the same one.

    Parameters
    ----------
    layers : iterable of Layer
        Layers, in which one tensor may have several names.
    first_names : mapping of str to str
        The first name of each name's tensor (``peers.first_names``).

    Raises
    ------
    SpecError
        If a parameter is in two layers, before or after they are joined.
    """
    _refuse_repeated(layers)
    by_measured: dict[str, Layer] = {}
    for layer in layers:
        measured, *followers = dict.fromkeys(first_names.get(n, n) for n in layer.parameters)
        known = by_measured.get(measured, layer._replace(measured=measured, followers=()))
        followers = [*dict.fromkeys((*known.followers, *followers))]
        by_measured[measured] = known._replace(followers=tuple(followers))
    _refuse_repeated(by_measured.values())
    return list(by_measured.values())


def _refuse_repeated(layers: Iterable[Layer]) -> None:
    seen: set[str] = set()
    for name in (name for layer in layers for name in layer.parameters):
        if name in seen:
            raise SpecError(f"parameter {name!r} is in two layers; it can share only one mu.")
        seen.add(name)
