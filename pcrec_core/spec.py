"""What a run is: frozen dataclasses, checked when made, with a canonical JSON form whose hash is the identity.

Device, threads and workers are provenance (see ``records``), not part of a spec: two equal specs name the same run on
every machine. A field that has no meaning for a run is ``None`` there, and giving it a value is refused.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field, fields
from typing import Any

from pcrec_core.errors import SpecError, unknown

#: Raised for a model by any change that moves a bit of its results (data, evaluation and cooperation raise all).
NUMERICS = {"sasrec": 3, "dnn": 3, "bpr": 3}

PROTOCOLS = ("controlled", "paper", "released")
SCHEDULES = ("cosine", "constant")
RULES = ("layerwise", "averaging")
CRITERIA = ("entropy", "l1")
PRECISIONS = ("float32", "bf16", "tf32")

_CASTS = {"int": int, "float": float, "str": str}


class _Part:
    """A part of a spec: its fields are cast to their declared type on construction, so that 30 and 30.0 are equal."""

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, _cast(f, getattr(self, f.name)))
        self._check()

    def _check(self) -> None:
        """Raise ``SpecError`` for a value that cannot be meant."""

    def canonical(self) -> dict[str, Any]:
        """Nested dict of what identifies the part: no ``None``, nothing that is not compared, and a field added later
        (``metadata={"as_before": value}``) only where it differs from its as-before value."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.compare and not _as_before(self, f)}
        return {k: v.canonical() if isinstance(v, _Part) else v for k, v in values.items() if v is not None}


def _as_before(part: _Part, f: dataclasses.Field) -> bool:
    return "as_before" in f.metadata and getattr(part, f.name) == f.metadata["as_before"]


def _cast(f: dataclasses.Field, value: Any) -> Any:
    kind = str(f.type).removesuffix(" | None")
    if value is None and str(f.type).endswith("| None"):
        return None
    if kind.startswith("tuple"):
        texts = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
        _require(texts, f"{f.name} must be a list of str, not {value!r}.")
        return tuple(value)
    if kind not in _CASTS:
        return value
    wrong = SpecError(f"{f.name} must be {'an' if kind == 'int' else 'a'} {kind}, not {value!r}.")
    if isinstance(value, bool) or (kind == "str") != isinstance(value, str):
        raise wrong
    try:
        cast = _CASTS[kind](value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if kind != "str" and (cast != value or math.isinf(cast)):  # a NaN differs from itself; 2.5 differs from int 2
        raise wrong
    return cast + 0.0 if kind == "float" else cast  # -0.0 equals 0.0, so it must have the same identity


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise SpecError(sentence)


def _known(what: str, name: str | None, names: tuple[str, ...] | dict[str, Any]) -> None:
    _require(name in names, unknown(what, name, names))


@dataclass(frozen=True)
class Data(_Part):
    """Which interactions, and how they are filtered (PROTOCOLS.md, section 1).

    Parameters
    ----------
    source : str
        A name of ``pcrec_core.datasets.SOURCES``.
    core : int
        Items and users with fewer actions leave, repeated until stable; 5 is the paper's five-core.
    sha256, columns : str, tuple of str
        Only for ``csv``: the hash of the file's content, and its columns (user, item) or (user, item, time).
    path : str
        Only for ``csv``: where the file lies. Not part of the identity.
    """

    source: str
    core: int = 5
    sha256: str | None = None
    columns: tuple[str, ...] | None = None
    path: str | None = field(default=None, compare=False)

    def _check(self) -> None:
        _require(self.core >= 1, f"core must be 1 or more, not {self.core}.")
        if self.source == "csv":
            _require(bool(self.sha256) and len(self.columns or ()) in (2, 3),
                     "source 'csv' needs sha256 and columns (user, item) or (user, item, time);"
                     " datasets.csv_data(path, user=..., item=..., time=...) makes both.")
        else:
            given = [n for n in ("sha256", "columns", "path") if getattr(self, n) is not None]
            _require(not given, f"{', '.join(given)} has a meaning for source 'csv' only, not for {self.source!r}.")


@dataclass(frozen=True)
class Model(_Part):
    """Which recommender. ``d``: hidden dimension; ``t``: items in a piece, target counted, so t - 1 inputs (SASRec and
    DNN); ``p``: dropout rate (SASRec). The paper's symbols, Table 1 and Table 2."""

    name: str
    d: int
    t: int | None = None
    p: float | None = None

    def _check(self) -> None:
        _known("model", self.name, NUMERICS)
        _require(self.d >= 1, f"d must be 1 or more, not {self.d}.")
        _require((self.t is None) == (self.name == "bpr"), "t (piece length) belongs to sasrec and dnn: give it there,"
                                                           " and leave it out for bpr.")
        _require(self.t is None or self.t >= 2, f"t counts the target, so it must be 2 or more, not {self.t}.")
        _require((self.p is None) == (self.name != "sasrec"), "p (dropout) belongs to sasrec: give it there, and leave"
                                                              " it out for dnn and bpr.")
        _require(self.p is None or 0 <= self.p < 1, f"p (dropout) must be in [0, 1), not {self.p}.")


@dataclass(frozen=True)
class Training(_Part):
    """How a peer is trained. ``batch``: b of Table 2; ``eta``: the full learning rate of Adam; ``l2``: weight decay of
    Adam (SASRec, DNN), or the factor of the squared norms in BPR's loss; ``schedule``: cosine to 0 by batch, or constant.
    ``precision``: what the factors of matrix products are rounded to in training, bf16 on a CPU or tf32 on a GPU.
    """

    epochs: int
    batch: int
    eta: float
    l2: float = 0.0
    schedule: str = "cosine"
    precision: str = field(default="float32", metadata={"as_before": "float32"})

    def _check(self) -> None:
        _known("schedule", self.schedule, SCHEDULES)
        _known("precision", self.precision, PRECISIONS)
        _require(self.epochs >= 1, f"epochs must be 1 or more, not {self.epochs}.")
        _require(self.batch >= 1, f"batch must be 1 or more, not {self.batch}.")
        _require(self.eta > 0, f"eta (learning rate) must be above 0, not {self.eta}.")
        _require(self.l2 >= 0, f"l2 must be 0 or more, not {self.l2}.")


@dataclass(frozen=True)
class Cooperation(_Part):
    """How peers exchange weights after every ``every``-th epoch: ``layerwise`` (Eq. 8 and 9) by a ``criterion``
    (entropy, Eq. 4; l1, Eq. 2) with ``alpha`` > 0, or ``averaging`` (mu = 1/n, what alpha = 0 would be)."""

    rule: str
    criterion: str | None = None
    alpha: float | None = None
    every: int = 1

    def _check(self) -> None:
        _known("cooperation rule", self.rule, RULES)
        _require(self.every >= 1, f"every must be 1 or more epochs, not {self.every}.")
        if self.rule == "averaging":
            _require(self.criterion is None and self.alpha is None,
                     "averaging has no criterion and no alpha: leave them out.")
            return
        _known("criterion", self.criterion, CRITERIA)
        _require(self.alpha is not None and self.alpha > 0,
                 f"alpha must be above 0, not {self.alpha}; for alpha = 0 take the rule 'averaging'.")


@dataclass(frozen=True)
class RunSpec(_Part):
    """One run, whole: it can be trained again from this alone.

    ``peers`` = 1 is a base model; with two or more, ``cooperation`` = None means peers that never exchange.

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

    def __post_init__(self) -> None:
        for name, kind in _PARTS.items():
            part = getattr(self, name)
            _require(isinstance(part, kind) or (part is None and name == "cooperation"),
                     f"{name} must be a {kind.__name__}, not {part!r}.")
        if self.numerics is None:
            object.__setattr__(self, "numerics", NUMERICS[self.model.name])
        super().__post_init__()

    def _check(self) -> None:
        _known("protocol", self.protocol, PROTOCOLS)
        _require(self.protocol == "controlled", f"protocol {self.protocol!r} cannot be run yet: only 'controlled' can.")
        _require(self.peers >= 1, f"peers must be 1 or more, not {self.peers}.")
        _require(self.seed >= 0, f"seed must be 0 or more, not {self.seed}.")
        if self.cooperation:
            _require(self.peers >= 2, "cooperation needs peers: 2 or more.")
            _require(self.cooperation.every <= self.training.epochs,
                     f"cooperation every {self.cooperation.every} epochs never happens in {self.training.epochs} epochs.")

    @property
    def identity(self) -> str:
        """First 12 hex digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(canonical_json(self.canonical()).encode()).hexdigest()[:12]

    @property
    def variant(self) -> str:
        """Short name of what is trained: base, apart, avg, le-a30 (layer-wise, entropy, alpha 30), ln-a30 (L1)."""
        if self.peers == 1:
            return "base"
        rule = "apart" if self.cooperation is None else _rule_name(self.cooperation)
        return rule + (f"-n{self.peers}" if self.peers > 2 else "")

    @property
    def name(self) -> str:
        """Path of the record below the store, without its ending."""
        return f"{self.data.source}/{self.model.name}-{self.variant}-s{self.seed}-{self.identity}"


def _rule_name(cooperation: Cooperation) -> str:
    every = f"-k{cooperation.every}" if cooperation.every > 1 else ""
    if cooperation.rule == "averaging":
        return "avg" + every
    letter = {"entropy": "e", "l1": "n"}[cooperation.criterion]
    return f"l{letter}-a{cooperation.alpha:g}{every}"


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, no NaN: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


_PARTS = {"data": Data, "model": Model, "training": Training, "cooperation": Cooperation}


def from_dict(values: dict[str, Any]) -> RunSpec:
    """The ``RunSpec`` whose canonical form is ``values``; an unknown or missing key is a ``SpecError``."""
    return _part(RunSpec, values)


def _part(kind: type, values: dict[str, Any]) -> Any:
    _require(isinstance(values, dict), f"{kind.__name__} must be a dict of its fields, not {values!r}.")
    names = [f.name for f in fields(kind)]
    for name in values:
        _require(name in names, unknown(f"field of {kind.__name__}", name, names))
    later = {f.name: f.metadata["as_before"] for f in fields(kind) if "as_before" in f.metadata}
    try:
        return kind(**later | {k: _part(_PARTS[k], v) if kind is RunSpec and k in _PARTS else v for k, v in values.items()})
    except TypeError as error:
        raise SpecError(f"{kind.__name__} cannot be read: {error}.") from None
