"""Full ranking against a naive loop, by hand, and in cases where a rank could be too good."""

from __future__ import annotations

import math
from contextlib import nullcontext
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import CPU, TableOfScores, spec_of, split_of, two_rings
from torch import nn

from pcrec_core import evaluation
from pcrec_core.datasets.split import Split
from pcrec_core.errors import SpecError, TrainingError
from pcrec_core.evaluation import Ranker, summary
from pcrec_core.training.build import build

#: Training, validation, test of three users among six items.
SMALL = split_of([[1, 2, 3, 4], [5, 6, 1, 1, 2], [2, 2, 6, 2]], repeats=True)


def ranks_of(
    table: np.ndarray, split: Split = SMALL, part: str = "test", hide_seen: bool = False
) -> list[int]:
    return Ranker(split, 3, hide_seen, CPU).ranks(TableOfScores(table), part).tolist()


def naive_rank(scores: list[float], target: int, hidden: set[int]) -> int:
    """Count the candidates 1..n that are not hidden and score at least as high as the target."""
    others = set(range(1, len(scores))) - hidden - {target}
    return 1 + sum(scores[item] >= scores[target] for item in others)


def histories_of(split: Split) -> list[list[int]]:
    return [split.items[a:b].tolist() for a, b in pairwise(split.offsets)]


@pytest.mark.parametrize("hide_seen", [False, True])
@pytest.mark.parametrize("part", ["valid", "test"])
@given(st.integers(0, 2**31), st.integers(2, 6))
def test_equals_a_naive_ranking(part, hide_seen, seed, levels):
    """Scores have few levels, so that there are many ties."""
    rng = np.random.default_rng(seed)
    split = split_of([[*range(1, 10)], *rng.integers(1, 10, (8, 6)).tolist()], repeats=True)
    table = rng.integers(0, levels, (9, 10)).astype(np.float32)
    table[table == 1] = -np.inf  # as a model scores what it does not know
    target = -1 if part == "test" else -2
    expected = [
        naive_rank(scores, history[target], set(history[:-2]) if hide_seen else set())
        for scores, history in zip(table.tolist(), histories_of(split), strict=True)
    ]
    assert ranks_of(table, split, part, hide_seen) == expected


def test_each_module_of_the_model_keeps_its_mode_also_after_a_refusal():
    class Frozen(TableOfScores):
        def __init__(self, table: np.ndarray) -> None:
            super().__init__(table)
            self.frozen = torch.nn.BatchNorm1d(2).eval()

        def scores(self, users: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
            assert not self.training
            return super().scores(users, inputs)

    for columns, refusal in ((7, nullcontext()), (5, pytest.raises(SpecError, match="of shape"))):
        model = Frozen(np.zeros((3, columns)))
        with refusal:
            Ranker(SMALL, 3, False, CPU).ranks(model, "test")
        assert (model.training, model.frozen.training) == (True, False)


def test_by_hand():
    #          padding, 1 .. 6
    table = np.array(
        [
            [9, 1, 2, 3, 6, 5, 4],  # user 0: test 4 is best, validation 3 stands behind 4, 5 and 6
            [9, 7, 3, 3, 0, 8, 9],  # user 1: test 2 stands behind 1, 5, 6 and ties with 3
            [9, 0, 0, 0, 0, 0, 0.5],  # user 2: test 2 ties with 1, 3, 4, 5 behind 6
        ]
    )
    assert ranks_of(table) == [1, 5, 6]
    assert ranks_of(table, part="valid") == [4, 3, 1]
    # Hidden: 1, 2 of user 0; 5, 6, 1 of user 1; 2 of user 2, the test target, stays a candidate.
    assert ranks_of(table, hide_seen=True) == [1, 2, 6]


@pytest.mark.parametrize("value", [0.0, -3.0, 1e30])
def test_a_constant_scorer_gets_the_last_rank(value):
    assert ranks_of(np.full((3, 7), value)) == [6, 6, 6]
    # Hidden items are no candidates: 2, 3 and 0 others are hidden.
    assert ranks_of(np.full((3, 7), value), hide_seen=True) == [4, 3, 6]


def test_padding_is_never_a_candidate():
    table = np.tile(np.arange(7.0), (3, 1))
    table[:, 0] = np.inf
    assert ranks_of(table) == [3, 5, 5]
    table[:, 0] = -np.inf
    assert ranks_of(table) == [3, 5, 5]


@pytest.mark.parametrize(("padding", "ranks"), [(False, [3, 5, 2]), (True, [4, 6, 3])])
def test_padding_is_a_candidate_where_the_protocol_says_so(padding, ranks):
    table = [[4, 1, 2, 3, 4, 5, 4], [9, 7, 3, 3, 0, 8, 9], [0.2, 0, 0.1, 0, 0, 0, 0.5]]
    ranker = Ranker(SMALL, 3, False, CPU, padding=padding)
    assert ranker.ranks(TableOfScores(table), "test").tolist() == ranks


def test_a_target_that_was_seen_is_ranked_by_its_own_score():
    # Both test targets stand in training.
    split = split_of([[1, 2, 3, 4, 1], [4, 3, 2, 1, 4]], repeats=True)
    table = np.array([[0, 5, 6, 7, 4], [0, 3, 8, 9, 1]], np.float32)
    # User 0: 2 and 3 are hidden, 4 (validation) is a candidate of 4 < 5. User 1: 1 scores 3 > 1.
    assert ranks_of(table, split, hide_seen=True) == [1, 2]
    assert ranks_of(table, split, hide_seen=False) == [3, 4]


@pytest.mark.parametrize("where", [(0, 1), (2, 2), (1, 6)])  # a rival, a target, a hidden item
@pytest.mark.parametrize("hide_seen", [False, True])
def test_a_score_that_is_nan_stops_the_ranking(where, hide_seen):
    table = np.zeros((3, 7))
    table[where] = np.nan
    with pytest.raises(TrainingError, match=r"^a score is NaN, so nothing can be ranked: .*\.$"):
        ranks_of(table, hide_seen=hide_seen)


@pytest.mark.parametrize("cells", [1, 7, 15, 10**9])
def test_the_size_of_a_chunk_changes_nothing(cells, monkeypatch):
    rng = np.random.default_rng(4)
    table = rng.integers(0, 4, (48, 17)).astype(np.float32)
    split = two_rings()
    expected = {hide: ranks_of(table, split, hide_seen=hide) for hide in (False, True)}
    monkeypatch.setattr(evaluation, "CELLS", {"cpu": cells})
    monkeypatch.setattr(evaluation, "FEWEST", 1)
    scorer = TableOfScores(table)
    assert Ranker(split, 3, True, CPU).ranks(scorer, "test").tolist() == expected[True]
    assert ranks_of(table, split) == expected[False]
    users = [rows for rows, _ in scorer.asked]
    assert max(len(rows) for rows in users) == max(1, min(48, cells // 17))
    assert torch.cat(users).tolist() == list(range(48))


def model_and_ranker(name: str) -> tuple[nn.Module, Ranker, int]:
    """Build a model with a ranker for it, and return them with the number of users."""
    spec, split = spec_of(name), two_rings()
    torch.manual_seed(0)
    ranker = Ranker(split, spec.model.t, name == "bpr", CPU)
    return build(spec, split), ranker, split.n_users


@pytest.mark.parametrize("name", ["sasrec", "dnn", "bpr"])
def test_chunks_of_one_user_rank_a_model_like_one_chunk(name, monkeypatch):
    model, ranker, _ = model_and_ranker(name)
    model.double()
    expected = ranker.ranks(model, "valid")
    monkeypatch.setattr(evaluation, "CELLS", {"cpu": 1})
    np.testing.assert_array_equal(ranker.ranks(model, "valid"), expected)


@pytest.mark.parametrize("name", ["sasrec", "dnn", "bpr"])
def test_scores_of_all_chunks_are_written_to_one_buffer_and_rank_as_without_it(name, monkeypatch):
    monkeypatch.setattr(evaluation, "CELLS", {"cpu": 1})
    monkeypatch.setattr(evaluation, "FEWEST", 5)  # the last chunk is smaller
    model, ranker, n_users = model_and_ranker(name)
    scores, buffers = model.scores, []

    def watched(users: torch.Tensor, inputs: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        buffers.append(out)
        return scores(users, inputs, out)

    model.scores = watched
    with_buffer = ranker.ranks(model, "test")
    assert n_users % 5 and len({out.data_ptr() for out in buffers}) == 1
    assert [out.shape[1] for out in buffers] == [5] * (n_users // 5) + [n_users % 5]
    model.scores = lambda users, inputs: scores(users, inputs)
    np.testing.assert_array_equal(ranker.ranks(model, "test"), with_buffer)


def test_the_model_sees_the_last_items_before_the_target():
    scorer = TableOfScores(np.zeros((3, 7)))
    ranker = Ranker(SMALL, 4, False, CPU)
    ranker.ranks(scorer, "valid")
    ranker.ranks(scorer, "test")
    (users, valid), (_, test) = scorer.asked
    assert users.tolist() == [0, 1, 2]
    assert valid.tolist() == [[0, 1, 2], [5, 6, 1], [0, 2, 2]]
    assert test.tolist() == [[1, 2, 3], [6, 1, 1], [2, 2, 6]]  # with the validation item


def test_ranking_has_no_dropout_and_no_gradient_and_leaves_the_mode():
    class Asks(nn.Module):
        def scores(self, users: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
            assert not self.training and not torch.is_grad_enabled()
            return torch.zeros(len(users), 7)

    ranker = Ranker(SMALL, 3, False, CPU)
    for training in (True, False):
        model = Asks().train(training)
        ranks = ranker.ranks(model, "test")
        assert model.training is training and ranks.dtype == np.int32 and ranks.shape == (3,)


@pytest.mark.parametrize(
    ("scores", "returned"),
    [
        (torch.zeros(3, 6), r"float32 of shape \(3, 6\) on cpu"),  # no column for the padding id
        (torch.zeros(3, 8), r"shape \(3, 8\)"),
        (torch.zeros(1, 7), r"shape \(1, 7\)"),
        (torch.zeros(3, 7, dtype=torch.int64), "int64 of"),
        (torch.zeros(3, 7, device="meta"), "on meta"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores, returned):
    model = nn.Module()
    model.scores = lambda users, inputs: scores.clone()
    words = r"floats of shape \(3, 7\) on cpu, with column 0 for the padding id .*" + returned
    with pytest.raises(SpecError, match=words):
        Ranker(SMALL, 3, False, CPU).ranks(model, "test")


def test_a_part_and_a_model_that_do_not_fit_are_refused():
    ranker, model = Ranker(SMALL, 3, False, CPU), TableOfScores(np.zeros((3, 7)))
    with pytest.raises(SpecError, match="unknown part 'tset'; did you mean 'test'"):
        ranker.ranks(model, "tset")
    with pytest.raises(SpecError, match=r"Linear has no method scores\(users, inputs\)"):
        ranker.ranks(nn.Linear(2, 2), "test")
    model.weight = nn.Parameter(torch.zeros(1, device="meta"))
    with pytest.raises(SpecError, match="the model is on meta, the ranker on cpu"):
        ranker.ranks(model, "test")


def test_summary_by_hand():
    found = summary(np.array([1, 3, 6, 21]))
    assert found == {
        "MRR@5": round((1 + 1 / 3) / 4, 8),
        "HIT@5": 0.5,
        "NDCG@5": 0.375,  # 1 and 1 / log2 4
        "MRR@20": 0.375,
        "HIT@20": 0.75,
        "NDCG@20": round((1.5 + 1 / math.log2(7)) / 4, 8),
    }
    assert all(type(value) is float for value in found.values())
