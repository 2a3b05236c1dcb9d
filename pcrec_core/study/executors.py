"""Many runs at once: jobs of any executor, and a pool whose dying processes harm no other job."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, closing
from functools import partial
from multiprocessing import get_context, parent_process
from typing import Any, NoReturn, Protocol

from pcrec_core.errors import Interrupted, PCRecError, TrainingError

#: Seconds between two looks at the futures; all kinds of futures have ``done``, and little else.
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
        """Begin ``job(*args)`` some time, and return its future."""


class Progress(Protocol):
    """A progress bar."""

    def update(self) -> Any:
        """Move by one."""


class Processes(Executor):
    """Executor of ``workers`` processes, in which a process that dies fails its own job only.

    A ``ProcessPoolExecutor`` ends all its processes and jobs when one process dies. So each process
    has a pool of its own, which is replaced when it breaks. A process stays from job to job, and so
    does the data set that a job loaded. Processes are spawned, because a fork of a process whose
    torch has threads may hang.

    Parameters
    ----------
    workers : int
        Number of processes.

    Raises
    ------
    TrainingError
        If ``workers`` is below 1; from a job's ``result``, if its process died.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise TrainingError(f"workers must be 1 or more, not {workers}.")
        self._threads = ThreadPoolExecutor(workers)
        self._new = partial(ProcessPoolExecutor, 1, get_context("spawn"), _begin)
        self._idle: queue.SimpleQueue[ProcessPoolExecutor] = queue.SimpleQueue()
        for _ in range(workers):
            self._idle.put(self._new())

    def submit(self, function: Job, /, *args: Any, **options: Any) -> Future[Any]:
        """Begin a job as soon as a process is idle."""
        return self._threads.submit(self._run, function, args, options)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while not self._idle.empty():
            self._idle.get().shutdown(wait)

    def _run(self, function: Job, args: Arguments, options: dict[str, Any]) -> Any:
        pool = self._idle.get()
        try:
            return pool.submit(_work, function, args, options).result()
        except BrokenProcessPool:
            pool.shutdown()
            pool = self._new()
            raise TrainingError(
                "its worker process died; was it killed, or out of memory?"
            ) from None
        finally:
            self._idle.put(pool)


def _begin() -> None:
    """Prepare a worker: Ctrl-C is for its jobs, and it ends when its parent is killed."""
    parent = parent_process()
    assert parent is not None, "called in worker processes only"

    def follow() -> None:
        parent.join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=follow, daemon=True).start()


def _work(function: Job, args: Arguments, options: dict[str, Any]) -> Any:
    """Do a job in its worker, where Ctrl-C interrupts it.

    The terminal sends Ctrl-C to every process of a command.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return function(*args, **options)
    except KeyboardInterrupt:
        raise Interrupted("interrupted; the same command goes on with it.") from None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def finish(
    executor: AnyExecutor, job: Job, calls: Mapping[str, Arguments], bar: Progress
) -> dict[str, Exception]:
    """Submit ``job(*call)`` for each call, wait for all, and return the errors by call name.

    A ``ProcessPoolExecutor`` that broke does not tell which job was on the dead process: whatever
    it had not finished is done again in ``Processes``, which do.

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
    broken: dict[str, Arguments] = {}
    with closing(_outcomes(executor, job, calls)) as outcomes:
        for name, error in outcomes:
            if isinstance(error, BrokenProcessPool):
                broken[name] = calls[name]
                continue
            bar.update()
            if error is not None:
                failed[name] = error
    if broken:
        with Processes(getattr(executor, "_max_workers", 1)) as processes:
            failed |= finish(processes, job, broken, bar)
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
        # a worker died while jobs were still being submitted
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


def dask(address: str) -> AbstractContextManager[AnyExecutor]:
    """Return a client of the dask scheduler at ``address``, to be used in ``with``.

    Raises
    ------
    TrainingError
        If dask is not installed, or no scheduler answers at the address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise TrainingError(
            "--dask needs the package distributed: pip install distributed."
        ) from None
    try:
        # distributed has no types here
        client: AbstractContextManager[AnyExecutor] = Client(address)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"no dask scheduler answers at {address} ({' '.join(str(error).split())}); start one"
            " with `dask scheduler`, and give the address it prints."
        ) from None
    return client
