"""The three recommenders of the paper, one file each. Each is a plain ``nn.Module`` with

- ``loss(rows)``: the training loss of a batch, a scalar; the gradient of its tables is sparse (see ``training.optimizer.Adam``);
- ``scores(users, inputs, out)``: scores of all ids 0..n for ranking, shape (batch, n + 1); column 0 is padding. ``out``, of
  shape (n + 1, batch), is where they may be written, transposed, if it is given; a model need not have it;
- ``layers(model)``: a function beside the class that lists the layers cooperation works on.
"""
