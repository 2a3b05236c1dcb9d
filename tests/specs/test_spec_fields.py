"""Every field of a spec matters: another value gives another training or evaluation."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from support import fit, two_rings

from pcrec_core import datasets
from pcrec_core.datasets.reading.options import Options
from pcrec_core.datasets.split import Split, split
from pcrec_core.specs.protocol import PROTOCOLS, ProtocolOptions
from pcrec_core.specs.run import Cooperation, Data, Model, RunSpec, Training
from pcrec_core.study import splits

LAYERWISE = Cooperation("layerwise", "entropy", 30)
SASREC = RunSpec(
    Data("synthetic", core=12),
    Model("sasrec", d=4, t=4, p=0.1),
    Training(2, 16, 0.01),
    2,
    LAYERWISE,
)
DNN = replace(SASREC, model=Model("dnn", d=4, t=4))
BPR = replace(SASREC, model=Model("bpr", d=4), training=Training(2, 64, 0.01, 1e-3))
RINGS = two_rings()


def change(run: RunSpec, part: str, **given: object) -> RunSpec:
    return replace(run, **{part: replace(getattr(run, part), **given)})


#: Five training items make a full sequence of three and one of two.
PADDED, PADDED_DNN = change(SASREC, "model", t=3), change(DNN, "model", t=3)
#: Chance decides what barely trained models rank: the padding id is among the first.
UNTRAINED = replace(change(DNN, "training", eta=1e-6), seed=1)
LONG = change(SASREC, "training", epochs=6)
MASKS = replace(SASREC, cooperation=Cooperation("parameterwise"))
ALONE = replace(SASREC, peers=1, cooperation=None)
ALONE = change(ALONE, "training", schedule="constant", epochs=4)

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
    "Cooperation.gamma": [change(MASKS, "cooperation", gamma=g) for g in (None, 0.005, 0.1)],
    "Cooperation.shares": [
        change(SASREC, "cooperation", shares=shares) for shares in ("own", "permuted", "random")
    ],
    "Cooperation.components": [
        change(SASREC, "cooperation", components=some)
        for some in (None, ("embedding",), ("middle",), ("softmax",), ("embedding", "softmax"))
    ],
    "Cooperation.rule of other kinds": [
        replace(SASREC, cooperation=Cooperation(rule))
        for rule in ("averaging", "parameterwise", "noise")
    ],
    "Data.histories": [SASREC, change(SASREC, "data", histories="shuffled")],
    "RunSpec.rates": [SASREC, replace(SASREC, rates="equal")],
    "RunSpec.orders": [SASREC, replace(SASREC, orders="same")],
    "RunSpec.starts": [SASREC, replace(SASREC, starts="same")],
    "ProtocolOptions.loss": [PADDED, replace(PADDED, custom_options=ProtocolOptions(loss="all"))],
    "ProtocolOptions.attention": [
        PADDED,
        replace(PADDED, custom_options=ProtocolOptions(attention="all")),
    ],
    "ProtocolOptions.mean": [
        PADDED_DNN,
        replace(PADDED_DNN, custom_options=ProtocolOptions(mean="all")),
    ],
    "ProtocolOptions.layers": [
        SASREC,
        replace(SASREC, custom_options=ProtocolOptions(layers="released")),
    ],
    "ProtocolOptions.last_bin": [
        SASREC,
        replace(SASREC, custom_options=ProtocolOptions(last_bin="open")),
    ],
    "ProtocolOptions.order": [
        SASREC,
        replace(SASREC, custom_options=ProtocolOptions(order="once")),
    ],
}
#: Tested below, Training.precision in test_precision.py, evaluate_every in test_evaluate_every.py.
OTHERS = """
Training.precision Training.average Training.evaluate_every
Data.core Data.source Data.sha256 Data.columns Data.path Data.reading
RunSpec.protocol RunSpec.numerics RunSpec.data RunSpec.model RunSpec.training
RunSpec.custom_options
ProtocolOptions.data ProtocolOptions.candidates ProtocolOptions.hidden
ProtocolOptions.evaluated ProtocolOptions.choice
"""


def test_no_field_is_forgotten():
    kinds = (Data, Model, Training, Cooperation, RunSpec, ProtocolOptions)
    every = {f"{kind.__name__}.{f.name}" for kind in kinds for f in fields(kind)}
    assert {name.split(" of ")[0] for name in CHANGES} | set(OTHERS.split()) == every


def second_epoch(run: RunSpec, data: Split = RINGS) -> tuple[float, ...]:
    """Return the loss of each peer in the second epoch: after a first exchange, if any."""
    return tuple(peer[1] for peer in fit(run, data)[1].result["epochs"]["loss"])


@pytest.mark.parametrize("name", CHANGES)
def test_another_value_is_another_training(name):
    runs = CHANGES[name]
    assert len({run.identity for run in runs}) == len(runs)
    assert len({second_epoch(run) for run in runs}) == len(runs)


def on_its_data(run: RunSpec) -> tuple[float, ...]:
    return second_epoch(run, split(datasets.load(run.data)))


def test_the_source_its_core_and_a_files_content_and_columns_change_the_training(tmp_path: Path):
    # Times reverse the order of the file.
    rows = [(u, 1 + (u + k * k) % 7, 72 - k) for u in range(8) for k in range(6)]
    texts = [
        "\n".join(["user,item,time", *(f"{u},{i + (u == moved)},{t}" for u, i, t in rows)])
        for moved in (None, 0)
    ]
    for name, text in zip(("one.csv", "other.csv", "copy.csv"), (*texts, texts[0]), strict=True):
        (tmp_path / name).write_text(text)

    run = change(SASREC, "training", batch=512)

    def over(name: str, *time: str, **reading: Any) -> RunSpec:
        columns, options = ("user", "item", *time), Options(**reading)
        data = datasets.csv_data(tmp_path / name, columns, core=1, options=options)
        return replace(run, data=data)

    runs = [over("one.csv", "time"), over("other.csv", "time"), over("one.csv"), run]
    runs.append(change(run, "data", core=30))
    runs.append(over("one.csv", "time", date_format="%y"))  # 68 is 2068, after 1969
    assert len({run.identity for run in runs}) == len({on_its_data(run) for run in runs}) == 6
    copy = over("copy.csv", "time")  # a path is no identity
    assert copy.identity == runs[0].identity and on_its_data(copy) == on_its_data(runs[0])


def results(runs: list[RunSpec], *names: str, data: Split = RINGS) -> list[object]:
    """Return, per run, the values of names of the result or of columns of its epochs."""
    found = [fit(run, data)[1].result for run in runs]
    return [[result.get(name, result["epochs"].get(name)) for name in names] for result in found]


#: Fields that change the evaluation, not the training: runs, and the part of the result that
#: differs.
PADDING = ProtocolOptions(candidates="padding too")
EVALUATED: dict[str, tuple[list[RunSpec], str]] = {
    "ProtocolOptions.candidates": ([SASREC, replace(SASREC, custom_options=PADDING)], "merged"),
    "ProtocolOptions.candidates of DNN": (
        [UNTRAINED, replace(UNTRAINED, custom_options=PADDING)],
        "merged",
    ),
    "ProtocolOptions.evaluated": (
        [
            replace(SASREC, custom_options=ProtocolOptions(evaluated=e))
            for e in ("merged", "before")
        ],
        "ranks",
    ),
    "ProtocolOptions.evaluated of masks": (
        [replace(MASKS, custom_options=ProtocolOptions(evaluated=e)) for e in ("merged", "after")],
        "ranks",
    ),
    "ProtocolOptions.choice": (
        [LONG, replace(LONG, custom_options=ProtocolOptions(choice="test"))],
        "test",
    ),
    "ProtocolOptions.choice of both": (
        [replace(LONG, custom_options=ProtocolOptions(choice=c)) for c in ("test", "both")],
        "by_validation",
    ),
    "Training.average": (
        [change(ALONE, "training", average=a) for a in (None, "ema", "swa")],
        "ranks",
    ),
}


@pytest.mark.parametrize("name", EVALUATED)
def test_another_value_is_another_evaluation_of_the_same_training(name):
    runs, differs = EVALUATED[name]
    found = results(runs, differs)
    assert all(one != other for one, other in itertools.combinations(found, 2))
    assert len({run.identity for run in runs}) == len(runs)
    losses = results(runs, "loss")
    assert all(loss == losses[0] for loss in losses)


def test_bpr_hides_seen_items_by_protocol_where_a_data_set_can_repeat():
    seen = replace(BPR, custom_options=ProtocolOptions(hidden="seen"))
    shown, hidden = results([BPR, seen], "ranks", data=replace(RINGS, repeats=True))
    assert shown != hidden
    assert results([seen], "ranks") == results([BPR], "ranks") == [hidden]


def test_bprs_own_data_has_no_repeats():
    common, own = map(
        splits.split_for, (BPR, replace(BPR, custom_options=ProtocolOptions(data="own")))
    )
    assert common.repeats and not own.repeats and own.n_users <= common.n_users
    released = splits.split_for(replace(BPR, protocol="released"))
    assert own.fingerprint() == released.fingerprint() != common.fingerprint()
    # Other models have the common split.
    sasrec = splits.split_for(replace(SASREC, protocol="released"))
    assert sasrec.fingerprint() == common.fingerprint()


@pytest.mark.parametrize("base", [PADDED, PADDED_DNN, BPR], ids=lambda run: run.model.name)
def test_another_protocol_is_another_run(base):
    runs = [replace(base, protocol=protocol) for protocol in PROTOCOLS]
    assert len({run.identity for run in runs}) == 3
    # With repeats, so that BPR's hidden items differ.
    found = results(runs, "own", "chosen", data=replace(RINGS, repeats=True))
    assert found[0] != found[1] != found[2] != found[0]


def test_numerics_is_part_of_the_identity():
    assert replace(SASREC, numerics=SASREC.numerics + 1).identity != SASREC.identity
