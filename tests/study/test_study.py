"""The study: records are read or made, and where it is forbidden no real data are trained on."""

from __future__ import annotations

import builtins
import dataclasses
import io
import re
import shlex
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from records_support import record_with
from safetensors.torch import load_file
from support import fit

from pcrec_core import datasets, provenance
from pcrec_core.analysis import paper
from pcrec_core.datasets import csv_data
from pcrec_core.datasets.reading.options import Options
from pcrec_core.datasets.split import split
from pcrec_core.errors import (
    FileError,
    Interrupted,
    PCRecError,
    RecordError,
    SpecError,
    TrainingError,
)
from pcrec_core.specs import run as specs
from pcrec_core.specs.derived import Spec
from pcrec_core.specs.run import Cooperation, Data, RunSpec
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import (
    cli,
    cli_train,
    collect,
    progress,
    records,
    splits,
    train,
    weight_files,
    weights,
)
from pcrec_core.study import run as study
from pcrec_core.study.command_line import command, current
from pcrec_core.study.defaults import base, layerwise, pcrec, run_spec
from pcrec_core.study.records import ModelRecord, Store
from pcrec_core.study.variants import variant
from pcrec_core.trainer import Trainer
from pcrec_core.training.environment import NO_TRAINING


@pytest.fixture(autouse=True)
def no_split_is_kept() -> None:
    splits.split_of.cache_clear()


def tiny(seed: int = 0, **given: Any) -> RunSpec:
    return base("synthetic", "bpr", seed=seed, **{"epochs": 1, "d": 4} | given)


def diverging(seed: int = 0) -> RunSpec:
    return tiny(seed, eta=1e30, epochs=3)


def names(store: Store) -> list[str]:
    return sorted(record.name for record in store.all())


def write_csv(path: Path, shift: int = 0) -> Path:
    """Write twelve users, each eight of ten items, ids text."""
    rows = [f"u{user},i{(user + 3 * k + shift) % 10},{k}" for user in range(12) for k in range(8)]
    path.write_text("\n".join(["the user,item,time", *rows]) + "\n")
    return path


NAMED = ("the user", "item", "time")


# --- read, or trained and stored


def test_a_missing_record_is_trained_and_written(store, trained):
    [found] = study.run([tiny()], store=store)
    assert trained == [tiny()] and found.spec == tiny() and found.name == tiny().name
    assert records.read(store.path(tiny().name)) == found


def test_an_existing_record_is_read_to_the_byte(store, trained):
    [first] = study.run([tiny()], store=store)
    content = store.path(tiny().name).read_bytes()
    assert study.run([tiny()], store=store) == [first] and len(trained) == 1
    assert store.path(tiny().name).read_bytes() == content


def test_records_come_in_the_order_of_the_specs_and_equal_specs_are_trained_once(store, trained):
    study.run([tiny(2)], store=store)
    wanted = [tiny(1), tiny(2), tiny(0), tiny(1), tiny(0, epochs=1.0)]
    found = study.run(wanted, store=store)
    assert [record.key["seed"] for record in found] == [1, 2, 0, 1, 0]
    assert trained == [tiny(2), tiny(1), tiny(0)] and found[0] == found[3] and found[2] == found[4]


def test_no_specs_give_no_records(store):
    assert study.run([], store=store) == [] and not store.folder.exists()


def test_a_run_can_be_repeated_from_its_record_alone(store, tmp_path):
    wanted = pcrec("synthetic", "sasrec", epochs=2, d=8)
    [first] = study.run([wanted], store=store)
    [again] = study.run([first.spec], store=Store(tmp_path / "other"))
    assert again.result == first.result and again.name == first.name


def test_a_csv_is_one_run_wherever_it_lies(store, trained, tmp_path):
    here = write_csv(tmp_path / "here.csv")
    there = tmp_path / "there.csv"
    shutil.copy(here, there)
    run, twin = (base(csv_data(path, NAMED), "bpr", epochs=1, d=4) for path in (here, there))
    [one, other] = study.run([run, twin], store=store)
    assert len(trained) == 1 and one == other and one.result["data"]["users"] == 12
    assert "path" not in one.key["data"] and str(tmp_path) not in store.path(run.name).read_text()
    changed = base(csv_data(write_csv(there, shift=1), NAMED), "bpr", epochs=1, d=4)
    study.run([changed], store=store)
    assert trained == [run, changed]


def test_a_user_with_every_item_is_counted_in_the_record_of_bpr(store, tmp_path):
    rows = [(u, (u + i) % 6) for u in range(12) for i in range(5)]
    rows += [("all", i % 6) for i in range(8)]
    lines = [f"u{u},i{i},{time}" for time, (u, i) in enumerate(rows)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["user,item,time", *lines]))
    spec = base(csv_data(path), "bpr", epochs=1, d=4)
    study.run([spec], store=store)
    [record] = study.run([spec], store=store)
    assert record.outcome.data.users_not_trained == 1 and record.outcome.data.users == 13


def test_a_record_of_another_numerics_counts_as_missing(store, trained, monkeypatch):
    [before] = study.run([tiny()], store=store)
    monkeypatch.setitem(specs.NUMERICS, "bpr", before.key["numerics"] + 1)
    [after] = study.run([tiny()], store=store)
    assert len(trained) == 2 and after.key["numerics"] == before.key["numerics"] + 1
    assert names(store) == sorted([before.name, after.name])
    # an earlier record is still read
    assert study.run([before.spec], store=store) == [before]


def test_a_run_of_another_numerics_cannot_be_trained_by_this_code(store, trained):
    older = dataclasses.replace(tiny(), numerics=7)
    sentence = f"the record {older.name} is missing, and only an earlier state of the code"
    with pytest.raises(RecordError, match=sentence):
        study.run([older], store=store)
    assert trained == []


def test_a_damaged_record_is_reported_before_any_training(store, trained):
    study.run([tiny(1)], store=store)
    store.path(tiny(1).name).write_text("{")
    with pytest.raises(RecordError, match=f"{tiny(1).identity}.json is not a record"):
        study.run([tiny(0), tiny(1)], store=store)
    assert trained == [tiny(1)]


# --- what a record holds


def test_the_run_part_holds_the_provenance_of_a_record(store, monkeypatch):
    monkeypatch.setattr(provenance, "_asked", lambda: ("c" * 40, True))
    monkeypatch.setattr(provenance, "sound", lambda: True)
    [found] = study.run([tiny()], store=store, device="cpu")
    run = found.run
    assert (run["device"], run["threads"], run["began_with_epoch"]) == ("cpu", 1, 0)
    assert (run["commit"], run["clean"], run["code"]) == ("c" * 40, True, provenance.CODE)
    assert run["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert run["versions"]["numpy"] == np.__version__ and run["python"] == sys.version.split()[0]
    assert set(run["seconds"]) == {"train", "evaluate"} and min(run["seconds"].values()) >= 0
    assert run["peak_bytes"] > 2**20


def test_the_weights_of_the_reported_model_are_kept_and_no_checkpoint_is(store, tmp_path):
    [found] = study.run([tiny()], store=store)
    kept = load_file(weight_files.path(tiny()))
    assert weight_files.path(tiny()) == tmp_path / "weights" / f"{tiny().name}.safetensors"
    assert sum(w.numel() for w in kept.values()) == found.result["weights"]
    largest = max(tuple(w.shape) for w in kept.values() if w.dim() == 2)
    assert largest == (found.result["data"]["users"], 4)
    checkpoints = [path.name for path in (tmp_path / "checkpoints").iterdir()]
    assert checkpoints == [f"{tiny().identity}.lock"]


def test_torch_has_its_threads_back_after_a_run_and_after_a_failure(store):
    before = torch.get_num_threads()
    study.run([tiny()], store=store, threads=before + 1)
    with pytest.raises(TrainingError):
        study.run([diverging()], store=store, threads=before + 1)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threads": 0}, "threads must be from 1 to 1024, not 0"),
        ({"device": "gpu"}, "device must be auto, cpu or cuda, not 'gpu'"),
    ],
)
def test_an_impossible_place_is_refused(store, options, words):
    with pytest.raises(TrainingError, match=words):
        study.run([tiny()], store=store, **options)
    assert names(store) == []


# --- a failing run


def fails(error: Exception) -> None:
    raise error


def test_unreadable_data_are_asked_for_once_and_stop_no_run_on_other_data(store, monkeypatch):
    nobody = [dataclasses.replace(tiny(seed), data=Data("synthetic", core=1000)) for seed in (0, 1)]
    asked = []
    load = datasets.load
    monkeypatch.setattr(
        datasets, "load", lambda data, **options: asked.append(data) or load(data, **options)
    )
    with pytest.raises(PCRecError, match=r"2 of 3 runs failed.*nobody is left"):
        study.run([*nobody, tiny(2)], store=store)
    assert names(store) == [tiny(2).name] and asked.count(nobody[0].data) == 1


def test_where_the_weights_cannot_be_written_the_record_is(store, monkeypatch):
    def full(*_: Any) -> None:
        raise FileError("the weights cannot be written (No space left on device).")

    monkeypatch.setattr(weights, "keep", full)
    with pytest.raises(FileError, match="the weights cannot be written"):
        study.run([tiny()], store=store)
    assert names(store) == [tiny().name]
    monkeypatch.undo()
    assert [record.spec for record in study.run([tiny()], store=store)] == [tiny()]


def test_a_run_is_not_resumed_with_other_threads(store, monkeypatch):
    original = Trainer._epoch

    def pressed(trainer: Trainer, number: int) -> dict[str, Any]:
        if number == 1:
            signal.raise_signal(signal.SIGINT)
        return original(trainer, number)

    monkeypatch.setattr(Trainer, "_epoch", pressed)
    with pytest.raises(Interrupted, match="after 2 of 3 epochs"):
        study.run([tiny(epochs=3)], store=store)
    monkeypatch.setattr(Trainer, "_epoch", original)
    sentence = "was written with threads 1, and here it would go on with threads 2; go back to"
    with pytest.raises(TrainingError, match=sentence):
        study.run([tiny(epochs=3)], store=store, threads=2)
    assert study.run([tiny(epochs=3)], store=store)[0].run["began_with_epoch"] == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_computes_nothing_but_what_is_derived_is_asked_for_before_the_training(
    store, trained
):
    derived = variant("pruned30", "synthetic", "bpr", given={"epochs": 1, "d": 4})
    with ThreadPoolExecutor(1) as elsewhere, pytest.raises(TrainingError, match="torch sees no"):
        study.run([derived], elsewhere, store=store, device="cuda")
    assert trained == [] and names(store) == []


def test_where_no_record_can_be_written_no_run_is_trained(tmp_path, trained):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        study.run([tiny(0), tiny(1)], store=Store(tmp_path / "file"))
    assert trained == []


@pytest.mark.parametrize(
    "full",
    [
        lambda *_: torch.empty(10**15),
        lambda *_: [0] * 10**15,
        lambda *_: fails(torch.OutOfMemoryError()),
    ],
    ids=["cpu", "python", "gpu"],
)
@pytest.mark.parametrize(
    ("module", "advice"),
    [
        (train, "lower d first: 2 instead of 4 takes 21% less, or use another device"),
        (splits, "use a machine with more of it"),
    ],
    ids=["for a run", "for its data"],
)
def test_memory_that_does_not_suffice_is_one_sentence(store, monkeypatch, full, module, advice):
    for one in {train, module}:
        monkeypatch.setattr(one, "split_for", full)
    with pytest.raises(TrainingError, match=f"there is not enough memory; {advice}"):
        study.run([tiny()], store=store)
    assert names(store) == []


@pytest.mark.parametrize("workers", [None, 1, 2])
def test_a_failing_run_leaves_what_was_finished(store, workers):
    def run(specs: list[RunSpec]) -> None:
        if workers is None:
            study.run(specs, store=store)
        else:
            with ThreadPoolExecutor(workers) as executor:
                study.run(specs, executor, store=store)

    sentence = "the loss of peer 0 is nan in epoch .*: the training diverged"
    with pytest.raises(TrainingError, match=sentence):
        run([tiny(0), diverging(), tiny(1)])
    # the others go on
    assert names(store) == sorted([tiny(0).name, tiny(1).name])
    assert [path.suffix for path in store.folder.rglob("*") if path.is_file()] == [".json"] * 2


# --- real data

REAL = {
    "ml-100k": lambda: pcrec("ml-100k", "sasrec"),
    "retailrocket-half": lambda: base("retailrocket-half", "dnn", seed=2),
}


@pytest.mark.parametrize("source", REAL)
def test_real_data_are_not_trained_on_where_that_is_forbidden(store, trained, monkeypatch, source):
    monkeypatch.setenv(NO_TRAINING, "1")
    missing = REAL[source]()
    with pytest.raises(RecordError) as refused:
        study.run([tiny(), missing], store=store)
    sentence = str(refused.value)
    assert missing.name in sentence
    assert "PCREC_NO_TRAINING is set" in sentence
    assert sentence.endswith(command(missing))
    assert trained == [] and "\n" not in sentence


def test_a_csv_is_real_data_too(store, trained, monkeypatch, tmp_path):
    monkeypatch.setenv(NO_TRAINING, "1")
    run = base(csv_data(write_csv(tmp_path / "my.csv"), NAMED), "bpr")
    with pytest.raises(RecordError, match=r"my\.csv"):
        study.run([run], store=store)
    assert trained == []


def test_synthetic_data_are_trained_on_and_committed_records_read(store, trained, monkeypatch):
    monkeypatch.setenv(NO_TRAINING, "1")
    committed = record_with(REAL["ml-100k"](), {"ranks": "1"})
    store.put(committed)
    [found, made] = study.run([REAL["ml-100k"](), tiny()], store=store)
    assert found == committed and made.spec == tiny() and trained == [tiny()]


# --- the command that makes a run


def parsed(line: str) -> Spec:
    words = shlex.split(line)
    assert words[:2] == ["pcrec", "train"]
    [run] = cli_train.specs(cli.parser().parse_args(words[1:]))
    return run


PERMUTED = Cooperation("layerwise", "entropy", 3, shares="permuted")
MASKS, NOISE = Cooperation("parameterwise", gamma=0.01), Cooperation("noise")
SHUFFLED = Data("ml-100k", histories="shuffled")


@pytest.mark.parametrize(
    "run",
    [
        base("ml-100k", "bpr"),
        base("retailrocket", "sasrec", seed=7),
        base("retailrocket-half", "dnn", schedule="constant"),
        pcrec("ml-100k", "sasrec"),
        pcrec("ml-1m", "dnn", alpha=12.5, criterion="l1", eta=1e-4, l2=5e-5),
        pcrec("synthetic", "sasrec", alpha=0, p=0, t=7, d=16, batch=3, epochs=4),
        pcrec("ml-100k", "bpr", alpha=1e-7, seed=2**65),
        base(Data("ml-100k", core=3), "sasrec", eta=1 / 3),
        dataclasses.replace(base("ml-1m", "sasrec"), peers=2),
        run_spec("ml-1m", "sasrec", peers=4, cooperation=layerwise("sasrec", every=5)),
        run_spec("ml-1m", "sasrec", peers=3, cooperation=Cooperation("averaging", every=120)),
        run_spec(
            "ml-100k",
            "sasrec",
            peers=2,
            cooperation=Cooperation("layerwise", "l1", 3, components=("softmax", "embedding")),
            **{"rates": "equal", "orders": "same", "starts": "same"},
            options={"loss": "all", "candidates": "padding too"},
        ),
        run_spec("ml-100k", "sasrec", peers=2, cooperation=PERMUTED),
        run_spec("ml-100k", "dnn", peers=2, cooperation=MASKS, protocol="paper"),
        run_spec(
            "ml-100k", "bpr", cooperation=NOISE, protocol="released", options={"order": "fresh"}
        ),
        base(SHUFFLED, "sasrec", schedule="constant", average="swa", precision="bf16"),
        variant("M3", "ml-1m", "dnn", 4, {"epochs": 7, "protocol": "released"}),
        variant("pruned30-tuned", "ml-100k", "sasrec", 1, {"d": 32}),
        variant("probed-LE@12.5", "ml-100k", "bpr"),
        variant("recency", Data("ml-100k", core=2), "bpr"),
    ],
    ids=lambda run: run.name,
)
def test_the_command_line_of_a_spec_means_that_spec(run):
    assert parsed(command(run)) == run


def test_the_command_line_of_every_committed_record_means_its_spec():
    found = [record.spec for record in Store().all() if isinstance(record, ModelRecord)]
    assert len(found) > 280
    for spec in found:
        # the numerics of an earlier state of the code are no option
        assert parsed(command(spec)).identity == current(spec).identity
        assert spec.numerics != current(spec).numerics or current(spec).identity == spec.identity


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (pcrec("ml-100k", "sasrec", 10), "LE@10 --dataset ml-100k --model sasrec --seed 0"),
        (
            variant("SD", "ml-1m", "dnn", 2, {"epochs": 3}),
            "SD --dataset ml-1m --model dnn --seed 2 --set epochs=3",
        ),
        (
            base("ml-100k", "sasrec", options={"candidates": "padding too"}),
            "base --dataset ml-100k --model sasrec --seed 0 --set 'candidates=padding too'",
        ),
    ],
)
def test_the_command_line_is_as_short_as_a_label_allows(run, line):
    assert command(run) == f"pcrec train {line}"


@pytest.mark.parametrize(
    "columns",
    [NAMED, NAMED[:2], ("item", "the user", "time")],
)
@pytest.mark.parametrize("name", ["my.csv", "my own $HOME 'file'.csv"])
def test_the_command_line_of_a_csv_means_that_csv(tmp_path, name, columns):
    options = Options(encoding="latin-1", skip_bad_rows=True)
    data = csv_data(write_csv(tmp_path / name), columns, core=2, options=options)
    assert data.reading == ("encoding=latin-1", "skip_bad_rows=True")
    run = pcrec(data, "sasrec")
    again = parsed(command(run))
    assert again == run and again.data.path == data.path and again.data.columns == data.columns


def test_the_command_line_of_a_csv_of_unknown_path_has_a_placeholder():
    data = Data("csv", sha256="0" * 64, columns=("user", "item"))
    assert " --csv FILE --columns user,item " in command(base(data, "bpr"))


# --- executors


class Later:
    """A future with ``result`` and ``done`` alone; it is done at the third look."""

    def __init__(self, job: Any) -> None:
        self._job, self._value, self._looks = job, None, 0

    def done(self) -> bool:
        self._looks += 1
        if self._looks == 3:
            self._value = self._job()
        return self._looks >= 3

    def result(self) -> Any:
        assert self._looks >= 3
        return self._value


class Plain:
    """An executor with ``submit`` alone."""

    def __init__(self) -> None:
        self.futures: list[Later] = []

    def submit(self, function: Any, *args: Any, **options: Any) -> Later:
        self.futures.append(Later(lambda: function(*args, **options)))
        return self.futures[-1]


SMALL = [
    *(pcrec("synthetic", "sasrec", epochs=2, d=8, seed=s) for s in range(3)),
    tiny(),
    base("synthetic", "dnn", epochs=2, d=8),
]


def results(found: list[records.Record]) -> list[dict]:
    return [record.result for record in found]


@pytest.fixture(scope="module")
def here() -> list[dict]:
    """Return the results of ``SMALL``, trained in turn without the study."""
    return [fit(run, split(datasets.load(run.data)))[1].result for run in SMALL]


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_give_the_same_records(store, here, workers):
    """Runs in threads must not share torch's global generator, for dropout and initial weights."""
    with ThreadPoolExecutor(workers) as executor:
        there = study.run(SMALL, executor, store=store)
    assert [record.name for record in there] == [run.name for run in SMALL]
    assert results(there) == here


def test_an_executor_needs_submit_alone_and_gets_only_what_is_missing(store, here):
    study.run(SMALL[3:4], store=store)
    executor = Plain()
    there = study.run([*SMALL, SMALL[0]], executor, store=store)
    assert all(future.done() for future in executor.futures)
    identities = sorted(future.result() for future in executor.futures)
    assert identities == sorted(run.identity for run in SMALL if run != SMALL[3])
    assert results(there[:-1]) == here and there[-1] == there[0]


# --- the progress bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_shows_runs_epochs_and_the_time_left_on_a_terminal(store, monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    study.run([tiny(0, epochs=3), tiny(1)], store=store)
    shown = sys.stderr.getvalue()
    for part in (f"run 1 of 2: {tiny(0, epochs=3).name}", "run 2 of 2", "3/3", "best 0."):
        assert part in shown
    assert "epoch/s" in shown or "s/epoch" in shown
    # elapsed<left
    assert "<" in shown


class Time:
    """A clock that a test moves."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Time:
    """Return the clock of the lines of progress."""
    monkeypatch.setattr(progress, "time", Time())
    return progress.time


@pytest.mark.parametrize(
    ("step", "lines"), [(1, [0]), (25, [0, 3, 6, 9]), (700, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])]
)
def test_a_log_has_a_line_at_the_start_and_then_at_most_one_per_minute(capsys, clock, step, lines):
    progress.begin()
    for run in (1, 2):
        with progress.bar(10, f"run {run}", "epoch") as log:
            log.update(0)
            for _ in range(10):
                clock.now += step
                log.set_postfix_str("best 0.1234")
                log.update()
    first = [line for line in capsys.readouterr().err.splitlines() if line.startswith("run 1")]
    assert [int(re.search(r", (\d+) of 10", line)[1]) for line in first] == lines
    if step == 700:
        assert first[0] == "run 1, 0 of 10 epochs"
        assert first[4] == "run 1, 4 of 10 epochs after 47 min, 1.2 h left; best 0.1234"


def test_a_notebook_shows_only_what_takes_long(store, capsys, clock, monkeypatch):
    monkeypatch.setattr(builtins, "get_ipython", None, raising=False)
    study.run([tiny()], store=store)
    assert capsys.readouterr() == ("", "")
    progress.begin()
    clock.now += 11
    with progress.bar(3, "run", "epoch"):
        assert capsys.readouterr().err == "run, 0 of 3 epochs\n"
    monkeypatch.setenv(NO_TRAINING, "1")
    progress.begin()
    clock.now += 1e9
    with progress.bar(3, "run", "epoch"):
        assert capsys.readouterr().err == ""


# --- statistics of a data set


def test_statistics_are_computed_once_and_then_read_without_the_data(store, monkeypatch):
    data = Data("synthetic")
    made = splits.statistics(data, store)
    expected = ("statistics", records.statistics_name(data), data.canonical())
    assert (made.kind, made.name, made.key) == expected
    users = splits.split_of(data).n_users
    assert (made.result["users"], made.result["source"]) == (users, "synthetic")
    monkeypatch.setattr(datasets, "load", None)
    assert splits.statistics(data, store) == made == store.get(made.name)
    assert records.statistics_name(Data("synthetic", core=4)) != made.name


def test_users_are_grouped_by_their_test_target(store):
    groups = splits.target_groups(Data("synthetic"), store)
    targets = splits.split_of(Data("synthetic")).targets("test")
    assert ((groups[:, None] == groups) == (targets[:, None] == targets)).all() and groups[0] == 0


# --- arms by label


def test_an_arm_of_a_label_has_its_seeds_in_order(store, trained):
    alphas, seeds, given = [10, 0, 40.0], [3, 1], {"epochs": 7, "eta": 0.25}
    specs = [
        pcrec("ml-100k", "sasrec", alpha, seed=seed, **given) for alpha in alphas for seed in seeds
    ]
    for run in reversed(specs):
        store.put(record_with(run, {"ranks": "1"}))
    labels = ["LE@10", "avg", "LE@40"]
    swept = [
        collect.labelled(label, "ml-100k", "sasrec", seeds, given, store=store) for label in labels
    ]
    assert [arm.variant for arm in swept] == labels and [arm.alpha for arm in swept] == alphas
    assert [run.spec for arm in swept for run in arm.runs] == specs and trained == []
    assert [run.spec.seed for run in swept[0].runs] == seeds
    claims = paper.claims()
    assert {arm.variant for arm in swept} < {*claims["a"], *claims["b"]}


def test_arms_of_several_models_are_checked_before_the_first_is_trained(store, trained):
    plan = [("synthetic", "sasrec"), ("synthetic", "dnn")]
    too_few = {"sasrec": ["base"], "dnn": ["base", "LE-k5"]}
    for labels, sentence in (
        (["base", "SDD"], r"variant SDD of sasrec: unknown variant 'SDD'; did you mean 'SD'\?"),
        (too_few, "variant LE-k5 of dnn: cooperation every 5 epochs never happens in 2 epochs"),
    ):
        with pytest.raises(SpecError, match=sentence):
            collect.by_label(plan, labels, [0], {"epochs": 2}, store=store)
    assert trained == []
    for make, (_, model) in product((base, pcrec), plan):
        store.put(record_with(make("synthetic", model, epochs=2, seed=7), {"ranks": "1"}))
    labels = {"sasrec": ["base", "LE"], "dnn": ["LE"]}
    first, second = collect.by_label(plan, labels, [7], {"epochs": 2}, store=store)
    assert list(first) == ["base", "LE"] and list(second) == ["LE"]
    assert second["LE"].model == "dnn" and trained == []


def test_without_seeds_it_has_the_planned_ones(store, trained):
    for seed in range(3):
        for run in (base("ml-100k", "bpr", seed=seed), pcrec("retailrocket", "bpr", seed=seed)):
            store.put(record_with(run, {"ranks": "1"}))
    planned, unplanned = (
        collect.labelled(label, name, "bpr", store=store)
        for label, name in (("base", "ml-100k"), ("LE", "retailrocket"))
    )
    assert [run.spec.seed for run in planned.runs] == [0, 1, 2]
    assert [run.spec.seed for run in unplanned.runs] == [0]
    recency = Trivial(Data("ml-100k"), "recency")
    store.put(record_with(recency, {"ranks": "1"}))
    # it has no seeds
    [run] = collect.labelled("recency", "ml-100k", "bpr", [3, 4], store=store).runs
    assert run.spec == recency


def test_an_arm_trains_what_is_missing_with_the_options_it_is_given(store, trained, monkeypatch):
    def put(run: RunSpec, to: Store, **options: Any) -> None:
        trained.append((run, options["device"]))
        to.put(record_with(run, {"ranks": "1"}))

    monkeypatch.setattr(train, "train", put)
    store.put(record_with(pcrec("synthetic", "bpr", 10, d=4), {"ranks": "1"}))
    for label in ("LE@10", "avg"):
        collect.labelled(label, Data("synthetic"), "bpr", [0], {"d": 4}, store=store, device="cpu")
    assert trained == [(pcrec("synthetic", "bpr", 0, d=4), "cpu")]


def test_a_run_is_trained_on_the_data_of_its_protocol(store):
    usual = run_spec("synthetic", "bpr", epochs=1)
    runs = [usual, run_spec("synthetic", "bpr", epochs=1, options={"data": "own"})]
    found = [record.result["data"]["fingerprint"] for record in study.run(runs, store=store)]
    assert found == [splits.split_for(run).fingerprint() for run in runs] and found[0] != found[1]
