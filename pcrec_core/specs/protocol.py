"""The three protocols: where paper, released code and controlled comparison differ."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pcrec_core.errors import require_known
from pcrec_core.specs.fields import Part


@dataclass(frozen=True)
class ProtocolOptions(Part):
    """The lines of :ref:`protocols-table` that no other part of a spec holds, one option each.

    Each option has two or three named values (``VALUES``). An option of one model has no meaning
    for the others.

    Parameters
    ----------
    data : {"common", "own"}
        BPR: the split of all models, or its own, in which only the last of repeated items is kept
        and users with at most 3 distinct items are left out.
    candidates : {"items", "padding too"}
        SASRec, DNN: whether the padding id is ranked among the items.
    hidden : {"where none repeats", "seen"}
        BPR: on which data sets a user's training items are not candidates: those without repeats,
        or all.
    loss : {"real", "all"}
        SASRec: whether padding positions are in the loss, with target 0.
    attention : {"real", "all"}
        SASRec: whether padding positions are keys.
    mean : {"real", "all"}
        DNN: the positions that are averaged.
    layers : {"matrices", "released"}
        Layer-wise SASRec: the layers whose information is measured: the 13 matrices, or those of
        the released code, which are 15, or 17 for L1.
    last_bin : {"closed", "open"}
        Entropy: whether a layer's largest weight is counted.
    order : {"fresh", "once"}
        Whether the training rows have a new order in every epoch.
    evaluated : {"merged", "after", "before"}
        The models evaluated where there is an exchange: those that ``controlled`` prescribes per
        rule, every peer after it, or every peer before it.
    choice : {"validation", "test", "both"}
        What chooses the epoch: validation ``NDCG@20``, or each metric's own best on the test set.
        "both" reports what "test" does, and records what validation would choose.
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
        for field in fields(self):
            require_known(field.name, getattr(self, field.name), VALUES[field.name])

    @property
    def chosen_on_test(self) -> bool:
        """Whether the test set is read after every epoch and decides what is reported."""
        return self.choice != "validation"


#: The values of each option; that of ``controlled`` comes first.
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
PROTOCOLS: dict[str, ProtocolOptions] = {
    "controlled": ProtocolOptions(),
    "paper": ProtocolOptions(**_PAPER),
    "released": ProtocolOptions(
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
