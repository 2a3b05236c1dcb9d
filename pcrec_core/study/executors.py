"""Many runs at once: the jobs of any executor, and a pool in which a process that dies harms no other. No torch."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from multiprocessing import get_context, parent_process
from typing import Any, NoReturn

from pcrec_core.errors import Interrupted, PCRecError, TrainingError

_PAUSE = (
    0.05  # seconds between two looks at the futures; ``done`` is all that every kind of future has
)


class Processes(Executor):
    """Executor of ``workers`` processes, of which one that dies takes its own job along and no other.

    A ``ProcessPoolExecutor`` ends all its processes and jobs when one process dies. So this is one of them for each
    process, made anew when it breaks. A process stays from job to job, and with it the data set that a job loaded. It is
    spawned, because a fork of a process whose torch has threads may hang.

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

    def submit(self, function: Callable, /, *args: Any, **options: Any) -> Future:
        return self._threads.submit(self._run, function, args, options)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while not self._idle.empty():
            self._idle.get().shutdown(wait)

    def _run(self, function: Callable, args: tuple, options: dict[str, Any]) -> Any:
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
    """A worker's first steps: Ctrl-C is for the jobs, and a worker whose parent was killed ends, too."""

    def follow() -> None:
        parent_process().join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=follow, daemon=True).start()


def _work(function: Callable, args: tuple, options: dict[str, Any]) -> Any:
    """A job in its worker. Ctrl-C reaches it: the terminal sends it to every process of a command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return function(*args, **options)
    except KeyboardInterrupt:
        raise Interrupted("interrupted; the same command goes on with it.") from None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def finish(
    executor: Any, job: Callable, calls: Mapping[str, tuple], bar: Any
) -> dict[str, Exception]:
    """Submit ``job(*call)`` for each of the calls, wait for them all, and give back what failed, by the call's name.

    ``bar`` is moved by one a job. A ``ProcessPoolExecutor`` that broke does not say which job was on the dead process:
    whatever it had not finished is done again in ``Processes``, which do.
    """
    failed: dict[str, Exception] = {}
    broken: dict[str, tuple] = {}
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
    executor: Any, job: Callable, calls: Mapping[str, tuple]
) -> Iterator[tuple[str, Exception | None]]:
    """Name and error of each call, as they end. Left early (Ctrl-C), it cancels what has not begun."""
    futures = {}
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


def _submitted(executor: Any, job: Callable, call: tuple) -> Any:
    try:
        return executor.submit(job, *call)
    except BrokenProcessPool as error:  # a worker died while jobs were still being submitted
        future: Future = Future()
        future.set_exception(error)
        return future


def _error_of(future: Any) -> Exception | None:
    try:
        future.result()
    except Exception as error:
        return error
    return None


def fail(failed: Mapping[str, Exception], asked: int) -> NoReturn:
    """Raise the error that names what failed of ``asked`` runs, each reason once; a run's own, if no other was asked for."""
    first = next(iter(failed.values()))
    if asked == 1 and isinstance(first, PCRecError):
        raise first
    names: dict[str, list[str]] = {}
    for name, error in failed.items():
        kind = "" if isinstance(error, PCRecError) else f"{type(error).__name__}: "
        names.setdefault(kind + " ".join(str(error).split()), []).append(name)
    told = " ".join(f"{', '.join(runs)}: {reason}" for reason, runs in names.items())
    raise TrainingError(
        f"{len(failed)} of {asked} runs failed; what finished is stored, and the same command tries again"
        f" what is missing. {told}"
    ) from first


def dask(address: str) -> Any:
    """A client of the dask scheduler at ``address``, to be used in ``with``; ``TrainingError`` if none answers there."""
    try:
        from distributed import Client
    except ImportError:
        raise TrainingError(
            "--dask needs the package distributed: pip install distributed."
        ) from None
    try:
        return Client(address)
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"no dask scheduler answers at {address} ({' '.join(str(error).split())}); start one with"
            " `dask scheduler`, and give the address it prints."
        ) from None
