"""Measure the two modes of Section 3.3, workers, and inference by one peer or by an ensemble.

``python -m benchmarks.modes`` takes a quarter of an hour on two idle cores.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from benchmarks.__main__ import machine
from pcrec_core.evaluation import Ranker
from pcrec_core.models.ensemble import ScoreEnsemble
from pcrec_core.paths import ROOT
from pcrec_core.specs.fields import digest
from pcrec_core.specs.run import RunSpec
from pcrec_core.study import command_line, splits
from pcrec_core.study.defaults import base, pcrec
from pcrec_core.study.records import RunRecord, Store, of_kind, read
from pcrec_core.training.build import build
from pcrec_core.writing import write_whole

TABLE = ROOT / "data" / "modes.csv"
_ROUNDS = 3  # repetitions of each case, in turn
_RUN = {"epochs": 6}
_SMALL = {"epochs": 6, "d": 32}
ONE, SERIAL, PARALLEL = "one model", "a pair in turn", "a pair, one process per peer"

Measure = Callable[[], dict[str, Any]]


def main() -> None:
    """Measure all, print the table and write it."""
    argparse.ArgumentParser(prog="python -m benchmarks.modes", description=__doc__).parse_args()
    cases = (modes("SASRec", "ml-100k", "sasrec", **_RUN) | workers() | inference()) | (
        large := modes("BPR", "retailrocket", "bpr", epochs=1)
    )
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in cases}
    for number in tqdm(range(_ROUNDS), unit="round"):
        for name, measure in cases.items():
            if number == 0 or name not in large:  # measured for their memory, not their time
                found[name].append(measure())
    table = pd.DataFrame([{"case": name} | _medians(rounds) for name, rounds in found.items()])
    print(table.to_string(index=False, float_format="%.4g"))
    for one, other in (
        (f"SASRec, {SERIAL}", f"SASRec, {PARALLEL}"),
        (f"BPR, {SERIAL}", f"BPR, {PARALLEL}"),
        ("8 runs, one worker", "8 runs, two workers"),
    ):
        _check_equal(found, one, other)
    where = {"machine": machine(), "torch": torch.__version__}
    write_whole(TABLE, table.assign(**where).to_csv(index=False, float_format="%.5g").encode())
    print(f"The results are equal to the bit. Written to {TABLE.relative_to(ROOT)}.")


def modes(title: str, dataset: str, model: str, **given: Any) -> dict[str, Measure]:
    """Return the cases of one model, and of a pair in both modes.

    Settings are those of the study, with fewer epochs.
    """
    one, pair = base(dataset, model, **given), pcrec(dataset, model, **given)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--"]
    return {
        f"{title}, {ONE}": lambda: _trained([one], ["-m"]),
        f"{title}, {SERIAL}": lambda: _trained([pair], ["-m"]),
        f"{title}, {PARALLEL}": lambda: _trained([pair], torchrun),
    }


def workers() -> dict[str, Measure]:
    """Return the cases of eight small runs with one worker and with two."""
    runs = [base("ml-100k", "sasrec", seed=seed, **_SMALL) for seed in range(8)]
    return {
        f"8 runs, {name}": partial(_trained, runs, ["-m"], "--workers", count)
        for name, count in (("one worker", "1"), ("two workers", "2"))
    }


def _trained(runs: Sequence[RunSpec], start: list[str], *more: str) -> dict[str, Any]:
    """Train ``runs``, which differ only in the seed, by the command line and measure them."""
    with TemporaryDirectory() as folder:
        words = shlex.split(command_line.command(runs[0]))[1:]  # without: pcrec
        place = words.index("--seed") + 1
        words[place : place + 1] = [str(run.seed) for run in runs]
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, *start, "pcrec_core", *words, *more, "--records", folder],
            check=True,
            capture_output=True,
            cwd=ROOT,
        )
        wall = time.perf_counter() - began
        store = Store(Path(folder))
        trained = [of_kind(read(store.path(run.name)), RunRecord) for run in runs]
    first = trained[0].provenance
    return {
        "seconds": wall,
        "training": sum(record.provenance.seconds["train"] for record in trained),
        "exchange": first.seconds.get("cooperate", 0.0),
        "megabytes": first.peak_bytes / 1e6 / first.processes,
        "processes": first.processes,
        "weights": trained[0].outcome.weights,
        "result": digest([record.result for record in trained]),
    }


def inference() -> dict[str, Measure]:
    """Return the cases of ranking all users of ML-100K by one SASRec and by several.

    Several models rank by the mean of their scores.
    """
    torch.set_num_threads(1)
    spec = pcrec("ml-100k", "sasrec")
    split = splits.split_of(spec.data)
    ranker = Ranker(split, spec.model.t, False, torch.device("cpu"))
    models = []
    for seed in range(3):
        torch.manual_seed(seed)
        models.append(build(spec, split).eval())

    def rank_by(count: int) -> dict[str, Any]:
        ensemble = ScoreEnsemble(models[:count])
        began = time.perf_counter()
        ranker.ranks(ensemble, "test")
        return {
            "seconds": time.perf_counter() - began,
            "weights": sum(w.numel() for w in ensemble.parameters()),
        }

    rank_by(1)  # not counted
    return {
        "ranking, one peer": lambda: rank_by(1),
        "ranking, ensemble of 2": lambda: rank_by(2),
        "ranking, ensemble of 3": lambda: rank_by(3),
    }


def _medians(rounds: list[dict[str, Any]]) -> dict[str, float]:
    """Return the median of each figure, and the range of the seconds."""
    figures = {
        key: statistics.median(one[key] for one in rounds) for key in rounds[0] if key != "result"
    }
    seconds = [one["seconds"] for one in rounds]
    return figures | {"fastest": min(seconds), "slowest": max(seconds), "rounds": len(rounds)}


def _check_equal(found: dict[str, list[dict[str, Any]]], one: str, other: str) -> None:
    results = {each["result"] for case in (one, other) for each in found[case]}
    if len(results) != 1:
        raise SystemExit(f"{one!r} and {other!r} gave {len(results)} different results.")


if __name__ == "__main__":
    main()
