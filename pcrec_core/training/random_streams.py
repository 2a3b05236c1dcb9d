"""Every random draw of a run comes from a stream named by seed, peer, purpose and epoch (PROTOCOLS.md, section 1).

A stream is begun anew every epoch, so nothing of it needs to be kept in a checkpoint, and peers draw the same whether
they train in turn or at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_PURPOSES = ("weights", "order", "negatives", "dropout", "noise", "shares", "histories")


def stream_seed(seed: int, peer: int, purpose: str, epoch: int = 0) -> int:
    """Seed of a stream, 63 bits: equal arguments give equal seeds on every machine."""
    words = np.random.SeedSequence([seed, peer, _PURPOSES.index(purpose), epoch]).generate_state(2)
    return (int(words[0]) << 32 | int(words[1])) & (2**63 - 1)


@contextmanager
def global_stream(seed: int, device: torch.device) -> Iterator[None]:
    """Swap torch's global generator, for draws that take no other (initial weights, dropout); put it back after."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
