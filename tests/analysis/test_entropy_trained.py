"""Frames of the entropy of trained layers and of exchanges, by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from curves_support import MERGING, PROBED, arm, tensor
from stats_support import cells

from pcrec_core.analysis import entropy_simulated, entropy_trained
from pcrec_core.reporting import entropy_tables, figures
from pcrec_core.reporting.formats import DASH


def test_a_merge_has_the_entropy_of_each_layer_before_and_after():
    frame = entropy_trained.merges([arm("LE", MERGING, MERGING)], [arm("probed-LE", PROBED)])
    columns = ["layer", "peer_0", "peer_1", "mean", "merged", "seed"]
    assert frame[columns].to_numpy().tolist() == [
        ["item", 1, 3, 2.5, 2.0, 0],
        ["blocks.0.query", 2, 0.4, 1.2, 0.4, 0],
    ]


def test_the_peer_with_more_entropy_is_counted_as_the_better_one_or_not():
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
    # of both layers before each exchange
    assert frame["h"].tolist() == [-0.5, 1, -1, 0, 1, 1, -2, 0.5]
    assert frame["validation"].tolist() == pytest.approx([0.1, 0.1, -0.2, -0.2, 0.2, 0.2, 0, 0])
    # A layer of equal H and an exchange of equal accuracy do not count. Up to the reported epoch:
    # 5 layers, 4 agree, 3 have more H in peer 0, 4 are of an exchange where it is better; by chance
    # 0.6 * 0.8 + 0.4 * 0.2. The last exchange decides nothing.
    first = ["50 %", "100 %", "50 %", DASH, DASH, "1"]
    rest = ["60 %", "80 %", "80 %", "56 %", "+24.0 to +24.0", "1"]
    rows = {"the first": first, "up to the reported": rest, "all": rest}
    expected = [cell for name, row in rows.items() for cell in (name, *row)]
    page = entropy_tables.show_entropy_vs_accuracy(frame, "t")
    assert cells(page) == expected and ">ML-100K · SASRec</th>" in page._repr_html_()


def test_the_first_exchanges_have_the_entropy_of_the_blocks_by_epoch():
    layers = [["item", "embedding"], ["blocks.0.query", "middle"]]

    def run(exchanges: list[int], *blocks: list[float]) -> dict:
        h = [[[9, one] for one in peers] for peers in blocks]
        return {"epochs": {"exchanges": exchanges, "h": h}, "layers": layers}

    runs = [run([0, 1, 5], [2.0, 2.2], [second] * 2, [0, 0]) for second in (1.0, 1.4)]
    later = run([1], [2.0, 2.0])
    frame = entropy_trained.first_exchanges([arm("LE", *runs), arm("LE-k2", later)])
    # The sixth epoch is left out.
    keys = [("LE", 0, 1), ("LE", 0, 2), ("LE", 1, 1), ("LE", 1, 2), ("LE-k2", 0, 2)]
    assert list(zip(frame["variant"], frame["seed"], frame["epoch"], strict=True)) == keys
    # of the block's matrix, not of the items
    assert frame["h"].tolist() == pytest.approx([2.1, 1.0, 2.1, 1.4, 2.0])
    rows = ["PCRec (LE)", "2.100", "1.200", "2", "merge every 2 epochs", DASH, "2.000", "1"]
    assert cells(entropy_tables.show_first_exchanges(frame, "s")) == rows


def test_the_larger_share_and_the_larger_mu_show_how_far_both_are_from_one_half():
    epochs = {"h": [[[0.4, 0.5], [0.6, 0.5]]], "mu": [[[0.1, 0.5], [0.9, 0.5]]]}
    frame = entropy_trained.larger([arm("LN", {"epochs": epochs})])
    assert frame["criterion"].tolist() == [0.6, 0.5] and frame["mu"].tolist() == [0.9, 0.5]
    rows = "share 0.550 0.595 0.600 μ 0.700 0.880 0.900"
    assert cells(entropy_tables.show_larger(frame, "l")) == rows.split()


def held(h: float, size: int, largest: float, std: float = 2.0) -> dict:
    return tensor(h) | {"size": size, "largest": largest, "std": std, "l1": h * size}


def test_a_probe_measures_each_layer_and_what_is_lost_without_it():
    tensors = {
        "item.weight": held(2, 100, 8),
        "blocks.0.query.weight": held(1, 10, 4),
        "output.weight": held(0.5, 50, 20),
    }
    left = [(0.1, 0.2), (0.3, 0.1), (0.4, 0.3)]
    damaged = {
        name: {"pruned": pruned, "noised": noised}
        for name, (pruned, noised) in zip(tensors, left, strict=True)
    }
    probe = arm("probed-base", {"probed": {"tensors": tensors, "damaged": damaged, "whole": 0.4}})
    frame = entropy_trained.layers([probe])
    assert frame["layer"].tolist() == ["item", "blocks.0.query", "output"]
    assert frame["outlier"].tolist() == [4, 2, 10] and frame["h"].tolist() == [2, 1, 0.5]
    assert frame["lost_pruned"].tolist() == pytest.approx([0.75, 0.25, 0])
    both = entropy_trained.rank_correlations(frame)
    assert set(both["layers"]) == {"measured layers"}  # one block matrix has no order
    assert (
        set(both["of"]) == {"h", "mean_magnitude"} and (frame["mean_magnitude"] == frame["h"]).all()
    )
    found = both[both["of"] == "h"].set_index("with")["mean"]
    ranks = {"weights": 0.5, "outlier": -0.5, "lost_pruned": 1, "lost_noised": 0.5}
    assert found.to_dict() == pytest.approx(ranks)
    merged = pd.DataFrame({"model": ["sasrec"], "mean": [1.5], "merged": [1.6]})
    after = frame.assign(variant="LE", H=[0.5, 2, 1])
    figure = figures.entropy.criterion(
        entropy_simulated.outlier([4, 5]), pd.concat([frame, after]), merged
    )
    left, right, below = figure.axes
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["one outlier", "trained layers: merging", "trained layers: use, SASRec"]
    [patch] = left.patches  # trained outliers
    assert (patch.get_x(), patch.get_x() + patch.get_width()) == (2, 10)
    colours = {line.get_label(): line.get_color() for line in below.lines}
    assert right.lines[0].get_color() == colours["PCRec (LE)"] != colours["base"]


def test_correlations_within_matrices_of_one_size_leave_out_what_does_not_vary():
    h = pd.Series([1.0, 3.0, 2.0, 0.1])
    columns = {"h": h, "mean_magnitude": h, "lost_pruned": h, "lost_noised": h, "outlier": -h}
    frame = pd.DataFrame(columns).assign(model="sasrec", variant="base", seed=0)
    frame["layer"] = ["blocks.0.query", "blocks.1.query", "blocks.2.query", "item"]
    frame["weights"] = [16, 16, 16, 99]
    frame.loc[3, ["mean_magnitude", "lost_pruned", "lost_noised", "outlier"]] = [
        1.0,
        1.0,
        1.0,
        -1.0,
    ]
    found = entropy_trained.rank_correlations(frame, of=["h"]).set_index(["layers", "with"])["mean"]
    expected = {"outlier": -1, "lost_pruned": 1, "lost_noised": 1}
    assert found["block matrices"].to_dict() == expected
    # ranks 2, 4, 3, 1 and 2, 2, 2, 4
    assert found["measured layers", "weights"] == pytest.approx(-0.7746, abs=1e-4)


def test_a_model_of_two_matrices_has_neither_correlations_nor_blocks():
    measured = {"h": 1.0, "mean_magnitude": 1.0, "weights": 9, "outlier": 2.0}
    lost = {"lost_pruned": 0.1, "lost_noised": 0.1}
    key = {"layer": ["user", "item"], "model": "bpr", "variant": "base", "seed": 0}
    assert entropy_trained.rank_correlations(pd.DataFrame(key | measured | lost)).empty
    epochs = {"exchanges": [0], "h": [[[1.0], [2.0]]]}
    flat = arm("LE", {"epochs": epochs, "layers": [["item", "embedding"]]})
    met = entropy_trained.first_exchanges([flat])
    assert met.empty and cells(entropy_tables.show_first_exchanges(met, "s")) == []
