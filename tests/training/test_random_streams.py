"""Random streams: one per purpose; torch's own generator is only borrowed."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from support import CPU, LAYERWISE, digest, fit, spec_of, two_rings

from pcrec_core.training.random_streams import global_stream, stream_seed


def test_all_streams_differ():
    seeds = {
        stream_seed(seed, peer, purpose, epoch)
        for seed in (0, 1, 2**40)
        for peer in range(4)
        for purpose in ("weights", "order", "negatives", "dropout")
        for epoch in range(50)
    }
    assert len(seeds) == 3 * 4 * 4 * 50 and all(0 <= seed < 2**63 for seed in seeds)


def test_streams_are_pinned():
    """Other values would change all results, so ``numerics`` would have to rise."""
    assert stream_seed(0, 0, "weights") == 3527577169254209511
    assert stream_seed(3, 1, "dropout", 7) == 825051400281112520


def test_the_global_stream_is_swapped_and_restored():
    torch.manual_seed(9)
    before = torch.get_rng_state()
    with global_stream(5, CPU):
        inside = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)

    def fail() -> None:
        with global_stream(5, CPU):
            assert torch.equal(torch.rand(3), inside)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("model", ["sasrec", "dnn", "bpr"])
def test_training_neither_uses_nor_moves_a_global_generator(model):
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
        _, outcome = fit(spec_of(model, peers=2, cooperation=LAYERWISE), two_rings())
        results.append(digest(outcome.result))
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]
    assert results[0] == results[1]
