"""Many runs at once: the jobs of any executor, and one error for those that failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from typing import Any, NoReturn, Protocol

from pcrec_core.errors import PCRecError, TrainingError

#: Seconds between two looks at the futures. They are polled, because ``done`` is about all that
#: the futures of different libraries have in common.
_PAUSE = 0.05

Job = Callable[..., Any]
Arguments = tuple[Any, ...]


class AnyFuture(Protocol):
    """A future of any library."""

    def done(self) -> bool:
        """Return whether the job has ended."""

    def result(self) -> Any:
        """Return the job's value, or raise its error."""


class AnyExecutor(Protocol):
    """An executor of any library."""

    def submit(self, job: Job, /, *args: Any) -> AnyFuture:
        """Schedule ``job(*args)``, and return its future."""


class Progress(Protocol):
    """A progress bar."""

    def update(self) -> Any:
        """Move by one."""


def finish(
    executor: AnyExecutor, job: Job, calls: Mapping[str, Arguments], bar: Progress
) -> dict[str, Exception]:
    """Submit ``job(*call)`` for each call, wait for all, and return the errors by call name.

    Parameters
    ----------
    executor : AnyExecutor
    job : callable
    calls : mapping
        Positional arguments by name.
    bar : Progress
        Moved by one per finished job.
    """
    failed: dict[str, Exception] = {}
    with closing(_outcomes(executor, job, calls)) as outcomes:
        for name, error in outcomes:
            bar.update()
            if error is not None:
                failed[name] = error
    return failed


def _outcomes(
    executor: AnyExecutor, job: Job, calls: Mapping[str, Arguments]
) -> Generator[tuple[str, Exception | None], None, None]:
    """Yield the name and error of each call as it ends.

    Closed early (Ctrl-C), it cancels the jobs that have not begun.
    """
    futures: dict[str, AnyFuture] = {}
    try:
        for name, call in calls.items():
            futures[name] = _submitted(executor, job, call)
        while futures:
            time.sleep(_PAUSE)
            for name in [name for name, future in futures.items() if future.done()]:
                yield name, _error_of(futures.pop(name))
    finally:
        for future in futures.values():
            getattr(future, "cancel", bool)()


def _submitted(executor: AnyExecutor, job: Job, call: Arguments) -> AnyFuture:
    try:
        return executor.submit(job, *call)
    except BrokenProcessPool as error:
        # a process pool breaks with its first dead process, and refuses the jobs that follow
        future: Future[Any] = Future()
        future.set_exception(error)
        return future


def _error_of(future: AnyFuture) -> Exception | None:
    try:
        future.result()
    except Exception as error:
        return error
    return None


def fail(failed: Mapping[str, Exception], asked: int) -> NoReturn:
    """Raise one error that names the failed runs and their reasons, each reason once.

    Parameters
    ----------
    failed : mapping
        Errors by the name of the run.
    asked : int
        How many runs were asked for; the error of the only one is raised itself.

    Raises
    ------
    TrainingError
    """
    first = next(iter(failed.values()))
    if asked == 1 and isinstance(first, PCRecError):
        raise first
    names: dict[str, list[str]] = {}
    for name, error in failed.items():
        kind = "" if isinstance(error, PCRecError) else f"{type(error).__name__}: "
        names.setdefault(kind + " ".join(str(error).split()), []).append(name)
    reasons = " ".join(f"{', '.join(runs)}: {reason}" for reason, runs in names.items())
    raise TrainingError(
        f"{len(failed)} of {asked} runs failed; what finished is stored, and the same command tries"
        f" again what is missing. {reasons}"
    ) from first
