"""The command for a GPU that is lent for minutes, tried where there is none: on the CPU."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import time

import pandas as pd
import pytest
import support  # noqa: F401  (one thread)
import torch

from benchmarks import gpu
from pcrec_core.models.bpr import BPR
from pcrec_core.paths import ROOT
from pcrec_core.study.records import Store

#: Runs a module while all that a lent machine lacks is hidden.
LENT = """
import runpy, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "matplotlib", "seaborn", "papermill", "platformdirs", "pooch", "dask", "distributed",
            "pytest", "IPython", "jinja2", "psutil", "yaml",
        }:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
sys.argv = ["gpu", *sys.argv[1:]]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


def test_each_part_computes_the_same_on_the_same_device():
    found = list(gpu.checks(gpu.CPU))
    assert [difference for _, difference, _ in found] == [0.0] * 7
    assert [name for name, *_ in found][::2] == [
        "loss of SASRec",
        "loss of YouTube DNN",
        "loss of BPR",
        "ranks of BPR",
    ]


@pytest.mark.parametrize(
    ("archive", "device", "words"),
    [
        ("none/a.tar.gz", "cpu", "--archive must be a file in a folder that exists"),
        ("", "cpu", "--archive must be a file in a folder that exists"),
        ("a.tar.gz", "cudda", "error: device must be auto, cpu or cuda, not 'cudda'."),
    ],
)
def test_what_would_end_in_nothing_is_refused_at_once(
    archive, device, words, monkeypatch, tmp_path, capsys
):
    arguments = ["--minutes", "1", "--archive", str(tmp_path / archive), "--device", device]
    monkeypatch.setattr(sys, "argv", ["gpu", *arguments])
    with pytest.raises(SystemExit) as error:
        gpu.main()
    assert words in f"{error.value}\n{capsys.readouterr().err}"


def test_a_loss_that_differs_ends_the_command_before_any_training(monkeypatch, tmp_path, capsys):
    calls = iter((1.0, 1.001))
    monkeypatch.setattr(gpu, "_loss", lambda *_: torch.tensor(next(calls)))
    arguments = ["--minutes", "1", "--archive", str(tmp_path / "a.tar.gz"), "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["gpu", *arguments])
    with pytest.raises(SystemExit, match="loss of SASRec on cpu differs from that on the CPU"):
        gpu.main()
    assert capsys.readouterr().out == "loss of SASRec: 0.001, at most 0.0001\n"
    assert not list(tmp_path.iterdir())


def test_runs_that_differ_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "_differences", lambda *_: {"loss": 0.02, "ndcg_20": 0.0})
    with pytest.raises(SystemExit, match="on cpu and the CPU these differ by too much: synthetic/"):
        gpu.compare_runs("cpu", "synthetic", 1, tmp_path)


def test_the_command_makes_an_archive_with_nothing_but_torch_and_what_comes_with_it(tmp_path):
    made = tmp_path / "made.tar.gz"
    words = f"--minutes 0.01 --archive {made} --device cpu --dataset synthetic --epochs 1".split()
    done = subprocess.run(
        [sys.executable, "-c", LENT, *words, "--workers", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith(f"0 records are in {made}.\n")
    with tarfile.open(made) as file:
        file.extractall(tmp_path / "out", filter="data")
    times = pd.read_csv(tmp_path / "out" / "gpu-times.csv")
    assert list(times.loc[:, "loss":"ndcg_20"].max()) == [0.0, 0.0] and len(times) == 6


TRAIN = ["train", "base", "LE", "--dataset", "synthetic", "--model", "bpr", "--set"]


def test_each_finished_run_of_the_queue_has_its_record_in_the_archive(tmp_path):
    end = time.monotonic() + 300
    gpu.queue([*TRAIN, "epochs=1"], ["--device=cpu"], tmp_path / "cache", end)
    assert time.monotonic() < end - gpu._GRACE
    assert gpu.archive(tmp_path / "a.tar.gz", [tmp_path / "cache" / "records"]) == 2
    with tarfile.open(tmp_path / "a.tar.gz") as file:
        file.extractall(tmp_path / "out", filter="data")
    found = {record.spec.variant for record in Store(tmp_path / "out" / "records").all()}
    assert found == {"base", "le-a20"}


def test_what_is_not_finished_in_time_is_asked_to_stop_and_leaves_a_checkpoint(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(gpu, "_GRACE", 30.0)
    end = time.monotonic() + 30 + 30  # to start in, on a busy machine
    gpu.queue([*TRAIN, "epochs=1000000"], ["--device=cpu"], tmp_path / "cache", end)
    assert time.monotonic() < end
    assert not list((tmp_path / "cache" / "records").rglob("*.json"))
    assert len(list((tmp_path / "cache" / "checkpoints").rglob("*.pt"))) == 1


def test_the_weights_of_a_merge_are_compared_whole():
    weights = gpu._merged(lambda: BPR(3, 4, d=2, l2=0.0), gpu.CPU)
    assert weights.shape == (2 * (3 * 2 + 5 * 2),)
