"""A trial of one's own data: its runs, and what fits into some hours."""

from __future__ import annotations

import os

import pytest

from pcrec_core.errors import SpecError
from pcrec_core.specs.run import Data
from pcrec_core.specs.trivial import TRIVIAL, Trivial
from pcrec_core.study import trial
from pcrec_core.study.trial import Plan
from pcrec_core.study.variants import variant

SYNTHETIC = Data("synthetic")


def test_the_runs_come_seed_by_seed():
    runs = trial.specs(SYNTHETIC, ["bpr", "dnn"], Plan(2, 4))
    expected = [
        variant(label, SYNTHETIC, model, seed, {"epochs": 4})
        for seed in (0, 1)
        for model in ("bpr", "dnn")
        for label in ("base", "LE", "avg")
    ]
    without_training = [Trivial(SYNTHETIC, name) for name in TRIVIAL]
    assert runs == expected + without_training and len(set(runs)) == 12 + 3
    assert [run.model.name for run in trial.one_each(SYNTHETIC, ["bpr", "dnn"])] == ["bpr", "dnn"]


# An epoch of five peers takes 36 s; of the hours 0.8 are planned: 80 such epochs an hour.
@pytest.mark.parametrize(
    ("hours", "plan"),
    [
        (0.19, Plan(3, 5)),  # 15 epochs
        (0.38, Plan(3, 10)),
        (0.75, Plan(3, 20)),
        (1.0, Plan(4, 20)),
        (7.5, Plan(3, 200)),
        (100.0, Plan(10, 200)),
    ],
)
def test_hours_are_filled_with_epochs_then_with_seeds(hours, plan):
    assert trial.fitting(hours, {"sasrec": 6.2, "dnn": 1.0}) == plan


def test_hours_that_do_not_suffice_are_refused_with_what_would():
    sentence = "3 seeds of 5 epochs take about 11 minutes, which is more than 0.1 hours; give more"
    with pytest.raises(SpecError, match=sentence):
        trial.fitting(0.1, {"sasrec": 7.2})


def test_a_plan_is_kept_for_the_same_data_models_and_hours():
    found, path = trial.remembered(SYNTHETIC, ["bpr"], 2.0)
    assert found is None
    trial.remember(Plan(5, 50), path)
    assert trial.remembered(SYNTHETIC, ["bpr"], 2.0) == (Plan(5, 50), path)
    assert trial.remembered(SYNTHETIC, ["bpr"], 3.0)[0] is None
    for damaged in ("{", "[1]", "null", '{"seeds": 3}', '{"seeds": [], "epochs": 5}'):
        path.write_text(damaged)
        assert trial.remembered(SYNTHETIC, ["bpr"], 2.0)[0] is None
    path.unlink()
    os.mkfifo(path)  # would be waited for
    assert trial.remembered(SYNTHETIC, ["bpr"], 2.0)[0] is None
