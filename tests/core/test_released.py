"""The protocol `released`, and which weights each protocol reports, with given rankings."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import (
    AVERAGING,
    CPU,
    LAYERWISE,
    NOWHERE,
    TableOfScores,
    fit,
    same,
    spec_of,
    two_rings,
    weights_of,
)
from torch import nn

from pcrec_core import trainer
from pcrec_core.analysis import comparisons
from pcrec_core.analysis.mu import dominance
from pcrec_core.evaluation import ranker_of
from pcrec_core.specs.protocol import ProtocolOptions
from pcrec_core.specs.run import Cooperation, RunSpec
from pcrec_core.study.records import new_record
from pcrec_core.study.replicates import Replicates
from pcrec_core.trainer import Trainer
from pcrec_core.training.build import rule_of
from pcrec_core.training.outcome import Outcome

RINGS = two_rings()
MASKS, NOISE = Cooperation("parameterwise"), Cooperation("noise")
SOME = Cooperation("layerwise", "entropy", 30, components=("embedding",))


class Script:
    """A ranker with given ranks: each call for a part gives all users the next of its ranks."""

    def __init__(self, valid: list[int], test: list[int | np.ndarray]) -> None:
        self.left = {"valid": list(valid), "test": list(test)}
        self.shown: list[tuple[str, dict]] = []

    def ranks(self, model: nn.Module, part: str) -> np.ndarray:
        self.shown.append((part, weights_of(model)))
        return np.full(RINGS.n_users, self.left[part].pop(0))


def play(spec: RunSpec, valid: list[int], test: list[int]) -> tuple[Script, Outcome]:
    """Run ``spec`` with these ranks, and check that all of them were used."""
    trainer = Trainer(spec, RINGS, CPU)
    trainer.readout.ranker = script = Script(valid, test)
    outcome = trainer.fit(NOWHERE)
    assert script.left == {"valid": [], "test": []}
    return script, outcome


def chosen_of(outcome: Outcome) -> tuple:
    chosen = outcome.result["chosen"]
    return chosen["epoch"], chosen["peer"], chosen["merged"], chosen.get("after", False)


def pair(
    cooperation: Cooperation | None, peers: int = 2, epochs: int = 2, **given: object
) -> RunSpec:
    return replace(spec_of("dnn", peers=peers, cooperation=cooperation, epochs=epochs), **given)


# --- which weights are evaluated (protocols-table)


def test_released_reports_each_peer_before_the_exchange_and_each_metrics_best_on_test():
    # Per epoch: both peers on validation, both on test, then the merged model on validation. At the
    # end the kept model is evaluated again.
    run = pair(LAYERWISE, protocol="released")
    script, outcome = play(run, [9, 9, 1, 9, 9, 1], [3, 6, 4, 2, 2])
    epochs = outcome.result["epochs"]
    assert chosen_of(outcome) == (1, 1, False, False)
    assert epochs["test"]["MRR@5"] == [[round(1 / 3, 8), 0.25], [0, 0.5]]
    assert epochs["tests"] == [0, 1]
    assert outcome.result["test"]["MRR@5"] == 0.5 and outcome.result["test"]["HIT@5"] == 1
    epoch = ["valid", "valid", "test", "test", "valid"]
    assert [part for part, _ in script.shown] == [*epoch, *epoch, "test"]
    # Peer 1 of the second epoch, before the exchange.
    assert same(outcome.weights, script.shown[8][1])
    assert not same(script.shown[8][1], script.shown[9][1])


def test_a_metrics_best_epoch_is_its_own():
    run = replace(spec_of("dnn", epochs=4), protocol="released")
    half = np.r_[np.full(24, 1), np.full(24, 30)]
    _, outcome = play(run, [9] * 4, [half, 4, 5, 21, 21])
    # The first epoch has the best MRR@5 and the second the best HIT@5; the third is only as good.
    for metric, value, epoch in (("MRR@5", 0.5, 0), ("HIT@5", 1, 1)):
        assert outcome.result["test"][metric] == value
        assert outcome.result["best"][metric]["epoch"] == epoch


# Ranks per epoch: of each peer before the exchange, then of the merged model or each peer after it.
@pytest.mark.parametrize(
    ("cooperation", "valid", "best", "after"),
    [
        (LAYERWISE, [7, 2, 5, 8, 8, 4], (1, 0, True, False), [1 / 5, 1 / 4]),  # the merged model
        (AVERAGING, [7, 2, 5, 8, 8, 4], (1, 0, True, False), [1 / 5, 1 / 4]),
        # The better peer after the exchange.
        (SOME, [7, 2, 5, 6, 8, 8, 5, 4], (1, 1, False, True), [[1 / 5] * 2, [1 / 6, 1 / 4]]),
        # The better peer before it.
        (MASKS, [7, 3, 1, 1, 8, 4, 1, 1], (0, 1, False, False), [[1, 1], [1, 1]]),
        (NOISE, [7, 1, 3, 2], (1, 0, False, False), [[1, 1 / 2]]),
    ],
)
def test_controlled_decides_by_rule_which_weights_are_evaluated(cooperation, valid, best, after):
    script, outcome = play(pair(cooperation, 1 if cooperation is NOISE else 2), valid, [2])
    assert chosen_of(outcome) == best
    found = outcome.result["epochs"]["merged" if best[2] else "after"]["MRR@20"]
    assert found == np.round(after, 8).tolist()
    assert same(outcome.weights, script.shown[-1][1])


def test_after_is_every_peer_after_the_exchange():
    run = pair(MASKS, custom_options=ProtocolOptions(evaluated="after"))
    _, outcome = play(run, [1, 1, 7, 6, 1, 1, 5, 8], [2])
    assert chosen_of(outcome) == (1, 0, False, True)


def test_a_choice_on_validation_reads_the_test_set_once():
    script, _ = play(pair(MASKS), [1] * 8, [2])
    assert [part for part, _ in script.shown].count("test") == 1


def test_peers_that_never_exchange_keep_each_ones_best_weights():
    script, outcome = play(pair(None, epochs=3), [5, 9, 4, 3, 6, 7], [2])
    assert chosen_of(outcome) == (1, 1, False, False) and len(outcome.by_peer) == 2
    for k in (0, 1):
        assert same(outcome.by_peer[k], script.shown[2 + k][1])
    assert same(outcome.weights, outcome.by_peer[1])


def ranks_behind(items: int | np.ndarray, model: str, protocol: str) -> set[int]:
    """Return the ranks of targets that only one of ``items`` per user scores better than."""
    table = np.zeros((RINGS.n_users, RINGS.n_items + 1), np.float32)
    users = np.arange(RINGS.n_users)
    table[users, items], table[users, RINGS.targets("test")] = 2, 1
    ranker = ranker_of(replace(spec_of(model), protocol=protocol), RINGS, CPU)
    return set(ranker.ranks(TableOfScores(table), "test").tolist())


def test_bpr_never_ranks_the_padding_id():
    assert ranks_behind(0, "bpr", "released") == {1}
    assert ranks_behind(0, "dnn", "released") == {2}


@pytest.mark.parametrize("protocol", ["released", "paper"])
@pytest.mark.parametrize("model", ["sasrec", "dnn"])
def test_items_seen_in_training_are_ranked_too(model, protocol):
    assert ranks_behind(RINGS.items[RINGS.offsets[:-1]], model, protocol) == {2}


def test_each_metric_keeps_the_ranks_of_its_own_best_epoch():
    run = replace(spec_of("dnn", peers=2, cooperation=LAYERWISE, epochs=6), protocol="released")
    _, outcome = fit(run, RINGS)
    result = outcome.result
    replicates = Replicates("LE", (new_record(run, result, {}),))
    for metric, value in result["test"].items():
        assert comparisons.mean_of(replicates, metric).mean == pytest.approx(value, abs=1e-8)
        best = result["best"][metric]
        assert best["value"] == value == max(map(max, result["epochs"]["test"][metric]))
        assert result["epochs"]["test"][metric][best["peer"]][best["epoch"]] == value
    assert result["best"]["MRR@5"]["ranks"] == result["ranks"]
    assert len({(best["epoch"], best["peer"]) for best in result["best"].values()}) > 1


COMPONENTS = [(("embedding",), ["item"]), (("middle", "softmax"), ["hidden", "output"])]


@pytest.mark.parametrize(
    ("components", "names"), [*COMPONENTS, (None, ["item", "hidden", "output"])]
)
def test_a_record_names_the_layers_that_were_exchanged(components, names):
    run = pair(Cooperation("layerwise", "entropy", 30, components=components))
    result = fit(run, RINGS)[1].result
    assert [name for name, _ in result["layers"]] == names
    assert np.shape(result["epochs"]["mu"]) == (2, 2, len(names))
    held = dominance(Replicates("E", (new_record(run, result, {}),)))
    assert held["layer"].unique().tolist() == names


def test_masks_of_the_released_protocol_keep_what_they_kept():
    run = replace(spec_of("sasrec", peers=2, cooperation=MASKS), protocol="released")
    result = fit(run, RINGS)[1].result
    assert len(result["layers"]) == 13 and np.shape(result["epochs"]["kept"]) == (3, 2, 13)


# --- rules by epoch


def test_the_noise_is_the_released_codes():
    run = pair(NOISE, 1, epochs=70)
    sds = [rule_of(run, epoch).sd for epoch in (0, 29, 30, 59, 60)]
    assert sds == pytest.approx([0.05, 0.05, 0.0025, 0.0025, 0.000125], rel=1e-12)
    assert rule_of(run, 0).seeds != rule_of(run, 1).seeds and rule_of(run, 1) == rule_of(run, 1)
    assert rule_of(replace(run, seed=1), 0).seeds != rule_of(run, 0).seeds


def test_the_noise_of_an_epoch_counts_from_0(monkeypatch):
    used: list[float] = []
    monkeypatch.setattr(trainer, "cooperate", lambda _, rule, __: used.append(rule.sd) or [])
    fit(pair(NOISE, 1, epochs=31), RINGS)
    assert used[0] == used[29] == 0.05 and used[30] == pytest.approx(0.0025)


@pytest.mark.parametrize("shares", ["permuted", "random"])
def test_shares_are_drawn_anew_in_every_epoch(shares):
    run = pair(Cooperation("layerwise", "entropy", 30, shares=shares))
    assert rule_of(run, 0) != rule_of(run, 1) and rule_of(run, 1) == rule_of(run, 1)


def test_the_bins_are_the_protocols():
    assert rule_of(pair(LAYERWISE), 0).last_bin == "closed"
    assert rule_of(pair(LAYERWISE, protocol="released"), 0).last_bin == "open"


# --- orders, rates and starts


def rows_of(run: RunSpec) -> list[np.ndarray]:
    """Return the training rows of each peer, by epoch."""
    trainer = Trainer(run, RINGS, CPU)
    return [
        np.array([peer._rows(trainer.examples, epoch).tolist() for epoch in range(3)])
        for peer in trainer.peers
    ]


def test_one_order_for_all_epochs_or_a_fresh_one():
    once, fresh = (rows_of(pair(None, protocol=protocol)) for protocol in ("released", "paper"))
    assert (once[0] == once[0][0]).all() and (once[0] != once[1]).any()
    assert (fresh[0][0] != fresh[0][1]).any() and (fresh[0][0] != fresh[1][0]).any()


def test_one_order_has_fresh_negatives():
    rows = rows_of(replace(spec_of("bpr", peers=2), protocol="released"))[0]
    assert (rows[0, :, :2] == rows[1, :, :2]).all() and (rows[0, :, 2] != rows[1, :, 2]).any()


def test_the_same_order_for_both_peers_and_negatives_of_their_own():
    one, other = rows_of(pair(None, orders="same"))
    assert (one == other).all() and (one[0] != one[1]).any()
    one, other = rows_of(replace(spec_of("bpr", peers=2), orders="same"))
    assert (one[..., :2] == other[..., :2]).all() and (one[..., 2] != other[..., 2]).any()


def test_equal_rates_and_equal_starts():
    usual, rates, starts = (
        Trainer(pair(None, **given), RINGS, CPU).peers
        for given in ({}, {"rates": "equal"}, {"starts": "same"})
    )
    assert [peer.eta for peer in usual] == pytest.approx([0.01, 0.005])
    assert [peer.eta for peer in rates] == [0.01, 0.01]
    assert [peer.eta for peer in starts] == [peer.eta for peer in usual]
    assert same(weights_of(starts[0].model), weights_of(starts[1].model))
    assert same(weights_of(starts[0].model), weights_of(usual[0].model))
    assert not same(weights_of(rates[0].model), weights_of(rates[1].model))


# --- the index of all lines


def test_every_test_that_the_index_names_exists():
    folder = Path(__file__).parent
    index = (folder / "RELEASED.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", index)
    assert len(named) > 90
    text = {path.name: path.read_text("utf-8") for path in folder.parent.rglob("test_*.py")}
    assert [f"{file}::{test}" for file, test in named if f"\ndef {test}(" not in text[file]] == []
