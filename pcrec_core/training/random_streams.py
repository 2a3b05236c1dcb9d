"""Random streams, named by seed, peer, purpose and epoch (:ref:`protocols-common`).

Every random draw of a run comes from one of them. A stream starts over in every epoch, so a
checkpoint need not keep its state, and peers draw the same numbers whether they are trained in turn
or at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_PURPOSES = ("weights", "order", "negatives", "dropout", "noise", "shares", "histories")


def stream_seed(seed: int, peer: int, purpose: str, epoch: int = 0) -> int:
    """Return the seed of a stream, 63 bits, equal for equal arguments on every machine.

    Parameters
    ----------
    seed, peer, epoch : int
        Seed of the run, number of the peer and of the epoch.
    purpose : {"weights", "order", "negatives", "dropout", "noise", "shares", "histories"}
        What is drawn.
    """
    words = np.random.SeedSequence([seed, peer, _PURPOSES.index(purpose), epoch]).generate_state(2)
    return (int(words[0]) << 32 | int(words[1])) & (2**63 - 1)


@contextmanager
def global_stream(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generator inside the context, and restore its state afterwards.

    Use this for draws that accept no other generator: initial weights and dropout.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
