"""Every field of a spec does something: each is changed, and the training is another."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from support import fit, two_rings

from pcrec_core import datasets, spec
from pcrec_core.datasets.split import Split, split
from pcrec_core.errors import SpecError
from pcrec_core.spec import Cooperation, Data, Model, RunSpec, Training

LAYERWISE = Cooperation("layerwise", "entropy", 30)
SASREC = RunSpec(Data("synthetic", core=12), Model("sasrec", d=4, t=4, p=0.1), Training(2, 16, 0.01), 2, LAYERWISE)
DNN = replace(SASREC, model=Model("dnn", d=4, t=4))
BPR = replace(SASREC, model=Model("bpr", d=4), training=Training(2, 64, 0.01, 1e-3))
RINGS = two_rings()


def change(run: RunSpec, part: str, **given: object) -> RunSpec:
    return replace(run, **{part: replace(getattr(run, part), **given)})


#: Name of a field: runs that differ in it alone.
CHANGES: dict[str, list[RunSpec]] = {
    "Model.name": [SASREC, DNN, BPR],
    "Model.d": [SASREC, change(SASREC, "model", d=5)],
    "Model.t": [SASREC, change(SASREC, "model", t=5)],
    "Model.t of DNN": [DNN, change(DNN, "model", t=5)],
    "Model.p": [SASREC, change(SASREC, "model", p=0), change(SASREC, "model", p=0.5)],
    "Training.epochs": [SASREC, change(SASREC, "training", epochs=3)],
    "Training.batch": [SASREC, change(SASREC, "training", batch=15)],
    "Training.eta": [SASREC, change(SASREC, "training", eta=0.011)],
    "Training.l2": [SASREC, change(SASREC, "training", l2=1e-3)],
    "Training.l2 of DNN": [DNN, change(DNN, "training", l2=1e-3)],
    "Training.l2 of BPR": [BPR, change(BPR, "training", l2=0)],
    "Training.schedule": [SASREC, change(SASREC, "training", schedule="constant")],
    "RunSpec.peers": [SASREC, replace(SASREC, peers=3)],
    "RunSpec.cooperation": [SASREC, replace(SASREC, cooperation=None)],
    "RunSpec.seed": [SASREC, replace(SASREC, seed=1)],
    "Cooperation.rule": [SASREC, replace(SASREC, cooperation=Cooperation("averaging"))],
    "Cooperation.criterion": [SASREC, change(SASREC, "cooperation", criterion="l1")],
    "Cooperation.alpha": [SASREC, change(SASREC, "cooperation", alpha=29)],
    "Cooperation.every": [SASREC, change(SASREC, "cooperation", every=2)],
}
#: Tested below, and Training.precision in test_precision.py.
APART = {"Training.precision", "Data.core", "Data.source", "Data.sha256", "Data.columns", "Data.path", "RunSpec.protocol",
         "RunSpec.numerics", "RunSpec.data", "RunSpec.model", "RunSpec.training"}


def test_no_field_is_forgotten():
    kinds = (Data, Model, Training, Cooperation, RunSpec)
    every = {f"{kind.__name__}.{f.name}" for kind in kinds for f in fields(kind)}
    assert {name.split(" of ")[0] for name in CHANGES} | APART == every


def second_epoch(run: RunSpec, data: Split = RINGS) -> tuple[float, ...]:
    """The loss of each peer in the second epoch: after a first exchange, if there is one."""
    return tuple(peer[1] for peer in fit(run, data)[1].result["epochs"]["loss"])


@pytest.mark.parametrize("name", CHANGES)
def test_another_value_is_another_training(name):
    runs = CHANGES[name]
    assert len({run.identity for run in runs}) == len({second_epoch(run) for run in runs}) == len(runs)


def on_its_data(run: RunSpec) -> tuple[float, ...]:
    return second_epoch(run, split(datasets.load(run.data)))


def test_the_source_its_core_and_a_files_content_and_columns_change_the_training(tmp_path: Path):
    rows = [(u, 1 + (u + k * k) % 7, 100 - k) for u in range(8) for k in range(6)]  # the time turns the file's order
    texts = ["\n".join(["user,item,time", *(f"{u},{i + (u == moved)},{t}" for u, i, t in rows)]) for moved in (None, 0)]
    for name, text in zip(("one.csv", "other.csv", "copy.csv"), (*texts, texts[0]), strict=True):
        (tmp_path / name).write_text(text)

    run = change(SASREC, "training", batch=512)

    def of(name: str, time: str | None = "time") -> RunSpec:
        return replace(run, data=datasets.csv_data(tmp_path / name, "user", "item", time, core=1))

    runs = [of("one.csv"), of("other.csv"), of("one.csv", None), run, change(run, "data", core=30)]
    assert len({run.identity for run in runs}) == len({on_its_data(run) for run in runs}) == 5
    copy = of("copy.csv")
    assert copy.identity == runs[0].identity and on_its_data(copy) == on_its_data(runs[0])  # a path is no identity


@pytest.mark.parametrize("protocol", sorted(set(spec.PROTOCOLS) - {"controlled"}))
def test_a_protocol_that_would_change_nothing_yet_is_refused(protocol):
    with pytest.raises(SpecError, match=f"protocol '{protocol}' cannot be run yet"):
        replace(SASREC, protocol=protocol)


def test_numerics_is_part_of_the_identity():
    assert replace(SASREC, numerics=SASREC.numerics + 1).identity != SASREC.identity
