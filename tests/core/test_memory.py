"""A run that cannot fit into the memory is refused before it begins, with the one way to fit."""

from __future__ import annotations

import re
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from faults_support import child, peak_of
from support import CPU, LAYERWISE, NOWHERE, spec_of, two_rings

from pcrec_core import free_memory, memory
from pcrec_core.datasets.split import Split
from pcrec_core.errors import TrainingError
from pcrec_core.memory import Needs, free_bytes, require_memory
from pcrec_core.models.bpr import BPR
from pcrec_core.models.sasrec import SASRec
from pcrec_core.models.youtube_dnn import YouTubeDNN
from pcrec_core.trainer import Trainer

GIB = 2**30
ML = Needs("sasrec", 64, 100, 128, 2, 4_000, 6_000, 10**6, False)


@pytest.mark.parametrize(
    ("model", "built"),
    [
        ("sasrec", SASRec(4_000, 64, 100, 0.1)),
        ("dnn", YouTubeDNN(4_000, 64)),
        ("bpr", BPR(6_000, 4_000, 64)),
    ],
)
def test_the_weights_are_those_of_the_model(model, built):
    counted = sum(w.numel() for w in built.parameters())
    assert replace(ML, model=model).weights == pytest.approx(counted, rel=0.05)


@pytest.mark.parametrize("name", ["d", "t", "batch", "peers", "items", "users", "actions"])
def test_more_of_anything_needs_no_less(name):
    for model in ("sasrec", "dnn", "bpr"):
        needs = replace(ML, model=model)
        assert replace(needs, **{name: getattr(ML, name) * 3}).bytes >= needs.bytes


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"items": 3_000_000, "d": 256, "peers": 1}, "d"),
        ({"batch": 100_000}, "batch"),
        ({"peers": 1_000_000}, "peers"),
        ({"t": 50_000, "batch": 64}, "t"),
    ],
)
def test_the_one_setting_that_matters_is_named_with_the_value_that_fits(
    changed, setting, monkeypatch
):
    needs = replace(ML, **changed)
    monkeypatch.setattr(memory, "free_bytes", lambda device: 4 * GIB)
    with pytest.raises(TrainingError) as error:
        require_memory(needs, "big")
    words = re.fullmatch(
        r"big needs about [\d.]+ GiB of memory, and 4\.0 GiB are free; with (\w+) (\d+) instead of"
        r" (\d+) it fits\.",
        str(error.value),
    )
    assert words and words[1] == setting and int(words[3]) == getattr(needs, setting)
    fits = replace(needs, **{setting: int(words[2])})
    assert fits.bytes <= 4 * GIB < replace(fits, **{setting: int(words[2]) + 1}).bytes


def test_where_no_setting_helps_it_is_said(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda device: 2**20)
    with pytest.raises(TrainingError, match="no smaller setting alone makes 3000000 items fit"):
        require_memory(replace(ML, items=3_000_000), "big")


@pytest.mark.parametrize(
    ("changed", "advice"),
    [
        ({"items": 3_000_000}, "lower d first: 32 instead of 64 takes 48% less"),
        ({"batch": 100_000}, "lower batch first: 2048 instead of 100000 takes 79% less"),
        ({"peers": 1_000_000}, "lower peers first: 2 instead of 1000000 takes 100% less"),
        ({"t": 50_000, "batch": 64}, "lower t first: 100 instead of 50000 takes 100% less"),
        ({"model": "bpr", "items": 3_000_000}, "lower d first: 32 instead of 64 takes 47% less"),
    ],
)
def test_where_the_estimate_was_too_low_the_setting_that_saves_most_is_named(changed, advice):
    assert memory.lower_first(replace(ML, **changed)) == advice


def test_a_trainer_refuses_before_it_allocates(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda device: 1000)
    with pytest.raises(TrainingError, match=r"needs about 0\.0 GiB of memory"):
        Trainer(spec_of("bpr"), two_rings(), CPU)


@pytest.mark.parametrize(
    ("groups", "below", "most", "now", "cache"),
    [
        ("0::/a/b\n", ".", "memory.max", "memory.current", "file"),
        (
            "2:cpu:/x\n1:memory:/a/b\n",
            "memory",
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_cache",
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_the_limits_of_the_control_groups_count(tmp_path, groups, below, most, now, cache):
    inner = tmp_path / below / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "self").write_text(groups)
    for folder, limit in ((inner, "max"), (inner.parent, str(3 * GIB))):
        (folder / most).write_text(f"{limit}\n")
        (folder / now).write_text(f"{2 * GIB}\n")
        (folder / "memory.stat").write_text(f"anon 1\n{cache} {GIB}\n")
    assert list(free_memory.group_limits(tmp_path, tmp_path / "self")) == [2 * GIB]
    assert list(free_memory.group_limits(tmp_path / "none", tmp_path / "none")) == []


def test_the_limit_of_the_process_counts():
    before = resource.getrlimit(resource.RLIMIT_AS)
    mapped = free_memory.in_kib("/proc/self/status", "VmSize")
    resource.setrlimit(resource.RLIMIT_AS, (mapped + GIB, before[1]))
    try:
        assert 0 < free_bytes() <= GIB
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_limit_counts_only_where_the_system_tells_what_is_used(monkeypatch):
    monkeypatch.setattr(free_memory, "_read", lambda path: "")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (8 * GIB, 8 * GIB))
    assert free_memory.free_bytes() == 2**63


def split_of_size(items: int, users: int) -> Split:
    """Return a split with so many users, in which every item occurs."""
    length = max(6, -(-items // users))
    ids = np.resize(np.arange(1, items + 1, dtype=np.int32), users * length)
    return Split("large", users, items, True, ids, np.arange(users + 1, dtype=np.int64) * length)


def _fit(folder: Path, spec, split: Split) -> None:
    torch.set_num_threads(1)
    Trainer(spec_of("bpr", epochs=1), two_rings(), CPU).fit(NOWHERE)
    peak_of(folder, lambda: Trainer(spec, split, CPU).fit(NOWHERE))


@pytest.mark.parametrize(
    ("spec", "items", "users"),
    [
        (spec_of("bpr", epochs=1, d=64, batch=20_000), 100_000, 20_000),
        (spec_of("dnn", epochs=1, d=1024, peers=2, cooperation=LAYERWISE, t=5), 3_000, 500),
        (spec_of("sasrec", epochs=1, d=256, batch=128, t=50), 2_000, 200),
    ],
    ids=["bpr", "dnn", "sasrec"],
)
def test_a_run_takes_what_was_estimated(spec, items, users, tmp_path):
    """The estimate may be too high, by half of itself: an allocator keeps what it was given."""
    split = split_of_size(items, users)
    child(_fit, tmp_path, spec, split).join()
    real = int((tmp_path / "peak").read_text())
    assert 0.8 * real < Needs.of(spec, split, spec.peers, CPU).bytes < 2.5 * real


def _limited(folder: Path, spec, split: Split) -> None:
    """Train under a limit of 2 GB on the memory that a process may map."""
    torch.set_num_threads(1)
    mapped = free_memory.in_kib("/proc/self/status", "VmSize")
    resource.setrlimit(resource.RLIMIT_AS, (max(2 * 10**9, mapped), resource.RLIM_INFINITY))
    try:
        Trainer(spec, split, CPU).fit(NOWHERE)
    except TrainingError as error:
        (folder / "said").write_text(str(error))


@pytest.mark.parametrize("model", ["bpr", "dnn", "sasrec"])
def test_under_a_limit_of_2_gb_nothing_is_killed_that_was_foreseen(model, tmp_path):
    spec = spec_of(model, epochs=1, d=512, batch=128)
    process = child(_limited, tmp_path, spec, split_of_size(500_000, 100_000))
    process.join()
    said = (tmp_path / "said").read_text()
    assert process.exitcode == 0 and re.search(r"with d \d+ instead of 512 it fits\.$", said)
