"""What trained layers hold and what exchanges measured of them, by hand."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from curves_support import MERGING, PROBED, arm, tensor
from stats_support import plain

from pcrec_core.analysis import entropy_simulated, entropy_trained
from pcrec_core.reporting import entropy_tables, figures, glue


def test_what_a_merge_does_to_each_layer():
    frame = entropy_trained.merges([arm("LE", MERGING, MERGING)], [arm("probed-LE", PROBED)])
    columns = ["layer", "peer 0", "peer 1", "mean", "merged", "seed"]
    assert frame[columns].to_numpy().tolist() == [
        ["item", 1, 3, 2.5, 2.0, 0],
        ["blocks.0.query", 2, 0.4, 1.2, 0.4, 0],
    ]


def test_whether_the_peer_with_more_entropy_is_the_better_one():
    h = [
        [[1.0, 3.0], [1.5, 2.0]],
        [[1.0, 1.0], [2.0, 1.0]],
        [[1.0, 2.0], [0.0, 1.0]],
        [[1.0, 1.0], [3.0, 0.5]],
    ]
    own = {"NDCG@20": [[0.2, 0.9, 0.1, 0.4, 0.3], [0.1, 0.0, 0.3, 0.2, 0.3]]}
    run = {
        "epochs": {"exchanges": [0, 2, 3, 4], "h": h, "own": own},
        "chosen": {"epoch": 3},
        "layers": [["item", "embedding"], ["hidden", "middle"]],
    }
    frame = entropy_trained.entropy_vs_accuracy([arm("LE", run)])
    assert frame["H"].tolist() == [
        -0.5,
        1,
        -1,
        0,
        1,
        1,
        -2,
        0.5,
    ]  # of both layers before each exchange
    assert frame["NDCG@20"].tolist() == pytest.approx([0.1, 0.1, -0.2, -0.2, 0.2, 0.2, 0, 0])
    cells = plain(
        "|".join(
            re.findall("<td[^>]*>(.*?)</td>", entropy_tables.show_trusted(frame, "t")._repr_html_())
        )
    ).split("|")
    # a layer of equal H and an exchange of equal accuracy do not count; to the reported: 5 layers, 4 agree, 3 have more H in
    # peer 0, 4 are of an exchange where it is better; by chance 0.6 * 0.8 + 0.4 * 0.2
    assert cells[:10] == [
        "ml-100k",
        "sasrec",
        "the first",
        "50 %",
        "100 %",
        "50 %",
        "–",
        "–",
        "–",
        "1",
    ]
    assert cells[10:20] == [
        "ml-100k",
        "sasrec",
        "up to the reported",
        "60 %",
        "80 %",
        "80 %",
        "56 %",
        "+24.0",
        "+24.0",
        "1",
    ]
    assert cells[20:] == [
        "ml-100k",
        "sasrec",
        "all",
        *cells[13:20],
    ]  # the last exchange decides nothing
    correlation = {
        "layers": "measured layers",
        "model": "sasrec",
        "variant": "base",
        "of": "H",
        "with": "lost, pruned",
    }
    rows = pd.DataFrame(
        [
            correlation | {"mean": -0.567},
            correlation | {"layers": "block matrices", "mean": -0.2},
            correlation | {"of": "mean |w|", "mean": 0.1},
        ]
    )
    met = pd.DataFrame(
        {"model": "sasrec", "variant": "LE", "epoch": [1, 1, 2], "H": [2.0, 2.5, 1.0]}
    )
    assert {name: plain(text) for name, text in glue.glue_entropy(rows, frame, met).items()} == {
        "sasrec-base-lost-pruned": "-0.57",
        "sasrec-base-lost-pruned-blocks": "-0.20",
        "sasrec-trusted": "80 %",
        "sasrec-by-chance": "56 %",
        "sasrec-trusted-first": "50 %",
        "sasrec-LE-epoch-1": "2.25",
        "sasrec-LE-epoch-2": "1.00",
    }


def test_what_peers_that_are_strangers_hold_before_they_meet():
    runs = [
        {
            "epochs": {
                "exchanges": [0, 1, 5],
                "h": [[[9, 2.0], [9, 2.2]], [[9, first], [9, first]], [[9, 0], [9, 0]]],
            },
            "layers": [["item", "embedding"], ["blocks.0.query", "middle"]],
        }
        for first in (1.0, 1.4)
    ]
    later = runs[0] | {"epochs": {"exchanges": [1], "h": [[[9, 2.0], [9, 2.0]]]}}
    frame = entropy_trained.first_exchanges([arm("LE", *runs), arm("LE-k2", later)])
    assert frame[["variant", "seed", "epoch"]].to_numpy().tolist() == [
        ["LE", 0, 1],
        ["LE", 0, 2],
        ["LE", 1, 1],
        ["LE", 1, 2],
        ["LE-k2", 0, 2],
    ]  # the sixth epoch is left out
    assert frame["H"].tolist() == pytest.approx(
        [2.1, 1.0, 2.1, 1.4, 2.0]
    )  # of the block's matrix, not of the items
    cells = re.findall(
        "<td[^>]*>(.*?)</td>", entropy_tables.show_strangers(frame, "s")._repr_html_()
    )
    assert cells == ["sasrec", "LE", "2.100", "1.200", "2", "sasrec", "LE-k2", "–", "2.000", "1"]


def test_how_far_shares_and_mu_are_from_one_half():
    epochs = {"h": [[[0.4, 0.5], [0.6, 0.5]]], "mu": [[[0.1, 0.5], [0.9, 0.5]]]}
    frame = entropy_trained.larger([arm("LN", {"epochs": epochs})])
    assert frame["criterion"].tolist() == [0.6, 0.5] and frame["mu"].tolist() == [0.9, 0.5]
    page = entropy_tables.show_larger(frame, "l")._repr_html_()
    assert re.findall("<td[^>]*>(.*?)</td>", page) == [
        "sasrec",
        "share",
        "0.550",
        "0.595",
        "0.600",
        "sasrec",
        "μ",
        "0.700",
        "0.880",
        "0.900",
    ]


def held(h: float, size: int, largest: float, std: float = 2.0) -> dict:
    return tensor(h) | {"size": size, "largest": largest, "std": std, "l1": h * size}


def test_what_a_layer_holds_and_what_is_lost_without_it():
    tensors = {
        "item.weight": held(2, 100, 8),
        "blocks.0.query.weight": held(1, 10, 4),
        "output.weight": held(0.5, 50, 20),
    }
    damaged = {
        "item.weight": {"pruned": 0.1, "noised": 0.2},
        "blocks.0.query.weight": {"pruned": 0.3, "noised": 0.1},
        "output.weight": {"pruned": 0.4, "noised": 0.3},
    }
    probe = arm("probed-base", {"probed": {"tensors": tensors, "damaged": damaged, "whole": 0.4}})
    frame = entropy_trained.layers([probe])
    assert frame["layer"].tolist() == ["item", "blocks.0.query", "output"] and frame[
        "outlier"
    ].tolist() == [4, 2, 10]
    assert frame["lost, pruned"].tolist() == pytest.approx([0.75, 0.25, 0]) and frame[
        "H"
    ].tolist() == [2, 1, 0.5]
    both = entropy_trained.rank_correlations(frame)
    assert set(both["layers"]) == {"measured layers"}  # one block matrix has no order
    assert set(both["of"]) == {"H", "mean |w|"} and (frame["mean |w|"] == frame["H"]).all()
    found = both[both["of"] == "H"].set_index("with")["mean"]
    assert found["lost, pruned"] == pytest.approx(1) and found["weights"] == pytest.approx(0.5)
    assert found["outlier"] == pytest.approx(-0.5) and found["lost, noised"] == pytest.approx(0.5)
    merged = pd.DataFrame({"model": ["sasrec"], "mean": [1.5], "merged": [1.6]})
    after = frame.assign(variant="LE", H=[0.5, 2, 1])
    left, right, below = figures.entropy.criterion(
        entropy_simulated.outlier([4, 5]), pd.concat([frame, after]), merged
    ).axes
    titles = [axes.get_title() for axes in (left, right, below)]
    assert titles == ["one outlier", "trained layers: merging", "trained layers: use"]
    assert [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in left.patches] == [
        (2, 10)
    ]  # trained outliers
    colours = {line.get_label(): line.get_color() for line in below.lines}
    assert right.lines[0].get_color() == colours["sasrec LE"] != colours["sasrec base"]


def test_correlations_within_matrices_of_one_size_leave_out_what_does_not_vary():
    rows = [
        {
            "layer": f"blocks.{i}.query",
            "H": h,
            "mean |w|": h,
            "weights": 16,
            "outlier": -h,
            "lost, pruned": h,
            "lost, noised": h,
        }
        for i, h in enumerate([1.0, 3.0, 2.0])
    ]
    frame = pd.DataFrame([*rows, rows[0] | {"layer": "item", "H": 0.1, "weights": 99}]).assign(
        model="sasrec", variant="base", seed=0
    )
    found = entropy_trained.rank_correlations(frame, of=["H"]).set_index(["layers", "with"])["mean"]
    assert found["block matrices"].to_dict() == {
        "outlier": -1,
        "lost, pruned": 1,
        "lost, noised": 1,
    }
    assert found["measured layers", "weights"] == pytest.approx(
        -0.7746, abs=1e-4
    )  # ranks 2, 4, 3, 1 and 2, 2, 2, 4


def test_a_model_of_two_matrices_has_neither_correlations_nor_blocks():
    frame = pd.DataFrame(
        [
            {
                "layer": name,
                "H": 1.0,
                "mean |w|": 1.0,
                "weights": 9,
                "outlier": 2.0,
                "lost, pruned": 0.1,
                "lost, noised": 0.1,
                "model": "bpr",
                "variant": "base",
                "seed": 0,
            }
            for name in ("user", "item")
        ]
    )
    assert entropy_trained.rank_correlations(frame).empty
    flat = arm(
        "LE",
        {"epochs": {"exchanges": [0], "h": [[[1.0], [2.0]]]}, "layers": [["item", "embedding"]]},
    )
    met = entropy_trained.first_exchanges([flat])
    assert met.empty and "<td" not in entropy_tables.show_strangers(met, "s")._repr_html_()
