"""Each recommender against a naive implementation with explicit loops, and invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from support import spread
from torch import Tensor, nn

from pcrec_core.models._attention import Block
from pcrec_core.models.bpr import BPR
from pcrec_core.models.sasrec import SASRec
from pcrec_core.models.youtube_dnn import YouTubeDNN

N, D, T = 7, 4, 6
Arrays = dict[str, np.ndarray]


def arrays(model: nn.Module) -> Arrays:
    return {name: p.detach().numpy() for name, p in model.named_parameters()}


def close(found: Tensor, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=1e-12)


def equal(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


# --- SASRec


@pytest.fixture
def sasrec() -> SASRec:
    torch.manual_seed(2)
    return spread(SASRec(N, D, T, 0.3))


def vector(w: Arrays, name: str, x: np.ndarray) -> np.ndarray:
    """Apply a linear layer, element by element."""
    rows = zip(w[f"{name}.weight"], w[f"{name}.bias"], strict=True)
    return np.array([bias + sum(a * b for a, b in zip(row, x, strict=True)) for row, bias in rows])


def normal(w: Arrays, name: str, x: np.ndarray) -> np.ndarray:
    mean = sum(x) / len(x)
    variance = sum((v - mean) ** 2 for v in x) / len(x)
    return (x - mean) / math.sqrt(variance + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def naive_encode(
    model: SASRec, ids: list[int], slots: list[int] | None = None, keys: list[int] | None = None
) -> dict:
    """Encode each of ``slots`` in evaluation; a slot sees itself and those of ``keys`` before it.

    Both default to the slots that hold an item, as if padding did not exist.
    """
    w = arrays(model)
    items = [s for s, i in enumerate(ids) if i]
    slots, visible = items if slots is None else slots, items if keys is None else keys
    x = {s: w["item.weight"][ids[s]] + w["position.weight"][s] for s in slots}
    for b in range(2):
        at = f"blocks.{b}"
        after = {}
        for s in x:
            q = vector(w, f"{at}.query", x[s])
            keys = [k for k in x if k == s or (k < s and k in visible)]
            scores = {k: sum(q * vector(w, f"{at}.key", x[k])) / math.sqrt(len(q)) for k in keys}
            z = sum(math.exp(v) for v in scores.values())
            parts = [math.exp(v) / z * vector(w, f"{at}.value", x[k]) for k, v in scores.items()]
            h = normal(w, f"{at}.attention_norm", x[s] + sum(parts))
            inner = np.array([max(0.0, v) for v in vector(w, f"{at}.inner", h)])
            after[s] = normal(w, f"{at}.forward_norm", h + vector(w, f"{at}.outer", inner))
        x = after
    return x


def negative_log(logits: np.ndarray, target: int) -> float:
    return math.log(sum(math.exp(v) for v in logits)) - logits[target]


SEQUENCES = [[1, 2, 3, 4, 5], [0, 0, 6, 7, 6], [0, 0, 0, 0, 3], [5, 5, 5, 1, 1]]
TRAINING_ROWS = [
    [1, 2, 3, 4, 5, 6],
    [0, 0, 6, 7, 6, 2],
    [0, 0, 0, 0, 3, 1],
]  # 5, 3 and 1 real pairs


def test_sasrec_equals_a_naive_implementation(sasrec):
    found = sasrec.encode(torch.tensor(SEQUENCES))
    scores = sasrec.scores(torch.arange(4), torch.tensor(SEQUENCES))
    for row, ids in enumerate(SEQUENCES):
        expected = naive_encode(sasrec, ids)
        for slot, x in expected.items():
            close(found[row, slot], x)
        close(scores[row], vector(arrays(sasrec), "output", expected[len(ids) - 1]))


def test_sasrecs_loss_is_the_mean_over_real_positions(sasrec):
    losses = [
        negative_log(vector(arrays(sasrec), "output", x), ids[slot + 1])
        for ids in TRAINING_ROWS
        for slot, x in naive_encode(sasrec, ids[:-1]).items()
    ]
    assert len(losses) == 9
    assert sasrec.loss(torch.tensor(TRAINING_ROWS)).item() == pytest.approx(
        sum(losses) / 9, abs=1e-12
    )


@pytest.mark.parametrize(("loss", "attention"), [("all", "all"), ("real", "all"), ("all", "real")])
def test_sasrec_with_padding_equals_a_naive_implementation(loss, attention):
    torch.manual_seed(2)
    model = spread(SASRec(N, D, T, 0.3, loss, attention))
    w, losses, every = arrays(model), [], list(range(T - 1))
    keys = every if attention == "all" else None
    for ids in TRAINING_ROWS:
        found = naive_encode(model, ids[:-1], every, keys)
        in_loss = [s for s in every if loss == "all" or ids[s]]
        losses += [negative_log(vector(w, "output", found[s]), ids[s + 1]) for s in in_loss]
        last = naive_encode(model, ids[1:], every, keys)[T - 2]
        scores = model.scores(torch.arange(1), torch.tensor([ids[1:]]))
        close(scores[0], vector(w, "output", last))
    assert len(losses) == (15 if loss == "all" else 9)
    whole = model.loss(torch.tensor(TRAINING_ROWS)).item()
    assert whole == pytest.approx(sum(losses) / len(losses), abs=1e-12)
    assert model.loss(torch.tensor(TRAINING_ROWS), 9).item() == whole


@pytest.mark.parametrize(
    "padding", [{"loss": "all"}, {"attention": "all"}, {"loss": "all", "attention": "all"}]
)
def test_the_row_of_padding_that_takes_part_is_frozen(padding):
    torch.manual_seed(2)
    sasrec, dnn = spread(SASRec(N, D, T, 0.0, **padding)), spread(YouTubeDNN(N, D, "all"))
    for model, used in ((sasrec, [1, 2, 3, 4, 5, 6, 7]), (dnn, [1, 6, 7])):
        model.loss(torch.tensor(TRAINING_ROWS)).backward()
        gradient = model.item.weight.grad.to_dense()
        assert (gradient[0] == 0).all() and (gradient[used] != 0).any(1).all()


def test_a_later_item_changes_no_earlier_representation(sasrec):
    ids = torch.tensor([[0, 2, 3, 4, 5]])
    before = sasrec.encode(ids)
    for slot in range(1, 5):
        changed = ids.clone()
        changed[0, slot] = 7
        after = sasrec.encode(changed)
        assert torch.equal(after[0, 1:slot], before[0, 1:slot])
        later = (after[0, slot:] - before[0, slot:]).abs().amax(1)
        assert (later > 1e-3).all()


def test_the_embeddings_of_padding_have_no_influence_in_sasrec(sasrec):
    inputs, sequence = torch.tensor([[0, 0, 6, 7, 6]]), torch.tensor([[0, 0, 6, 7, 6, 2]])
    before = sasrec.scores(torch.arange(1), inputs), sasrec.loss(sequence)
    with torch.no_grad():
        sasrec.item.weight[0] = 100.0
        sasrec.position.weight[:2] = -100.0
    after = sasrec.scores(torch.arange(1), inputs), sasrec.loss(sequence)
    equal(after, before)


def test_more_padding_gives_the_same_scores_in_sasrec(sasrec):
    """Slots carry positions, so the position rows move with the items."""
    before = sasrec.encode(torch.tensor([[6, 7, 6]]))
    with torch.no_grad():
        sasrec.position.weight.copy_(sasrec.position.weight.roll(2, 0))
    after = sasrec.encode(torch.tensor([[0, 0, 6, 7, 6]]))
    equal(after[:, 2:], before)


def test_order_matters_to_sasrec(sasrec):
    orders = torch.tensor([[1, 2, 3, 4, 5], [2, 1, 3, 4, 5]])
    one, other = sasrec.scores(torch.arange(2), orders)
    assert (one - other).abs().max() > 1e-3


def test_the_last_position_row_is_never_trained(sasrec):
    sasrec.loss(torch.tensor([[1, 2, 3, 4, 5, 6]])).backward()
    gradient = sasrec.position.weight.grad.abs().amax(1)
    assert gradient[-1] == 0 and (gradient[:-1] > 0).all()


def test_where_everything_is_dropped_the_input_is_gone():
    """At a rate of nearly 1 only the norms are left of the embeddings and both halves."""
    torch.manual_seed(2)
    model = spread(SASRec(N, D, T, 1 - 1e-9)).train()
    x = torch.zeros(D, dtype=torch.float64)
    for block in model.blocks:
        x = block.forward_norm(block.attention_norm(x))
    ids = torch.tensor(SEQUENCES)
    expected = x.expand(4, 5, D) * (ids > 0).unsqueeze(-1)  # zero at padding
    equal(model.encode(ids), expected)


def test_the_point_wise_half_is_dropped_after_the_relu_and_after_the_second_layer():
    """Both layers pass a constant on: at a rate of 1/2, twice, a quarter of it is left."""
    d = 600
    block = Block(d, 0.5).train()
    with torch.no_grad():
        norm = block.attention_norm
        for w in (block.inner.weight, block.outer.bias, norm.weight, norm.bias):
            w.zero_()
        block.inner.bias.fill_(1.0)
        block.outer.weight.copy_(torch.eye(d))
    torch.manual_seed(0)
    y = block(torch.rand(4, d), torch.arange(4), torch.zeros(4, 1, 1))
    # The norm puts what is left above 0, and the rest below.
    assert 0.22 < (y > 0).double().mean().item() < 0.28


def test_dropout_is_on_in_training_only(sasrec):
    ids = torch.tensor(SEQUENCES)
    assert torch.equal(sasrec.encode(ids), sasrec.encode(ids))
    sasrec.train()
    assert not torch.equal(sasrec.encode(ids), sasrec.encode(ids))
    torch.manual_seed(2)
    without = spread(SASRec(N, D, T, 0.0))
    assert torch.equal(without.eval().encode(ids), without.train().encode(ids))


# --- YouTube DNN


@pytest.fixture
def dnn() -> YouTubeDNN:
    torch.manual_seed(3)
    return spread(YouTubeDNN(N, D))


def naive_user(model: YouTubeDNN, ids: list[int]) -> np.ndarray:
    w = arrays(model)
    real = [np.maximum(vector(w, "hidden", w["item.weight"][i]), 0) for i in ids if i]
    return sum(real) / len(real)


def test_dnn_equals_a_naive_implementation(dnn):
    scores = dnn.scores(torch.arange(4), torch.tensor(SEQUENCES))
    for row, ids in enumerate(SEQUENCES):
        close(scores[row], vector(arrays(dnn), "output", naive_user(dnn, ids)))


def test_dnns_mean_over_all_positions_counts_padding():
    torch.manual_seed(3)
    model = spread(YouTubeDNN(N, D, "all"))
    w = arrays(model)
    for ids in SEQUENCES:
        hidden = [np.maximum(vector(w, "hidden", w["item.weight"][i]), 0) for i in ids]
        close(model.encode(torch.tensor([ids]))[0], sum(hidden) / len(ids))


def test_dnns_loss_is_that_of_the_last_item(dnn):
    w = arrays(dnn)
    sequences = [[1, 2, 3, 4], [0, 0, 6, 7], [0, 2, 2, 2]]
    losses = [
        negative_log(vector(w, "output", naive_user(dnn, ids[:-1])), ids[-1]) for ids in sequences
    ]
    assert dnn.loss(torch.tensor(sequences)).item() == pytest.approx(sum(losses) / 3, abs=1e-12)


def test_padding_has_no_influence_in_dnn_and_order_has_none(dnn):
    expected = dnn.encode(torch.tensor([[6, 7, 2]]))
    with torch.no_grad():
        dnn.item.weight[0] = 100.0
    for ids in ([0, 6, 7, 2], [0, 0, 0, 0, 6, 7, 2], [0, 7, 2, 6], [2, 7, 6]):
        equal(dnn.encode(torch.tensor([ids])), expected)
    twice = dnn.encode(torch.tensor([[6, 6, 7, 2]]))  # the number of occurrences does count
    assert (twice - expected).abs().max() > 1e-3


# --- BPR


def by_hand(l2: float) -> BPR:
    model = BPR(2, 3, 2, l2).double()
    with torch.no_grad():
        model.user.weight.copy_(torch.tensor([[1.0, 2.0], [0.0, -1.0]]))
        model.item.weight.copy_(torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]))
    return model


def test_bpr_scores_by_hand():
    scores = by_hand(0.0).scores(torch.tensor([1, 0]), torch.zeros(2, 1, dtype=torch.int64))
    assert scores[:, 1:].tolist() == [[0, -1, -2], [1, 2, 6]]


def test_bprs_loss_is_a_sum_with_the_norms_of_what_was_used():
    rows = torch.tensor([[0, 1, 2], [1, 3, 1]])  # margins 1 - 2 = -1 and -2 - 0 = -2
    expected = math.log(1 + math.exp(1)) + math.log(1 + math.exp(2))
    assert by_hand(0.0).loss(rows).item() == pytest.approx(expected, abs=1e-12)
    expected += 0.25 * ((5 + 1 + 1) + (1 + 8 + 1))
    assert by_hand(0.25).loss(rows).item() == pytest.approx(expected, abs=1e-12)
    twice = by_hand(0.25).loss(torch.cat([rows, rows])).item()
    assert twice == pytest.approx(2 * expected, abs=1e-12)


def test_bprs_loss_is_finite_for_hopeless_margins():
    model = by_hand(0.0)
    with torch.no_grad():
        model.user.weight.mul_(1e6)
    loss = model.loss(torch.tensor([[0, 1, 3]])).item()
    assert loss == pytest.approx(5e6)  # -log sigmoid(-x) = x


def test_bpr_has_no_gradient_outside_its_rows():
    model = by_hand(0.1)
    model.loss(torch.tensor([[0, 1, 2]])).backward()
    user, item = model.user.weight.grad.to_dense(), model.item.weight.grad.to_dense()
    assert user.abs().sum(1).bool().tolist() == [True, False]
    assert item.abs().sum(1).bool().tolist() == [False, True, True, False]


def test_bprs_gradient_is_that_of_the_formula():
    torch.manual_seed(4)
    model = spread(BPR(5, N, D, l2=0.03))
    # Item 2 is a positive and a negative, and user 0 occurs twice.
    rows = torch.tensor([[0, 1, 2], [3, 2, 1], [0, 5, 2], [4, 2, 2]])
    user, item = model.user.weight, model.item.weight
    u, i, j = user[rows[:, 0]], item[rows[:, 1]], item[rows[:, 2]]
    margin = (u * i).sum(1) - (u * j).sum(1)
    expected = 0.03 * (u**2 + i**2 + j**2).sum() - torch.log(torch.sigmoid(margin)).sum()
    found = model.loss(rows)
    equal(found, expected)
    gradients = (torch.autograd.grad(loss * 2, (user, item)) for loss in (found, expected))
    for ours, theirs in zip(*gradients, strict=True):
        equal(ours.to_dense(), theirs)


# --- where SASRec drops


def test_sasrec_drops_attention_weights_not_what_they_add_up_to():
    """Each value is 1, so dropped weights change all dimensions equally, and the norm removes it.

    A loss of single dimensions would remain.
    """
    torch.manual_seed(0)
    block = Block(64, 0.5).train()
    with torch.no_grad():
        for linear in (block.value, block.inner, block.outer):
            linear.weight.zero_()
            linear.bias.zero_()
        block.value.bias.fill_(1)
        y = block(torch.zeros(8, 64), torch.arange(8), torch.zeros(1, 8, 8))
    assert y.abs().max() < 1e-2


def test_sasrec_drops_the_sum_of_item_and_position():
    model = SASRec(6, 32, 5, 0.5).train()
    seen: list[torch.Tensor] = []
    model.blocks[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model.item.weight.fill_(1)
        model.position.weight.fill_(1)
        model.loss(torch.tensor([[1, 2, 3, 4, 5]]))
    assert set(seen[0].unique().tolist()) == {0.0, 4.0}  # each by itself would also give 2
