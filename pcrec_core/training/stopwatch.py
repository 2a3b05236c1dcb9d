"""The time that a run spends in each of its phases."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch(defaultdict[str, float]):
    """Seconds by phase, 0 for a phase that never ran."""

    def __init__(self) -> None:
        super().__init__(float)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the seconds that pass in the context to those of a phase."""
        start = time.perf_counter()
        yield
        self[phase] += time.perf_counter() - start
