"""The planned evidence: complete, in order, and with an estimate of its time."""

from __future__ import annotations

import dataclasses

import pytest

from pcrec_core.analysis import paper
from pcrec_core.errors import SpecError
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.run import RunSpec
from pcrec_core.specs.trivial import TRIVIAL, Trivial
from pcrec_core.study import cli, defaults, plans, remaining
from pcrec_core.study import run as study
from pcrec_core.study.records import RunRecord, Store


def test_every_plan_is_complete_and_has_each_run_once():
    wanted = plans.planned()
    assert len(wanted) == len(set(wanted)) == len({spec.identity for spec in wanted})
    assert {spec.data.source for spec in wanted} == set(plans.SMALL)
    assert {type(spec) for spec in wanted} == {RunSpec, Derived, Trivial}


def test_table_3_is_first_and_has_three_seeds():
    wanted = plans.planned(["table3"], ["ml-100k"])
    assert wanted[:21] == plans.planned()[:21] and len(wanted) == 3 + 3 * 2 * 3 + 1
    for model in ("sasrec", "dnn", "bpr"):
        for make in (defaults.base, defaults.pcrec):
            found = [make("ml-100k", model, seed=seed) in wanted for seed in range(4)]
            assert found == [True, True, True, False]
    assert tuple(spec.baseline for spec in wanted if isinstance(spec, Trivial)) == TRIVIAL
    assert TRIVIAL == ("popularity", "transitions", "recency")
    assert sum(spec.data.histories == "shuffled" for spec in wanted) == 1


def test_a_data_set_has_as_many_seeds_as_its_plan():
    for name, seeds in (("ml-100k", 1), ("retailrocket-half", 3)):
        wanted = plans.planned(["table4"], [name])
        ensembles = [s for s in wanted if isinstance(s, Derived) and s.operation == "ensemble"]
        assert sum(len(spec.parents) == 3 for spec in ensembles) == 2 * seeds
    assert plans.planned(["fig1"], ["retailrocket-half"]) == []


def test_controls_of_a_page_are_all_that_the_epochs_allow_or_those_that_are_named():
    every, left = plans.chosen_controls(["sasrec", "dnn"])
    assert every == {model: list(plans.controls(model)) for model in ("sasrec", "dnn")}
    assert left == ""
    few, left = plans.chosen_controls(["sasrec", "dnn"], given={"epochs": 2})
    assert set(every["sasrec"]) - set(few["sasrec"]) == {"LE-k5"} and few["dnn"] == every["dnn"]
    assert left == "Left out, since these epochs are too few for them: LE-k5."
    named, left = plans.chosen_controls(["sasrec", "dnn"], ["ema", "avg"], {"epochs": 2})
    assert named == {"sasrec": [*TRIVIAL, "avg", "ema"], "dnn": [*TRIVIAL, "avg"]} and left == ""
    for label, hint in (("avgg", "; did you mean 'avg'"), ("ema", "")):
        with pytest.raises(SpecError, match=f"unknown control of these models '{label}'{hint}"):
            plans.chosen_controls(["dnn"], [label])


def test_larger_data_and_more_seeds_are_one_command():
    """More seeds on the half; and on larger data, also what is planned on ML-100K alone."""
    wanted = plans.planned(["table3", "controls-1-2"], ["retailrocket-half"], 10)
    made = [spec.variant for spec in wanted if spec.model.name == "sasrec"]
    # those without the schedule too
    assert [made.count(name) for name in ("base", "le-a30", "avg")] == [20, 20, 10]
    assert {spec.seed for spec in wanted if spec.model.name == "dnn"} == set(range(10))
    assert sum(isinstance(spec, Trivial) for spec in wanted) == 3
    larger = plans.planned(["table3", "fig6"], ["ml-1m", "retailrocket"])
    assert {spec.data.source for spec in larger} == {"ml-1m", "retailrocket"}
    assert {spec.seed for spec in larger} == {0}
    assert sum(spec.variant == "probed-base" for spec in larger) == 4
    with pytest.raises(SpecError, match="seeds must be from 1 to 100, not 0"):
        plans.planned(seeds=0)


def test_a_deviation_changes_one_line_or_two_that_act_together_or_the_protocol():
    wanted = plans.planned(["deviations"])
    assert len(wanted) == 2 * 2 + 2 * 6 + 3 and {spec.data.source for spec in wanted} == {"ml-100k"}
    assert {spec.protocol for spec in wanted} == {"controlled", "paper", "released"}
    changed = [spec.changed_options for spec in wanted if spec.protocol == "controlled"]
    together = {"loss": "all", "candidates": "padding too"}
    assert [lines for lines in changed if len(lines) > 1] == [
        together,
        together,
    ]  # of base and PCRec
    assert len({name for lines in changed for name in lines}) == 8


def test_the_controls_are_those_of_the_claims():
    theirs = paper.claims()
    for model in ("sasrec", "dnn"):
        rows = theirs[theirs["family"].str.startswith("controls/") & (theirs["model"] == model)]
        assert set(plans.controls(model)) | {"LE", "base"} >= {*rows["a"], *rows["b"]}
    assert set(plans.controls("sasrec")) > set(plans.controls("dnn"))


SEEDS = """
    base           bpr     ml-100k                  3
    LE@30          sasrec  ml-100k                  3
    LE@30          dnn     ml-100k                  1
    M2             dnn     ml-100k                  1
    M2             sasrec  retailrocket-half        3
    shuffled       sasrec  ml-100k                  1
    shuffled       sasrec  retailrocket-half        3
    ema            sasrec  retailrocket-half        3
    ema            sasrec  ml-100k                  1
    apart-best     sasrec  retailrocket-half        3
    recency        sasrec  ml-100k                  1
    base           bpr     synthetic                1
    LE@7           sasrec  ml-100k                  1
    # those of the pages, although a step that is not finished adds seeds
    E              sasrec  retailrocket-half        3
    # those of a finished step
    M2             dnn     retailrocket-half       10
    apart-best     dnn     retailrocket-half       10
    LE             bpr     retailrocket-half       10
    LE             dnn     ml-100k                  3
    # those of the steps
    ladder-LE      dnn     retailrocket-half        5
    LE-200-epochs  sasrec  retailrocket-half        5
    LE-2x-epochs   sasrec  retailrocket-half        3
    base-2x-epochs bpr     retailrocket-half        3
    base-2x-epochs dnn     retailrocket-half       10
    LE-paper-data  bpr     retailrocket-half       10
    ladder-LE      dnn     ml-100k                  1
    avg            bpr     retailrocket-first-half  3
    avg            bpr     retailrocket-half       10
    avg            bpr     ml-100k                  1
    LE             dnn     retailrocket             3
    LE@40          dnn     retailrocket             3
    LE             bpr     retailrocket             1
    avg            sasrec  beauty                   3
    recency        sasrec  beauty                   1
"""


@pytest.mark.parametrize("row", [row for row in SEEDS.strip().splitlines() if "#" not in row])
def test_the_seeds_of_an_arm(row):
    label, model, dataset, seeds = row.split()
    assert plans.seeds(label, model, dataset) == tuple(range(int(seeds)))


@pytest.mark.parametrize(
    ("names", "datasets", "words"),
    [
        (["tabel3"], plans.SMALL, "unknown plan or step 'tabel3'; did you mean 'table3'"),
        (["table3"], ["ml100k"], "unknown data set of the plans 'ml100k'; did you mean 'ml-100k'"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_name(names, datasets, words):
    with pytest.raises(SpecError, match=words):
        plans.planned(names, datasets)


def record(spec: RunSpec, train: float, evaluate: float = 0.0, began: int = 0) -> RunRecord:
    run = {"seconds": {"train": train, "evaluate": evaluate}, "began_with_epoch": began}
    return RunRecord.of(spec, {}, run)


def test_the_seeds_of_a_deviation_are_not_those_of_the_study():
    assert plans.seeds("base", "sasrec", "ml-100k", {"protocol": "paper"}) == (0,)
    assert plans.seeds("LE", "sasrec", "ml-100k", {"options": {"loss": "all"}}) == (0,)
    given = {"protocol": "controlled", "epochs": 5, "options": None}
    assert plans.seeds("LE", "sasrec", "ml-100k", given) == (0, 1, 2)
    assert set(plans.controls("bpr")) == {"popularity", "transitions", "recency"}


def test_the_time_is_estimated_from_a_peers_epoch_in_runs_of_its_kind():
    base, pair = (make("ml-100k", "dnn", epochs=10) for make in (defaults.base, defaults.pcrec))
    others = [dataclasses.replace(base, seed=seed) for seed in (1, 2, 3)]
    # a run that was resumed has not the whole time
    resumed = record(others[2], 1e6, began=5)
    whole = [record(base, 8, 2), record(others[0], 30), record(others[1], 20)]
    rates = remaining.measured([*whole, resumed])
    # the median of 1, 3 and 2 seconds
    assert rates == {("ml-100k", "dnn"): 2.0}
    assert remaining.seconds([pair, pair, Derived("probed", (base,))], rates) == (20 * 2.0, 0)
    assert remaining.seconds([defaults.base("ml-1m", "dnn"), base], rates) == (10 * 2.0, 1)
    assert remaining.seconds([Derived("tuned", (base,), 0.3)], rates) == (10 * 2.0, 0)
    assert remaining.seconds([], {}) == (0, 0)


def test_what_is_left_counts_a_run_once_by_plan_and_again_by_step(monkeypatch):
    monkeypatch.setattr(remaining.weight_files, "missing", lambda wanted: [])
    names, rates = ["table4", "table3", "step2", "step1"], {("retailrocket-half", "bpr"): 3600.0}
    half = ["retailrocket-half"]
    missing = set(plans.planned(names, half))
    found = {part.name: part for part in remaining.by_name(names, missing, rates, half)}
    assert list(found) == names
    assert sum(found[name].missing for name in names[:2]) == len(plans.planned(names[:2], half))
    assert sum(found[name].missing for name in names[2:]) == len(missing)
    assert found["step1"].missing < len(plans.planned(["step1"])) and found["step1"].seconds == 0
    assert found["table3"].seconds == 3600 * 3 * 200 * 3  # base and LE of BPR, three seeds
    assert str(found["table3"]) == (
        "table3        18 of  18 records missing, 1800.0 hours, and 9 trainings without a"
        " measured rate"
    )  # the bases of both deep models are counted as parts of ensembles


def test_a_run_that_is_trained_for_its_weights_takes_time_too(monkeypatch):
    parent = defaults.base("ml-100k", "dnn")
    monkeypatch.setattr(remaining.weight_files, "missing", lambda wanted: [parent])
    [part] = remaining.by_name(["fig6"], set(plans.planned(["fig6"])), {("ml-100k", "dnn"): 36.0})
    assert part.missing == 12 and part.seconds == 200 * 36


@pytest.fixture
def three_runs(monkeypatch):
    """Return the specs that the command line has to make."""
    base = defaults.base("synthetic", "bpr", epochs=1, d=4)
    wanted = [base, dataclasses.replace(base, seed=1), Trivial(base.data, "recency")]
    monkeypatch.setattr(plans, "planned", lambda names, datasets, seeds: wanted)
    return wanted


def test_the_command_line_lists_what_is_missing_and_then_makes_it(tmp_path, three_runs, capsys):
    where = ["--records", str(tmp_path / "records")]
    assert cli.main(["study", "table3", "--list", *where]) == 0
    out = capsys.readouterr().out.splitlines()
    unmeasured = "0.0 hours, and 2 trainings without a measured rate"
    assert out[0] == f"table3         3 of   3 records missing, {unmeasured}"
    assert out[1:4] == [f"missing   {spec.name}" for spec in three_runs]
    assert out[4].startswith("3 of 3 records are missing; about 0.0 hours") and len(out) == 5
    study.run(three_runs[:1], store=Store(tmp_path / "records"))
    assert cli.main(["study", "table3", *where]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1:3] == [f"missing   {spec.name}" for spec in three_runs[1:]]
    assert out[3] == (
        "2 of 3 records are missing; about 0.0 hours on one thread like those before."
    )
    assert all(Store(tmp_path / "records").get(spec.name) for spec in three_runs)
    assert cli.main(["study", "table3", *where]) == 0
    assert "0 of 3 records are missing" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", '{"kind": "run", "schema": 99}'])
def test_a_damaged_or_newer_record_is_named_and_stops_nothing_else(
    tmp_path, three_runs, capsys, text
):
    study.run(three_runs[:1], store=Store(tmp_path))
    for name in (three_runs[1].name, "ml-1m/dnn-base-s0-0123456789ab"):
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    where = ["--records", str(tmp_path)]
    for listed, code in ((["--list"], 0), ([], 1)):
        assert cli.main(["study", "table3", *listed, *where]) == code
        out, err = capsys.readouterr()
        found = [line for line in out.splitlines() if line.startswith("unreadable: ")]
        assert ["dnn-base-s0" in found[0], three_runs[1].identity in found[1]] == [True, True]
        assert f"missing   {three_runs[2].name}" in out
    assert "dnn-base-s0" in err and Store(tmp_path).get(three_runs[2].name) is not None


def test_a_list_of_everything_has_one_line_per_plan_and_step(tmp_path, three_runs, capsys):
    assert cli.main(["study", "--list", "--records", str(tmp_path)]) == 0
    *parts, left, total = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in parts] == [*plans.PLANS, *plans.STEPS]
    assert left.startswith("left out until their setting is chosen: LE-own-eta of sasrec,")
    assert total.startswith("3 of 3 records are missing")
