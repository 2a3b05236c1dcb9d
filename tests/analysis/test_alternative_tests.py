"""Alternative intervals and p-values against naive loops, scipy, and the crossed t."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel
from stats_support import simulated

from pcrec_core.analysis.alternative_tests import (
    Bootstrap,
    bootstrap,
    clustered,
    key,
    run_means,
    significant_pairs,
)
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.metrics import value_by_user

RV, RB = simulated(5, 300, 4, gain=0.2)
NAME = "ml-100k|LE|base|MRR@5|controlled|4|300"


# --- the crossed bootstrap


def naive(yv, yb, name: str, resamples: int, paired: bool = False) -> list[float]:
    """Compute RI of each resample; the order of the draws is users, runs of v, runs of b."""
    rng = np.random.default_rng(int.from_bytes(sha256(name.encode()).digest()[:8], "little"))
    users, found = yv.shape[1], []
    for size in [500] * (resamples // 500) + [resamples % 500] * (resamples % 500 > 0):
        of_users = rng.multinomial(users, [1 / users] * users, size)
        of_v = rng.multinomial(len(yv), [1 / len(yv)] * len(yv), size)
        of_b = of_v if paired else rng.multinomial(len(yb), [1 / len(yb)] * len(yb), size)
        for u, v, b in zip(of_users, of_v, of_b, strict=True):
            mean_v, mean_b = (
                np.repeat(np.repeat(y, runs, axis=0), u, axis=1).mean()
                for y, runs in ((yv, v), (yb, b))
            )
            found.append(mean_v / mean_b - 1)
    return found


@pytest.mark.parametrize("paired", [False, True])
def test_the_bootstrap_resamples_users_and_runs_together(paired):
    rv, rb = RV[:3, :40], RB[:3, :40]
    found = bootstrap(rv, rb, "MRR@5", name="a name", paired=paired, resamples=700)
    yv, yb = value_by_user(rv, "MRR@5"), value_by_user(rb, "MRR@5")
    expected = np.percentile(naive(yv, yb, "a name", 700, paired), [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert (found.kept, found.dropped) == (700, 0)


def test_bootstrap_is_reproducible_and_depends_on_its_name():
    once = bootstrap(RV, RB, "MRR@5", name=NAME, resamples=1000)
    assert bootstrap(RV, RB, "MRR@5", name=NAME, resamples=1000) == once
    assert bootstrap(RV, RB, "MRR@5", name=NAME + "0", resamples=1000) != once


def test_bootstrap_roughly_agrees_with_the_crossed_t_where_there_are_many_runs():
    rv, rb = simulated(7, 500, 20, gain=0.1, run_sd=0.05)
    c, b = compare(rv, rb, "MRR@5"), bootstrap(rv, rb, "MRR@5", name=NAME, resamples=2000)
    assert b.low < c.RI < b.high
    assert (b.high - b.low) / (c.high - c.low) == pytest.approx(1, abs=0.15)


def test_the_name_holds_arms_metric_protocol_runs_and_users():
    assert key("ml-100k", "LE", "base", "MRR@5", "controlled", compare(RV, RB, "MRR@5")) == NAME
    fewer = compare(RV[:3], RB, "MRR@5")
    assert key("x", "a", "b", "MRR@5", "paper", fewer) == "x|a|b|MRR@5|paper|3|300"


def test_resamples_with_a_mean_of_0_are_dropped_and_counted():
    rb = np.full((3, 40), 9)
    rb[:, 0] = 1  # a resample without user 0 has a mean of 0: (39/40)^40 = .363 of them
    found = bootstrap(RV[:3, :40], rb, "MRR@5", name="a name", resamples=1000)
    assert found.kept + found.dropped == 1000 and found.dropped == pytest.approx(363, abs=60)
    nothing = bootstrap(RV, np.full_like(RB, 9), "MRR@5", name="a name", resamples=20)
    assert nothing == Bootstrap(None, None, 0, 20)


def test_an_arm_without_randomness_is_resampled_by_users_alone():
    found = bootstrap(RV, RB[:1], "MRR@5", name=NAME, random_b=False, resamples=500)
    assert found.low < compare(RV, RB[:1], "MRR@5", random_b=False).RI < found.high


def test_arms_that_cannot_be_compared_are_not_resampled():
    with pytest.raises(StatsError, match="the arms have 300 and 299 users"):
        bootstrap(RV, RB[:, 1:], "MRR@5", name=NAME)


# --- runs alone, users alone


def test_run_means_are_tested_by_welch():
    means = [value_by_user(r, "MRR@5").mean(1) for r in (RV, RB)]
    found = run_means(RV, RB, "MRR@5")
    assert found.p == pytest.approx(ttest_ind(*means, equal_var=False).pvalue)
    assert found.difference == pytest.approx(means[0].mean() - means[1].mean())


def test_the_share_of_pairs_of_runs_that_a_t_test_calls_significant():
    yv, yb = value_by_user(RV, "MRR@5"), value_by_user(RB, "MRR@5")
    p = [ttest_rel(a, b).pvalue for a in yv for b in yb]
    assert len(p) == 16 and 0 < np.mean([x < 0.01 for x in p]) < 1
    assert significant_pairs(RV, RB, "MRR@5") == np.mean([x < 0.01 for x in p])
    for level in (1e-6, 0.05, 0.5):
        assert significant_pairs(RV, RB, "MRR@5", level) == np.mean([x < level for x in p])


def test_pairs_without_variation_are_significant_unless_they_are_equal():
    one, two = [[1] * 5], [[2] * 5]
    assert significant_pairs(one, one, "MRR@5") == 0 and significant_pairs(one, two, "MRR@5") == 1


# --- users clustered by target


def test_with_one_target_per_user_nothing_changes():
    c, found = compare(RV, RB, "MRR@5"), clustered(RV, RB, np.arange(300)[::-1], "MRR@5")
    numbers = found.targets, found.Vu, found.V, found.ratio
    assert numbers == pytest.approx((300, c.Vu, c.se**2, 1))


def test_users_that_are_copies_of_each_other_count_once():
    """Each user twice with one target: Vu is that of half as many users."""
    rv, rb = (np.repeat(ranks, 2, axis=1) for ranks in (RV, RB))
    twice = clustered(rv, rb, np.repeat(np.arange(300), 2), "MRR@5")
    once = compare(RV, RB, "MRR@5")
    assert twice.Vu == pytest.approx(once.Vu) and twice.ratio == pytest.approx(2, abs=0.01)


def test_clusters_by_hand():
    """HIT@5: zv = (2, 2, 0, 0), zb = (4/3, 0, 4/3, 4/3); the sums of the pairs are 8/3 and -8/3."""
    found = clustered([[1, 1, 9, 9]], [[1, 9, 1, 1]], ["x", "x", "y", "y"], "HIT@5")
    assert (found.targets, found.Vu) == (2, pytest.approx(2 * 2 * (8 / 3) ** 2 / 16))


@pytest.mark.parametrize("targets", [[], [1, 2], [1] * 300])
def test_clusters_need_targets_that_differ(targets):
    words = "clusters need a target of each of 300 users, two different ones"
    with pytest.raises(StatsError, match=words):
        clustered(RV, RB, targets, "MRR@5")


# --- the mean over several variants ("a random alpha")


def test_ranks_of_several_variants_are_the_mean_of_their_values():
    several = np.stack([RB, RV, RB[::-1]])
    c = compare(RV, several, "MRR@5")
    y = value_by_user(several, "MRR@5").mean(0)
    assert c.mean_b == pytest.approx(y.mean()) and c.runs_b == 4 and c.users == 300
    assert c.rv_b == pytest.approx((y.var(1, ddof=1) / y.mean(1) ** 2).mean())
    assert compare(RV, RB[None], "MRR@5") == compare(RV, RB, "MRR@5")
    with pytest.raises(StatsError, match=r"not of shape \(0, 4, 300\)"):
        compare(RV, several[:0], "MRR@5")
