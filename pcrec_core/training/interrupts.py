"""Ctrl-C, and the signals of Slurm, Docker and a closed terminal, which count as Ctrl-C.

A training notes them and stops after its epoch, with a checkpoint (``interrupts``). Elsewhere a
command ends at once with one sentence: by ``KeyboardInterrupt`` (``raising``), or without any
exception while modules are loaded, which an exception could leave half initialised (``leaving``).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
#: What a command prints that was interrupted between two runs.
SENTENCE = "interrupted; what is finished is stored, and the same command goes on with the rest."

Handler = Callable[[int, object], None]


class Interrupt:
    """A handler that notes the first ``signal``, whose number is 0 until one comes.

    A second Ctrl-C ends the program at once; a second SIGTERM or SIGHUP changes nothing.
    """

    signal = 0

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self.signal > 0

    def __call__(self, number: int, frame: object) -> None:
        """Handle a signal."""
        if self.asked and number == signal.SIGINT:
            raise_interrupt(number, frame)
        self.signal = self.signal or number


@contextmanager
def interrupts() -> Iterator[Interrupt]:
    """Note signals inside the context instead of raising; an inner context is part of the outer.

    Only the main thread can handle signals; in any other thread nothing changes.
    """
    for current in _handlers():
        if isinstance(current, Interrupt):
            yield current
            return
    interrupt = Interrupt()
    with _handling(interrupt):
        yield interrupt


@contextmanager
def raising() -> Iterator[None]:
    """Let a signal raise ``KeyboardInterrupt``, whose argument is its number."""
    with _handling(raise_interrupt):
        yield


@contextmanager
def leaving() -> Iterator[None]:
    """Let a signal end a command at once, with one sentence.

    A command is what runs inside ``raising``. In a notebook, for example, nothing changes.
    """
    if raise_interrupt not in _handlers():
        yield
        return
    with _handling(_leave):
        yield


def raise_interrupt(number: int, frame: object) -> None:
    """Raise ``KeyboardInterrupt`` with the number of the signal."""
    raise KeyboardInterrupt(number)


def number_of(error: KeyboardInterrupt) -> int:
    """Return the number of the signal that raised the error; Python's own is Ctrl-C."""
    return int(error.args[0]) if error.args else signal.SIGINT


def _leave(number: int, frame: object) -> NoReturn:
    try:
        # Python sets a closed stderr to None; its descriptor may belong to another file by now.
        if sys.__stderr__ is not None:
            os.write(sys.__stderr__.fileno(), f"error: {SENTENCE}\n".encode())
    finally:
        os._exit(128 + number)


def _handlers() -> list[Any]:
    """Return the handlers of all signals, of which some may be ignored (see ``_handling``)."""
    return [signal.getsignal(number) for number in SIGNALS]


def heeded() -> list[int]:
    """Return those of ``SIGNALS`` that this process does not ignore."""
    return [n for n in SIGNALS if signal.getsignal(n) not in (signal.SIG_IGN, None)]


@contextmanager
def _handling(handler: Handler) -> Iterator[None]:
    """Handle the signals that are not ignored, as nohup and a shell's ``&`` ignore some."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in heeded()}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
