"""The study's settings against the book's table (protocols-settings), copied here by hand."""

from __future__ import annotations

import dataclasses
import doctest
from functools import partial

import pytest

from pcrec_core.analysis import paper
from pcrec_core.datasets import SOURCES, csv_data
from pcrec_core.errors import DataError, NotChosen, SpecError
from pcrec_core.specs.protocol import PROTOCOLS
from pcrec_core.specs.run import Cooperation, Data, RunSpec
from pcrec_core.study import chosen
from pcrec_core.study import defaults as settings
from pcrec_core.study.defaults import base, changed, dataset, defaults, layerwise, pcrec, run_spec
from pcrec_core.study.variants import variant

MODELS = ("sasrec", "dnn", "bpr")
#: The table's settings on ML-100K; DNN's eta, BPR's L2 and the epochs are chosen on validation.
ML_100K = {
    "sasrec": {"d": 64, "t": 50, "p": 0.2, "batch": 128, "eta": 1e-3},
    "dnn": {"d": 64, "t": 50, "batch": 128, "l2": 1e-5},
    "bpr": {"d": 256, "batch": 2048, "eta": 1e-3},
}
RETAILROCKET = {
    "sasrec": {"d": 64, "t": 10, "p": 0.3, "batch": 128, "eta": 1e-3},
    "dnn": {"d": 64, "t": 10, "batch": 128, "l2": 1e-5},
    "bpr": {"d": 256, "batch": 2048, "eta": 1e-3},
}
#: "The paper's Table 2"; t is in its Table 1.
ML_20M = {
    "sasrec": {"d": 256, "t": 100, "p": 0, "batch": 128, "eta": 1e-3, "l2": 0},
    "dnn": {"d": 256, "t": 100, "batch": 128, "eta": 1e-4, "l2": 1e-6},
    "bpr": {"d": 256, "batch": 2048, "eta": 1e-3, "l2": 0},
}
#: "t 50, p 0.5, else ML-100K's."
AMAZON = ML_100K | {"sasrec": ML_100K["sasrec"] | {"p": 0.5}}
OF_THE_TABLE = {
    **dict.fromkeys(("ml-100k", "ml-1m", "csv", "synthetic"), ML_100K),
    **dict.fromkeys(("beauty", "video-games"), AMAZON),
    **{f"retailrocket{part}": RETAILROCKET for part in ("", "-half", "-first-half", "-events")},
    "ml-20m": ML_20M,
}
#: The paper's grids (Section 4.3), and the two that only its Table 2 has: 1e-6, and no L2 at all.
GRID = {
    "eta": (0.0001, 0.00025, 0.0005, 0.00075, 0.001, 0.005),
    "l2": (0, 0.01, 0.001, 0.0005, 0.0001, 0.00005, 0.00001, 0.000001),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("dataset", SOURCES)
def test_defaults_are_those_of_the_table(dataset, model):
    found = defaults(dataset, model)
    assert found.items() >= OF_THE_TABLE[dataset][model].items()
    assert found["eta"] in GRID["eta"] and found["l2"] in GRID["l2"]


SHORT = ["beauty", "video-games", "retailrocket", "retailrocket-half", "retailrocket-events"]


@pytest.mark.parametrize(
    ("dataset", "epochs"),
    [
        ("ml-100k", (120, 200, 200)),
        ("ml-20m", (120, 200, 200)),
        *((name, (50, 50, 50)) for name in SHORT),
    ],
)
def test_epochs_are_those_of_the_table_doubled_twice_at_most(dataset, epochs):
    for model, start in zip(MODELS, epochs, strict=True):
        assert defaults(dataset, model)["epochs"] in (start, 2 * start, 4 * start)


def test_ml_20m_has_the_papers_own_settings():
    printed = paper.table(2).query("dataset == 'ML-20M'").set_index("model")
    [t] = paper.table(1).query("dataset == 'ML-20M'").t
    for model, name in zip(MODELS, ("SASRec", "DNN", "BPR"), strict=True):
        found, theirs = defaults("ml-20m", model), printed.loc[name].dropna()
        names = {"b": "batch", "d": "d", "eta": "eta", "l2": "l2", "p": "p"}
        for symbol in names.keys() & set(theirs.index):
            assert float(theirs[symbol]) == found[names[symbol]]
        assert model == "bpr" or found["t"] == t


@pytest.mark.parametrize("dataset", ["csv", "synthetic"])
def test_epochs_of_a_first_try_are_20(dataset):
    assert [defaults(dataset, model)["epochs"] for model in MODELS] == [20, 20, 20]


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (base("synthetic", "sasrec"), "synthetic/sasrec-base-s0-b3821e8f5985"),
        (pcrec("synthetic", "sasrec"), "synthetic/sasrec-le-a30-s0-456b9ae645e8"),
        (
            pcrec("retailrocket-half", "sasrec", alpha=0, epochs=50),
            "retailrocket-half/sasrec-avg-s0-643a0bf3b64f",
        ),
        (base("ml-100k", "bpr", epochs=200, l2=1e-4, seed=1), "ml-100k/bpr-base-s1-bad431017a33"),
        (pcrec("ml-100k", "dnn", epochs=200, eta=1e-3), "ml-100k/dnn-le-a40-s0-ec329542a837"),
    ],
)
def test_names_of_runs_are_pinned_so_that_a_changed_setting_is_seen(run, name):
    assert run.name == name


def test_a_base_is_one_peer_and_pcrec_two_that_cooperate_by_entropy():
    alone, both = base("ml-100k", "sasrec", seed=3), pcrec("ml-100k", "sasrec", seed=3)
    assert (alone.peers, alone.cooperation, alone.variant) == (1, None, "base")
    assert (both.peers, both.cooperation) == (2, Cooperation("layerwise", "entropy", 30))
    assert both == dataclasses.replace(alone, peers=2, cooperation=both.cooperation)


@pytest.mark.parametrize(("model", "alpha"), [("sasrec", 30), ("dnn", 40), ("bpr", 20)])
def test_alpha_is_the_papers_by_model(model, alpha):
    assert layerwise(model) == Cooperation("layerwise", "entropy", alpha)
    for name in ("ml-100k", "retailrocket"):
        assert pcrec(name, model).variant == f"le-a{alpha}"


@pytest.mark.parametrize("model", MODELS)
def test_both_halves_have_the_same_settings(model):
    assert defaults("retailrocket-first-half", model) == defaults("retailrocket-half", model)


def test_the_alpha_grid_is_that_of_the_table_with_averaging_for_0():
    assert settings.ALPHAS == (10, 20, 30, 40, 50)
    assert (
        layerwise("sasrec", alpha=0) == layerwise("sasrec", alpha=0.0) == Cooperation("averaging")
    )
    assert layerwise("sasrec", alpha=0, every=3) == Cooperation("averaging", every=3)
    assert layerwise("sasrec", "l1", 10, 2) == Cooperation("layerwise", "l1", 10, 2)


def test_every_setting_can_be_given_and_none_given_is_the_default():
    given = {"d": 7, "t": 8, "p": 0.5, "epochs": 9, "batch": 10, "eta": 0.25, "l2": 0.125}
    given |= {"schedule": "constant", "precision": "bf16", "average": "ema", "evaluate_every": 3}
    run = run_spec("ml-100k", "sasrec", **given)
    assert vars(run.model) | vars(run.training) == given | {"name": "sasrec"}
    assert run_spec("ml-100k", "sasrec", **dict.fromkeys(given)) == run_spec("ml-100k", "sasrec")
    # 0 is given
    assert run_spec("ml-100k", "sasrec", p=0, l2=0).model.p == 0.0


@pytest.mark.parametrize(
    ("label", "model", "given", "expected"),
    [
        ("base", "sasrec", {}, {}),
        ("LE", "dnn", {}, {}),
        ("shuffled", "sasrec", {}, {}),
        ("N", "dnn", {}, {}),
        ("base-constant", "dnn", {}, {"schedule": "constant"}),
        ("LE-constant", "sasrec", {}, {"schedule": "constant"}),
        ("base-batch-256", "sasrec", {}, {"batch": 256, "epochs": 240}),
        ("half", "sasrec", {}, {"d": 32}),
        ("swa", "sasrec", {}, {"average": "swa", "schedule": "constant"}),
        ("LE-once", "sasrec", {"epochs": 240}, {"epochs": 240}),
        ("LE", "sasrec", {"protocol": "released"}, {}),
        ("base", "sasrec", {"protocol": "released"}, {}),
        ("base", "sasrec", {"protocol": "released", "schedule": "cosine"}, {"schedule": "cosine"}),
    ],
)
def test_the_settings_of_a_run_that_differ_from_the_studys(label, model, given, expected):
    assert changed(variant(label, "ml-100k", model, 1, given)) == expected


def test_a_run_of_an_earlier_state_of_the_code_differs_in_its_numerics():
    assert changed(dataclasses.replace(base("ml-100k", "dnn"), numerics=1)) == {"numerics": 1}


def test_data_can_be_given_whole():
    data = Data("ml-100k", core=3)
    assert base(data, "bpr").data == data and base("ml-100k", "bpr").data == Data("ml-100k", core=5)


def test_a_notebook_names_its_data(tmp_path):
    path = tmp_path / "my.csv"
    path.write_text("user,item,time\na,b,1\n")
    assert dataset("ml-100k") == Data("ml-100k") and dataset("csv", str(path)) == csv_data(path)
    assert dataset("csv", str(path), ["item", "user"]) == csv_data(path, ("item", "user"))
    assert dataset("csv", str(path), core=2, encoding="latin-1").reading == ("encoding=latin-1",)
    assert dataset("ml-100k", core=2) == Data("ml-100k", core=2)


def sasrec(**given: object) -> RunSpec:
    return pcrec("ml-100k", "sasrec", **given)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: base("ml-100k", "sasrek"), SpecError, "'sasrek'; did you mean 'sasrec'?"),
        (lambda: pcrec("ml-100k", "sasrek"), SpecError, "'sasrek'; did you mean 'sasrec'?"),
        (lambda: layerwise("SASRec"), SpecError, "unknown model 'SASRec'; did you mean 'sasrec'?"),
        (lambda: sasrec(criterion="entrpy"), SpecError, "did you mean 'entropy'?"),
        (lambda: sasrec(protocol="control"), SpecError, "did you mean 'controlled'?"),
        (lambda: base("ml100k", "sasrec"), DataError, "data set 'ml100k'; did you mean 'ml-100k'?"),
        (lambda: base("retailrocket-hlaf", "bpr"), DataError, "did you mean 'retailrocket-half'?"),
        (lambda: sasrec(epoch=3), SpecError, "unknown setting 'epoch'; did you mean 'epochs'?"),
        (
            lambda: base("ml-100k", "bpr", t=50),
            SpecError,
            "t (sequence length) belongs to sasrec and",
        ),
        (lambda: base("ml-100k", "dnn", p=0.1), SpecError, "p (dropout) belongs to sasrec"),
        (lambda: sasrec(alpha=-1), SpecError, "alpha must be above 0"),
        (lambda: base("csv", "bpr"), SpecError, "csv_data(path"),
        (lambda: dataset("ml100k"), DataError, "did you mean 'ml-100k'?"),
        (
            lambda: dataset("csv", __file__, ["user"]),
            SpecError,
            "columns names two or three",
        ),
        (lambda: dataset("csv", "nowhere.csv"), DataError, "nowhere.csv cannot be read"),
    ],
)
def test_impossible_settings_are_refused_in_one_sentence(make, error, words):
    with pytest.raises(error) as refused:
        make()
    sentence = str(refused.value)
    assert words in sentence and sentence.endswith(".") and "\n" not in sentence


def test_the_examples_in_the_documentation_are_true():
    assert doctest.testmod(settings) == doctest.TestResults(failed=0, attempted=2)


def test_a_mistyped_criterion_is_refused_where_alpha_0_would_not_need_it():
    with pytest.raises(SpecError, match=r"unknown criterion 'entropie'.*entropy"):
        layerwise("sasrec", "entropie", alpha=0)


@pytest.mark.parametrize(
    ("model", "cooperation", "epochs", "schedule"),
    [
        ("sasrec", None, 200, "constant"),
        ("sasrec", Cooperation("noise"), 200, "constant"),
        ("sasrec", Cooperation("layerwise", "entropy", 30), 200, "cosine"),
        ("bpr", Cooperation("layerwise", "entropy", 20), 300, "cosine"),
        ("sasrec", Cooperation("parameterwise", gamma=0.01), 200, "cosine"),
        ("bpr", Cooperation("parameterwise", gamma=0.01), 200, "cosine"),
        ("bpr", None, 200, "constant"),
        ("dnn", Cooperation("averaging"), 200, "cosine"),
    ],
)
@pytest.mark.parametrize("protocol", ["paper", "released"])
def test_the_released_codes_epochs_and_schedule(model, cooperation, epochs, schedule, protocol):
    run = run_spec("ml-100k", model, peers=2, cooperation=cooperation, protocol=protocol)
    assert (run.training.epochs, run.training.schedule) == (epochs, schedule)
    given = run_spec("ml-100k", model, protocol=protocol, epochs=3, schedule="cosine")
    assert given.training.epochs == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("cooperation", [None, Cooperation("layerwise", "entropy", 30)])
def test_sasrec_has_no_l2_in_any_protocol_unless_it_is_given(protocol, cooperation):
    peers = 2 if cooperation else 1
    make = partial(
        run_spec, "ml-100k", "sasrec", peers=peers, cooperation=cooperation, protocol=protocol
    )
    assert (make().training.l2, make(l2=0.01).training.l2) == (0, 0.01)


def test_single_options_can_be_changed():
    assert run_spec("ml-100k", "sasrec", options={"loss": "all"}).changed_options == {"loss": "all"}
    options = {"loss": "real", "order": "once"}
    released = run_spec("ml-100k", "sasrec", protocol="released", options=options)
    assert released.changed_options == {"loss": "real"}
    with pytest.raises(SpecError, match="unknown protocol option 'los'; did you mean 'loss'"):
        run_spec("ml-100k", "sasrec", options={"los": "all"})


def test_the_trials_grids_are_the_papers_and_that_of_eta_goes_one_step_beyond_each_edge():
    assert set(chosen.GRIDS["eta"]) - {5e-5, 1e-2} == set(GRID["eta"])
    assert min(chosen.GRIDS["eta"]) == 5e-5 and max(chosen.GRIDS["eta"]) == 1e-2
    assert set(chosen.GRIDS["l2"]) == set(GRID["l2"]) - {0, 0.000001}


def test_chosen_settings_are_in_the_grids():
    for (label, _), value in chosen.CHOSEN.items():
        assert value in chosen.GRIDS[label.rpartition("-")[2]]


def test_a_setting_that_is_not_chosen_is_refused_with_the_command_of_its_trials(monkeypatch):
    monkeypatch.setattr(chosen, "CHOSEN", {("LE-own-eta", "dnn"): 5e-4})
    assert chosen.chosen_setting("LE-own-eta", "dnn", "retailrocket-half") == 5e-4
    with pytest.raises(NotChosen) as refused:
        chosen.chosen_setting("LE-own-eta", "sasrec", "retailrocket-half")
    assert str(refused.value) == (
        "the setting of LE-own-eta of sasrec is not chosen yet; make the trials with 'pcrec"
        " study step5', and enter the best one in study.chosen.CHOSEN."
    )
    sentence = "LE-own-eta belongs to retailrocket-half, .* not to ml-100k"
    with pytest.raises(SpecError, match=sentence):
        chosen.chosen_setting("LE-own-eta", "dnn", "ml-100k")


def test_a_csv_without_a_file_is_refused():
    sentence = "the data set csv needs the path of your file: give it as csv"
    with pytest.raises(SpecError, match=sentence):
        dataset("csv")
