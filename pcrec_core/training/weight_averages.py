"""Averages of one model's weights over its training, EMA and SWA: controls for cooperation."""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Average:
    """Average the weights of a model with ``torch.optim.swa_utils``.

    Parameters
    ----------
    kind : {"ema", "swa"}
        Exponential average over the steps with a half-life of half an epoch (Polyak and Juditsky,
        SIAM J. Control Optim. 1992, in its exponential form), or mean over the ends of the epochs
        in the second half (Izmailov et al., UAI 2018).
    model : nn.Module
        Model that is trained.
    epochs, steps : int
        Numbers of epochs of the run and of steps per epoch.
    """

    def __init__(self, kind: str, model: nn.Module, epochs: int, steps: int) -> None:
        self.kind, self._trained = kind, model
        # First epoch whose end is averaged.
        self._first = epochs - (epochs + 1) // 2 if kind == "swa" else 0
        average = None
        if kind == "ema":
            # torch has no types for this function.
            average = get_ema_multi_avg_fn(0.5 ** (2 / steps))  # type: ignore[no-untyped-call]
        self.averaged = AveragedModel(model, multi_avg_fn=average, use_buffers=False)

    @property
    def model(self) -> nn.Module:
        """The model with averaged weights."""
        return self.averaged.module

    def ready(self, epoch: int) -> bool:
        """Return whether there is an average after ``epoch``."""
        return epoch >= self._first

    def after_step(self) -> None:
        """Add the weights after a training step, if the average is over steps."""
        if self.kind == "ema":
            self.averaged.update_parameters(self._trained)

    def after_epoch(self, epoch: int) -> None:
        """Add the weights after ``epoch``, if the average is over epochs."""
        if self.kind == "swa" and self.ready(epoch):
            self.averaged.update_parameters(self._trained)
