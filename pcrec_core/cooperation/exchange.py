"""What a rule of cooperation is (Eq. 5), and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from pcrec_core.layers import Layer


class Exchange(NamedTuple):
    """What an exchange did to one layer, with one value per peer.

    ``h`` is the information of the layer, ``mu`` the share of the peer, and ``kept`` the part of
    its weights that the peer kept. Each is None where the rule does not have it. ``statistics`` is
    what became of the running statistics of a batch normalization: "merged", "recomputed", "kept",
    or None where the layer has none.
    """

    layer: str
    component: str
    h: tuple[float, ...] | None = None
    mu: tuple[float, ...] | None = None
    kept: tuple[float, ...] | None = None
    statistics: str | None = None


class Rule(Protocol):
    """How peers exchange weights: f of Eq. 5, for any number of peers."""

    #: The smallest number of peers that the rule accepts.
    fewest: int

    def exchange(
        self, parameters: Sequence[Mapping[str, Tensor]], layers: Sequence[Layer]
    ) -> list[Exchange]:
        """Change the ``parameters`` of the peers in place.

        Parameters
        ----------
        parameters : sequence of mapping of str to Tensor
            The parameters and running statistics of each peer by name.
        layers : sequence of Layer
            The layers to exchange.

        Returns
        -------
        list of Exchange
            One per layer.
        """
