"""The three protocols: what the paper's text, the released code and a controlled comparison do where they differ."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pcrec_core.errors import known
from pcrec_core.specs.fields import Part


@dataclass(frozen=True)
class Rules(Part):
    """The lines of the protocols' table (PROTOCOLS.md, section 2) that no other part of a spec holds.

    Each has two or three named values; see ``VALUES``. A line about one model has no meaning for the others.

    Parameters
    ----------
    data : {"common", "own"}
        BPR: the split of all models, or one of its own, repeated items removed before (the last kept) and users with at
        most 3 distinct items left out.
    candidates : {"items", "padding too"}
        SASRec, DNN: whether the padding id is ranked among the items.
    hidden : {"where none repeats", "seen"}
        BPR: whether a user's training items are no candidates on a data set that can repeat one too.
    loss : {"real", "all"}
        SASRec: whether padding positions are in the loss, with target 0.
    attention : {"real", "all"}
        SASRec: whether padding positions are seen as keys.
    mean : {"real", "all"}
        DNN: over which positions.
    layers : {"matrices", "released"}
        Layer-wise SASRec: what is measured: the 13 matrices, or what the released code measures: 15, of L1 17.
    last_bin : {"closed", "open"}
        Entropy: whether a layer's largest weight is counted.
    order : {"fresh", "once"}
        Whether the training rows get another order in every epoch.
    evaluated : {"merged", "after", "before"}
        After an exchange: what ``controlled`` says by rule, every peer after it, or every peer before it.
    choice : {"validation", "test", "both"}
        What the epoch is chosen on: validation ``NDCG@20``, or each metric's own best on the test
        set. "both" reports what "test" does, and keeps beside it what validation would choose.
    """

    data: str = "common"
    candidates: str = "items"
    hidden: str = "where none repeats"
    loss: str = "real"
    attention: str = "real"
    mean: str = "real"
    layers: str = "matrices"
    last_bin: str = "closed"
    order: str = "fresh"
    evaluated: str = "merged"
    choice: str = "validation"

    def _check(self) -> None:
        for f in fields(self):
            known(f.name, getattr(self, f.name), VALUES[f.name])

    @property
    def chosen_on_test(self) -> bool:
        """Whether the test set is read after every epoch and decides what is reported."""
        return self.choice != "validation"


#: What each line can be; what ``controlled`` does comes first.
VALUES: dict[str, tuple[str, ...]] = {
    "data": ("common", "own"),
    "candidates": ("items", "padding too"),
    "hidden": ("where none repeats", "seen"),
    "loss": ("real", "all"),
    "attention": ("real", "all"),
    "mean": ("real", "all"),
    "layers": ("matrices", "released"),
    "last_bin": ("closed", "open"),
    "order": ("fresh", "once"),
    "evaluated": ("merged", "after", "before"),
    "choice": ("validation", "test", "both"),
}

_PAPER = {
    "data": "own",
    "hidden": "seen",
    "loss": "all",
    "attention": "all",
    "mean": "all",
    "evaluated": "after",
}
PROTOCOLS: dict[str, Rules] = {
    "controlled": Rules(),
    "paper": Rules(**_PAPER),
    "released": Rules(
        **_PAPER
        | {
            "candidates": "padding too",
            "layers": "released",
            "last_bin": "open",
            "order": "once",
            "evaluated": "before",
            "choice": "test",
        }
    ),
}
