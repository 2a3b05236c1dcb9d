"""The training of one run: from its spec to its record and its weights."""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from pcrec_core import paths, provenance
from pcrec_core.errors import Interrupted, TrainingError
from pcrec_core.paths import alone
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import machine, weights
from pcrec_core.study.progress import Bar, show
from pcrec_core.study.records import RunRecord, Store
from pcrec_core.study.splits import split_for
from pcrec_core.study.terminal import complain
from pcrec_core.study.trainable import require_trainable
from pcrec_core.training.interrupts import interrupts, leaving

if TYPE_CHECKING:
    import torch

    from pcrec_core.trainer import Trainer
    from pcrec_core.training.checkpoints import Checkpoint
    from pcrec_core.training.group import Group
    from pcrec_core.training.outcome import Outcome


def load() -> None:
    """Import what trains, which takes seconds; a signal meanwhile ends a command at once."""
    with leaving():
        importlib.import_module("pcrec_core.study.derive")
        importlib.import_module("pcrec_core.trainer")


def require_device(name: str) -> None:
    """Raise ``TrainingError`` unless this machine has the device."""
    from pcrec_core.training.build import device_of

    device_of(name)


def train(
    spec: RunSpec,
    store: Store,
    *,
    device: str = "auto",
    threads: int = 1,
    bar: Bar | None = None,
    interval: float = 60.0,
) -> str:
    """Train a run, write its weights and its record, and return the run's identity.

    A run that was killed goes on from its checkpoint. The peers are trained in turn, or each in
    its own process where torchrun started this one (Section 3.3): the record is the same, and the
    first process writes it. It is clean only if every process ran sound code from the first epoch
    to the last. Two commands must not train one run at a time: call ``train_once`` instead.

    Parameters
    ----------
    spec : RunSpec
    store : Store
        Where the record is written.
    device : {"auto", "cpu", "cuda"}
    threads : int
        CPU threads.
    bar : Bar, optional
        Moved by one per epoch.
    interval : float
        Seconds from one checkpoint to the next, at least.

    Raises
    ------
    TrainingError
        If the run cannot be trained: a missing device, a diverging loss, too little memory, or
        processes of different code.
    Interrupted
        At a signal: the run ends after its epoch, with a checkpoint. After the last epoch, the
        record is written first.
    """
    from pcrec_core.trainer import Trainer
    from pcrec_core.training.build import device_of

    with machine.torch_threads(threads, spec):
        # after the imports: the code that the run begins with
        started, place = provenance.provenance(), device_of(device)
        group = _group(spec, place)
        where = _where(place, threads)
        versions = {name: started["versions"].get(name) for name in ("numpy", "torch")}
        checkpoint = _checkpoint(spec, group, interval, where | versions)
        trainer = Trainer(spec, group.from_first(lambda: split_for(spec)), place, group)
        with interrupts() as interrupt:
            outcome, ends = _fit(trainer, checkpoint, bar)
            sound = started["clean"] and checkpoint.clean and all(sound for _, sound in ends)
            run = started | {"clean": sound} | where | _circumstances(outcome, ends)
            group.from_first(lambda: _keep(RunRecord.of(spec, outcome.result, run), outcome, store))
            checkpoint.delete()
            _raise_if_interrupted(spec, max(group.gather(lambda: [interrupt.signal])))
    return spec.identity


def _group(spec: RunSpec, place: torch.device) -> Group:
    """Return the processes of a run, which must all train it, and by the same code."""
    from pcrec_core.training import parallel

    group = parallel.group(spec.peers, place)
    asked = group.gather(lambda: [(provenance.CODE, spec.name)])
    _require_one({code for code, _ in asked}, "imported different code (digests ")
    _require_one({run for _, run in asked}, "train different runs (")
    return group


def _require_one(found: set[str], what: str) -> None:
    if len(found) > 1:
        raise TrainingError(
            f"the processes of this run {what}{' and '.join(sorted(found))}); end them all and"
            " start them again."
        )


def _checkpoint(spec: RunSpec, group: Group, interval: float, where: dict[str, Any]) -> Checkpoint:
    """Return the checkpoint of a run, which only the first process writes."""
    from pcrec_core.training.checkpoints import Checkpoint

    path = paths.checkpoints() / f"{spec.identity}.pt" if group.first else None
    return Checkpoint(path, spec.identity, interval, where)


def _fit(
    trainer: Trainer, checkpoint: Checkpoint, bar: Bar | None
) -> tuple[Outcome, list[tuple[int, bool]]]:
    """Train to the end, and return the outcome, and the memory and soundness of each process.

    The memory is the most that the process held, in bytes. A process is sound if its code did not
    change during the run.
    """
    outcome = trainer.fit(
        checkpoint, lambda done: show(bar, done, trainer.readout.selection.best.score)
    )
    ends = trainer.group.gather(lambda: [(machine.peak_bytes(trainer.device), provenance.sound())])
    return outcome, ends


def _where(place: torch.device, threads: int) -> dict[str, Any]:
    """Return where a run is trained, from its first epoch to its last."""
    return {
        "device": machine.device_name(place),
        "processor": machine.processor(),
        "threads": threads,
    }


def _circumstances(outcome: Outcome, ends: list[tuple[int, bool]]) -> dict[str, Any]:
    """Return how a run was trained, as its record states it."""
    return {
        "began_with_epoch": outcome.began,
        "seconds": {phase: round(s, 3) for phase, s in outcome.seconds.items()},
        "processes": len(ends),
        "peak_bytes": sum(peak for peak, _ in ends),
    }


def _raise_if_interrupted(spec: RunSpec, signal: int) -> None:
    """Raise ``Interrupted`` if a signal came too late for this run, so that no other one starts."""
    if signal:
        raise Interrupted(
            f"interrupted at the end of {spec.name}: its record is written; the same command reads"
            " it, and goes on with what is left.",
            signal,
        )


def train_once(spec: RunSpec, store: Store, *, device: str = "auto", **options: Any) -> str:
    """Train a run unless its record exists, and return the run's identity.

    Safe to call from several processes: a lock file per run lets one of them train while the
    others wait and then find the record. ``options`` are those of ``train``.
    """
    from pcrec_core.training.build import device_of

    # a worker may have another state of the code than the command that asked
    require_trainable(spec)
    group = _group(spec, device_of(device))
    lock = paths.checkpoints() / f"{spec.identity}.lock"
    with alone(lock, partial(_say_wait, spec)) if group.first else nullcontext():
        if group.from_first(lambda: store.get(spec.name) is None):
            train(spec, store, device=device, **options)
    return spec.identity


def _say_wait(spec: RunSpec) -> None:
    complain(f"{spec.name} is in another process; waiting until it is trained there.")


def _keep(record: RunRecord, outcome: Outcome, store: Store) -> None:
    """Write weights and record, the weights first.

    A record without weights is trained again for what is derived from them. Where the weights
    cannot be written, because their disk is full for example, the record is written nevertheless.
    """
    try:
        weights.keep(record.spec, outcome.weights, outcome.by_peer)
    finally:
        store.put(record)
