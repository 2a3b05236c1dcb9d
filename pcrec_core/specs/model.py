"""The model of a run, and the version of each model's numerics."""

from __future__ import annotations

from dataclasses import dataclass

from pcrec_core.errors import require, require_known
from pcrec_core.specs.fields import Part, require_count

#: Version of each model's numerics. A change that moves a bit of a model's results raises its
#: version; one in the data, the evaluation or the cooperation raises all.
NUMERICS = {"sasrec": 3, "dnn": 4, "bpr": 3}


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
