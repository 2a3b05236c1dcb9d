"""Progress of trainings: a bar on a terminal, and a line now and then elsewhere."""

from __future__ import annotations

import builtins
import math
import os
import sys
import time
from types import TracebackType
from typing import TypeAlias

from tqdm import tqdm

from pcrec_core.study.terminal import complain
from pcrec_core.training import environment

#: Seconds from one line to the next, at least.
_MINUTE = 60.0
#: Seconds without a line in a notebook, whose page shows only what takes long.
_PATIENCE = 10.0


class Log:
    """Lines in place of a bar, readable in a log: one at the start, then at most one per minute.

    All logs after ``begin`` share the minute, however many runs there are.

    Parameters
    ----------
    total : int
        Number of steps.
    desc : str
        What is done.
    unit : str
        Name of a step.
    """

    #: Time of the next line.
    next = 0.0

    def __init__(self, total: int, desc: str, unit: str) -> None:
        self.total, self.desc, self.unit = total, desc, unit
        self.n, self._resumed, self._more = 0, 0, ""
        self._began = time.monotonic()
        self._print_if_due("")

    def __enter__(self) -> Log:
        """Return the log."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing: the result is printed by others."""

    def update(self, n: int = 1) -> None:
        """Count steps, and print a line if it is time; the last step needs none."""
        if self.n == 0 and n != 1:
            # the epochs of a checkpoint took no time here
            self._resumed = n
        self.n += n
        if 0 < self.n < self.total:
            self._print_if_due(self._left())

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        """Set what follows in the next line."""
        self._more = f"; {text}"

    def _left(self) -> str:
        passed = time.monotonic() - self._began
        done = self.n - self._resumed
        left = f", {_duration(passed / done * (self.total - self.n))} left" if done else ""
        return f" after {_duration(passed)}{left}{self._more}"

    def _print_if_due(self, text: str) -> None:
        if time.monotonic() >= Log.next:
            Log.next = time.monotonic() + _MINUTE
            complain(f"{self.desc}, {self.n} of {self.total} {self.unit}s{text}")


def begin() -> None:
    """Begin a list of runs: a line is due at once, but in a notebook only after some seconds.

    A page of the book, which trains only for moments, shows none.
    """
    Log.next = time.monotonic()
    if hasattr(builtins, "get_ipython"):
        Log.next += math.inf if os.environ.get(environment.NO_TRAINING) else _PATIENCE


#: What shows progress.
Bar: TypeAlias = tqdm | Log


def show(bar: Bar | None, done: int, score: float) -> None:
    """Move a bar to the number of finished epochs, beside the best score so far."""
    if bar is not None:
        if score >= 0:
            bar.set_postfix_str(f"best {score:.4f}", refresh=False)
        bar.update(done - bar.n)


def bar(total: int, desc: str, unit: str) -> Bar:
    """Return a bar or log of ``total`` steps, for ``with``; only the first process shows it."""
    if environment.rank() > 0:
        return tqdm(total=total, disable=True)
    if not sys.stderr.isatty():
        return Log(total, desc, unit)
    return tqdm(total=total, desc=desc, unit=unit, dynamic_ncols=True)


def _duration(seconds: float) -> str:
    """Return a time such as 45 s, 12 min or 3.5 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
