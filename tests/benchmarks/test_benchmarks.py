"""The references compute the same as our code: loss, gradient, ranks and merged weights."""

from __future__ import annotations

import copy
import math

import numpy as np
import pandas as pd
import pytest
import support  # noqa: F401  (one thread)
import torch

from benchmarks import __main__ as command
from benchmarks import cases, reference
from pcrec_core.cooperation import LayerWise, cooperate
from pcrec_core.criteria import entropy
from pcrec_core.evaluation import Ranker, summary
from pcrec_core.models import sasrec
from pcrec_core.models.bpr import BPR
from pcrec_core.models.sasrec import SASRec
from pcrec_core.models.youtube_dnn import YouTubeDNN


def models():
    torch.manual_seed(0)
    rows = cases.padded_rows(16, 7, 30, 0.25)
    pairs = torch.from_numpy(np.random.default_rng(1).integers(1, 9, (20, 3)))
    return [
        (SASRec(30, d=8, t=7, p=0.0), rows, reference.sasrec_loss),
        (YouTubeDNN(30, d=8), rows, reference.dnn_loss),
        (BPR(9, 9, d=8, l2=0.02), pairs, reference.bpr_loss),
    ]


@pytest.mark.parametrize("which", range(3), ids=["sasrec", "dnn", "bpr"])
def test_the_reference_has_our_loss_and_gradient(which):
    model, rows, loss = models()[which]
    model.double()
    with torch.no_grad():
        for w in model.parameters():
            w.normal_()
    ours, theirs = model.loss(rows), loss(model, rows)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    parameters = list(model.parameters())
    gradients = (
        torch.autograd.grad(value, parameters, allow_unused=True) for value in (ours, theirs)
    )
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one.to_dense(), other, rtol=0, atol=1e-10)


def test_padding_has_the_given_share_and_is_on_the_left():
    rows = cases.padded_rows(4000, 50, 9, 0.2)
    assert abs((rows == 0).double().mean().item() - 0.2) < 0.01
    assert ((rows[:, 1:] == 0) <= (rows[:, :-1] == 0)).all() and (rows[:, -2:] > 0).all()


@pytest.mark.parametrize("draw", [reference.negatives_by_user, reference.negatives_at_once])
def test_negatives_of_the_references_are_not_among_the_users_items(draw):
    rows = np.array([[0, 1], [0, 2], [1, 3], [1, 1], [1, 2]] * 50)
    negatives = draw(rows, 4, np.random.default_rng(0))
    assert set(negatives[rows[:, 0] == 0]) == {3, 4} and set(negatives[rows[:, 0] == 1]) == {4}


def test_the_references_rank_as_we_do():
    split = cases.made_up_split(40, 30, 400)
    assert np.diff(split.offsets).min() >= 5 and split.offsets[-1] == 400
    torch.manual_seed(0)
    model = BPR(split.n_users, split.n_items, d=8)
    ranks = Ranker(split, None, False, cases.CPU).ranks(model, "test")
    assert reference.ranks_at_once(model, split, 7).tolist() == ranks.tolist()
    expected = {name: summary(ranks)[name] for name in ("HIT@20", "MRR@20")}
    assert reference.metrics_by_dictionary(model, split, 7) == pytest.approx(expected, abs=1e-7)


def test_the_reference_cooperates_as_we_do():
    torch.manual_seed(0)
    peers = [SASRec(30, d=8, t=7, p=0.0).double() for _ in range(2)]
    others, layers = copy.deepcopy(peers), sasrec.layers(peers[0])
    w = peers[0].item.weight.detach()
    h = entropy(w).item()
    assert reference.entropy_by_masks(w) == pytest.approx(h, abs=1e-12) and h < math.log(10)
    cooperate(peers, LayerWise("entropy", 30.0), layers)
    reference.cooperate_by_masks(others, 30.0, layers)
    for ours, theirs in zip(peers, others, strict=True):
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_every_case_has_a_name_and_a_target():
    names = [name for name, _ in cases.all_cases()]
    assert len(set(names)) == len(names) == 8
    case = dict(cases.all_cases())["dnn-33144"]()
    assert case.target == 1.5 and case.traffic == 28 * (2 * 33145 * 64 + 33145 + 64 * 65)


def test_new_rows_take_the_place_of_those_of_the_same_case(tmp_path):
    new = pd.DataFrame({"case": ["b", "b", "d"], "share": [5, 6, 7]})
    path = tmp_path / "profiles.csv"
    assert command._in_place(path, new) is new
    pd.DataFrame({"case": ["a", "b", "c"], "share": [1, 2, 3]}).to_csv(path, index=False)
    rows = command._in_place(path, new).to_numpy().tolist()
    assert rows == [["a", 1], ["b", 5], ["b", 6], ["c", 3], ["d", 7]]
