"""The steps of Amendment 1: the runs of each, their order, and the pages, which stay the same."""

from __future__ import annotations

import dataclasses

import pytest

from pcrec_core.specs.derived import Derived
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import chosen, cli, plans
from pcrec_core.study.variants import Spec, variant

HALF, WHOLE = "retailrocket-half", "retailrocket"


def made(label: str, model: str, seeds: int, dataset: str = HALF) -> list[Spec]:
    return [variant(label, dataset, model, seed) for seed in range(seeds)]


def has(name: str, label: str, model: str, seeds: int, dataset: str = HALF) -> bool:
    """Return whether a step has exactly that many seeds of an arm."""
    wanted = set(plans.planned([name]))
    found = [spec in wanted for spec in made(label, model, seeds + 1, dataset)]
    return found == [True] * seeds + [False]


@pytest.mark.parametrize("name", plans.STEPS)
def test_a_step_names_each_run_once(name):
    wanted = plans.planned([name])
    assert wanted and len(wanted) == len(set(wanted)) == len({spec.identity for spec in wanted})


def test_the_steps_are_in_the_order_of_the_amendment():
    assert list(plans.STEPS) == sorted(plans.STEPS)


def test_no_step_changes_the_default_plan():
    assert plans.planned() == plans.planned(list(plans.PLANS))
    assert {spec.data.source for spec in plans.planned()} == set(plans.SMALL)


@pytest.mark.parametrize(
    "label", ["base", "LE", "shuffled", "avg", "M3", "ema", "DS", "LE@10", "S"]
)
def test_step_1_is_every_arm_of_the_pages_on_the_half_with_three_seeds(label):
    assert has("step1", label, "sasrec", 3)


def test_step_1_has_no_arm_that_the_pages_do_not_have():
    pages = {(spec.model.name, spec.variant) for spec in plans.planned((), [HALF])}
    step = plans.planned(["step1"])
    assert {(spec.model.name, spec.variant) for spec in step} == pages
    assert {spec.data.source for spec in step} == {HALF}
    assert sum(isinstance(spec, Trivial) for spec in step) == 3


def test_step_2_is_dnn_and_bpr_with_ten_seeds_and_averaging_of_bpr():
    wanted = plans.planned(["step2"])
    assert {spec.model.name for spec in wanted if not isinstance(spec, Trivial)} == {"dnn", "bpr"}
    for label in ("base", "LE", "SD", "DS", "avg"):
        assert has("step2", label, "bpr", 10) and has("step2", label, "dnn", 10)
    for label in ("LN", "W", "N", "M2", "M3", "base-constant", "LE@10", "base-2x-epochs", "M"):
        assert has("step2", label, "dnn", 10)


def test_step_3_is_the_main_arms_of_sasrec_with_ten_seeds():
    labels = ("base", "LE", "avg", "LN", "W", "N", "M2", "M3", "base-constant", "LE-constant")
    assert all(has("step3", label, "sasrec", 10) for label in labels)
    expected = {spec for label in labels for spec in made(label, "sasrec", 10)}
    parents = {parent for spec in expected if isinstance(spec, Derived) for parent in spec.parents}
    assert set(plans.planned(["step3"])) == expected | parents


def test_step_4_is_the_ladder_with_five_seeds():
    labels = ("ladder-base", "ladder-base-cosine", "ladder-LE", "base-200-epochs", "LE-200-epochs")
    arms = [made(label, model, 5) for label in labels for model in ("sasrec", "dnn")]
    assert plans.planned(["step4"]) == [spec for arm in arms for spec in arm]


def test_step_5_has_each_change_of_the_robustness_with_its_seeds():
    for model in ("sasrec", "dnn", "bpr"):
        assert has("step5", "base-2x-epochs", model, 3) and has("step5", "LE-2x-epochs", model, 3)
    assert has("step5", "base-paper-data", "bpr", 10) and has("step5", "LE-paper-data", "bpr", 10)


def test_step_5_ends_with_the_first_half():
    wanted = plans.planned(["step5"], ["retailrocket-first-half"])
    assert wanted == plans.planned(["step5"])[-len(wanted) :]
    assert wanted == [
        variant(label, "retailrocket-first-half", model, seed)
        for label in ("base", "LE", "avg")
        for model in ("sasrec", "dnn", "bpr")
        for seed in range(3)
    ]


def trials(label: str, model: str, name: str) -> list[float]:
    """Return the values of a setting that the runs of step 5 try."""
    usual = variant(label, HALF, model)
    found = [
        spec
        for spec in plans.planned(["step5"])
        if spec.model == usual.model and dataclasses.replace(spec, training=usual.training) == usual
    ]
    return sorted(
        getattr(spec.training, name)
        for spec in found
        if spec.training.epochs == usual.training.epochs
    )


def test_step_5_tries_the_papers_grids_on_one_seed():
    grid = [5e-5, 1e-4, 2.5e-4, 5e-4, 7.5e-4, 1e-3, 5e-3, 1e-2]
    assert trials("LE", "sasrec", "eta") == trials("LE", "dnn", "eta") == grid
    # the base keeps its own
    assert trials("base", "sasrec", "eta") == []
    l2 = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.01]
    assert trials("base", "bpr", "l2") == trials("LE", "bpr", "l2") == l2


def test_an_arm_is_left_out_and_named_until_its_setting_is_chosen(monkeypatch):
    left = plans.unchosen(["step5"])
    assert left == [
        "LE-own-eta of sasrec",
        "LE-own-eta of dnn",
        "base-own-l2 of bpr",
        "LE-own-l2 of bpr",
    ]
    assert plans.unchosen() == plans.unchosen(["step4"]) == []
    assert plans.unchosen(["step5"], ["ml-100k"]) == []
    before = plans.planned(["step5"])
    monkeypatch.setitem(chosen.CHOSEN, ("LE-own-eta", "dnn"), 2.5e-4)
    assert plans.unchosen(["step5"]) == [arm for arm in left if arm != "LE-own-eta of dnn"]
    new = [spec for spec in plans.planned(["step5"]) if spec not in set(before)]
    # that of seed 0 is a trial
    assert new == made("LE-own-eta", "dnn", 3)[1:]
    assert has("step5", "LE-own-eta", "dnn", 3)


def test_the_list_names_what_is_left_out_in_one_line(tmp_path, capsys):
    assert cli.main(["study", "step5", "--list", "--records", str(tmp_path)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line for line in out if "chosen" in line] == [
        "left out until their setting is chosen: LE-own-eta of sasrec, LE-own-eta of dnn,"
        " base-own-l2 of bpr, LE-own-l2 of bpr"
    ]


def test_step_6_and_the_start_of_step_8_are_the_whole_of_retailrocket():
    for name, model in (("step6", "dnn"), ("step8", "sasrec")):
        first = [spec for label in ("base", "LE", "avg") for spec in made(label, model, 3, WHOLE)]
        assert plans.planned([name])[:9] == first
    assert len(plans.planned(["step6"])) == 9


def test_step_7_is_the_other_arms_of_sasrec_with_ten_seeds():
    labels = ("SD", "DS", "E", "M", "S", "LE@10", "LE@20", "LE@40", "LE@50")
    assert plans.planned(["step7"]) == [s for label in labels for s in made(label, "sasrec", 10)]


def test_step_8_goes_on_with_both_deep_models_on_other_data():
    wanted = plans.planned(["step8"])[9:]
    others = ["beauty", "video-games", "ml-1m"]
    assert list(dict.fromkeys(spec.data.source for spec in wanted)) == others
    expected = {
        spec
        for dataset in others
        for model in ("dnn", "sasrec")
        for label in ("base", "LE", "avg")
        for spec in made(label, model, 3, dataset)
    }
    assert set(wanted) == expected and len(wanted) == 54


def test_the_runs_of_an_ensemble_are_planned_before_it():
    for name in ("table4", "step3"):
        wanted = plans.planned([name])
        place = {spec: i for i, spec in enumerate(wanted)}
        ensembles = [s for s in wanted if isinstance(s, Derived) and s.operation == "ensemble"]
        assert len(ensembles) > 0
        assert all(place[run] < place[spec] for spec in ensembles for run in spec.parents)


def test_names_of_plans_and_steps_can_be_mixed_and_data_sets_cut_a_step():
    both = plans.planned(["step6", "fig5"])
    assert both == plans.planned(["step6"]) + plans.planned(["fig5"])
    assert {spec.data.source for spec in plans.planned(["step8"], ["beauty"])} == {"beauty"}
    # a step has no other data sets than its own
    assert plans.planned(["step3"], ["beauty"]) == []
    assert len(plans.planned(["step6"], seeds=1)) == 3
