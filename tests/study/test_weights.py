"""Kept weights: plain safetensors files, the same bytes at every save, and damage is noticed."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from support import CPU, fit, same, spec_of, two_rings

from pcrec_core.errors import RecordError
from pcrec_core.study import weight_files, weights

RINGS = two_rings()
RUN = spec_of("bpr", peers=2, epochs=1, d=4)
AGAIN = r"delete them and the run is trained again\.$"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the weights of peer 1 of a run whose peers never exchange."""
    outcome = fit(RUN, RINGS)[1]
    weights.keep(RUN, outcome.weights, outcome.by_peer)
    return weight_files.path(RUN, 1)


def loaded() -> dict[str, torch.Tensor]:
    return weights.model(RUN, 1, RINGS, CPU).state_dict()


def test_weights_come_back_and_the_file_is_plain_and_always_the_same(kept):
    outcome = fit(RUN, RINGS)[1]
    assert same(loaded(), outcome.by_peer[1]) and same(load_file(kept), outcome.by_peer[1])
    before = kept.read_bytes()
    for _ in range(5):
        weights.keep(RUN, outcome.weights, outcome.by_peer)
        assert kept.read_bytes() == before
    with safe_open(kept, "pt") as file:
        assert list(file.metadata()) == ["pcrec_core"]


def test_a_pipe_in_the_place_of_weights_is_not_waited_for(kept):
    kept.unlink()
    os.mkfifo(kept)
    with pytest.raises(RecordError, match=f"^the weights {kept} cannot be read .*; {AGAIN}"):
        loaded()


def test_too_little_memory_is_no_reason_to_delete_good_weights(kept, monkeypatch):
    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 B")

    monkeypatch.setattr(weights, "_read", full)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        loaded()


def test_every_flipped_bit_and_every_cut_is_refused(kept):
    whole, draw = kept.read_bytes(), random.Random(0)
    header = 8 * (8 + int.from_bytes(whole[:8], "little"))
    damaged = [
        whole[:size]
        for size in (0, 7, 8, header // 8, *draw.sample(range(len(whole)), 20), len(whole) - 1)
    ]
    for bit in draw.sample(range(header), 200) + draw.sample(range(header, 8 * len(whole)), 80):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    for content in damaged:
        kept.write_bytes(content)
        with pytest.raises(RecordError, match=f"^the weights {kept} .*; {AGAIN}"):
            loaded()
    kept.write_bytes(whole)
    assert loaded()


@pytest.mark.parametrize(
    "change",
    [lambda w: w + 1e-7, lambda w: w.double(), lambda w: w.flip(0), lambda w: -w],
    ids=["value", "type", "order", "sign"],
)
def test_weights_that_do_not_match_their_digest_are_refused(kept, change):
    with safe_open(kept, "pt") as file:
        metadata = file.metadata()
    save_file({name: change(w).contiguous() for name, w in load_file(kept).items()}, kept, metadata)
    sentence = f"^the weights {kept} are damaged, .*: their SHA-256 does not match; {AGAIN}"
    with pytest.raises(RecordError, match=sentence):
        loaded()


def test_two_tensors_that_changed_places_are_refused(kept):
    run = spec_of("sasrec", epochs=1)
    weights.keep(run, fit(run, RINGS)[1].weights, [])
    place = weight_files.path(run)
    with safe_open(place, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(place)
    one, other = "blocks.0.query.weight", "blocks.0.key.weight"
    save_file(tensors | {one: tensors[other], other: tensors[one]}, place, metadata)
    with pytest.raises(RecordError, match="are damaged"):
        weights.model(run, None, RINGS, CPU)


@pytest.mark.parametrize(
    "metadata",
    [None, {"run": RUN.identity}, {"pcrec_core": "{}"}, {"pcrec_core": "[1]"}, {"pcrec_core": "{"}],
)
def test_weights_without_a_digest_are_refused(kept, metadata):
    save_file(load_file(kept), kept, metadata)
    with pytest.raises(
        RecordError,
        match=rf"^the weights {kept} (are damaged, or were written by an earlier version|cannot be"
        rf" read).*; {AGAIN}",
    ):
        loaded()
