"""How float32 matrices are multiplied in training: the field ``precision`` of a spec, and who can do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from pcrec_core.errors import TrainingError

#: torch's name of each, by device. On a GPU torch answers "medium" with TF32, so bf16 would be another thing there.
_SETTINGS = {
    "cpu": {"float32": "highest", "bf16": "medium"},
    "cuda": {"float32": "highest", "tf32": "high"},
}


@contextmanager
def products(precision: str, device: torch.device) -> Iterator[None]:
    """Matrix products of that precision inside: both factors are rounded to it, and sums are kept in float32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(_SETTINGS[device.type][precision])
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def available(precision: str, device: torch.device, terms: int = 256) -> bool:
    """Whether products of that precision, of sums of so many terms, are made here: seen from one, since torch falls back to
    float32 in silence, and may do so by size."""
    if precision == "float32":
        return True
    if precision not in _SETTINGS[device.type]:
        return False
    with products(precision, device):
        return rounds(torch.matmul, device, terms)


def rounds(product: Callable[[Tensor, Tensor], Tensor], device: torch.device, terms: int) -> bool:
    """Whether a product rounds its factors to bf16 or TF32, in both of which 1 + 2^-12 is 1. That its last bits differ from
    another's says less: float32 summed in another order has that too."""
    x = torch.full((256, terms), 1 + 2**-12, device=device)
    return bool((product(x, x.T) == terms).all())


def require(precision: str, device: torch.device, terms: int) -> None:
    """Raise ``TrainingError`` where products of that precision, of sums of so many terms, cannot be made."""
    if not available(precision, device, terms):
        where = {"bf16": "a processor with bf16 instructions", "tf32": "a GPU with tensor cores"}[
            precision
        ]
        raise TrainingError(
            f"precision {precision!r} needs {where}, and this {device.type} makes no such products; take"
            " precision 'float32', or another machine."
        )
