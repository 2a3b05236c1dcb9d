"""The parts of a run's spec: its data, model, training and cooperation."""

from __future__ import annotations

from dataclasses import dataclass, field

from pcrec_core.errors import require, require_known
from pcrec_core.specs.fields import Part, added_later, require_count

#: Version of each model's numerics. A change that moves a bit of a model's results raises its
#: version; one in the data, the evaluation or the cooperation raises all.
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
    """A data set and its filter (:ref:`protocols-common`).

    Parameters
    ----------
    source : str
        A name of ``pcrec_core.datasets.SOURCES``.
    core : int
        Items and users with fewer actions are removed, repeatedly until none is left; 5 is the
        paper's five-core.
    sha256 : str, optional
        Hash of the file's content; for ``csv`` only.
    columns : tuple of str, optional
        Columns (user, item) or (user, item, time); for ``csv`` only.
    reading : tuple of str, optional
        What is given for the reading of the file instead of being detected, as ``name=value``, such
        as ``encoding=latin-1``; for ``csv`` only.
    path : str, optional
        Path of the file; for ``csv`` only, and not part of the identity.
    histories : {"ordered", "shuffled"}
        "shuffled" puts each user's training items, and the model's input before a target, in a
        random order that is drawn once from the run's seed.
    """

    source: str
    core: int = 5
    sha256: str | None = None
    columns: tuple[str, ...] | None = None
    path: str | None = field(default=None, compare=False)
    histories: str = added_later("ordered")
    reading: tuple[str, ...] | None = None

    def _check(self) -> None:
        require_known("histories", self.histories, ("ordered", "shuffled"))
        require(self.core >= 1, f"core must be 1 or more, not {self.core}.")
        if self.source == "csv":
            require(
                bool(self.sha256) and len(self.columns or ()) in (2, 3),
                "source 'csv' needs sha256 and columns (user, item) or (user, item, time);"
                " datasets.csv_data(path, columns) makes both.",
            )
        else:
            given = [
                n for n in ("sha256", "columns", "path", "reading") if getattr(self, n) is not None
            ]
            require(
                not given,
                f"{', '.join(given)} has a meaning for source 'csv' only, not for {self.source!r}.",
            )


@dataclass(frozen=True)
class Model(Part):
    """A recommender, in the paper's symbols (Tables 1 and 2).

    Parameters
    ----------
    name : {"sasrec", "dnn", "bpr"}
    d : int
        Hidden dimension.
    t : int, optional
        Items per training sequence, the target included, so t - 1 inputs; SASRec and DNN.
    p : float, optional
        Dropout rate, in [0, 1); SASRec.
    """

    name: str
    d: int
    t: int | None = None
    p: float | None = None

    def _check(self) -> None:
        require_known("model", self.name, NUMERICS)
        require_count("d", self.d)
        require(
            (self.t is None) == (self.name == "bpr"),
            "t (sequence length) belongs to sasrec and dnn: give it there, and leave it out for"
            " bpr.",
        )
        require(
            self.t is None or self.t >= 2,
            f"t counts the target, so it must be 2 or more, not {self.t}.",
        )
        require_count("t", self.t or 2)
        require(
            (self.p is None) == (self.name != "sasrec"),
            "p (dropout) belongs to sasrec: give it there, and leave it out for dnn and bpr.",
        )
        require(self.p is None or 0 <= self.p < 1, f"p (dropout) must be in [0, 1), not {self.p}.")


@dataclass(frozen=True)
class Training(Part):
    """The training of a peer.

    Parameters
    ----------
    epochs : int
    batch : int
        b of Table 2.
    eta : float
        Full learning rate of Adam, above 0.
    l2 : float
        Weight decay of Adam (SASRec, DNN), or the factor of the squared norms in BPR's loss.
    schedule : {"cosine", "constant"}
        "cosine" decays the learning rate to 0, batch by batch.
    precision : {"float32", "bf16", "tf32"}
        Format to which the factors of matrix products are rounded in training: bf16 on a CPU,
        tf32 on a GPU.
    average : {"ema", "swa"}, optional
        For one model: report the average of its weights. "ema" is exponential with a half-life
        of half an epoch; "swa" is over the epochs of the second half, at a constant rate.
    """

    epochs: int
    batch: int
    eta: float
    l2: float = 0.0
    schedule: str = "cosine"
    precision: str = added_later("float32")
    average: str | None = None

    def _check(self) -> None:
        require_known("schedule", self.schedule, SCHEDULES)
        require_known("precision", self.precision, PRECISIONS)
        if self.average is not None:
            require_known("average", self.average, AVERAGES)
        require(
            self.average != "swa" or self.schedule == "constant",
            "swa averages weights of a constant rate: give schedule 'constant'.",
        )
        require_count("epochs", self.epochs)
        require_count("batch", self.batch)
        require(self.eta > 0, f"eta (learning rate) must be above 0, not {self.eta}.")
        require(self.l2 >= 0, f"l2 must be 0 or more, not {self.l2}.")


@dataclass(frozen=True)
class Cooperation(Part):
    """The exchange of weights between peers after every ``every``-th epoch.

    Parameters
    ----------
    rule : {"layerwise", "averaging", "parameterwise", "noise"}
        Eq. 8 and 9; the mean (mu = 1/n, the limit of Eq. 9 at alpha = 0); Eq. 5 to 7; or PCRec-N,
        which needs no second peer.
    criterion : {"entropy", "l1"}, optional
        Layer-wise: Eq. 4 or Eq. 2.
    alpha : float, optional
        Layer-wise: alpha of Eq. 9, above 0.
    every : int
        1 exchanges after every epoch.
    gamma : float, optional
        Parameter-wise: the threshold of Eq. 7. Without one, it is each matrix's median absolute
        value.
    shares : {"own", "permuted", "random"}
        Layer-wise: a layer's mu comes from its own information or, as a control, from another
        layer's, or at random.
    components : tuple of str, optional
        The exchanged ones of embedding, middle and softmax; all without it.
    """

    rule: str
    criterion: str | None = None
    alpha: float | None = None
    every: int = 1
    gamma: float | None = None
    shares: str = added_later("own")
    components: tuple[str, ...] | None = None

    def _check(self) -> None:
        require_known("cooperation rule", self.rule, RULES)
        require_known("shares", self.shares, SHARES)
        require_count("every", self.every)
        self._check_components()
        require(
            self.gamma is None or (self.rule == "parameterwise" and self.gamma >= 0),
            "gamma belongs to the rule 'parameterwise', and is 0 or more.",
        )
        if self.rule == "layerwise":
            self._check_layerwise()
        else:
            require(
                self.criterion is None and self.alpha is None and self.shares == "own",
                f"{self.rule} has no criterion and no alpha, nor shares: leave them out.",
            )

    def _check_components(self) -> None:
        if self.components is None:
            return
        for name in self.components:
            require_known("component", name, COMPONENTS)
        require(
            0 < len(set(self.components)) < len(COMPONENTS),
            f"components must be some of {', '.join(COMPONENTS)}; leave them out for all.",
        )
        ordered = tuple(name for name in COMPONENTS if name in self.components)
        object.__setattr__(self, "components", ordered)

    def _check_layerwise(self) -> None:
        require_known("criterion", self.criterion, CRITERIA)
        require(
            self.shares == "own" or self.components is None,
            "shares of other layers are over all layers: leave components out.",
        )
        # A larger alpha could overflow.
        require(
            self.alpha is not None and 0 < self.alpha <= 1e12,
            f"alpha must be above 0 and at most 1e12, not {self.alpha};"
            " for alpha = 0 take the rule 'averaging'.",
        )

    @property
    def merges(self) -> bool:
        """Whether all peers have the same weights in the exchanged layers afterwards (Eq. 8)."""
        return self.rule in ("layerwise", "averaging")
