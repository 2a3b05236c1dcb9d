"""The labels of ``data/paper/claims.csv`` and what each of them means as a spec.

The variants are those of :ref:`protocols-variants`, half that of :ref:`protocols-figures`, the
controls those of :ref:`protocols-controls`, and the ladder and what follows it in ``LABELS`` those
of :ref:`protocols-ladder`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from pcrec_core.specs.derived import Derived, Spec
from pcrec_core.specs.run import Cooperation, Data, RunSpec
from pcrec_core.specs.trivial import TRIVIAL, Trivial
from pcrec_core.study import defaults
from pcrec_core.study.chosen import chosen_setting

#: Added to the seed for each further run of an ensemble.
_FURTHER = 100


@dataclasses.dataclass(frozen=True)
class Maker:
    """A maker of runs of one model on one data set with one seed.

    Parameters
    ----------
    data : Data
    model : str
    seed : int
    given : dict
        Settings of ``defaults.run_spec`` that differ from the study's.
    gamma : float, optional
        The threshold of W.
    """

    data: Data
    model: str
    seed: int
    given: dict[str, Any]
    gamma: float | None = None

    @property
    def usual(self) -> dict[str, Any]:
        """The base's settings, which a label may change."""
        base = self.base()
        return vars(base.model) | vars(base.training)

    def base(self, further: int = 0, **changed: Any) -> RunSpec:
        """Return a run of one model; ``further`` adds 100, 200, ... to the seed."""
        return defaults.run_spec(
            self.data, self.model, seed=self.seed + _FURTHER * further, **self.given | changed
        )

    def pair(self, cooperation: Cooperation | None, **changed: Any) -> RunSpec:
        """Return a run of two peers."""
        return self.base(peers=2, cooperation=cooperation, **changed)

    def layerwise(self, criterion: str = "entropy", **changed: Any) -> Cooperation:
        """Return layer-wise cooperation with the alpha of Table 3."""
        return dataclasses.replace(defaults.layerwise(self.model, criterion), **changed)

    def ensemble(self, runs: int) -> Derived:
        """Return an ensemble of base runs, the first of this seed (Ensemble-M2, M3)."""
        return Derived("ensemble", tuple(self.base(k) for k in range(runs)))

    def shuffled(self) -> RunSpec:
        """Return the base on histories in a random order."""
        return dataclasses.replace(
            self, data=dataclasses.replace(self.data, histories="shuffled")
        ).base()

    def at_200_epochs(self) -> dict[str, Any]:
        """Return the released code's number of epochs, unless another one is given."""
        return {"epochs": self.given.get("epochs") or 200}

    def with_options(self, **options: str) -> dict[str, Any]:
        """Return the given protocol options with some of them changed."""
        return {"options": {**(self.given.get("options") or {}), **options}}

    def rung(self, schedule: str, cooperation: Cooperation | None = None) -> RunSpec:
        """Return a run of the ladder: the released code, with both choices of the epoch kept."""
        return self.base(
            peers=2 if cooperation else 1,
            cooperation=cooperation,
            schedule=schedule,
            protocol="released",
            **self.with_options(choice="both"),
        )

    def own(self, name: str, label: str) -> dict[str, Any]:
        """Return the setting that was chosen for a label."""
        return {name: chosen_setting(label, self.model, self.data.source)}

    def last_epoch_only(self) -> RunSpec:
        """Return a pair that cooperates once, after the last epoch."""
        pair = self.pair(self.layerwise())
        return dataclasses.replace(pair, cooperation=self.layerwise(every=pair.training.epochs))


def _component(name: str) -> Callable[[Maker], RunSpec]:
    return lambda make: make.pair(make.layerwise(components=(name,)))


def _paper_data(make: Maker, **pair: Any) -> RunSpec:
    """Return a run of BPR by the paper's data rule: no repeated items, seen ones hidden."""
    return make.base(**pair, **make.with_options(data="own", hidden="seen"))


def _trivial(name: str) -> Callable[[Maker], Trivial]:
    return lambda make: Trivial(make.data, name, make.given.get("protocol", "controlled"))


#: The makers of specs by label.
LABELS: dict[str, Callable[[Maker], Spec]] = {
    "base": lambda make: make.base(),
    "LE": lambda make: make.pair(make.layerwise()),
    "LN": lambda make: make.pair(make.layerwise("l1")),
    "W": lambda make: make.pair(Cooperation("parameterwise", gamma=make.gamma)),
    "N": lambda make: make.base(cooperation=Cooperation("noise")),
    "M2": lambda make: make.ensemble(2),
    "M3": lambda make: make.ensemble(3),
    "SD": lambda make: make.pair(make.layerwise(), rates="equal"),
    "DS": lambda make: make.pair(make.layerwise(), orders="same"),
    "E": _component("embedding"),
    "M": _component("middle"),
    "S": _component("softmax"),
    "shuffled": lambda make: make.shuffled(),
    "half": lambda make: make.base(d=make.usual["d"] // 2),
    "base-constant": lambda make: make.base(schedule="constant"),
    "LE-constant": lambda make: make.pair(make.layerwise(), schedule="constant"),
    "avg": lambda make: make.pair(Cooperation("averaging")),
    "permuted": lambda make: make.pair(make.layerwise(shares="permuted")),
    "random": lambda make: make.pair(make.layerwise(shares="random")),
    "base-2x-epochs": lambda make: make.base(epochs=2 * make.usual["epochs"]),
    # twice the rows per step and twice the epochs, so as many steps as the base
    "base-batch-256": lambda make: make.base(
        batch=2 * make.usual["batch"], epochs=2 * make.usual["epochs"]
    ),
    "ema": lambda make: make.base(average="ema"),
    "swa": lambda make: make.base(average="swa", schedule="constant"),
    "apart-best": lambda make: make.pair(None),
    "apart-ensemble": lambda make: Derived("apart", (make.pair(None),)),
    "LE-k2": lambda make: make.pair(make.layerwise(every=2)),
    "LE-k5": lambda make: make.pair(make.layerwise(every=5)),
    "LE-once": lambda make: make.last_epoch_only(),
    "base-half-eta": lambda make: make.base(eta=make.usual["eta"] / 2),
    "LE-same-start": lambda make: make.pair(make.layerwise(), starts="same"),
    # the ladder from the released code's habits to the controlled comparison
    "ladder-base": lambda make: make.rung("constant"),
    "ladder-base-cosine": lambda make: make.rung("cosine"),
    "ladder-LE": lambda make: make.rung("cosine", make.layerwise()),
    "base-200-epochs": lambda make: make.base(**make.at_200_epochs()),
    "LE-200-epochs": lambda make: make.pair(make.layerwise(), **make.at_200_epochs()),
    # robustness
    "LE-2x-epochs": lambda make: make.pair(make.layerwise(), epochs=2 * make.usual["epochs"]),
    "base-paper-data": lambda make: _paper_data(make),
    "LE-paper-data": lambda make: _paper_data(make, peers=2, cooperation=make.layerwise()),
    "LE-own-eta": lambda make: make.pair(make.layerwise(), **make.own("eta", "LE-own-eta")),
    "base-own-l2": lambda make: make.base(**make.own("l2", "base-own-l2")),
    "LE-own-l2": lambda make: make.pair(make.layerwise(), **make.own("l2", "LE-own-l2")),
    **{name: _trivial(name) for name in TRIVIAL},
}
#: The models of those labels that not every model has.
MODELS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("ladder-base", "ladder-base-cosine", "ladder-LE", "LE-own-eta"), ("sasrec", "dnn")
    ),
    **dict.fromkeys(("base-paper-data", "LE-paper-data", "base-own-l2", "LE-own-l2"), ("bpr",)),
}
