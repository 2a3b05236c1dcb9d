"""Adam with sparse gradients equals torch's Adam with the dense ones, to the bit."""

from __future__ import annotations

import support  # noqa: F401  (one thread)
import torch
from torch import nn

from pcrec_core.models._tables import item_scores, lookup
from pcrec_core.training.optimizer import Adam

BATCHES = [[0, 3, 3], [5], [0, 1, 2, 3, 4, 5, 6], [6, 6, 6, 6], [2, 0]]


def tables() -> tuple[nn.Embedding, nn.Embedding]:
    torch.manual_seed(0)
    one, other = nn.Embedding(8, 4), nn.Embedding(8, 4)
    other.load_state_dict(one.state_dict())
    return one, other


def loss_of(rows: torch.Tensor, step: int) -> torch.Tensor:
    return (rows * (step + 1)).sin().square().sum()


def train(decay: float, zero_every: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights after both optimizers; gradients add up over ``zero_every`` batches."""
    one, other = tables()
    ours = Adam(one.parameters(), 0.1, decay)
    theirs = torch.optim.Adam(other.parameters(), 0.1, weight_decay=decay, fused=True)
    sides = ((one, ours, lookup), (other, theirs, nn.Embedding.forward))
    for step, ids in enumerate(map(torch.tensor, BATCHES * 4)):
        for table, optimizer, rows_of in sides:
            if step % zero_every == 0:
                optimizer.zero_grad()
            loss_of(rows_of(table, ids), step).backward()
            optimizer.step()
    return one.weight, other.weight


def test_the_weights_are_those_of_dense_adam_to_the_bit():
    for decay in (0.0, 0.01):
        assert torch.equal(*train(decay, zero_every=1))


def test_gradients_add_up_as_those_of_dense_adam_do():
    torch.testing.assert_close(*train(0.01, zero_every=2))


def test_a_row_keeps_moving_after_its_last_batch_unlike_with_a_lazy_adam():
    table, _ = tables()
    optimizer = Adam(table.parameters(), 0.1)
    seen = []
    for ids in ([1], [2], [2]):
        optimizer.zero_grad()
        loss_of(lookup(table, torch.tensor(ids)), 1).backward()
        optimizer.step()
        seen.append(table.weight[1].detach().clone())
    assert (seen[1] != seen[0]).all() and (seen[2] != seen[1]).all()


def test_the_first_step_by_hand():
    """Adam's first step is the learning rate with the sign of the gradient."""
    table, _ = tables()
    before = table.weight.detach().clone()
    optimizer = Adam(table.parameters(), 0.5)
    lookup(table, torch.tensor([[2, 2], [5, 2]])).sum().backward()
    optimizer.step()
    moved = before - table.weight
    assert moved.abs().sum(1).nonzero().flatten().tolist() == [2, 5]
    torch.testing.assert_close(moved[[2, 5]], torch.full((2, 4), 0.5))


def test_item_scores_are_a_linear_layer_into_an_optional_buffer():
    x = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    w = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 3.0]])
    b = torch.tensor([5.0, 6.0, 7.0])
    assert item_scores(x, w).tolist() == [[1, 2, 9], [0, -1, -3]]
    assert item_scores(x, w, b).tolist() == [[6, 8, 16], [5, 5, 4]]
    out = torch.empty(3, 2)
    assert item_scores(x, w, b, out).tolist() == out.t().tolist() == [[6, 8, 16], [5, 5, 4]]
