"""The program of each process that torchrun starts in ``test_parallel.py``.

``peers_at_once.py FOLDER STEPS`` runs commands one after the other. ``STEPS`` is a JSON list of
[event, words of the command line]. All files are below ``FOLDER``; process r reports the exit code
and the output of each command in ``report-r.json``. An event happens to process 1 in epoch 2, but
``other code`` and ``other run`` from the start.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from support import without_progress

from pcrec_core import paths, provenance
from pcrec_core.study import train
from pcrec_core.study.cli import main
from pcrec_core.trainer import Trainer
from pcrec_core.training import environment


def spoil(trainer: Trainer) -> None:
    """Set the weights to NaN."""
    with torch.no_grad():
        for w in trainer.peers[0].model.parameters():
            w.fill_(torch.nan)


EVENTS = {
    "": lambda trainer: None,
    "killed": lambda trainer: os.kill(os.getpid(), signal.SIGKILL),
    "ctrl-c": lambda trainer: os.kill(os.getpid(), signal.SIGINT),
    "spoiled": spoil,
    "other code": lambda trainer: None,
    "other run": lambda trainer: None,
    "no memory": lambda trainer: torch.empty(2**60),
}
CODE = provenance.CODE


def step(event: str, words: list[str]) -> list[Any]:
    """Return the exit code, lines of stdout and lines of stderr of one command."""
    original = Trainer._epoch

    def eventful(trainer: Trainer, number: int) -> dict[str, Any]:
        if environment.rank() == 1 and number == 2:
            EVENTS[event](trainer)
        return original(trainer, number)

    Trainer._epoch = eventful
    if event == "other run" and environment.rank() == 1:
        words = [*words, "--seed", "1"]
    provenance.CODE = "f" * 16 if event == "other code" and environment.rank() == 1 else CODE
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        code = main(words)
    Trainer._epoch = original
    return [code, out.getvalue().splitlines(), without_progress(err.getvalue()).splitlines()]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    os.environ[paths.CACHE] = str(folder)
    train.train = functools.partial(train.train, interval=0)  # a checkpoint every epoch
    reports = [step(*each) for each in json.loads(sys.argv[2])]
    (folder / f"report-{environment.rank()}.json").write_text(json.dumps(reports))
