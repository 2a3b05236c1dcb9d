"""Synthetic interactions with known structure, the same on every machine.

They have chains of four items that are taken in order (an item predicts the next one), users with a
taste for one of three clusters of chains, skewed popularity, one noise item in ten, and a few
repeated items.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pcrec_core.datasets.sources import Paths, Source, Table

_SEED = 20220711
_USERS, _CHAINS, _LENGTH, _CLUSTERS = 300, 30, 4, 3
#: Factor of the weight of a chain in the user's own cluster.
_TASTE = 8.0
#: Shares of items drawn by popularity, of repeated items, and of equal times.
_NOISE, _REPEATED, _TIE = 0.10, 0.06, 0.10


def read(paths: Paths = ()) -> Table:
    """Make about 300 users (ids from 1001) and 120 items (from 5001); times in seconds."""
    # Only uniform doubles are drawn: their stream is the most stable part of numpy's generator.
    draw = np.random.default_rng(_SEED).random
    # Popularity of the chains; the clusters alternate along it.
    weights = 1 / np.arange(1, _CHAINS + 1)
    taken = _chains(draw((_USERS, _CHAINS)), weights)
    lengths = 3 + (draw(_USERS) * (_CHAINS * _LENGTH * 0.5 - 3)).astype(np.int64)
    users = np.repeat(np.arange(_USERS), lengths)
    position = np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    items = taken[users, position // _LENGTH] * _LENGTH + position % _LENGTH
    items = _disturb(items, position, weights, draw)
    gaps = np.where(draw(len(users)) < _TIE, 0, 60)
    return Table(users + 1001, items + 5001, 1_600_000_000 + np.cumsum(gaps))


def _chains(uniform: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return each user's chains in order, heavy ones tending to come first; (users, chains)."""
    own = (np.arange(_USERS) % _CLUSTERS)[:, None] == np.arange(_CHAINS) % _CLUSTERS
    return np.argsort(uniform / (weights * np.where(own, _TASTE, 1.0)), axis=1, kind="stable")


def _disturb(
    items: np.ndarray,
    position: np.ndarray,
    weights: np.ndarray,
    draw: Callable[[int], np.ndarray],
) -> np.ndarray:
    """Replace some items by popular ones, and some by the user's item of six actions before."""
    popular = np.cumsum(np.repeat(weights, _LENGTH))
    noise = np.searchsorted(popular, draw(len(items)) * popular[-1], side="right")
    items = np.where(draw(len(items)) < _NOISE, noise, items)
    repeated = (draw(len(items)) < _REPEATED) & (position >= 6)
    return np.where(repeated, np.roll(items, 6), items)


SYNTHETIC = Source(
    name="synthetic", title="Synthetic", read=read, repeats=True, terms="Made here; free."
)
