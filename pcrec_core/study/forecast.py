"""How long runs will take on this machine, from the time of their first batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pcrec_core.datasets.split import Split
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import machine
from pcrec_core.study.splits import split_for

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

#: Rows of the first timed batch, users that are scored, and seconds that a timing must last.
_FEW_ROWS, _USERS, _LONG_ENOUGH = 8, 64, 0.2
#: Most items with which an epoch is timed; with more, its time grows as they do.
_ITEMS = 50_000
#: Hours from which a command warns before it trains.
WARN_FROM = 1.0

Rates = dict[str, float]


def seconds_per_epoch(spec: RunSpec, split: Split, device: str = "auto", threads: int = 1) -> float:
    """Return the seconds of one peer's epoch: its batches, and one ranking of all users.

    Batches are trained on a model of its own, first with a few rows and then with twice as many,
    until they last long enough to be timed. Of a million items only some have weights meanwhile.

    Raises
    ------
    TrainingError
        The device is missing.
    """
    from pcrec_core.training.build import device_of, examples_of
    from pcrec_core.training.peer import Peer
    from pcrec_core.training.random_streams import global_stream

    split, times = _with_fewer_items(spec, split)
    with machine.torch_threads(threads, spec):
        place = device_of(device)
        examples = examples_of(spec, split)
        peer = Peer.new(spec, split, 0, 1, place)
        rows = examples.epoch(0, 0)

        def train(many: int) -> None:
            [batch] = examples.batches(rows[:many], many, place)
            peer.optimizer.zero_grad(set_to_none=True)
            peer.model.loss(*batch).backward()  # type: ignore[operator]
            peer.optimizer.step()
            wait_for(place)

        with global_stream(0, place):
            of_batches = _of_batches(train, min(spec.training.batch, len(rows)), len(rows))
            return times * (of_batches + _of_ranking(peer.model, spec, split, place))


def _with_fewer_items(spec: RunSpec, split: Split) -> tuple[Split, float]:
    """Return data of ``_ITEMS`` items at most, and how many times longer an epoch of all takes.

    With so many items nearly all time is theirs, in the softmax, the ranking and Adam's step; BPR
    has as much to do for each user.
    """
    if split.n_items <= _ITEMS:
        return split, 1.0
    items = ((split.items - 1) % _ITEMS + 1).astype(split.items.dtype)
    users = split.n_users if spec.model.name == "bpr" else 0
    fewer = replace(split, n_items=_ITEMS, repeats=True, items=items)
    return fewer, (users + split.n_items) / (users + _ITEMS)


def _of_batches(train: Callable[[int], None], batch: int, rows: int) -> float:
    """Return the seconds of all batches of an epoch: a fixed part each, and a part per row."""
    few = min(_FEW_ROWS, batch)
    train(few)  # the first call allocates memory and loads code
    fixed = seconds = _timed(partial(train, few))
    many = few
    while many < batch and seconds < _LONG_ENOUGH:
        many = min(2 * many, batch)
        train(many)
        seconds = _timed(partial(train, many))
    slope = max(seconds - fixed, 0.0) / (many - few) if many > few else 0.0
    return rows / batch * (fixed + slope * (batch - few))


def _of_ranking(model: nn.Module, spec: RunSpec, split: Split, place: Any) -> float:
    import torch

    users = min(_USERS, split.n_users)
    inputs: Tensor = torch.from_numpy(split.histories(spec.model.t or 2, "valid")[:users])
    rows = torch.arange(users, device=place)

    def score() -> None:
        model.scores(rows, inputs.to(place))  # type: ignore[operator]
        wait_for(place)

    model.eval()
    with torch.no_grad():
        seconds = _timed(score)
    return seconds * split.n_users / users


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done what it was told to do; a CPU has."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def rates(specs: Sequence[RunSpec], device: str = "auto", threads: int = 1) -> Rates:
    """Return the seconds of a peer's epoch by model, for runs on one data set."""
    found: Rates = {}
    for spec in specs:
        if spec.model.name not in found:
            alone = replace(spec, peers=1, cooperation=None)
            found[spec.model.name] = seconds_per_epoch(alone, split_for(spec), device, threads)
    return found


def require_memory(specs: Sequence[RunSpec], device: str = "auto") -> None:
    """Refuse runs of which one needs more memory than is free, before the first is trained.

    Raises
    ------
    TrainingError
        It names the run, and a setting with which it fits.
    """
    from pcrec_core import memory
    from pcrec_core.training.build import device_of

    for spec in dict.fromkeys(replace(spec, seed=0) for spec in specs):
        needs = memory.Needs.of(spec, split_for(spec), spec.peers, device_of(device))
        memory.require_memory(needs, spec.name)


def seconds(specs: Sequence[RunSpec], by_model: Rates) -> float:
    """Return the seconds that runs take one after the other."""
    return sum(by_model[spec.model.name] * spec.training.epochs * spec.peers for spec in specs)


def duration(seconds: float) -> str:
    """Format a time as "40 seconds", "12 minutes" or "3.5 hours"."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:,.1f} hours"


def warning(specs: Sequence[RunSpec], by_model: Rates) -> str:
    """Return a sentence on the hours of the runs and how to shorten them; empty below one hour."""
    whole = seconds(specs, by_model)
    if whole < 3600 * WARN_FROM:
        return ""
    slowest = max(specs, key=lambda spec: by_model[spec.model.name])
    name, items = slowest.model.name, split_for(slowest).n_items
    why = "" if name == "bpr" else f", as its loss and its ranking go over all {items:,} items"
    less = "" if name == "bpr" else ", or bpr,"
    return (
        f"these runs take about {duration(whole)} on this machine, one after the other: an epoch"
        f" of a peer of {name} takes {duration(by_model[name])}{why}; a larger core, a smaller d,"
        f" fewer epochs{less} would take less."
    )
