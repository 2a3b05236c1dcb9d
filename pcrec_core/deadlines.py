"""Work that may never end, because it waits for a foreign server."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises.

    It runs in a thread of its own, which is left behind if it takes too long.

    Raises
    ------
    TimeoutError
        If it takes more than so many seconds.
    """
    found: list[T] = []
    failed: list[BaseException] = []

    def begin() -> None:
        try:
            found.append(work())
        except BaseException as error:  # also an exit, which would look like too little time
            failed.append(error)

    thread = Thread(target=begin, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed.pop()
    if not found:
        raise TimeoutError(f"not finished after {seconds:.0f} seconds")
    return found.pop()
