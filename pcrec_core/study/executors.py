"""Where many runs are trained: processes of this machine, or the workers of dask.

dask's own ``LocalCluster`` runs a job beside the main thread of its worker, where no signal can be
handled: at Ctrl-C it ends the workers after four seconds, without a checkpoint. ``Processes`` lets
each run end its epoch and write one.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, suppress
from functools import partial
from multiprocessing import get_context, parent_process
from types import TracebackType
from typing import Any

from pcrec_core.deadlines import within
from pcrec_core.errors import Interrupted, TrainingError
from pcrec_core.study.jobs import AnyExecutor, Arguments, Job
from pcrec_core.training.interrupts import SIGNALS, heeded, number_of, raise_interrupt, raising

#: Why a job ended early.
_SENTENCE = "interrupted; the same command goes on with it."
#: In a worker: the signals that came while it had no job. They end its next job as it begins.
_noted: list[int] = []
#: Seconds in which dask's scheduler must answer, and have a worker.
WAIT = 60


class Processes(Executor):
    """Executor of ``workers`` processes, in which a process that dies fails only its own job.

    A ``ProcessPoolExecutor`` ends all its processes and jobs when one process dies. So each process
    has a pool of its own, which is replaced when it breaks. A process lives from job to job, and
    keeps the data set that a job loaded. Processes are spawned, because a fork of a process whose
    torch has threads may hang. When an interrupt leaves ``with``, the running jobs are told to end.

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
        # These threads start the workers, which inherit that signals are blocked.
        self._threads = ThreadPoolExecutor(
            workers, initializer=signal.pthread_sigmask, initargs=(signal.SIG_BLOCK, SIGNALS)
        )
        self._new = partial(ProcessPoolExecutor, 1, get_context("spawn"), _begin)
        self._idle: queue.SimpleQueue[ProcessPoolExecutor] = queue.SimpleQueue()
        self._at_work: set[int] = set()
        self._interrupted = threading.Event()
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes; at an interrupt, those at work end their jobs early.

        The terminal sends Ctrl-C to every process of a command, but Docker and Slurm may send their
        signal only to the first.
        """
        if isinstance(error, (KeyboardInterrupt, Interrupted)):
            self._interrupted.set()
            for process in list(self._at_work):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGTERM)
        super().__exit__(kind, error, trace)

    def _run(self, function: Job, args: Arguments, options: dict[str, Any]) -> Any:
        pool, process = self._idle.get(), 0
        try:
            process = pool.submit(os.getpid).result()
            self._at_work.add(process)
            # asked after the process was added, so it either is told to end or gets no job
            if self._interrupted.is_set():
                raise Interrupted(_SENTENCE)
            return pool.submit(_work, function, args, options).result()
        except BrokenProcessPool:
            pool.shutdown()
            pool = self._new()
            raise TrainingError(
                "its worker process died; was it killed, or out of memory?"
            ) from None
        finally:
            self._at_work.discard(process)
            self._idle.put(pool)


def _begin() -> None:
    """Prepare a worker: signals are for its jobs, and it ends when its parent is killed."""
    parent = parent_process()
    assert parent is not None, "called in worker processes only"

    def follow() -> None:
        parent.join()
        os._exit(1)

    for number in heeded():  # what the command ignores, its workers ignore
        signal.signal(number, lambda number, frame: _noted.append(number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=follow, daemon=True).start()


def _work(function: Job, args: Arguments, options: dict[str, Any]) -> Any:
    """Do a job in its worker, where a signal interrupts it."""
    try:
        with raising():
            if _noted:
                raise_interrupt(_noted[0], None)
            return function(*args, **options)
    except KeyboardInterrupt as error:
        raise Interrupted(_SENTENCE, number_of(error)) from None
    finally:
        _noted.clear()


def dask(address: str) -> AbstractContextManager[AnyExecutor]:
    """Return a client of the dask scheduler at ``address``, to be used in ``with``.

    Raises
    ------
    TrainingError
        If dask is not installed, no scheduler answers at the address, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise TrainingError(
            "--dask needs the package distributed: pip install distributed."
        ) from None

    def connect() -> Any:
        return Client(address)  # type: ignore[no-untyped-call] # distributed has no types

    try:
        client = within(WAIT, connect)
    # what another server sends is read as the sizes of dask's messages
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TrainingError(
            f"no dask scheduler answers at {address} ({reason}); start one with `dask scheduler`,"
            " and give the address it prints."
        ) from None
    return _with_workers(client, address)


def _with_workers(client: Any, address: str) -> AbstractContextManager[AnyExecutor]:
    """Return the client once its scheduler has a worker; without one a run would wait for ever."""
    try:
        client.wait_for_workers(1, timeout=WAIT)
    except TimeoutError:
        client.close()
        raise TrainingError(
            f"the dask scheduler at {address} got no worker within {WAIT} seconds; start some with"
            f" `dask worker {address}`."
        ) from None
    found: AbstractContextManager[AnyExecutor] = client
    return found
