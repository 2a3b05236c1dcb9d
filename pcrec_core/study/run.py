"""The study's one question: the records of these specs. What the store has is read, the rest is trained.

Reading needs no torch; it is imported when a run is missing.
"""

from __future__ import annotations

import os
import socket
import sys
import uuid
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from pcrec_core import paths, provenance
from pcrec_core.errors import (
    DataError,
    FileError,
    Interrupted,
    PCRecError,
    RecordError,
    TrainingError,
)
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.study import executors, records, weight_files
from pcrec_core.study.records import Record, Store
from pcrec_core.study.splits import _data_of
from pcrec_core.study.train import (
    _refuse_threads,
    _refuse_training,
    train_once,
)
from pcrec_core.study.variants import Spec
from pcrec_core.training import environment


def run(
    specs: Sequence[Spec],
    executor: Any = None,
    *,
    store: Store | None = None,
    device: str = "auto",
    threads: int = 1,
) -> list[Record]:
    """Records of ``specs``, in their order: read from the store, or trained and stored.

    Parameters
    ----------
    specs : sequence of RunSpec, Derived or Trivial
        What is wanted; equal specs are trained once. What is derived from runs is made here, after the training, from their
        weights; a run whose weights are not on this machine is trained again for them.
    executor : object with ``submit``, optional
        Trains the missing runs, each in a job of its own whose future has ``result`` and ``done``: ``executors.Processes``
        on this machine, the ``Client`` of dask across machines, and all that follow ``concurrent.futures``. The workers
        share this machine's files. Without one the runs are trained here, one after the other.
    store : Store, optional
        The committed records if not given.
    device : str
        Where a missing run is trained; not part of its identity.
    threads : int
        Of each worker; not part of a run's identity.

    Raises
    ------
    TrainingError
        If runs failed, with the reason of each; the others were trained and stored before.
    Interrupted
        At Ctrl-C; what is running ends after its epoch, with a checkpoint.
    RecordError
        If a run of real data is missing and the environment variable ``PCREC_NO_TRAINING`` is set, or a record is
        damaged. Records finished before stay.
    """
    _refuse_threads(threads)
    environment.known_device(device)
    store = store or Store()
    found = {
        spec: store.get(spec.name) for spec in specs
    }  # a damaged record is said before any training
    missing = [spec for spec, record in found.items() if record is None]
    for spec in missing:
        _refuse_training(spec)
    _train(missing, executor, store, device, threads)
    made = [spec for spec in missing if not isinstance(spec, RunSpec)]
    _train(_forget(weight_files.missing(made)), executor, Store(paths.again()), device, threads)
    for spec in _bar(made, desc="derived", unit="record") if made else ():
        from pcrec_core.study.derive import make  # needs torch, which reading does not

        make(spec, store, device=device, threads=threads)
    return [found[spec] or records.read(store.path(spec.name)) for spec in specs]


def _train(wanted: Sequence[Spec], executor: Any, store: Store, device: str, threads: int) -> None:
    """Train the runs among ``wanted``; what failed is said when the others are done."""
    runs = [spec for spec in wanted if isinstance(spec, RunSpec)]
    if executor is None:
        failed = _train_here(runs, store, device, threads)
    else:
        failed = _train_there(runs, store, device, threads, executor)
    if failed:
        executors.fail(failed, len(runs))


def _forget(absent: list[RunSpec]) -> list[RunSpec]:
    """Runs that are to be trained for their weights; a record that an earlier such training left goes."""
    for parent in absent:
        _refuse_training(parent)
        Store(paths.again()).path(parent.name).unlink(missing_ok=True)
    return absent


def _train_here(
    missing: list[RunSpec], store: Store, device: str, threads: int
) -> dict[str, Exception]:
    failed: dict[str, Exception] = {}
    unread: dict[
        tuple[Data, bool], Exception
    ] = {}  # asked for once: a download that fails takes its time
    for i, spec in enumerate(missing, start=1):
        data = _data_of(spec)
        with _bar(
            total=spec.training.epochs, desc=f"run {i} of {len(missing)}: {spec.name}", unit="epoch"
        ) as bar:
            try:
                if data in unread:
                    raise unread[data]
                train_once(spec, store, device=device, threads=threads, bar=bar)
            except (Interrupted, FileError):  # where one record cannot be written no other can
                raise
            except PCRecError as error:
                failed[spec.name] = error
                if isinstance(error, DataError):
                    unread[data] = error
    return failed


def _train_there(
    missing: list[RunSpec], store: Store, device: str, threads: int, executor: Any
) -> dict[str, Exception]:
    there = Store(
        store.folder and store.folder.absolute()
    )  # a worker may have another working directory
    calls = {
        spec.name: (uuid.uuid4().hex, spec, there, device, threads, provenance.CODE)
        for spec in missing
    }
    try:
        with _bar(total=len(calls), desc="runs", unit="run") as bar:
            failed = executors.finish(executor, _job, calls, bar)
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted; what is finished is stored, and the same command goes on with the rest."
        ) from None
    unseen = {
        name: there.path(name)
        for name in calls
        if name not in failed and not there.path(name).exists()
    }
    return failed | {
        name: RecordError(
            f"its worker wrote the record, but {path} is not there: both need the same files."
        )
        for name, path in unseen.items()
    }


def _job(token: str, spec: RunSpec, store: Store, device: str, threads: int, code: str) -> str:
    """What an executor is given. ``token`` differs in each call: one it knows, dask answers with the outcome it had.

    Raises
    ------
    TrainingError
        If this worker runs other code than the command that asks, whose digest is ``code``.
    """
    if provenance.CODE != code:
        raise TrainingError(
            f"the worker {socket.gethostname()}, process {os.getpid()}, imported other code (digest"
            f" {provenance.CODE}) than the command (digest {code}); start both again from the same code."
        )
    return train_once(spec, store, device=device, threads=threads)


def _bar(*args: Any, **kwargs: Any) -> tqdm:
    """A progress bar where a person watches: on a terminal, never in a notebook's output, and one for all peers."""
    return tqdm(
        *args,
        disable=environment.rank() > 0 or not sys.stderr.isatty(),
        dynamic_ncols=True,
        **kwargs,
    )
