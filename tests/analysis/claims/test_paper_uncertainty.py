"""The paper's uncertainty and the effect ratio: worked examples B and C, and other derivations.

The examples are those of the book (statistics-examples).
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm, t
from stats_support import comparison_of, simulated

from pcrec_core.analysis import paper
from pcrec_core.analysis.claims.paper_uncertainty import (
    Printed,
    below,
    correlation,
    fieller,
    paper_side,
    user_variance,
)
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.metrics import value_by_user

SASREC = Printed("MRR@5", 0.2091, 0.2022, 0.3262, 0.3169, 47_000)


def near(value):
    return pytest.approx(value, abs=1e-6)


#: c of worked example C: c1 = U (Vu + (S - 1) Ve) is 8 % of rv_v + rv_b = 5.
LIKE_C = {"rv_v": 2.0, "rv_b": 3.0, "users": 1000, "Vu": 0.0003, "Ve": 0.00005, "Vseed": 8e-6}


# --- worked example C


def test_example_c():
    assert user_variance("MRR@5", 0.2022, 0.3169) == near(3.384510)
    assert user_variance("MRR@5", 0.2091, 0.3262) == near(3.246754)
    c = comparison_of(0.03, 0.02, 6, **LIKE_C)
    assert correlation(c) == pytest.approx(0.92)
    side = paper_side(c, SASREC)
    assert side.Vp == pytest.approx(3.532670e-5, abs=1e-11)
    assert side.e33 == near(0.005107)


def test_the_numbers_of_example_c_are_the_papers():
    values = [
        paper.value("Retailrocket", "sasrec", arm, metric)
        for metric in ("MRR@5", "HIT@5")
        for arm in ("LE", "base")
    ]
    assert Printed("MRR@5", *values, users=paper.users("Retailrocket")) == SASREC
    assert paper.users("ML-20M") == 138_000
    assert paper.users("QQBrowser") == 978_000
    with pytest.raises(
        paper.PaperError, match="unknown data set of the paper 'ml-20'; did you mean 'ML-20M'"
    ):
        paper.users("ml-20")


@pytest.mark.parametrize(
    ("dataset", "model", "gain", "half"),
    [
        ("Retailrocket", "sasrec", 3.4, 2.3),
        ("Retailrocket", "dnn", 3.5, 2.8),
        ("Retailrocket", "bpr", 8.5, 4.5),
        ("ML-20M", "sasrec", 5.3, 1.8),
        ("ML-20M", "dnn", 9.0, 3.6),
        ("ML-20M", "bpr", 9.6, 4.1),
    ],
)
def test_the_papers_intervals_over_users_alone_without_correlation(dataset, model, gain, half):
    """The list of statistics-paper, at c = 0: gain in points, half-width in log points."""
    arms = {
        arm: [paper.value(dataset, model, arm, metric) for metric in ("MRR@5", "HIT@5")]
        for arm in ("LE", "base")
    }
    rv = sum(user_variance("MRR@5", *values) for values in arms.values())
    ri = arms["LE"][0] / arms["base"][0] - 1
    assert 100 * ri == pytest.approx(gain, abs=0.05)
    assert 100 * 1.96 * math.sqrt(rv / paper.users(dataset)) == pytest.approx(half, abs=0.05)


# --- its parts


def test_the_variance_of_a_hit_is_that_of_a_coin():
    y = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    assert user_variance("HIT@5", 0.2, 0.2) == pytest.approx(y.var() / y.mean() ** 2)


def test_the_largest_variance_of_mrr_is_that_of_ranks_1_and_n():
    y = value_by_user(np.repeat([1, 5, 6], [3, 4, 13]), "MRR@5")
    assert user_variance("MRR@5", y.mean(), 7 / 20) == pytest.approx(y.var() / y.mean() ** 2)


@given(st.lists(st.integers(1, 8), min_size=2, max_size=40))
def test_no_ranks_vary_more_than_that(ranks):
    y = value_by_user(ranks, "MRR@5")
    if y.any():
        assert y.var() / y.mean() ** 2 <= user_variance("MRR@5", y.mean(), (y > 0).mean()) + 1e-9


def test_the_variance_of_ndcg_is_not_printed():
    with pytest.raises(StatsError, match="the variance of NDCG@20 cannot be had"):
        user_variance("NDCG@20", 0.1, 0.2)


def test_correlation_is_that_of_two_runs_where_each_arm_has_one():
    """c = 1 - var(zv - zb) / (var zv + var zb), Pearson's where the variances are equal."""
    v, b = [1, 2, 5, 1, 9, 3], [2, 1, 1, 5, 9, 3]  # the same ranks in another order
    pearson = np.corrcoef(value_by_user(v, "MRR@5"), value_by_user(b, "MRR@5"))[0, 1]
    assert correlation(compare([v], [b], "MRR@5")) == pytest.approx(max(0, pearson))


def test_correlation_is_estimated_alike_from_one_run_and_from_many():
    one, many = (correlation(compare(*simulated(1, 20_000, runs), "MRR@5")) for runs in (1, 5))
    assert one > 0.3
    assert many == pytest.approx(one, abs=0.05)


def test_without_correlation_or_relative_variance_c_is_0():
    assert correlation(comparison_of(0.0, 0.1, 5, rv_v=0.1, rv_b=0.1)) == 0  # c1 = 100 * 0.01 = 1
    assert correlation(comparison_of(0.0, 0.1, 5, rv_v=None, Vu=1e-9)) == 0
    lucky = compare([[1] * 40, [9] * 40, [2] * 40], [[1, 9] * 20] * 3, "MRR@5")
    assert lucky.rv_v is None
    assert lucky.rv_b > 0
    assert correlation(lucky) == 0


def test_relative_variance_is_the_mean_over_runs():
    c = compare([[1, 9], [1, 1]], [[1, 2], [1, 2]], "HIT@5")
    assert c.rv_v == pytest.approx(
        (2 + 0) / 2
    )  # 1 and 0: variance 1/2 over (1/2)^2; then no variance at all


def test_without_printed_values_the_runs_alone_are_the_papers_variance():
    side = paper_side(comparison_of(0.03, 0.02, 6, Vseed=8e-6, runs_v=10, runs_b=4), None)
    assert side.Vp == pytest.approx(4 * 8e-6)
    assert side.e33 is None


def test_an_arm_without_randomness_has_no_number_of_runs():
    c = compare(simulated(1, 50, 3)[0], simulated(1, 50, 3)[1][:1], "MRR@5", random_b=False)
    assert c.fewest_runs == 3
    assert compare(*simulated(1, 50, 1), "MRR@5").fewest_runs == 1


def test_1_52_standard_errors_are_found_with_33_percent_power():
    assert norm.sf(norm.ppf(0.975) - 1.52) == pytest.approx(0.33, abs=0.001)


def test_below_e33_takes_the_one_sided_limit():
    c = comparison_of(0.001, 0.002, 8)
    limit = 0.001 + 0.002 * t.ppf(0.95, 8)
    assert below(c, limit + 1e-9)
    assert not below(c, limit - 1e-9)
    assert not below(c, None)
    assert not below(comparison_of(0.001, 0.002, 8, reason="fewer than 3 runs in an arm (1)"), 1.0)


# --- the effect ratio


def test_fieller_of_claim_1_of_example_b():
    er = fieller(comparison_of(0.030, 0.008, 6), math.log(1.034), 1.5e-5)
    assert (er.value, er.low, er.high) == (near(0.897269), near(0.305427), near(1.645880))


@given(
    L=st.floats(-0.1, 0.1),
    se=st.floats(0.002, 0.1),
    df=st.floats(2, 50),
    e=st.floats(0.02, 0.2),
    share=st.floats(0, 0.9),
)
def test_fieller_is_where_a_t_test_of_the_ratio_is_on_the_edge(L, se, df, e, share):
    """theta is in the interval iff |L - theta e| <= t sqrt(V + theta^2 Vp)."""
    quantile = t.ppf(0.975, df)
    Vp = share * (e / quantile) ** 2  # g = share
    er = fieller(comparison_of(L, se, df), e, Vp)

    def excess(theta: float) -> float:
        return abs(L - theta * e) / math.sqrt(se**2 + theta**2 * Vp) - quantile

    assert excess(L / e) < 0
    assert er.low <= L / e <= er.high
    far = 10 * max(abs(er.low), abs(er.high), 1) + abs(L / e)
    assert brentq(excess, -far, L / e) == pytest.approx(er.low, rel=1e-6, abs=1e-9)
    assert brentq(excess, L / e, far) == pytest.approx(er.high, rel=1e-6, abs=1e-9)


def test_fieller_without_uncertainty_of_the_paper_is_the_interval_over_e():
    er = fieller(comparison_of(0.03, 0.01, 5), 0.05, 0.0)
    assert (er.low, er.high) == pytest.approx(
        ((0.03 - t.ppf(0.975, 5) * 0.01) / 0.05, (0.03 + t.ppf(0.975, 5) * 0.01) / 0.05)
    )


def test_no_ratio_to_a_claim_that_is_nearly_0_or_not_distinguished_from_0():
    c = comparison_of(0.03, 0.01, 5)
    edge = (0.05 / t.ppf(0.975, 5)) ** 2  # g = 1
    assert fieller(c, 0.05, edge * 1.0001) is None
    assert fieller(c, 0.05, edge * 0.9999) is not None
    assert fieller(c, 0.0099, 0) is None
    assert fieller(c, 0.00995, 0) is not None
    assert fieller(c, None, 0) is None


def test_a_mean_of_0_has_no_ratio():
    assert fieller(compare([[9, 9, 9]] * 3, [[1, 2, 3]] * 3, "MRR@5"), 0.05, 0.0) is None
