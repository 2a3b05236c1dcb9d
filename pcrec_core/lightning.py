"""PyTorch Lightning: a callback that lets the peers of one module exchange weights each epoch.

The extra ``pcrec_core[lightning]`` brings Lightning, which nothing else here needs.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from pcrec_core.cooperation import Exchange, Rule, cooperate
from pcrec_core.errors import SpecError
from pcrec_core.layers import Layer

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ModuleNotFoundError:  # an older name of the package
    from pytorch_lightning import Callback, LightningModule, Trainer


class CooperationCallback(Callback):  # type: ignore[misc]  # Lightning is not installed here
    """Merge the peers of a LightningModule at the end of every training epoch.

    All peers belong to one module and train in one ``fit``, because every ``fit`` calls
    ``configure_optimizers`` again: two Trainers that take turns restart Adam each time. A second
    ``fit`` without a checkpoint warns of it.

    Parameters
    ----------
    rule : Rule
        For example ``LayerWise("entropy", alpha=30)``.
    peers : str
        Name of the module's attribute with the peers, such as an ``nn.ModuleList``.
    layers : sequence of Layer, optional
        The layers to merge, as in ``cooperate``.

    Attributes
    ----------
    exchanges : list of list of Exchange
        What was done to every layer, one list per epoch.
    """

    def __init__(
        self, rule: Rule, peers: str = "peers", layers: Sequence[Layer] | None = None
    ) -> None:
        self.rule, self.peers, self.layers = rule, peers, layers
        self.exchanges: list[list[Exchange]] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that the module has peers, and warn if its optimizers start over."""
        if not hasattr(pl_module, self.peers):
            raise SpecError(
                f"{type(pl_module).__name__} has no attribute {self.peers!r}: keep the peers in an"
                " nn.ModuleList and give its name to CooperationCallback."
            )
        if self.exchanges and trainer.ckpt_path is None:
            warnings.warn(
                "fit was called again without ckpt_path, so Adam and the schedulers start over;"
                " train all epochs in one fit.",
                stacklevel=2,
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the peers exchange, and keep what was done."""
        found = cooperate(getattr(pl_module, self.peers), self.rule, self.layers)
        self.exchanges.append(found)
