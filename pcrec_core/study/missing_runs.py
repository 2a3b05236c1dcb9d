"""Training of missing runs: one after the other here, or each in a job of an executor."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterable

from pcrec_core import provenance
from pcrec_core.errors import (
    DataError,
    FileError,
    Interrupted,
    PCRecError,
    RecordError,
    TrainingError,
)
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.study import jobs, progress, train
from pcrec_core.study.jobs import AnyExecutor
from pcrec_core.study.records import Store
from pcrec_core.study.splits import data_of
from pcrec_core.study.variants import Spec
from pcrec_core.training import environment, interrupts


def train_runs(
    wanted: Iterable[Spec], executor: AnyExecutor | None, store: Store, device: str, threads: int
) -> None:
    """Train the runs among ``wanted``, and pass over the other specs.

    The parameters are those of ``study.run.run``.

    Raises
    ------
    TrainingError
        If runs failed, when all others are done.
    """
    runs = [spec for spec in wanted if isinstance(spec, RunSpec)]
    if executor is None:
        failed = _train_here(runs, store, device, threads)
    else:
        failed = _train_in_jobs(runs, store, device, threads, executor)
    if failed:
        jobs.fail(failed, len(runs))


def _train_here(
    missing: list[RunSpec], store: Store, device: str, threads: int
) -> dict[str, Exception]:
    """Train the runs one after the other, and return the errors by name.

    Of the processes that torchrun started, one that alone fails ends them all: the others wait for
    it in this run, and must not meet it in the next one.
    """
    if missing:
        train.load()
    failed: dict[str, Exception] = {}
    # the error is kept, because a failing download takes its time
    unread: dict[tuple[Data, bool], Exception] = {}
    for i, spec in enumerate(missing, start=1):
        data = data_of(spec)
        label = f"run {i} of {len(missing)}: {spec.name}"
        with progress.bar(spec.training.epochs, label, "epoch") as bar:
            try:
                if data in unread:
                    raise unread[data]
                train.train_once(spec, store, device=device, threads=threads, bar=bar)
            except (Interrupted, FileError):
                # where one record cannot be written no other can
                raise
            except PCRecError as error:
                if environment.started() and not error.shared:
                    jobs.fail({spec.name: error}, len(missing))
                failed[spec.name] = error
                if isinstance(error, DataError):
                    unread[data] = error
    return failed


def _train_in_jobs(
    missing: list[RunSpec], store: Store, device: str, threads: int, executor: AnyExecutor
) -> dict[str, Exception]:
    """Train each run in a job of the executor, and return the errors by name."""
    # a worker may have another working directory
    shared = Store(store.folder and store.folder.absolute())
    calls = {
        spec.name: (uuid.uuid4().hex, spec, shared, device, threads, provenance.CODE)
        for spec in missing
    }
    try:
        with progress.bar(len(calls), "training", "run") as bar:
            failed = jobs.finish(executor, _job, calls, bar)
    except KeyboardInterrupt as error:
        raise Interrupted(interrupts.SENTENCE, interrupts.number_of(error)) from None
    for name in calls:
        path = shared.path(name)
        if name not in failed and not path.exists():
            failed[name] = RecordError(
                f"its worker wrote the record, but {path} is not there: both need the same files."
            )
    return failed


def _job(token: str, spec: RunSpec, store: Store, device: str, threads: int, code: str) -> str:
    """Train a run in a worker of an executor.

    ``token`` differs in each call: dask answers a call that it knows with the earlier outcome.

    Raises
    ------
    TrainingError
        If this worker runs other code than the command that asks, whose digest is ``code``.
    """
    if code != provenance.CODE:
        raise TrainingError(
            f"the worker {socket.gethostname()}, process {os.getpid()}, imported other code (digest"
            f" {provenance.CODE}) than the command (digest {code}); start both again from the same"
            " code."
        )
    return train.train_once(spec, store, device=device, threads=threads)
