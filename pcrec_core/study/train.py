"""TODO."""

from __future__ import annotations

import os
import platform
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pcrec_core import paths, provenance
from pcrec_core.errors import (
    Interrupted,
    RecordError,
    TrainingError,
)
from pcrec_core.paths import alone
from pcrec_core.specs import derived
from pcrec_core.specs.run import NUMERICS, RunSpec
from pcrec_core.study import command_line, records, weights
from pcrec_core.study.records import Record, Store
from pcrec_core.study.splits import split_for
from pcrec_core.study.variants import Spec

#: Set (to anything) by `make book` and `make test`: a missing record of real data is an error there, not a training.
NO_TRAINING = "PCREC_NO_TRAINING"

_TURN = threading.Lock()


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
        path = paths.checkpoints() / f"{spec.identity}.pt" if group.first else None
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
    with alone(paths.checkpoints() / f"{spec.identity}.lock") if group.first else nullcontext():
        if group.from_first(lambda: store.get(spec.name) is None):
            train(spec, store, device=device, **options)
    return spec.identity


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
