"""``python -m benchmarks.gpu --minutes 9 --archive FILE``: use a GPU that is lent for minutes.

In this order: check that the parts of the method compute on the GPU what they compute on the CPU,
train pairs of runs on both and compare them, time an epoch on both, and make the records of the
planned steps 8, 7 and 6 as far as the minutes go. Each record is written as it finishes, and all
come out in one archive beside the table of times. Nothing is needed but torch, numpy, pandas,
pyarrow, scipy, safetensors and tqdm.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.cases import made_up_split, padded_rows
from pcrec_core import paths
from pcrec_core.cooperation import LayerWise, cooperate
from pcrec_core.errors import TrainingError
from pcrec_core.evaluation import Ranker
from pcrec_core.models.bpr import BPR
from pcrec_core.models.sasrec import SASRec
from pcrec_core.models.youtube_dnn import YouTubeDNN
from pcrec_core.study import defaults
from pcrec_core.study import run as study
from pcrec_core.study.records import RunRecord, Store, of_kind
from pcrec_core.training.build import device_of

CPU = torch.device("cpu")
#: Largest difference of a loss, as a share of it, and of a merged weight, in float32.
LOSS, WEIGHT = 1e-4, 1e-5
#: Share of the users whose rank may differ: those with scores that are equal but for rounding.
RANKS = 0.001
#: Largest difference of a run's loss, as a share of it, and of its NDCG@20 in each epoch.
RUN_LOSS, RUN_NDCG = 0.01, 0.005
STEPS = ("step8", "step7", "step6")
#: Seconds before the end at which the runs are asked to stop after their epoch.
_GRACE = 45.0


def main() -> None:
    """Run the command."""
    given = _arguments()
    end = time.monotonic() + 60 * given.minutes
    try:
        device = device_of(given.device)
    except TrainingError as error:
        sys.exit(f"error: {error}")
    for name, difference, most in checks(device):
        print(f"{name}: {difference:.2g}, at most {most:.2g}", flush=True)
        if not difference <= most:
            sys.exit(f"error: {name} on {device} differs from that on the CPU; nothing is trained.")
    with TemporaryDirectory() as folder:
        work = Path(folder)
        # what the compared runs leave, weights for example, goes with the folder
        os.environ[paths.CACHE] = str(work / "compared")
        table = compare_runs(given.device, given.dataset, given.epochs, work)
        table.to_csv(work / "gpu-times.csv", index=False, float_format="%.4g")
        print(table.to_string(index=False, float_format="%.4g"), flush=True)
        records = work / "cache" / "records"
        try:
            queue(
                ["study", *given.steps],
                [f"--device={given.device}", f"--workers={given.workers}"],
                work / "cache",
                end,
            )
        finally:
            made = archive(given.archive, [work / "gpu-times.csv", records])
            print(f"{made} records are in {given.archive}.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, required=True, help="for all of it; the queue gets what is left")
    add("--archive", type=Path, required=True, help="a .tar.gz file")
    add("--device", default="cuda", help="cpu tries the command without a GPU")
    add("--workers", type=int, default=8, help="runs at the same time on the GPU")
    add("--dataset", default="retailrocket-half", help="of the compared runs")
    add("--epochs", type=int, default=3, help="of the compared runs")
    add("--steps", nargs="+", default=STEPS, help="plans or steps of the study, in this order")
    given = parser.parse_args()
    # found out now, not when the minutes are over
    if given.archive.is_dir() or not given.archive.absolute().parent.is_dir():
        parser.error(f"--archive must be a file in a folder that exists, not {given.archive}.")
    return given


# --- the parts of the method


def checks(device: torch.device) -> Iterator[tuple[str, float, float]]:
    """Yield the name of each check, the difference from the CPU, and how large it may be."""
    for name, make, rows in _models():
        model = make()
        losses = [_loss(model.to(where), rows.to(where)) for where in (CPU, device)]
        yield f"loss of {name}", _relative(*losses), LOSS
        merged = [_merged(make, where) for where in (CPU, device)]
        yield f"merged weights of {name}", float((merged[0] - merged[1]).abs().max()), WEIGHT
    split = made_up_split(2000, 1500, 40_000)
    torch.manual_seed(0)
    model = BPR(split.n_users, split.n_items, d=32, l2=0.0)
    ranks = [
        Ranker(split, None, False, where).ranks(model.to(where), "test") for where in (CPU, device)
    ]
    yield "ranks of BPR", float(np.mean(ranks[0] != ranks[1])), RANKS


def _models() -> list[tuple[str, Callable[[], nn.Module], torch.Tensor]]:
    """Return the name of each model, a function that makes it, and training rows."""
    rows = padded_rows(64, 20, 1500, 0.2)
    pairs = torch.from_numpy(np.random.default_rng(1).integers(1, 1500, (256, 3)))
    return [
        ("SASRec", lambda: SASRec(1500, d=32, t=20, p=0.0), rows),
        ("YouTube DNN", lambda: YouTubeDNN(1500, d=32), rows),
        ("BPR", lambda: BPR(1500, 1500, d=32, l2=0.02), pairs),
    ]


def _loss(model: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    loss: torch.Tensor = model.loss(rows)  # type: ignore[operator]
    return loss.detach().cpu()


def _merged(make: Callable[[], nn.Module], device: torch.device) -> torch.Tensor:
    """Return all weights of two peers after a layer-wise exchange."""
    peers = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        peers.append(make().to(device))
    cooperate(peers, LayerWise("entropy", 30.0))
    return torch.cat([w.detach().cpu().ravel() for peer in peers for w in peer.parameters()])


def _relative(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs() / one.abs())


# --- whole runs


def compare_runs(device: str, dataset: str, epochs: int, work: Path) -> pd.DataFrame:
    """Train a base and PCRec of each model on the CPU and on the GPU, without dropout.

    Dropout is left out because each device draws masks of its own.

    Returns
    -------
    DataFrame
        One row per run: the largest differences over its epochs, and the seconds per epoch.
    """
    rows = []
    for model in ("sasrec", "dnn", "bpr"):
        usual: dict[str, Any] = {"epochs": epochs} | ({"p": 0.0} if model == "sasrec" else {})
        for spec in (
            defaults.base(dataset, model, **usual),
            defaults.pcrec(dataset, model, **usual),
        ):
            cpu, other = (
                of_kind(study.run([spec], store=Store(work / kind), device=kind)[0], RunRecord)
                for kind in ("cpu", device)
            )
            rows.append(
                {"run": spec.name, **_differences(cpu, other), **_seconds(cpu, other, epochs)}
            )
    table = pd.DataFrame(rows)
    off = table[(table["loss"] > RUN_LOSS) | (table["ndcg_20"] > RUN_NDCG)]
    if len(off):
        sys.exit(f"error: on {device} and the CPU these differ by too much: {', '.join(off.run)}.")
    return table


def _differences(cpu: RunRecord, other: RunRecord) -> dict[str, float]:
    one, two = (record.outcome.history for record in (cpu, other))
    metric = "NDCG@20"
    return {
        "loss": float(np.max(np.abs(one.loss - two.loss) / np.abs(one.loss))),
        "ndcg_20": float(np.max(np.abs(one.own[metric] - two.own[metric]))),
    }


def _seconds(cpu: RunRecord, other: RunRecord, epochs: int) -> dict[str, float]:
    one, two = (record.provenance.seconds["train"] / epochs for record in (cpu, other))
    return {"cpu_epoch_s": one, "device_epoch_s": two, "ratio": one / two}


# --- the planned records


def queue(command: Sequence[str], options: Sequence[str], cache: Path, end: float) -> None:
    """Run a command of ``pcrec`` until the monotonic clock is at ``end``.

    What is not finished by then is left out; each finished run has its record below ``cache``.
    """
    (cache / "records").mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "pcrec_core", *command, *options],
        env=os.environ | {paths.CACHE: str(cache)},
        start_new_session=True,
    )
    for limit, how in ((end - _GRACE, signal.SIGTERM), (end, signal.SIGKILL)):
        try:
            process.wait(max(0.0, limit - time.monotonic()))
            return
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, how)
    process.wait()


def archive(path: Path, parts: Sequence[Path]) -> int:
    """Write the parts into one ``.tar.gz``, and return the number of records in it."""
    with tarfile.open(path, "w:gz") as file:
        for part in parts:
            file.add(part, part.name)
    return sum(1 for part in parts for _ in part.rglob("*.json"))


if __name__ == "__main__":
    main()
