"""The object that a notebook asks: its parameters, and runs by label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from records_support import record_with

from pcrec_core.errors import DataError, RecordError, SpecError
from pcrec_core.reporting import page, tables
from pcrec_core.reporting.page import Study
from pcrec_core.reporting.runs import Runs
from pcrec_core.specs.trivial import TRIVIAL
from pcrec_core.study.records import Store
from pcrec_core.study.variants import variant

RESULT = {"data": {"fingerprint": "x"}, "ranks": "1 2 9", "repeated": "001"}
WHERE = {"device": "cpu", "commit": "c" * 40, "clean": True}


@pytest.fixture
def parameters(tmp_path: Path) -> dict[str, Any]:
    """The globals of a notebook after its parameters cell."""
    values = {"datasets": ["ml-100k", "retailrocket-half"], "models": ["dnn", "sasrec"]}
    values |= {"seeds": [0], "epochs": 0, "records": str(tmp_path / "records")}
    kinds = {"datasets": list[str], "models": list[str], "seeds": list[int]}
    kinds |= {"epochs": int, "records": str}
    store = Store(tmp_path / "records")
    for name in values["datasets"]:
        for model in values["models"]:
            for label in ("base", "LE", "avg"):
                store.put(record_with(variant(label, name, model), RESULT, WHERE))
        for label in TRIVIAL:
            store.put(record_with(variant(label, name, "sasrec"), RESULT, WHERE))
    return values | {"__annotations__": kinds}


def test_the_runs_of_a_page_are_groups_by_data_set_and_model(parameters):
    study = Study.from_parameters(parameters)
    runs = study.runs("base", "LE")
    assert [(arm.dataset, arm.model, arm.variant) for arm in runs] == [
        (name, model, label)
        for name in ("ml-100k", "retailrocket-half")
        for model in ("dnn", "sasrec")
        for label in ("base", "LE")
    ]
    assert study.given == {"epochs": None} and study.names == parameters["datasets"]
    assert runs.footnote == page.footnote(runs.of("base"), runs.of("LE"))
    assert "Protocol controlled; ML-100K 3 users, RR-half 3 users" in runs.footnote


def test_pairs_and_couples_skip_what_is_the_base_or_not_there(parameters):
    runs = Study.from_parameters(parameters).runs("base", "LE", "avg")
    named = [(a.variant, b.variant) for a, b in runs.pairs("base", "avg", "LE", over="base")]
    assert named == [("avg", "base"), ("LE", "base")] * 4
    assert [(a.variant, b.variant) for a, b in runs.couples(("LE", "W"), ("LE", "avg"))] == [
        ("LE", "avg")
    ] * 4
    assert runs.of("W") == [] and len(runs.of("avg", "LE")) == 8


def test_models_may_have_labels_of_their_own(parameters):
    runs = Study.from_parameters(parameters).runs(by_model={"dnn": ["LE"], "sasrec": ["base"]})
    assert [(arm.model, arm.variant) for arm in runs] == [("dnn", "LE"), ("sasrec", "base")] * 2


def test_one_arm_is_of_the_first_data_set_and_model_unless_others_are_named(parameters):
    study = Study.from_parameters(parameters)
    first, other = study.one("LE"), study.one("LE", study.datasets[1], "sasrec")
    assert (first.dataset, first.model) == ("ml-100k", "dnn")
    assert (other.dataset, other.model) == ("retailrocket-half", "sasrec")
    assert study.by_dataset([other, first]) == [first, other]


def test_runs_without_a_record_are_not_found_and_nothing_is_trained(parameters):
    runs = Study.from_parameters(parameters).found("avg", "W")
    assert [(arm.dataset, arm.model, arm.variant, len(arm.runs)) for arm in runs] == [
        (name, model, "avg", 1)
        for name in ("ml-100k", "retailrocket-half")
        for model in ("dnn", "sasrec")
    ]
    with pytest.raises(SpecError, match="unknown variant"):
        Study.from_parameters(parameters).found("averaging")


def test_trivial_baselines_belong_to_the_controlled_protocol(parameters):
    trivial = Study.from_parameters(parameters).trivial()
    assert [arm.variant for arm in trivial] == [*TRIVIAL, *TRIVIAL]
    parameters |= {"protocol": "paper"}
    parameters["__annotations__"] |= {"protocol": str}
    assert list(Study.from_parameters(parameters).trivial()) == []


def test_the_sources_are_the_records_of_all_groups_once_each(parameters):
    runs = Study.from_parameters(parameters).runs("base", "LE")
    assert repr(page.sources(runs, runs.of("LE"))) == "records: 8 rows"
    assert page.footnote() == "" and list(Runs([])) == []


def test_below_the_sources_stands_how_many_are_not_sealed(parameters):
    [base], [pcrec] = (Study.from_parameters(parameters).one(name).runs for name in ("base", "LE"))
    sentence = "In 1 of 2 records the hash covers the result, but not the commit and the device."
    assert sentence not in tables.sources([base, pcrec])._repr_html_()
    assert sentence in tables.sources([base, replace(pcrec, sealed=False)])._repr_html_()


def test_a_mistyped_parameter_is_refused_before_anything_is_read(parameters):
    with pytest.raises(SpecError, match=r"unknown parameter 'epoch'; did you mean 'epochs'\?"):
        Study.from_parameters(parameters | {"epoch": 3})
    with pytest.raises(SpecError, match="variant WW of dnn: unknown variant 'WW'"):
        Study.from_parameters(parameters).runs("base", "WW")


def test_a_damaged_record_of_other_data_stops_nothing(parameters):
    name = variant("base", "retailrocket-half", "dnn").name
    (Path(parameters["records"]) / f"{name}.json").write_text("{")
    study = Study.from_parameters(parameters | {"datasets": ["ml-100k"]})
    assert len(study.runs("base").groups) == 2 and len(study.store.runs("ml-100k")) == 6
    assert set(study.claims("table3")["dataset"]) == {"ml-100k"}
    with pytest.raises(RecordError, match=f"{name}.json is not a record"):
        Study.from_parameters(parameters).claims("table3")


def test_a_page_by_epoch_takes_trainings_alone(parameters):
    study = Study.from_parameters(parameters)
    assert len(list(study.runs("base", "LE", by_epoch=True))) == 8
    for label in ("M2", "popularity", "pruned30"):
        with pytest.raises(SpecError, match=f"variant {label} of dnn is no training, so it has no"):
            study.runs("base", label, by_epoch=True)


def test_a_bad_file_is_found_before_other_data_are_trained_on(parameters, tmp_path):
    path = tmp_path / "log.csv"
    parameters |= {"datasets": ["ml-100k", "csv"], "csv": str(path)}
    parameters["__annotations__"] |= {"csv": str}
    for text, words in (("user,item\n", "has no rows"), ("user,item\na,b\n", "nobody is left")):
        path.write_text(text)
        with pytest.raises(DataError, match=words):
            Study.from_parameters(parameters)
