"""The precision of float32 matrix products in training, and whether a machine offers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from pcrec_core.errors import TrainingError

#: torch's name of each precision, by device. On a GPU torch takes "medium" for TF32, so bf16 would
#: have another meaning there.
_SETTINGS = {
    "cpu": {"float32": "highest", "bf16": "medium"},
    "cuda": {"float32": "highest", "tf32": "high"},
}
_REQUIREMENTS = {"bf16": "a processor with bf16 instructions", "tf32": "a GPU with tensor cores"}


@contextmanager
def products(precision: str, device: torch.device) -> Iterator[None]:
    """Set the precision of matrix products inside the context.

    Both factors are rounded to the precision; sums are accumulated in float32.

    Parameters
    ----------
    precision : {"float32", "bf16", "tf32"}
        Precision of the factors: bf16 on a CPU only, tf32 on a GPU only.
    device : torch.device
        Device of the products.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(_SETTINGS[device.type][precision])
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def available(precision: str, device: torch.device, terms: int = 256) -> bool:
    """Return whether ``device`` computes products of a precision with sums of ``terms`` terms.

    The answer comes from an actual product, since torch falls back to float32 silently, and may do
    so depending on the size.
    """
    if precision == "float32":
        return True
    if precision not in _SETTINGS[device.type]:
        return False
    with products(precision, device):
        return rounds(torch.matmul, device, terms)


def rounds(product: Callable[[Tensor, Tensor], Tensor], device: torch.device, terms: int) -> bool:
    """Return whether ``product`` rounds its factors to bf16 or TF32.

    In both, 1 + 2^-12 rounds to 1. Comparing the last bits would not do: float32 sums in another
    order differ there too.
    """
    x = torch.full((256, terms), 1 + 2**-12, device=device)
    return bool((product(x, x.T) == terms).all())


def require_precision(precision: str, device: torch.device, terms: int) -> None:
    """Raise ``TrainingError`` unless products of that precision and size are available."""
    if not available(precision, device, terms):
        raise TrainingError(
            f"precision {precision!r} needs {_REQUIREMENTS[precision]}, and this {device.type}"
            " makes no such products; use precision 'float32', or another machine."
        )
