"""What a run is: frozen dataclasses, checked when made, with a canonical JSON form whose hash is the identity.

Device, threads and workers are provenance (see ``records``), not part of a spec: two equal specs name the same run on
every machine. A field that has no meaning for a run is ``None`` there, and giving it a value is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from pcrec_core.errors import SpecError, known, require
from pcrec_core.specs.fields import Identified, Part, count, later
from pcrec_core.specs.protocol import PROTOCOLS, Rules

#: Raised for a model by any change that moves a bit of its results (data, evaluation and cooperation raise all).
NUMERICS = {"sasrec": 3, "dnn": 4, "bpr": 3}

SCHEDULES = ("cosine", "constant")
RULES = ("layerwise", "averaging", "parameterwise", "noise")
CRITERIA = ("entropy", "l1")
PRECISIONS = ("float32", "bf16", "tf32")
AVERAGES = ("ema", "swa")
SHARES = ("own", "permuted", "random")
COMPONENTS = ("embedding", "middle", "softmax")


@dataclass(frozen=True)
class Data(Part):
    """Which interactions, and how they are filtered (PROTOCOLS.md, section 1).

    Parameters
    ----------
    source : str
        A name of ``pcrec_core.datasets.SOURCES``.
    core : int
        Items and users with fewer actions leave, repeated until stable; 5 is the paper's five-core.
    sha256 : str
        Only for ``csv``: the hash of the file's content.
    columns : tuple of str
        Only for ``csv``: its columns (user, item) or (user, item, time).
    path : str
        Only for ``csv``: where the file lies. Not part of the identity.
    histories : {"ordered", "shuffled"}
        Whether each user's training items, and what a model sees before a target, come in a random order, drawn once by the
        run's seed.
    """

    source: str
    core: int = 5
    sha256: str | None = None
    columns: tuple[str, ...] | None = None
    path: str | None = field(default=None, compare=False)
    histories: str = later("ordered")

    def _check(self) -> None:
        known("histories", self.histories, ("ordered", "shuffled"))
        require(self.core >= 1, f"core must be 1 or more, not {self.core}.")
        if self.source == "csv":
            require(
                bool(self.sha256) and len(self.columns or ()) in (2, 3),
                "source 'csv' needs sha256 and columns (user, item) or (user, item, time);"
                " datasets.csv_data(path, user=..., item=..., time=...) makes both.",
            )
        else:
            given = [n for n in ("sha256", "columns", "path") if getattr(self, n) is not None]
            require(
                not given,
                f"{', '.join(given)} has a meaning for source 'csv' only, not for {self.source!r}.",
            )


@dataclass(frozen=True)
class Model(Part):
    """Which recommender. ``d``: hidden dimension; ``t``: items in a piece, target counted, so t - 1 inputs (SASRec and
    DNN); ``p``: dropout rate (SASRec). The paper's symbols, Table 1 and Table 2."""

    name: str
    d: int
    t: int | None = None
    p: float | None = None

    def _check(self) -> None:
        known("model", self.name, NUMERICS)
        count("d", self.d)
        require(
            (self.t is None) == (self.name == "bpr"),
            "t (piece length) belongs to sasrec and dnn: give it there, and leave it out for bpr.",
        )
        require(
            self.t is None or self.t >= 2,
            f"t counts the target, so it must be 2 or more, not {self.t}.",
        )
        count("t", self.t or 2)
        require(
            (self.p is None) == (self.name != "sasrec"),
            "p (dropout) belongs to sasrec: give it there, and leave it out for dnn and bpr.",
        )
        require(self.p is None or 0 <= self.p < 1, f"p (dropout) must be in [0, 1), not {self.p}.")


@dataclass(frozen=True)
class Training(Part):
    """How a peer is trained. ``batch``: b of Table 2; ``eta``: the full learning rate of Adam; ``l2``: weight decay of
    Adam (SASRec, DNN), or the factor of the squared norms in BPR's loss; ``schedule``: cosine to 0 by batch, or constant.
    ``precision``: what the factors of matrix products are rounded to in training, bf16 on a CPU or tf32 on a GPU.
    ``average``: of one model, report the average of its weights: ema, exponential with a half-life of half an epoch, or
    swa, of the epochs of the second half at a constant rate.
    """

    epochs: int
    batch: int
    eta: float
    l2: float = 0.0
    schedule: str = "cosine"
    precision: str = later("float32")
    average: str | None = None

    def _check(self) -> None:
        known("schedule", self.schedule, SCHEDULES)
        known("precision", self.precision, PRECISIONS)
        if self.average is not None:
            known("average", self.average, AVERAGES)
        require(
            self.average != "swa" or self.schedule == "constant",
            "swa averages weights of a constant rate: give schedule 'constant'.",
        )
        count("epochs", self.epochs)
        count("batch", self.batch)
        require(self.eta > 0, f"eta (learning rate) must be above 0, not {self.eta}.")
        require(self.l2 >= 0, f"l2 must be 0 or more, not {self.l2}.")


@dataclass(frozen=True)
class Cooperation(Part):
    """How peers exchange weights after every ``every``-th epoch.

    Parameters
    ----------
    rule : {"layerwise", "averaging", "parameterwise", "noise"}
        Eq. 8 and 9; mu = 1/n, which is what alpha = 0 would be; Eq. 5 to 7; or PCRec-N, which needs no peer.
    criterion : {"entropy", "l1"}
        Layer-wise: Eq. 4 or Eq. 2.
    alpha : float
        Layer-wise: that of Eq. 9, above 0.
    every : int
        1: after every epoch.
    gamma : float, optional
        Parameter-wise: the threshold of Eq. 7; without one, each matrix's median absolute value.
    shares : {"own", "permuted", "random"}
        Layer-wise: mu of a layer from its own information, or, as controls, from another layer's, or a random one.
    components : tuple of str, optional
        Which of embedding, middle and softmax are exchanged; all without it.
    """

    rule: str
    criterion: str | None = None
    alpha: float | None = None
    every: int = 1
    gamma: float | None = None
    shares: str = later("own")
    components: tuple[str, ...] | None = None

    def _check(self) -> None:
        known("cooperation rule", self.rule, RULES)
        known("shares", self.shares, SHARES)
        count("every", self.every)
        self._check_components()
        require(
            self.gamma is None or (self.rule == "parameterwise" and self.gamma >= 0),
            "gamma belongs to the rule 'parameterwise', and is 0 or more.",
        )
        if self.rule != "layerwise":
            require(
                self.criterion is None and self.alpha is None and self.shares == "own",
                f"{self.rule} has no criterion and no alpha, nor shares: leave them out.",
            )
            return
        known("criterion", self.criterion, CRITERIA)
        require(
            self.shares == "own" or self.components is None,
            "shares of other layers are over all layers: leave components out.",
        )
        require(
            self.alpha is not None and 0 < self.alpha <= 1e12,  # a larger one could overflow
            f"alpha must be above 0 and at most 1e12, not {self.alpha}; for alpha = 0 take the rule 'averaging'.",
        )

    @property
    def merges(self) -> bool:
        """Whether it gives the exchanged layers of all peers the same weights (Eq. 8)."""
        return self.rule in ("layerwise", "averaging")

    def _check_components(self) -> None:
        for name in self.components or ():
            known("component", name, COMPONENTS)
        if self.components is not None:
            require(
                0 < len(set(self.components)) < len(COMPONENTS),
                f"components must be some of {', '.join(COMPONENTS)}; leave them out for all.",
            )
            object.__setattr__(
                self, "components", tuple(c for c in COMPONENTS if c in self.components)
            )


@dataclass(frozen=True)
class RunSpec(Identified, Part):
    """One run, whole: it can be trained again from this alone.

    Parameters
    ----------
    data : Data
    model : Model
    training : Training
    peers : int
        1 is a base model; with two or more, ``cooperation`` None means peers that never exchange.
    cooperation : Cooperation, optional
    protocol : {"controlled", "paper", "released"}
        Which line of the protocols' table holds where ``rules`` are not given.
    seed : int
    numerics : int, optional
        The model's of today if not given.
    rates : {"spread", "equal"}
        Peers: learning rates eta (1 + cos(pi k / n)) / 2, or eta for all.
    orders : {"own", "same"}
        Peers: the order of the training rows in each epoch.
    starts : {"own", "same"}
        Peers: the initial weights.
    rules : Rules, optional
        The protocol's, or with single lines changed.

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
    rates: str = later("spread")
    orders: str = later("own")
    starts: str = later("own")
    rules: Rules | None = None

    def __post_init__(self) -> None:
        known("protocol", self.protocol, PROTOCOLS)
        for name, kind in _PARTS.items():
            part = getattr(self, name)
            require(
                isinstance(part, kind) or (part is None and name in ("cooperation", "rules")),
                f"{name} must be a {kind.__name__}, not {part!r}.",
            )
        if self.numerics is None:
            object.__setattr__(self, "numerics", NUMERICS[self.model.name])
        if self.rules == PROTOCOLS[self.protocol]:  # nothing is changed, and equal runs are equal
            object.__setattr__(self, "rules", None)
        super().__post_init__()

    def _check(self) -> None:
        count("peers", self.peers)
        require(
            self.peers <= 2 or self.protocol != "released",
            f"the released code knows one peer or two, not {self.peers}.",
        )
        require(self.seed >= 0, f"seed must be 0 or more, not {self.seed}.")
        for name, values in (
            ("rates", ("spread", "equal")),
            ("orders", ("own", "same")),
            ("starts", ("own", "same")),
        ):
            known(name, getattr(self, name), values)
            require(
                self.peers >= 2 or getattr(self, name) == values[0],
                f"{name} belong to peers, two or more: leave them out.",
            )
        require(
            self.training.average is None or self.peers == 1,
            "average belongs to one model: peers must be 1.",
        )
        if self.cooperation:
            self._check_cooperation(self.cooperation)
        for name in self.changed_rules:
            require(
                has_meaning(name, self),
                f"rules.{name} has no meaning for this run; leave it as protocol"
                f" {self.protocol!r} has it.",
            )

    def _check_cooperation(self, cooperation: Cooperation) -> None:
        noise = cooperation.rule == "noise"
        require(self.peers >= (1 if noise else 2), "cooperation needs peers: 2 or more.")
        require(
            cooperation.every <= self.training.epochs,
            f"cooperation every {cooperation.every} epochs never happens in {self.training.epochs} epochs.",
        )
        require(
            cooperation.shares != "random" or self.peers == 2,
            "shares 'random' are defined for pairs: peers must be 2.",
        )
        require(
            self.model.name != "bpr" or cooperation.components is None,
            "BPR has no component but its embeddings: leave components out.",
        )
        require(
            self.protocol != "paper"
            or cooperation.rule != "parameterwise"
            or cooperation.gamma is not None,
            "protocol 'paper' compares weights with a fixed gamma (Eq. 7): give one.",
        )

    @property
    def evaluates(self) -> str:
        """What can be reported after an epoch: ``own``, each peer before the exchange; ``merged``, the one model that all
        peers are after it; ``after``, each peer after it."""
        return _evaluates(self.cooperation, self.lines.evaluated)

    @property
    def lines(self) -> Rules:
        """The lines of the protocols' table that hold."""
        return self.rules or PROTOCOLS[self.protocol]

    @property
    def changed_rules(self) -> dict[str, str]:
        """Those that are not the protocol's."""
        usual = vars(PROTOCOLS[self.protocol])
        return {name: value for name, value in vars(self.lines).items() if value != usual[name]}

    def canonical(self) -> dict[str, Any]:
        """As of every part; the rules stand there only where they are not the protocol's."""
        return super().canonical() | ({"rules": self.changed_rules} if self.rules else {})

    @property
    def variant(self) -> str:
        """Short name of what is trained: base, apart, avg, le-a30 (layer-wise, entropy, alpha 30), ln-a30 (L1), w, n."""
        name = (
            _rule_name(self.cooperation)
            if self.cooperation
            else "base"
            if self.peers == 1
            else "apart"
        )
        more = [f"n{self.peers}"] * (self.peers > 2) + [f"{self.rates}-rates"] * (
            self.rates != "spread"
        )
        more += [f"same-{what}" for what in ("orders", "starts") if getattr(self, what) == "same"]
        more += [self.training.average] * (self.training.average is not None) + ["shuffled"] * (
            self.data.histories != "ordered"
        )
        more += [self.protocol] * (self.protocol != "controlled") + list(self.changed_rules)
        return "-".join([name, *more])


def has_meaning(rule: str, run: RunSpec) -> bool:
    """Whether a line of the protocols' table changes anything in a run; of ``evaluated``, whether its value does."""
    layerwise = run.cooperation is not None and run.cooperation.rule == "layerwise"
    evaluated = {
        _evaluates(run.cooperation, lines.evaluated)
        for lines in (run.lines, PROTOCOLS[run.protocol])
    }
    model = run.model.name
    return {
        "data": model == "bpr",
        "hidden": model == "bpr",
        "candidates": model != "bpr",
        "loss": model == "sasrec",
        "attention": model == "sasrec",
        "mean": model == "dnn",
        "layers": model == "sasrec" and layerwise,
        "last_bin": layerwise and run.cooperation.criterion == "entropy",
        "order": True,
        "choice": True,
        "evaluated": len(evaluated) > 1,
    }[rule]


def _evaluates(cooperation: Cooperation | None, evaluated: str) -> str:
    if cooperation is None or evaluated == "before":
        return "own"
    if evaluated == "merged" and not (cooperation.merges or cooperation.components):
        return "own"  # parameter-wise and noise, in `controlled`
    return "merged" if cooperation.merges and cooperation.components is None else "after"


def _rule_name(cooperation: Cooperation) -> str:
    words = {"averaging": "avg", "parameterwise": "w", "noise": "n"}
    if cooperation.rule == "layerwise":
        name = f"l{'e' if cooperation.criterion == 'entropy' else 'n'}-a{cooperation.alpha:g}"
    else:
        name = words[cooperation.rule] + (
            "" if cooperation.gamma is None else f"-g{cooperation.gamma:g}"
        )
    more = [f"k{cooperation.every}"] * (cooperation.every > 1) + [cooperation.shares] * (
        cooperation.shares != "own"
    )
    return "-".join([name, *more, *(cooperation.components or ())])


_PARTS = {
    "data": Data,
    "model": Model,
    "training": Training,
    "cooperation": Cooperation,
    "rules": Rules,
}


def from_dict(values: dict[str, Any]) -> RunSpec:
    """The ``RunSpec`` whose canonical form is ``values``; an unknown or missing key is a ``SpecError``."""
    return _part(RunSpec, values)


def _part(kind: type, values: dict[str, Any]) -> Any:
    require(
        isinstance(values, dict), f"{kind.__name__} must be a dict of its fields, not {values!r}."
    )
    names = [f.name for f in fields(kind)]
    for name in values:
        known(f"field of {kind.__name__}", name, names)
    before = {f.name: f.metadata["as_before"] for f in fields(kind) if "as_before" in f.metadata}
    if kind is RunSpec:
        if "rules" in values:
            require(
                isinstance(values["rules"], dict),
                f"rules must be a dict of lines, not {values['rules']!r}.",
            )
            usual = PROTOCOLS.get(
                str(values.get("protocol")), Rules()
            )  # an unknown protocol is said below
            values = values | {"rules": vars(usual) | values["rules"]}
        values = {k: _part(_PARTS[k], v) if k in _PARTS else v for k, v in values.items()}
    try:
        return kind(**before | values)
    except TypeError as error:
        raise SpecError(f"{kind.__name__} cannot be read: {error}.") from None
