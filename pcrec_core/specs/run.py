"""The spec of a run: a frozen dataclass whose canonical JSON form has the run's identity as hash.

Device, threads and workers are provenance (see ``pcrec_core.study.records``), not part of a spec:
equal specs name the same run on every machine. A field that has no meaning for a run is ``None``
there, and a value for it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pcrec_core.errors import require, require_known
from pcrec_core.specs.consistency import require_consistent
from pcrec_core.specs.cooperation import COMPONENTS, CRITERIA, RULES, SHARES, Cooperation
from pcrec_core.specs.data import Data
from pcrec_core.specs.fields import (
    Identified,
    Part,
    added_later,
    part_from_dict,
    require_fields,
)
from pcrec_core.specs.model import NUMERICS, Model
from pcrec_core.specs.names import cooperation_name, join_words, reported_models
from pcrec_core.specs.protocol import PROTOCOLS, ProtocolOptions
from pcrec_core.specs.training import Training

__all__ = [
    "COMPONENTS",
    "CRITERIA",
    "NUMERICS",
    "RULES",
    "SHARES",
    "Cooperation",
    "Data",
    "Model",
    "RunSpec",
    "Training",
    "from_dict",
]

_PARTS: dict[str, type[Part]] = {
    "data": Data,
    "model": Model,
    "training": Training,
    "cooperation": Cooperation,
    "custom_options": ProtocolOptions,
}


@dataclass(frozen=True)
class RunSpec(Identified, Part):
    """A whole run: all that is needed to train it again.

    Parameters
    ----------
    data : Data
    model : Model
    training : Training
    peers : int
        1 is a base model. With two or more, ``cooperation=None`` is peers that never exchange.
    cooperation : Cooperation, optional
    protocol : {"controlled", "paper", "released"}
        Column of the protocols' table that holds where no ``custom_options`` are given.
    seed : int
    numerics : int, optional
        Version of the model's numerics; the current one by default.
    rates : {"spread", "equal"}
        Peers: learning rates eta (1 + cos(pi k / n)) / 2, or eta for all.
    orders : {"own", "same"}
        Peers: the order of the training rows in each epoch.
    starts : {"own", "same"}
        Peers: the initial weights.
    custom_options : ProtocolOptions, optional
        Options in place of the protocol's, some of them changed. The canonical form holds only the
        changed ones, as ``rules``.

    Raises
    ------
    SpecError
        A part has another type, or a value is refused.

    Examples
    --------
    >>> spec = RunSpec(Data("ml-100k"), Model("bpr", d=256), Training(200, 2048, 1e-3))
    >>> spec.name
    'ml-100k/bpr-base-s0-ea9d1f37e239'
    """

    data: Data
    model: Model
    training: Training
    peers: int = 1
    cooperation: Cooperation | None = None
    protocol: str = "controlled"
    seed: int = 0
    numerics: int | None = None
    rates: str = added_later("spread")
    orders: str = added_later("own")
    starts: str = added_later("own")
    custom_options: ProtocolOptions | None = None

    def __post_init__(self) -> None:
        """Check the types of the parts, and fill in the model's numerics."""
        require_known("protocol", self.protocol, PROTOCOLS)
        for name, kind in _PARTS.items():
            part = getattr(self, name)
            require(
                isinstance(part, kind)
                or (part is None and name in ("cooperation", "custom_options")),
                f"{name} must be a {kind.__name__}, not {part!r}.",
            )
        if self.numerics is None:
            object.__setattr__(self, "numerics", NUMERICS[self.model.name])
        # The protocol's own options change nothing, and equal runs must be equal.
        if self.custom_options == PROTOCOLS[self.protocol]:
            object.__setattr__(self, "custom_options", None)
        super().__post_init__()

    def _check(self) -> None:
        require_consistent(self)

    @property
    def reported_models(self) -> str:
        """Models that an epoch can report: "own", "merged" or "after" (``reported_models``)."""
        return reported_models(self.cooperation, self.options.evaluated)

    @property
    def options(self) -> ProtocolOptions:
        """The options that hold: the custom ones, or else the protocol's."""
        return self.custom_options or PROTOCOLS[self.protocol]

    @property
    def changed_options(self) -> dict[str, str]:
        """The options that differ from the protocol's, by name."""
        usual = vars(PROTOCOLS[self.protocol])
        return {name: value for name, value in vars(self.options).items() if value != usual[name]}

    def canonical(self) -> dict[str, Any]:
        """Return the nested dict of all that identifies the run.

        The changed options are in it as ``rules``.
        """
        values = super().canonical()
        if values.pop("custom_options", None):
            values["rules"] = self.changed_options
        return values

    @property
    def variant(self) -> str:
        """Short name of the training: base, apart, avg, le-a30 (``cooperation_name``), and so on.

        Words follow for all that is unusual in it, for example le-a30-n4-paper.
        """
        alone = "base" if self.peers == 1 else "apart"
        return join_words(
            cooperation_name(self.cooperation) if self.cooperation else alone,
            (self.peers > 2, f"n{self.peers}"),
            (self.rates != "spread", f"{self.rates}-rates"),
            (self.orders == "same", "same-orders"),
            (self.starts == "same", "same-starts"),
            (self.training.average is not None, str(self.training.average)),
            (
                self.training.evaluate_every > 1,
                f"validated-every-{self.training.evaluate_every}",
            ),
            (self.data.histories != "ordered", self.data.histories),
            (self.protocol != "controlled", self.protocol),
            *((True, name) for name in self.changed_options),
        )


def from_dict(values: dict[str, Any]) -> RunSpec:
    """Return the run whose canonical form is ``values``.

    Raises
    ------
    SpecError
        A key is unknown or missing, or a value is refused.
    """
    if isinstance(values, dict) and "rules" in values:
        values = _with_options(**values)
    require_fields(RunSpec, values)
    parts = {
        name: part_from_dict(_PARTS[name], value)
        for name, value in values.items()
        if name in _PARTS
    }
    return part_from_dict(RunSpec, values | parts)


def _with_options(*, rules: Any, **values: Any) -> dict[str, Any]:
    """Return the fields of a run with all its options in the place of the changed ones."""
    require(isinstance(rules, dict), f"rules must be a dict of options, not {rules!r}.")
    # RunSpec refuses an unknown protocol.
    usual = PROTOCOLS.get(str(values.get("protocol")), ProtocolOptions())
    return values | {"custom_options": vars(usual) | rules}
