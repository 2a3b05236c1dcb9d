"""The study's one question: the records of given specs, read from the store or made.

Reading needs no torch; it is imported when a run is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from pcrec_core import paths
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.run import RunSpec
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import leftovers, progress, records, train, weight_files
from pcrec_core.study.jobs import AnyExecutor
from pcrec_core.study.machine import require_threads
from pcrec_core.study.missing_runs import train_runs
from pcrec_core.study.records import ModelRecord, Store
from pcrec_core.study.trainable import require_trainable
from pcrec_core.study.variants import Spec
from pcrec_core.training import environment
from pcrec_core.writing import require_writable


def run(
    specs: Sequence[Spec],
    executor: AnyExecutor | None = None,
    *,
    store: Store | None = None,
    device: str = "auto",
    threads: int = 1,
) -> list[ModelRecord]:
    """Return the records of ``specs`` in their order: read from the store, or made and stored.

    A derived result is made here, after the training, from the weights of its runs. A run whose
    weights are missing is trained for them: into the store, so that it has a record, or, where the
    store has its record already, a second time beside it.

    Parameters
    ----------
    specs : sequence of RunSpec, Derived or Trivial
        What is wanted; equal specs are trained once.
    executor : object with ``submit``, optional
        Trains the missing runs, each in a job of its own whose future has ``result`` and ``done``:
        ``executors.Processes`` on this machine, the ``Client`` of dask across machines, and all
        that follow ``concurrent.futures``. The workers share this machine's files. Without an
        executor the runs are trained here, one after the other.
    store : Store, optional
        The committed records if not given.
    device : {"auto", "cpu", "cuda"}
        Where a missing run is trained; not part of its identity.
    threads : int
        CPU threads of each worker; not part of a run's identity.

    Raises
    ------
    TrainingError
        If runs failed, with the reason of each; the others were trained and stored before. Under
        torchrun a run that fails in one process alone ends all.
    Interrupted
        At Ctrl-C, SIGTERM or SIGHUP; what is running here, or in ``Processes``, ends after its
        epoch, with a checkpoint. Workers elsewhere, of dask for example, finish their runs.
    RecordError
        If a run of real data is missing and the environment variable ``PCREC_NO_TRAINING`` is set,
        or a record is damaged. Records finished before stay.
    """
    require_threads(threads)
    environment.require_device(device)
    store = store or Store()
    # all are read first, so that a damaged record is reported before any training
    found = {spec: store.of_spec(spec) for spec in specs}
    missing = [spec for spec, record in found.items() if record is None]
    derived = [spec for spec in missing if not isinstance(spec, RunSpec)]
    parents = [run for run in weight_files.missing(derived) if store.get(run.name) is None]
    new = list(dict.fromkeys([*missing, *parents]))
    _prepare(new, store)
    if any(isinstance(spec, Derived) for spec in derived):
        # now, not after hours of training elsewhere
        train.require_device(device)
    train_runs(new, executor, store, device, threads)
    again = _forget(weight_files.missing(derived))
    train_runs(again, executor, Store(paths.again()), device, threads)
    _derive(derived, store, device, threads)
    return [found[spec] or _made(spec, store) for spec in specs]


def _derive(missing: Sequence[Derived | Trivial], store: Store, device: str, threads: int) -> None:
    """Make what follows from the weights of runs, or from the data."""
    if not missing:
        return
    train.load()
    # needs torch, which reading does not
    from pcrec_core.study.derive import make

    with progress.bar(len(missing), "derived", "record") as bar:
        for spec in missing:
            make(spec, store, device=device, threads=threads)
            bar.update()


def _made(spec: Spec, store: Store) -> ModelRecord:
    return records.of_kind(records.read(store.path(spec.name)), ModelRecord)


def _prepare(new: Sequence[Spec], store: Store) -> None:
    """Refuse, before hours of training, what cannot be made or could not be written.

    What killed processes left behind is deleted.
    """
    for spec in new:
        require_trainable(spec)
    folders = (store.folder or paths.own_records(), paths.checkpoints(), paths.weights())
    for folder in folders if new else ():
        require_writable(folder)
    leftovers.remove_checkpoints(store)
    progress.begin()


def _forget(runs: list[RunSpec]) -> list[RunSpec]:
    """Delete the records that earlier trainings for the same weights left, and return the runs."""
    for run in runs:
        require_trainable(run)
        Store(paths.again()).path(run.name).unlink(missing_ok=True)
    return runs
