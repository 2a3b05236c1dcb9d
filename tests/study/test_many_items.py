"""A file with a million items: a command says within seconds how many hours it takes, and why."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pcrec_core.training.environment import NO_TRAINING

ITEMS, USERS = 1_000_000, 100_000


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a log in which each of 100,000 users has ten items of their own."""
    path = tmp_path_factory.mktemp("many") / "items.csv"
    items = np.random.default_rng(0).permutation(ITEMS)
    pd.DataFrame({"user": np.arange(ITEMS) % USERS, "item": items}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "words", ["try {} --core 1", "train LE --dataset csv --csv {} --model sasrec --set core=1"]
)
def test_hours_and_what_to_change_are_told_within_seconds(log, tmp_path, words):
    command = [sys.executable, "-m", "pcrec_core", *shlex.split(words.format(log))]
    environment = os.environ | {NO_TRAINING: "1"}
    with (tmp_path / "told").open("w+") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        text = told.read()
    hours = re.search(
        r"these runs take about ([\d,.]+) hours on this machine, .* go over all", text
    )
    assert hours and float(hours[1].replace(",", "")) > 10, text
    assert "all 1,000,000 items; a larger core, a smaller d, fewer epochs, or bpr, would" in text
    # then the first run is refused, here or where the memory does not hold it
    assert process.returncode == 1 and text.splitlines()[-1].startswith("error: ")
    assert used.ru_utime + used.ru_stime < 40 and used.ru_maxrss < 2 * 2**20, (used, text)
