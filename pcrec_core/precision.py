"""How float32 matrices are multiplied in training: the field ``precision`` of a spec, and who can do it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pcrec_core.errors import TrainingError

#: torch's name of each, by device. On a GPU torch answers "medium" with TF32, so bf16 would be another thing there.
_SETTINGS = {"cpu": {"float32": "highest", "bf16": "medium"}, "cuda": {"float32": "highest", "tf32": "high"}}


@contextmanager
def products(precision: str, device: torch.device) -> Iterator[None]:
    """Matrix products of that precision inside: both factors are rounded to it, and sums are kept in float32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(_SETTINGS[device.type][precision])
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def available(precision: str, device: torch.device) -> bool:
    """Whether products of that precision are made here: seen from one, since torch falls back to float32 in silence."""
    if precision == "float32":
        return True
    if precision not in _SETTINGS[device.type]:
        return False
    x = torch.linspace(1, 2, 256 * 256, device=device).view(256, 256)
    with products("float32", device):
        exact = x @ x
    with products(precision, device):
        return not torch.equal(x @ x, exact)


def require(precision: str, device: torch.device) -> None:
    """Raise ``TrainingError`` where products of that precision cannot be made."""
    if not available(precision, device):
        where = {"bf16": "a processor with bf16 instructions", "tf32": "a GPU with tensor cores"}[precision]
        raise TrainingError(f"precision {precision!r} needs {where}, and this {device.type} makes no such products; take"
                            " precision 'float32', or another machine.")
