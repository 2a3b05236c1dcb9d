"""Averages of one model's weights along its training: EMA and SWA, controls of what a pair is for."""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Average:
    """The average of a model's weights by ``torch.optim.swa_utils``.

    Parameters
    ----------
    kind : {"ema", "swa"}
        Exponential, every step, with a half-life of half an epoch (Polyak and Juditsky, SIAM J. Control Optim. 1992, in its
        exponential form); or the mean over the epochs of the second half (Izmailov et al., UAI 2018).
    model : nn.Module
        What is trained.
    epochs, steps : int
        Epochs of the run, and steps of an epoch.
    """

    def __init__(self, kind: str, model: nn.Module, epochs: int, steps: int) -> None:
        self.kind, self._model = kind, model
        self._first = (
            epochs - (epochs + 1) // 2 if kind == "swa" else 0
        )  # epoch whose end is averaged first
        average = get_ema_multi_avg_fn(0.5 ** (2 / steps)) if kind == "ema" else None
        self.averaged = AveragedModel(model, multi_avg_fn=average, use_buffers=False)

    @property
    def model(self) -> nn.Module:
        """The model with averaged weights."""
        return self.averaged.module

    def ready(self, epoch: int) -> bool:
        """Whether the end of ``epoch`` is averaged."""
        return epoch >= self._first

    def after_step(self) -> None:
        """Take in the model after a step of training, if it is averaged by step."""
        if self.kind == "ema":
            self.averaged.update_parameters(self._model)

    def after_epoch(self, epoch: int) -> None:
        """Take in the model after an epoch, if it is averaged by epoch."""
        if self.kind == "swa" and self.ready(epoch):
            self.averaged.update_parameters(self._model)
