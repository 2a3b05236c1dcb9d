"""Made-up interactions with known structure, the same on every machine: for tests and for a first try offline.

What is in them: chains of four items that are taken in order (an item predicts the next one), users with a taste for
one of three clusters of chains, skewed popularity, one noise item in ten, and a few items that come back.
"""

from __future__ import annotations

import numpy as np

from pcrec_core.datasets.sources import Paths, Source, Table

_SEED = 20220711
_USERS, _CHAINS, _LENGTH, _CLUSTERS = 300, 30, 4, 3
_TASTE = 8.0  # how much heavier a chain of the user's own cluster weighs
_NOISE, _AGAIN, _TIE = (
    0.10,
    0.06,
    0.10,
)  # share of items drawn by popularity, of items that return, of equal times


def read(paths: Paths = ()) -> Table:
    """About 300 users and 120 items; user ids from 1001, item ids from 5001, times in seconds."""
    # Only uniform doubles are drawn, and made into choices here: their stream is the stablest part of the generator.
    draw = np.random.default_rng(_SEED).random
    weights = 1 / np.arange(
        1, _CHAINS + 1
    )  # popularity of the chains; clusters are dealt out along it
    taken = _chains(draw((_USERS, _CHAINS)), weights)
    lengths = 3 + (draw(_USERS) * (_CHAINS * _LENGTH * 0.5 - 3)).astype(np.int64)
    users = np.repeat(np.arange(_USERS), lengths)
    position = np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    items = taken[users, position // _LENGTH] * _LENGTH + position % _LENGTH
    items = _disturb(items, position, weights, draw)
    gaps = np.where(draw(len(users)) < _TIE, 0, 60)
    return Table(users + 1001, items + 5001, 1_600_000_000 + np.cumsum(gaps))


def _chains(uniform: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each user's chains in the order they are taken: heavy ones tend to come first; (users, chains)."""
    own = (np.arange(_USERS) % _CLUSTERS)[:, None] == np.arange(_CHAINS) % _CLUSTERS
    return np.argsort(uniform / (weights * np.where(own, _TASTE, 1.0)), axis=1, kind="stable")


def _disturb(items: np.ndarray, position: np.ndarray, weights: np.ndarray, draw) -> np.ndarray:
    """Replace some items by popular ones, and some by the user's item of six actions before."""
    popular = np.cumsum(np.repeat(weights, _LENGTH))
    noise = np.searchsorted(popular, draw(len(items)) * popular[-1], side="right")
    items = np.where(draw(len(items)) < _NOISE, noise, items)
    again = (draw(len(items)) < _AGAIN) & (position >= 6)
    return np.where(again, np.roll(items, 6), items)


SYNTHETIC = Source(
    name="synthetic", title="Synthetic", read=read, repeats=True, terms="Made here; free."
)
