"""The comparisons of a trial, their verdicts, and the sentences that report them."""

from __future__ import annotations

import numpy as np
import pytest
from curves_support import ranked
from stats_support import plain

from pcrec_core.analysis import own_data
from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.claims.sides import adjust, sides
from pcrec_core.analysis.comparisons import compare
from pcrec_core.analysis.projection import projected
from pcrec_core.analysis.run_variance import pooled_over
from pcrec_core.reporting import figures
from pcrec_core.reporting import own_data as report
from pcrec_core.reporting.runs import Runs

USERS = 400


def arm(label: str, shift: int, runs: int = 3):
    """Return an arm whose users' ranks are from 1 to 5, worse by ``shift`` for half of them."""
    draw = np.random.default_rng(len(label) + shift)
    first = draw.integers(1, 6, USERS)
    ranks = [first + shift * (draw.random(USERS) < 0.5) for _ in range(runs)]
    return ranked(label, *(run.tolist() for run in ranks))


BETTER = {"base": arm("base", 3), "LE": arm("LE", 0), "avg": arm("avg", 0)}


def test_each_couple_gets_the_verdict_of_the_rule_adjusted_over_all():
    frame = own_data.decided([BETTER], 0.05)
    assert frame["comparison"].tolist() == ["LE over base", "avg over base", "LE over avg"]
    found = [compare(BETTER[a], BETTER[b], "MRR@5") for a, b in own_data.COUPLES]
    e = np.log1p(0.05)
    plain = [sides("better", c, e=e, theta=e / 2) for c in found]
    adjusted = adjust(plain)
    assert frame["verdict"].tolist() == [outcomes.verdict(each) for each in adjusted]
    assert frame["verdict"].tolist()[:2] == ["supported", "supported"]
    assert frame["p"].tolist() == [each.printed for each in adjusted]
    assert frame["relative_improvement"].tolist() == [c.RI for c in found]


def test_the_figure_has_one_row_per_couple_and_nothing_of_the_paper():
    frame = own_data.decided([BETTER | {"base": arm("base", 1)}], 0.05)
    [axes] = figures.forest.trial(frame).axes
    lines = [line for line in axes.lines if len(line.get_xdata())]
    points = [line.get_xdata()[0] for line in lines if line.get_marker() == "o"]
    assert points == pytest.approx(list(100 * frame["relative_improvement"]))
    assert not any(line.get_marker() == "x" for line in axes.lines)
    assert [label.get_text().partition(": ")[2] for label in axes.get_yticklabels()] == [
        "PCRec (LE) over base",
        "plain averaging over base",
        "PCRec (LE) over plain averaging",
    ]


def test_two_runs_are_not_tested_and_a_missing_arm_is_not_compared():
    group = {"base": arm("base", 3, runs=2), "LE": arm("LE", 0, runs=2)}
    frame = own_data.decided([group], 0.05)
    assert frame["verdict"].tolist() == ["not tested"] and frame["runs"].tolist() == [2]
    assert "an arm has fewer than three runs" in report.answers(frame, 0.05)[0]


def test_the_runs_needed_are_the_fewest_that_find_the_gain():
    c = compare(BETTER["LE"], BETTER["avg"], "MRR@5")
    arms = list(BETTER.values())
    of_runs = pooled_over(arms, "MRR@5")
    reached = {n: projected(c, of_runs, n).mde for n in range(3, 101)}
    gain = reached[7] + 1e-9
    fewest = next(n for n in reached if reached[n] <= gain)
    assert own_data.runs_needed(c, arms, gain) == fewest <= 7
    assert own_data.runs_needed(c, arms, reached[100] / 2) is None


def test_a_sentence_for_every_verdict():
    frame = own_data.decided([BETTER], 0.05)[:1]
    sentences = {
        "supported": "Supported: it is better: the data show a gain.",
        "ruled out": "no gain is shown, and a gain of 5.0\xa0% or more can be excluded.",
        "contradicted": "it is worse: the data show a loss.",
        "inconclusive": "these data and runs cannot decide.",
    }
    for verdict, sentence in sentences.items():
        [answer] = report.answers(frame.assign(verdict=verdict), 0.05)
        assert sentence in answer and answer.startswith("SASRec: PCRec (LE) over base, +")
    undecided = frame.assign(verdict="inconclusive")
    more = {9: "With 6 more runs per arm", 3: "There are enough runs", np.nan: "more users are"}
    for needed, sentence in more.items():
        assert sentence in report.answers(undecided.assign(runs_needed=needed), 0.05)[0]


def test_single_runs_are_not_projected_and_no_advice_is_given():
    group = {"base": arm("base", 3, runs=1), "LE": arm("LE", 0, runs=1)}
    frame = own_data.decided([group], 0.05)
    assert list(frame["projectable"]) == [False]
    assert "more users" not in plain(report.show_verdicts(frame, 0.05)._repr_html_())
    [answer] = report.answers(frame, 0.05)
    assert answer.endswith("no verdict (fewer than 3 runs in an arm (1)).")


def test_a_base_below_a_trivial_ranking_is_warned_of():
    best, hiding = ranked("transitions", [1] * USERS), ranked("popularity", [1] * USERS)
    assert own_data.below_trivial([BETTER], [best])[0][::2] == ("sasrec", "transitions")
    assert own_data.below_trivial([BETTER], [hiding]) == []  # it leaves out what SASRec ranks
    [sentence] = report.warnings(Runs([BETTER]), Runs([{"transitions": best}]))
    assert "The base of SASRec (0." in sentence and "transitions (1.0000)" in sentence
    assert report.warnings(Runs([BETTER]), Runs([])) == []
    worst = ranked("popularity", [9] * USERS)
    assert own_data.below_trivial([BETTER], [worst]) == []


@pytest.mark.parametrize(("epoch", "late"), [(18, 1), (17, 0)])
def test_runs_that_were_best_at_their_end_are_counted(epoch, late):
    one = ranked("base", [1, 2], given={"epochs": 20}, chosen={"epoch": epoch})
    assert own_data.last_epochs([{"base": one}]) == (late, 1)
