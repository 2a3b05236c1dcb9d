"""The protocol `released`, and what else decides which weights are reported, by rankings that are given."""

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
from pcrec_core.specs.protocol import Rules
from pcrec_core.specs.run import Cooperation, RunSpec
from pcrec_core.study.records import run_record
from pcrec_core.study.replicates import Replicates
from pcrec_core.trainer import Outcome, Trainer
from pcrec_core.training.build import rule_of

RINGS = two_rings()
MASKS, NOISE = Cooperation("parameterwise"), Cooperation("noise")
SOME = Cooperation("layerwise", "entropy", 30, components=("embedding",))


class Script:
    """Stands for the ranking: each reading of a part finds the next of its ranks for every user."""

    def __init__(self, valid: list[int], test: list[int]) -> None:
        self.left = {"valid": list(valid), "test": list(test)}
        self.shown: list[tuple[str, dict]] = []

    def ranks(self, model: nn.Module, part: str) -> np.ndarray:
        self.shown.append((part, weights_of(model)))
        return np.full(RINGS.n_users, self.left[part].pop(0))


def played(spec: RunSpec, valid: list[int], test: list[int]) -> tuple[Script, Trainer, Outcome]:
    trainer = Trainer(spec, RINGS, CPU)
    trainer.ranker = script = Script(valid, test)
    outcome = trainer.fit(NOWHERE)
    assert script.left == {"valid": [], "test": []}
    return script, trainer, outcome


def where(outcome: Outcome) -> tuple:
    chosen = outcome.result["chosen"]
    return chosen["epoch"], chosen["peer"], chosen["merged"], chosen.get("after", False)


def pair(
    cooperation: Cooperation | None, peers: int = 2, epochs: int = 2, **given: object
) -> RunSpec:
    return replace(spec_of("dnn", peers=peers, cooperation=cooperation, epochs=epochs), **given)


# --- which weights (PROTOCOLS.md, section 2: evaluated weights)


def test_released_reports_each_peer_before_the_exchange_and_each_metrics_best_on_test():
    # An epoch: both peers on validation, both on test, then the merged model on validation; at the end the kept one again.
    script, _, outcome = played(
        pair(LAYERWISE, protocol="released"), [9, 9, 1, 9, 9, 1], [3, 6, 4, 2, 2]
    )
    epochs = outcome.result["epochs"]
    assert where(outcome) == (1, 1, False, False)
    assert epochs["test"]["MRR@5"] == [[round(1 / 3, 8), 0.25], [0, 0.5]] and epochs["tests"] == [
        0,
        1,
    ]
    assert outcome.result["test"]["MRR@5"] == 0.5 and outcome.result["test"]["HIT@5"] == 1
    assert [part for part, _ in script.shown] == ["valid", "valid", "test", "test", "valid"] * 2 + [
        "test"
    ]
    assert same(
        outcome.weights, script.shown[8][1]
    )  # peer 1 of the second epoch, before the exchange
    assert not same(script.shown[8][1], script.shown[9][1])


def test_a_metrics_best_epoch_is_its_own():
    run = replace(spec_of("dnn", epochs=4), protocol="released")
    trainer = Trainer(run, RINGS, CPU)
    read = iter(
        [np.r_[np.full(24, 1), np.full(24, 30)], np.full(48, 4), np.full(48, 5), np.full(48, 21)]
    )

    class Ranks:
        last = None

        def ranks(self, model: nn.Module, part: str) -> np.ndarray:
            if part == "test":
                self.last = next(read, self.last)
            return np.full(48, 9) if part == "valid" else self.last

    trainer.ranker = Ranks()
    result = trainer.fit(NOWHERE).result
    assert (
        result["test"]["MRR@5"] == 0.5 and result["test"]["HIT@5"] == 1
    )  # of the first epoch, and of the second
    assert [result["best"][metric]["epoch"] for metric in ("MRR@5", "HIT@5")] == [
        0,
        1,
    ]  # a third as good comes too late


@pytest.mark.parametrize(
    ("cooperation", "peers", "best"),
    [
        (LAYERWISE, 2, (1, 0, True, False)),
        (AVERAGING, 2, (1, 0, True, False)),  # the merged model
        (SOME, 2, (1, 1, False, True)),  # the better peer after it
        (MASKS, 2, (0, 1, False, False)),
        (NOISE, 1, (1, 0, False, False)),  # the better peer before it
    ],
)
def test_controlled_says_by_rule_which_weights_are_read(cooperation, peers, best):
    # own of both peers, then what came of the exchange: one merged model or both peers again
    valid = {
        (LAYERWISE, 2): [7, 2, 5, 8, 8, 4],
        (AVERAGING, 2): [7, 2, 5, 8, 8, 4],
        (SOME, 2): [7, 2, 5, 6, 8, 8, 5, 4],
        (MASKS, 2): [7, 3, 1, 1, 8, 4, 1, 1],
        (NOISE, 1): [7, 1, 3, 2],
    }
    script, trainer, outcome = played(pair(cooperation, peers), valid[cooperation, peers], [2])
    assert where(outcome) == best
    after = outcome.result["epochs"]["merged" if best[2] else "after"]["MRR@20"]
    assert after == (
        [round(1 / 5, 8), 0.25]
        if best[2]
        else {
            SOME: [[0.2, 0.2], [round(1 / 6, 8), 0.25]],
            MASKS: [[1, 1], [1, 1]],
            NOISE: [[1, 0.5]],
        }[cooperation]
    )
    assert same(outcome.weights, script.shown[-1][1])


def test_after_is_every_peer_after_the_exchange():
    run = pair(MASKS, rules=Rules(evaluated="after"))
    _, _, outcome = played(run, [1, 1, 7, 6, 1, 1, 5, 8], [2])
    assert where(outcome) == (1, 0, False, True)


def test_what_a_choice_on_validation_reads_of_the_test_set_is_one_reading():
    script, _, _ = played(pair(MASKS), [1] * 8, [2])
    assert [part for part, _ in script.shown].count("test") == 1


def test_peers_that_never_exchange_keep_each_ones_best_weights():
    script, _, outcome = played(pair(None, epochs=3), [5, 9, 4, 3, 6, 7], [2])
    assert where(outcome) == (1, 1, False, False) and len(outcome.by_peer) == 2
    assert same(outcome.by_peer[0], script.shown[2][1]) and same(
        outcome.by_peer[1], script.shown[3][1]
    )
    assert same(outcome.weights, outcome.by_peer[1])


def test_bpr_never_ranks_the_padding_id():
    run = replace(spec_of("bpr"), protocol="released")
    table = np.zeros((RINGS.n_users, RINGS.n_items + 1), np.float32)
    table[:, 0], table[np.arange(RINGS.n_users), RINGS.targets("test")] = 9, 1
    assert set(ranker_of(run, RINGS, CPU).ranks(TableOfScores(table), "test").tolist()) == {1}
    padded = replace(spec_of("dnn"), protocol="released")
    assert set(ranker_of(padded, RINGS, CPU).ranks(TableOfScores(table), "test").tolist()) == {2}


@pytest.mark.parametrize("protocol", ["released", "paper"])
@pytest.mark.parametrize("model", ["sasrec", "dnn"])
def test_items_seen_in_training_are_ranked_too(model, protocol):
    table = np.zeros((RINGS.n_users, RINGS.n_items + 1), np.float32)
    users, seen = np.arange(RINGS.n_users), RINGS.items[RINGS.offsets[:-1]]
    table[users, seen], table[users, RINGS.targets("test")] = 2, 1
    run = replace(spec_of(model), protocol=protocol)
    assert set(ranker_of(run, RINGS, CPU).ranks(TableOfScores(table), "test").tolist()) == {2}


def test_each_metric_keeps_the_ranks_of_its_own_best_epoch():
    run = replace(spec_of("dnn", peers=2, cooperation=LAYERWISE, epochs=6), protocol="released")
    _, outcome = fit(run, RINGS)
    result = outcome.result
    arm = Replicates("LE", (run_record(run, result, {}),))
    for metric, value in result["test"].items():
        assert comparisons.mean_of(arm, metric).mean == pytest.approx(value, abs=1e-8)
        best = result["best"][metric]
        assert best["value"] == value == max(map(max, result["epochs"]["test"][metric]))
        assert result["epochs"]["test"][metric][best["peer"]][best["epoch"]] == value
    assert result["best"]["MRR@5"]["ranks"] == result["ranks"]
    assert len({(best["epoch"], best["peer"]) for best in result["best"].values()}) > 1


@pytest.mark.parametrize(
    ("components", "names"),
    [
        (("embedding",), ["item"]),
        (("middle", "softmax"), ["hidden", "output"]),
        (None, ["item", "hidden", "output"]),
    ],
)
def test_a_record_names_the_layers_that_were_exchanged(components, names):
    run = pair(Cooperation("layerwise", "entropy", 30, components=components))
    result = fit(run, RINGS)[1].result
    assert [name for name, _ in result["layers"]] == names
    assert all(
        len(of_peer) == len(names) for exchange in result["epochs"]["mu"] for of_peer in exchange
    )
    held = dominance(Replicates("E", (run_record(run, result, {}),)))
    assert held["layer"].unique().tolist() == names


def test_masks_of_the_released_protocol_keep_what_they_kept():
    run = replace(spec_of("sasrec", peers=2, cooperation=MASKS), protocol="released")
    result = fit(run, RINGS)[1].result
    assert len(result["layers"]) == 13 and all(
        len(of_peer) == 13 for e in result["epochs"]["kept"] for of_peer in e
    )


# --- rules by epoch


def test_the_noise_is_the_released_codes():
    run = pair(NOISE, 1, epochs=70)
    assert [rule_of(run, epoch).sd for epoch in (0, 29, 30, 59, 60)] == pytest.approx(
        [0.05, 0.05, 0.0025, 0.0025, 0.000125], rel=1e-12
    )
    assert rule_of(run, 0).seeds != rule_of(run, 1).seeds and rule_of(run, 1) == rule_of(run, 1)
    assert rule_of(replace(run, seed=1), 0).seeds != rule_of(run, 0).seeds


def test_the_noise_of_an_epoch_counts_from_0(monkeypatch):
    used: list[float] = []
    monkeypatch.setattr(
        trainer, "cooperate", lambda peers, rule, layers: used.append(rule.sd) or []
    )
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


def asked(run: RunSpec) -> dict[int, list[list]]:
    """The training rows of each peer, epoch by epoch."""
    trainer = Trainer(run, RINGS, CPU)
    found: dict[int, list[list]] = {}
    for peer in trainer.peers:
        found[peer.k] = [peer._rows(trainer.examples, epoch).tolist() for epoch in range(3)]
    return found


def test_one_order_for_all_epochs_or_a_fresh_one():
    once, fresh = (asked(pair(None, protocol=protocol)) for protocol in ("released", "paper"))
    assert once[0][0] == once[0][1] == once[0][2] and once[0] != once[1]
    assert fresh[0][0] != fresh[0][1] and fresh[0][0] != fresh[1][0]


def test_one_order_has_fresh_negatives():
    rows = np.array(asked(replace(spec_of("bpr", peers=2), protocol="released"))[0])
    assert (rows[0, :, :2] == rows[1, :, :2]).all() and (rows[0, :, 2] != rows[1, :, 2]).any()


def test_the_same_order_for_both_peers_and_negatives_of_their_own():
    rows = asked(pair(None, orders="same"))
    assert rows[0] == rows[1] and rows[0][0] != rows[0][1]
    run = replace(spec_of("bpr", peers=2), orders="same")
    one, other = (np.array(rows) for rows in asked(run).values())
    assert (one[..., :2] == other[..., :2]).all() and (one[..., 2] != other[..., 2]).any()


def test_equal_rates_and_equal_starts():
    usual, rates, starts = (
        Trainer(pair(None, **given), RINGS, CPU).peers
        for given in ({}, {"rates": "equal"}, {"starts": "same"})
    )
    assert [peer.eta for peer in usual] == pytest.approx([0.01, 0.005])
    assert [peer.eta for peer in rates] == [0.01, 0.01] and [peer.eta for peer in starts] == [
        peer.eta for peer in usual
    ]
    assert same(weights_of(starts[0].model), weights_of(starts[1].model))
    assert same(weights_of(starts[0].model), weights_of(usual[0].model))
    assert not same(weights_of(rates[0].model), weights_of(rates[1].model))


# --- the index of all lines


def test_every_test_that_the_index_names_is_there():
    folder = Path(__file__).parent
    named = re.findall(
        r"`(test_\w+\.py)::(test_\w+)`", (folder / "RELEASED.md").read_text(encoding="utf-8")
    )
    assert len(named) > 90
    text = {
        path.name: path.read_text(encoding="utf-8") for path in folder.parent.rglob("test_*.py")
    }
    assert [f"{file}::{test}" for file, test in named if f"\ndef {test}(" not in text[file]] == []
