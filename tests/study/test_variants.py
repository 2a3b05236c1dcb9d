"""The spec of each label (:ref:`protocols-variants`, :ref:`protocols-controls`)."""

from __future__ import annotations

import dataclasses
import doctest
from contextlib import suppress

import pytest

from pcrec_core.analysis import paper
from pcrec_core.errors import NotChosen, SpecError
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.protocol import PROTOCOLS, ProtocolOptions
from pcrec_core.specs.run import Cooperation, Data, RunSpec
from pcrec_core.specs.trainings import trainings
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import chosen, defaults, variants
from pcrec_core.study.records import new_record
from pcrec_core.study.variants import LABELS, MODELS, is_trial, variant

BASE, LE = defaults.base("ml-100k", "sasrec", seed=3), defaults.pcrec("ml-100k", "sasrec", seed=3)
ENTROPY = Cooperation("layerwise", "entropy", 30)


def of(label: str, model: str = "sasrec", **given: object) -> RunSpec | Derived | Trivial:
    return variant(label, "ml-100k", model, 3, given)


def trained(run: RunSpec, **changed: object) -> RunSpec:
    return dataclasses.replace(run, training=dataclasses.replace(run.training, **changed))


def exchange(**changed: object) -> RunSpec:
    return dataclasses.replace(LE, cooperation=dataclasses.replace(ENTROPY, **changed))


SECOND = dataclasses.replace(BASE, seed=103)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("base", BASE),
        ("LE", LE),
        ("LE@30", LE),
        ("LE@10", defaults.pcrec("ml-100k", "sasrec", 10, seed=3)),
        ("LN", dataclasses.replace(LE, cooperation=Cooperation("layerwise", "l1", 30))),
        ("W", dataclasses.replace(LE, cooperation=Cooperation("parameterwise"))),
        ("N", dataclasses.replace(BASE, cooperation=Cooperation("noise"))),
        ("avg", dataclasses.replace(LE, cooperation=Cooperation("averaging"))),
        ("SD", dataclasses.replace(LE, rates="equal")),
        ("DS", dataclasses.replace(LE, orders="same")),
        ("E", exchange(components=("embedding",))),
        ("M", exchange(components=("middle",))),
        ("S", exchange(components=("softmax",))),
        ("shuffled", dataclasses.replace(BASE, data=Data("ml-100k", histories="shuffled"))),
        ("half", defaults.base("ml-100k", "sasrec", seed=3, d=32)),
        ("base-constant", trained(BASE, schedule="constant")),
        ("LE-constant", trained(LE, schedule="constant")),
        ("permuted", exchange(shares="permuted")),
        ("random", exchange(shares="random")),
        ("base-2x-epochs", trained(BASE, epochs=240)),
        ("base-batch-256", trained(BASE, batch=256, epochs=240)),
        ("ema", trained(BASE, average="ema")),
        ("swa", trained(BASE, average="swa", schedule="constant")),
        ("apart-best", dataclasses.replace(BASE, peers=2)),
        ("LE-k2", exchange(every=2)),
        ("LE-k5", exchange(every=5)),
        ("LE-once", exchange(every=120)),
        ("base-half-eta", trained(BASE, eta=5e-4)),
        ("LE-same-start", dataclasses.replace(LE, starts="same")),
        ("LE-2x-epochs", trained(LE, epochs=240)),
        ("base-200-epochs", trained(BASE, epochs=200)),
        ("LE-200-epochs", trained(LE, epochs=200)),
        ("M2", Derived("ensemble", (BASE, SECOND))),
        ("M3", Derived("ensemble", (BASE, SECOND, dataclasses.replace(BASE, seed=203)))),
        ("apart-ensemble", Derived("apart", (dataclasses.replace(BASE, peers=2),))),
        ("pruned10", Derived("pruned", (BASE,), 0.1)),
        ("pruned30-tuned", Derived("tuned", (BASE,), 0.3)),
        ("probed-LE", Derived("probed", (LE,))),
        ("popularity", Trivial(Data("ml-100k"), "popularity")),
        ("recency", Trivial(Data("ml-100k"), "recency")),
        ("transitions", Trivial(Data("ml-100k"), "transitions")),
    ],
)
def test_a_label_is_its_run(label, expected):
    assert of(label) == expected


#: As the released code, but for the choice of the epoch, of which both are kept.
BOTH = dataclasses.replace(PROTOCOLS["released"], choice="both")


@pytest.mark.parametrize("model", ["sasrec", "dnn"])
def test_the_trainings_of_the_ladder(model):
    base = defaults.base("ml-100k", model, seed=3, epochs=200, schedule="constant")
    base = dataclasses.replace(base, protocol="released", custom_options=BOTH)
    assert of("ladder-base", model) == base
    assert of("ladder-base-cosine", model) == trained(base, schedule="cosine")
    cooperation = Cooperation("layerwise", "entropy", {"sasrec": 30, "dnn": 40}[model])
    pair = dataclasses.replace(base, peers=2, cooperation=cooperation)
    assert of("ladder-LE", model) == trained(pair, schedule="cosine")
    released = of("LE", model, protocol="released")
    assert of("ladder-LE", model) == dataclasses.replace(released, custom_options=BOTH)


def test_bpr_by_the_papers_data_rule_is_controlled_in_all_else():
    options = ProtocolOptions(data="own", hidden="seen")
    for label, usual in (("base-paper-data", "base"), ("LE-paper-data", "LE")):
        assert of(label, "bpr") == dataclasses.replace(of(usual, "bpr"), custom_options=options)
        assert of(label, "bpr").protocol == "controlled"
        changed = of(label, "bpr", options={"order": "once"}).changed_options
        assert changed == {"data": "own", "hidden": "seen", "order": "once"}


@pytest.mark.parametrize(
    ("label", "model", "usual", "name", "value"),
    [
        ("LE-own-eta", "sasrec", "LE", "eta", 5e-4),
        ("LE-own-eta", "dnn", "LE", "eta", 1e-2),
        ("base-own-l2", "bpr", "base", "l2", 1e-4),
        ("LE-own-l2", "bpr", "LE", "l2", 5e-5),
    ],
)
def test_a_label_with_a_chosen_setting_has_it_alone(label, model, usual, name, value, monkeypatch):
    with pytest.raises(NotChosen, match=f"the setting of {label} of {model} is not chosen yet"):
        variant(label, "retailrocket-half", model)
    monkeypatch.setitem(chosen.CHOSEN, (label, model), value)
    as_usual = variant(usual, "retailrocket-half", model)
    assert variant(label, "retailrocket-half", model) == trained(as_usual, **{name: value})


def test_labels_with_200_epochs_and_the_ladder_take_fewer_where_they_are_given():
    ladder = ("ladder-base", "ladder-base-cosine", "ladder-LE")
    for label in (*ladder, "base-200-epochs", "LE-200-epochs"):
        assert of(label, epochs=3).training.epochs == 3 and of(label).training.epochs == 200


def test_every_label_of_the_claims_has_a_meaning():
    labels = set()
    for claim in paper.claims().itertuples():
        if claim.kind in ("all", "best", "described", "run-level"):
            continue
        for label in (claim.a, claim.b):
            model, _, label = label.rpartition(":")
            labels.add((label, model or claim.model, claim.dataset))
    assert {label for label, *_ in labels} >= {"LE", "base", "M3", "ema"}
    for label, model, dataset in labels:
        # LE@random is the mean over several arms
        if label != "LE@random":
            with suppress(NotChosen):
                assert variant(label, dataset, model).seed == 0


def test_settings_are_given_to_all_runs_and_a_label_changes_them_after():
    assert of("base-2x-epochs", epochs=5) == defaults.base("ml-100k", "sasrec", seed=3, epochs=10)
    assert of("half", d=20, epochs=None) == defaults.base("ml-100k", "sasrec", seed=3, d=10)
    assert {parent.training.epochs for parent in of("M3", epochs=5).parents} == {5}
    assert of("LE", model="bpr").cooperation == Cooperation("layerwise", "entropy", 20)
    assert of("LE-once", epochs=7).cooperation.every == 7
    assert of("W", protocol="released").protocol == "released"
    assert of("W", protocol="paper", gamma=0.01).cooperation.gamma == 0.01
    assert of("probed-W", protocol="paper", gamma=0.01).parents == (
        of("W", protocol="paper", gamma=0.01),
    )
    paper = of("base", protocol="paper").training.epochs
    for label in ("base-2x-epochs", "base-batch-256"):
        assert of(label, protocol="paper").training.epochs == 2 * paper == 400


ONE_MODEL = "ladder-base bpr, ladder-LE bpr, LE-own-eta bpr, base-paper-data sasrec, LE-own-l2 dnn"


@pytest.mark.parametrize("case", ONE_MODEL.split(", "))
def test_a_label_is_refused_for_a_model_that_does_not_have_it(case):
    label, model = case.split(" ")
    has = "bpr" if MODELS[label] == ("bpr",) else "sasrec and dnn"
    with pytest.raises(SpecError) as refused:
        of(label, model)
    assert str(refused.value) == f"{label} is a variant only of {has}, not of {model}."


PADDED = of("base", options={"candidates": "padding too"})
APART = "apart needs a run of two or more peers that never exchange."
ML_1M, SHUFFLED = defaults.base("ml-1m", "sasrec"), Data("ml-100k", histories="shuffled")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: of("LR"), "unknown variant 'LR'; did you mean 'L"),
        (lambda: of("LE@"), "unknown variant 'LE@'"),
        (lambda: of("M", model="bpr"), "BPR has no component but its embeddings"),
        (
            lambda: of("LE-own-eta"),
            "LE-own-eta belongs to retailrocket-half, where its setting is chosen, not to ml-100k.",
        ),
        (lambda: of("pruned100"), "share must be in [0, 1), not 1.0."),
        (lambda: of("probed-M2"), "parents must be runs."),
        (
            lambda: of("recency", protocol="paper"),
            "the trivial baselines follow protocol 'controlled' only.",
        ),
        (lambda: Derived("ensemble", (BASE,)), "ensemble is made from two or more runs, not 1."),
        (lambda: Derived("probed", (BASE, BASE)), "probed is made from one run, not 2."),
        (lambda: Derived("probed", (BASE,), 0.5), "share belongs to pruned and tuned"),
        (lambda: Derived("pruned", (BASE,)), "share belongs to pruned and tuned"),
        (lambda: Derived("apart", (LE,)), APART),
        (
            lambda: Derived("ensemble", (BASE, ML_1M)),
            "the runs of an ensemble must have the same data",
        ),
        (lambda: Derived("mean", (BASE, BASE)), "unknown operation 'mean'"),
        (lambda: Derived("ensemble", (BASE, BASE)), "an ensemble's runs must be different ones."),
        (lambda: Derived("ensemble", (BASE, PADDED)), "the same data, model, protocol and options"),
        (lambda: Derived("pruned", (BASE,), "x"), "share must be in [0, 1), not x."),
        (
            lambda: Derived("probed", (of("shuffled"),)),
            "nothing is derived from shuffled histories",
        ),
        (lambda: Trivial(SHUFFLED, "recency"), "nothing is derived from shuffled histories"),
        (
            lambda: Trivial(Data("ml-100k"), "populrity"),
            "unknown baseline 'populrity'; did you mean 'popularity'?",
        ),
    ],
)
def test_impossible_variants_are_refused(make, words):
    with pytest.raises(SpecError) as refused:
        make()
    assert words in str(refused.value)


def any_model(label: str) -> RunSpec | Derived | Trivial:
    """Return the spec of a label, for the first model that has it."""
    model = MODELS.get(label, ("sasrec",))[0]
    return variant(label, "retailrocket-half" if "-own-" in label else "ml-100k", model, 3)


@pytest.mark.parametrize("label", [*LABELS, "pruned30", "pruned30-tuned"])
def test_no_two_labels_share_an_identity_and_each_comes_back_from_its_form(label, monkeypatch):
    settings = {(label, model): 0.02 for label in MODELS for model in MODELS[label]}
    monkeypatch.setattr(chosen, "CHOSEN", settings)
    spec = any_model(label)
    again = new_record(spec, {}, {}).spec
    assert again == spec and hash(again) == hash(spec)
    others = {any_model(other).identity for other in LABELS if other != label}
    assert spec.identity not in others and spec.name.endswith(spec.identity)


def test_an_ensemble_is_the_same_in_any_order():
    one, other = BASE, dataclasses.replace(BASE, seed=7)
    assert Derived("ensemble", (one, other)) == Derived("ensemble", (other, one))
    assert Derived("ensemble", (other, one)).seed == 3


def test_names_of_derived_records():
    assert of("M2").name == "ml-100k/sasrec-m2-base-s3-" + of("M2").identity
    assert of("pruned30-tuned").name.startswith("ml-100k/sasrec-tuned30-base-s3-")
    assert of("popularity").name.startswith("ml-100k/popularity-trivial-s0-")


def test_arms_that_rest_on_one_training_are_known():
    for label in ("ema", "apart-best", "apart-ensemble", "LE-once", "pruned10"):
        assert trainings(of(label)) == trainings(BASE)
    assert trainings(of("LE-once", options={"last_bin": "open"})) == trainings(BASE)
    assert trainings(of("LE-k5")).isdisjoint(trainings(BASE))
    assert trainings(of("swa")) == trainings(of("base-constant")) != trainings(BASE)
    assert len(trainings(BASE)) == 1
    assert trainings(of("pruned10")) == trainings(BASE) < trainings(of("M2")) < trainings(of("M3"))
    # another evaluation of the same training
    for line in ({"choice": "test"}, {"choice": "both"}, {"candidates": "padding too"}):
        assert trainings(of("base", options=line)) == trainings(BASE)
        assert trainings(of("LE", options=line)) == trainings(LE)
    assert trainings(of("LE", options={"evaluated": "before"})) == trainings(LE)
    for line in ({"loss": "all"}, {"attention": "all"}, {"order": "once"}):
        assert trainings(of("base", options=line)).isdisjoint(trainings(BASE))
    assert trainings(of("avg")).isdisjoint(trainings(LE)) and trainings(of("recency")) == set()
    assert trainings(of("N")).isdisjoint(trainings(BASE))
    late = Cooperation("noise", every=BASE.training.epochs)  # comes after the last epoch
    assert trainings(dataclasses.replace(BASE, cooperation=late)) == trainings(BASE)


def test_the_examples_in_the_documentation_are_true():
    assert doctest.testmod(variants).failed == 0


def test_a_trial_differs_in_length_rate_or_l2_alone():
    assert is_trial(variant("base", "ml-100k", "sasrec", 0, {"epochs": 240}))
    assert is_trial(
        dataclasses.replace(variant("LE", "ml-100k", "bpr", 0, {"l2": 0.01}), numerics=1)
    )
    others = [
        variant("LE@10", "ml-100k", "sasrec"),
        variant("avg", "ml-100k", "dnn"),
        variant("base-constant", "ml-100k", "dnn"),
        variant("base", "ml-100k", "sasrec", 0, {"protocol": "paper"}),
        variant("half", "ml-100k", "sasrec"),
        variant("M2", "ml-100k", "sasrec"),
        variant("base", "ml-100k", "sasrec", 2, {"epochs": 240}),
        variant("popularity", "ml-100k", "bpr"),
        variant("shuffled", "ml-100k", "sasrec"),
    ]
    assert not any(map(is_trial, others))
