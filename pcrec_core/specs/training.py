"""The training of the peers of a run."""

from __future__ import annotations

from dataclasses import dataclass

from pcrec_core.errors import require, require_known
from pcrec_core.specs.fields import Part, added_later, require_count

SCHEDULES = ("cosine", "constant")
PRECISIONS = ("float32", "bf16", "tf32")
AVERAGES = ("ema", "swa")


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
    evaluate_every : int
        Validate, and choose, after every so many epochs, where ranking all items takes longer than
        the training. It divides ``epochs``: the last epoch is among them.
    """

    epochs: int
    batch: int
    eta: float
    l2: float = 0.0
    schedule: str = "cosine"
    precision: str = added_later("float32")
    average: str | None = None
    evaluate_every: int = added_later(1)

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
        require_count("evaluate_every", self.evaluate_every)
        require(
            self.epochs % self.evaluate_every == 0,
            f"evaluate_every {self.evaluate_every} must divide the {self.epochs} epochs, so that"
            " the last one is evaluated.",
        )
        require(self.eta > 0, f"eta (learning rate) must be above 0, not {self.eta}.")
        # With a larger factor the squares in Adam overflow, and no weight would move.
        require(0 <= self.l2 <= 1e6, f"l2 must be from 0 to 1e6, not {self.l2}.")
