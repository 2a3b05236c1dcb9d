"""The three recommenders of the paper, one module each.

Each model is a plain ``torch.nn.Module`` with two methods, and its module has a third function:

- ``loss(rows)``: the training loss of a batch, a scalar. The gradient of the model's tables is
  sparse (see ``training.optimizer.Adam``).
- ``scores(users, inputs, out)``: scores of all ids 0..n for ranking, of shape (batch, n + 1);
  column 0 is padding. ``out``, of shape (n + 1, batch), is an optional buffer that receives the
  transposed scores; a model may omit this parameter.
- ``layers(model)``: the layers that cooperation measures and exchanges.
"""
