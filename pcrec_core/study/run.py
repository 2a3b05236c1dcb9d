"""The study's one question: the records of these specs. What the store has is read, the rest is trained.

Reading needs no torch; it is imported when a run is missing.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import resource
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pcrec_core import datasets, provenance
from pcrec_core.datasets.split import Split, split, split_without_repeats
from pcrec_core.datasets.statistics import statistics as describe
from pcrec_core.errors import (
    DataError,
    FileError,
    Interrupted,
    PCRecError,
    RecordError,
    SpecError,
    TrainingError,
)
from pcrec_core.paths import AGAIN, CHECKPOINTS, alone
from pcrec_core.specs import derived
from pcrec_core.specs.derived import TRIVIAL, Derived, Trivial
from pcrec_core.specs.run import NUMERICS, Data, RunSpec
from pcrec_core.study import command_line, executors, plans, records, weight_files, weights
from pcrec_core.study.records import Record, Store
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import Spec, variant
from pcrec_core.training import environment

#: Set (to anything) by `make book` and `make test`: a missing record of real data is an error there, not a training.
NO_TRAINING = "PCREC_NO_TRAINING"
_TURN = threading.Lock()


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
    _train(_forget(weight_files.missing(made)), executor, Store(AGAIN), device, threads)
    for spec in _bar(made, desc="derived", unit="record") if made else ():
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
        Store(AGAIN).path(parent.name).unlink(missing_ok=True)
    return absent


def labelled(
    label: str,
    data: str | Data,
    model: str,
    seeds: Sequence[int] = (),
    given: Mapping[str, Any] | None = None,
    **options: Any,
) -> Replicates:
    """The arm of a label of ``claims.csv``: the planned seeds unless some are given.

    ``given`` are settings of ``defaults.run_spec``, ``options`` those of ``run``.
    """
    return arm(label, _specs(label, data, model, seeds, given), **options)


def by_label(
    plan: Sequence[tuple[str | Data, str]],
    labels: Sequence[str] | Mapping[str, Sequence[str]],
    seeds: Sequence[int] = (),
    given: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[dict[str, Replicates]]:
    """``labelled`` for every data set and model of a plan: its arms by label. What cannot be made is said before the first of
    them is trained.

    Parameters
    ----------
    plan : sequence of (data, model)
        Of each a dict is returned.
    labels : sequence of str, or mapping
        The same for all, or by model.

    Raises
    ------
    SpecError
        For an unknown label, or one that a model does not have or that ``given`` leaves no room for; it names both.
    """
    wanted = [
        {
            label: _named_specs(label, data, model, seeds, given)
            for label in (labels[model] if isinstance(labels, Mapping) else labels)
        }
        for data, model in plan
    ]
    return [{label: arm(label, specs, **options) for label, specs in one.items()} for one in wanted]


def _named_specs(label: str, data: str | Data, model: str, *more: Any) -> list[Spec]:
    try:
        return _specs(label, data, model, *more)
    except SpecError as error:
        raise SpecError(f"variant {label} of {model}: {error}") from None


def _specs(
    label: str, data: str | Data, model: str, seeds: Sequence[int], given: Mapping[str, Any] | None
) -> list[Spec]:
    """A run a seed, the planned ones without any; a trivial baseline has one."""
    name = data.source if isinstance(data, Data) else data
    seeds = (0,) if label in TRIVIAL else tuple(seeds) or plans.seeds(label, model, name, given)
    return [variant(label, data, model, seed, given) for seed in seeds]


def arm(label: str, specs: Sequence[Spec], **options: Any) -> Replicates:
    """The arm of ``specs``, which differ in the seed alone; ``options`` are those of ``run``."""
    return Replicates(label, tuple(run(specs, **options)))


def train(
    spec: RunSpec,
    store: Store,
    *,
    device: str = "auto",
    threads: int = 1,
    bar: tqdm | None = None,
    interval: float = 60.0,
) -> str:
    """Train one run, write its record and its weights, and return its identity; a killed one goes on where it was.

    The peers are trained in turn, or each in its own process where torchrun started this one (Section 3.3): the record is
    the same, and the first process writes it. ``interval``: at most one checkpoint in so many seconds. ``bar`` is moved by
    one an epoch. Two commands may not do it to one run at a time: that is ``train_once``. The record is clean only if the code
    is sound from the first epoch to the last one, in every process.
    """
    from pcrec_core.trainer import Trainer
    from pcrec_core.training import parallel
    from pcrec_core.training.build import device_of
    from pcrec_core.training.checkpoints import Checkpoint

    with _torch_for_us(threads):
        place = device_of(device)
        started = provenance.provenance()  # after the imports: the code that the run begins with
        group = parallel.group(spec.peers, place)
        _refuse_mixed(group)
        path = CHECKPOINTS / f"{spec.identity}.pt" if group.first else None
        checkpoint = Checkpoint(path, spec.identity, interval)
        trainer = Trainer(spec, group.from_first(lambda: split_for(spec)), place, group)
        outcome = trainer.fit(checkpoint, lambda done: bar and bar.update(done - bar.n))
        peaks, sound = zip(*group.gather(lambda: [(_peak(place), provenance.sound())]), strict=True)
    run = started | {
        "clean": started["clean"] and checkpoint.clean and all(sound),
        "device": _device_name(place),
        "processor": _processor(),
        "threads": threads,
        "began_with_epoch": outcome.began,
        "seconds": {phase: round(s, 3) for phase, s in outcome.seconds.items()},
        "processes": len(peaks),
        "peak_bytes": sum(peaks),
    }
    record = records.run_record(spec, outcome.result, run)
    group.from_first(lambda: _keep(record, outcome, store))
    checkpoint.delete()
    if outcome.interrupted:  # too late for this run, but not for those that would follow
        raise Interrupted(
            f"interrupted in the last epoch of {spec.name}: its record is written; the same command reads"
            " it, and goes on with what is left."
        )
    return spec.identity


def train_once(spec: RunSpec, store: Store, *, device: str = "auto", **options: Any) -> str:
    """``train``, unless the record is there; of several commands that ask for one run, one trains and the others wait."""
    from pcrec_core.training import parallel
    from pcrec_core.training.build import device_of

    _refuse_training(spec)  # a worker may have another state of the code
    group = parallel.group(spec.peers, device_of(device))
    with alone(CHECKPOINTS / f"{spec.identity}.lock") if group.first else nullcontext():
        if group.from_first(lambda: store.get(spec.name) is None):
            train(spec, store, device=device, **options)
    return spec.identity


def make(spec: Derived | Trivial, store: Store, *, device: str = "auto", threads: int = 1) -> None:
    """Compute what is derived from the weights of runs, or a trivial baseline, and store its record."""
    from pcrec_core.study import derive
    from pcrec_core.training.build import device_of

    started, began = provenance.provenance(), time.perf_counter()
    place = device_of("cpu" if isinstance(spec, Trivial) else device)
    if isinstance(spec, Trivial):
        with _torch_for_us(threads):
            result = derive.trivial(spec, split_of(spec.data))
    else:
        split = split_for(spec.parents[0])
        with _torch_for_us(threads):
            models = {need: weights.model(*need, split, place) for need in spec.needs}
            parents = {
                parent.name: weights.checked(parent, split, place, (store, Store(AGAIN)))
                for parent in spec.parents
            }
            result = derive.derive(spec, split, models, place)
        started |= {"parents": parents}
    run = started | {
        "clean": started["clean"] and provenance.sound(),
        "device": _device_name(place),
        "processor": _processor(),
        "threads": threads,
        "seconds": {"derive": round(time.perf_counter() - began, 3)},
    }
    store.put(records.run_record(spec, result, run))


def statistics(data: Data, store: Store | None = None) -> Record:
    """The record of a data set's statistics: read, or computed from the raw files and stored."""
    store = store or Store()
    name = records.statistics_name(data)
    found = store.get(name)
    if found is None:
        result = describe(datasets.load(data, progress=True))
        store.put(Record("statistics", name, data.canonical(), result, provenance.provenance()))
        found = store.get(name)  # as it is read the next time
    return found


def target_groups(data: Data, store: Store | None = None) -> np.ndarray:
    """Which users have the same test target, a number a user: (users,)."""
    return np.array(statistics(data, store).result["test_groups"].split(), dtype=np.int64)


def split_for(spec: RunSpec) -> Split:
    """The split a run is trained on: that of all models, or BPR's own."""
    return split_of(*_data_of(spec))


def _data_of(spec: RunSpec) -> tuple[Data, bool]:
    """What is split, and whether in BPR's own way."""
    own = spec.model.name == "bpr" and spec.lines.data == "own"
    return dataclasses.replace(spec.data, histories="ordered"), own


@functools.lru_cache(maxsize=4)
def split_of(data: Data, own: bool = False) -> Split:
    """The split of a data set, or BPR's own, kept for the next run on it."""
    return (split_without_repeats if own else split)(datasets.load(data, progress=True))


@contextmanager
def _torch_for_us(threads: int) -> Iterator[None]:
    """torch with that many threads; its generator and its thread count are the process's, so runs in threads take turns. Memory
    that does not suffice is a ``TrainingError``."""
    import torch

    _refuse_threads(threads)
    with _TURN:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            yield
        except (
            MemoryError,
            RuntimeError,
        ) as error:  # a GPU's is a RuntimeError of its own, the CPU's a plain one
            if not isinstance(
                error, (MemoryError, torch.OutOfMemoryError)
            ) and "allocate memory" not in str(error):
                raise
            raise TrainingError(
                "the memory does not suffice; lower the batch, d or t, or take another device."
            ) from error
        finally:
            torch.set_num_threads(before)


def _refuse_threads(threads: int) -> None:
    if not 1 <= threads <= 1024:
        raise TrainingError(f"threads must be from 1 to 1024, not {threads}.")


def _refuse_training(spec: Spec) -> None:
    trained = isinstance(spec, RunSpec)
    numerics = NUMERICS[spec.model.name] if trained else derived.NUMERICS
    if spec.numerics != numerics:
        raise RecordError(
            f"the record {spec.name} is missing, and only an earlier state of the code, of numerics"
            f" {spec.numerics}, can make it; ask for numerics {numerics}."
        )
    if os.environ.get(NO_TRAINING) and spec.data.source != "synthetic":
        how = (
            command_line.command(spec)
            if trained
            else "python -m pcrec_core study, or the notebook without it."
        )
        raise RecordError(
            f"the record {spec.name} is missing, and {NO_TRAINING} is set; make it with: {how}"
        )


def _refuse_mixed(group: Any) -> None:
    """Refuse to train one run in processes that imported different code."""
    codes = sorted(set(group.gather(lambda: [provenance.CODE])))
    if len(codes) > 1:
        raise TrainingError(
            f"the processes of this run imported different code (digests {' and '.join(codes)}); end them all"
            " and start them again."
        )


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


def _keep(record: Record, outcome: Any, store: Store) -> None:
    """The weights first: a record without them would be trained again for what is derived."""
    weights.keep(record.spec, outcome.weights, outcome.by_peer)
    store.put(record)


def _processor() -> str:
    """Name the CPU and the vector instructions that torch uses on it: they decide the last bits of a result."""
    import torch

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
    return f"{model}, {torch.backends.cpu.get_cpu_capability()}"


def _device_name(device: Any) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _peak(device: Any) -> int:
    """Bytes that this process held at most so far, also in runs before this one."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
