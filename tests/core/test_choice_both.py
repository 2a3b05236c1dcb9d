"""Choice "both": all that choice "test" reports, to the bit, and what validation would choose."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from support import AVERAGING, LAYERWISE, digest, fit, same, spec_of, split_of, two_rings
from test_released import play

from pcrec_core.specs.protocol import PROTOCOLS
from pcrec_core.specs.run import Cooperation, RunSpec, from_dict

RINGS = two_rings()
#: Histories without order, so that validation and test have little in common.
NOISE = split_of(np.random.default_rng(1).integers(1, 21, (40, 7)).tolist(), repeats=True)
SOME = Cooperation("layerwise", "entropy", 30, components=("embedding",))


def chosen_by(
    choice: str,
    model: str = "dnn",
    cooperation: Cooperation | None = LAYERWISE,
    protocol: str = "released",
    peers: int = 2,
    epochs: int = 6,
) -> RunSpec:
    run = spec_of(model, peers=peers, cooperation=cooperation, epochs=epochs)
    return replace(
        run, protocol=protocol, custom_options=replace(PROTOCOLS[protocol], choice=choice)
    )


@pytest.mark.parametrize("model", ["sasrec", "dnn", "bpr"])
@pytest.mark.parametrize("cooperation", [None, LAYERWISE])
def test_all_that_a_choice_on_test_gives_is_the_same_to_the_bit(model, cooperation):
    on_test, both = (
        fit(chosen_by(choice, model, cooperation), RINGS)[1] for choice in ("test", "both")
    )
    result = dict(both.result)
    assert set(result.pop("by_validation")) == {"epoch", "peer", "valid", "test", "ranks"}
    assert digest(result) == digest(on_test.result) and same(both.weights, on_test.weights)
    assert len(both.by_peer) == len(on_test.by_peer)
    assert all(same(one, other) for one, other in zip(both.by_peer, on_test.by_peer, strict=True))


@pytest.mark.parametrize("protocol", ["released", "paper", "controlled"])
@pytest.mark.parametrize(
    ("cooperation", "peers"), [(None, 1), (None, 2), (LAYERWISE, 2), (AVERAGING, 2), (SOME, 2)]
)
def test_what_validation_picks_is_what_a_choice_on_validation_reports(protocol, cooperation, peers):
    """The same training, read out by the other choice, gives the expected values."""
    both, other = (
        fit(chosen_by(choice, "dnn", cooperation, protocol, peers), NOISE)[1].result
        for choice in ("both", "validation")
    )
    kept, chosen = both["by_validation"], other["chosen"]
    assert all(kept[key] == chosen[key] for key in ("epoch", "peer", "valid"))
    assert kept["test"] == other["test"] and kept["ranks"] == other["ranks"]


def test_the_pick_follows_from_the_curves():
    result = fit(chosen_by("both"), NOISE)[1].result
    valid, kept = np.array(result["epochs"]["own"]["NDCG@20"]), result["by_validation"]
    epoch, peer = divmod(int(valid.T.argmax()), 2)  # by epoch, then peer: the first of equals
    assert (kept["epoch"], kept["peer"]) == (epoch, peer)
    for metric, value in kept["test"].items():
        assert value == result["epochs"]["test"][metric][peer][epoch] <= result["test"][metric]
        assert kept["valid"][metric] == result["epochs"]["own"][metric][peer][epoch]
    # Otherwise the test would show little.
    assert (epoch, peer) != (result["chosen"]["epoch"], result["chosen"]["peer"])


@pytest.mark.parametrize(
    ("valid", "epoch", "peer"),
    [
        ([4, 2, 3, 3, 9, 9], 0, 1),
        ([4, 4, 3, 3, 3, 3], 1, 0),  # ties go to the earlier epoch, then to the lower peer
        ([4, 2, 2, 2, 2, 2], 0, 1),  # the epoch comes before the peer
        ([4, 4, 4, 4, 4, 3], 2, 1),
        ([30, 40, 25, 21, 50, 60], 0, 0),  # beyond 20 every rank is worth 0
    ],
)
def test_ties_go_to_the_earlier_epoch_then_to_the_lower_peer(valid, epoch, peer):
    test = [11, 12, 13, 14, 15, 16]  # by epoch and peer; the last ranking is of the reported model
    run = chosen_by("both", cooperation=None, epochs=3)
    kept = play(run, valid, [*test, 11])[1].result["by_validation"]
    at = 2 * epoch + peer
    assert (kept["epoch"], kept["peer"]) == (epoch, peer)
    gain = round(1 / math.log2(1 + valid[at]), 8) if valid[at] <= 20 else 0
    assert kept["valid"]["NDCG@20"] == gain
    assert kept["test"]["MRR@20"] == round(1 / test[at], 8)
    assert kept["ranks"] == " ".join([str(test[at])] * RINGS.n_users)


def test_only_this_choice_keeps_it_and_is_part_of_the_name():
    for choice in ("test", "validation"):
        assert "by_validation" not in fit(chosen_by(choice), RINGS)[1].result
    both = chosen_by("both")
    assert both.changed_options == {"choice": "both"} and both.variant == "le-a30-released-choice"
    assert from_dict(both.canonical()) == both and both.options.chosen_on_test
