"""The crossed t: worked example A of the page on statistics, a naive loop, properties and edges."""

from __future__ import annotations

import math
from dataclasses import asdict, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import t, ttest_1samp, ttest_rel

from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.crossed_t import compare
from pcrec_core.analysis.effect_ratio import delta_ri, effect_ratio
from pcrec_core.analysis.effects import Effect
from pcrec_core.analysis.mean_interval import mean_interval
from pcrec_core.metrics import MetricError, value_by_user

RV = [[1, 2, 6, 3, 1, 4, 2, 9], [1, 1, 6, 2, 1, 4, 3, 9], [3, 5, 7, 4, 2, 8, 5, 9]]
RB = [[2, 4, 9, 3, 2, 5, 4, 9], [2, 4, 8, 3, 1, 4, 4, 7]]


def near(value):
    return pytest.approx(value, abs=1e-6)


def draw(runs: int, users: int, seed: int, best: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(best, 9, size=(runs, users))


# --- worked example A


def check(comparison, expected: str):
    """Compare fields with ``expected``, a text of names and numbers in turn."""
    words = expected.split()
    numbers = dict(zip(words[::2], map(float, words[1::2]), strict=True))
    found = asdict(comparison)
    assert {name: found[name] for name in numbers} == near(numbers)


def test_example_a_in_mrr():
    check(
        compare(RV, RB, "MRR@5"),
        """mean_v 0.38125 mean_b 0.288542 L 0.278616 RI 0.321300 low -0.540883 high 2.802585
        Vu 0.014495 Vs 0.082394 Ve 0.020379 Vseed 0.062015 se 0.276604 df 2.289162 p 0.408182""",
    )


def test_example_a_in_hit_where_runs_add_nothing():
    check(
        compare(RV, RB, "HIT@5"),
        """L -0.057158 RI -0.055556 low -0.345040 high 0.361877 p 0.457084
        Vu 0.003295 Vs 0.003460 Ve 0.003460 Vseed 0 se 0.057406 df 1.440700""",
    )


def test_example_a_with_exchanged_arms():
    check(compare(RB, RV, "MRR@5"), "L -0.278616 se 0.276604 df 2.289162 p 0.408182")


def test_example_a_with_paired_arms():
    check(
        compare(RV[:2], RB, "MRR@5", paired=True),
        """L 0.507209 low 0.191924 high 1.313703
        Vu 0.018292 Vs 0.002907 Ve 0.019065 Vseed 0 se 0.135250 df 5.948439""",
    )


def test_example_a_with_one_run_covers_users_only():
    c = compare(RV[:1], RB[:1], "MRR@5")
    check(c, "L 0.566617 se 0.099118 df 7 Vs 0 Ve 0 Vseed 0")
    assert c.users_only


# --- an independent implementation with loops, as the page on statistics writes it


def variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((x - mean) ** 2 for x in values) / (len(values) - 1)


def column(z: list[list[float]], u: int) -> float:
    return sum(row[u] for row in z) / len(z)


def naive(yv: list[list[float]], yb: list[list[float]], paired: bool) -> dict[str, float]:
    users = len(yv[0])
    mv, mb = (sum(map(sum, y)) / (len(y) * users) for y in (yv, yb))
    zv, zb = [[x / mv for x in row] for row in yv], [[x / mb for x in row] for row in yb]
    vu = variance([column(zv, u) - column(zb, u) for u in range(users)]) / users
    apart = [[a - b for a, b in zip(*rows, strict=True)] for rows in zip(zv, zb, strict=False)]
    arms = [apart] if paired else [zv, zb]
    vs = ve = q = 0.0
    for z in arms:
        runs, means = len(z), [sum(row) / users for row in z]
        grand, s = sum(means) / runs, variance(means) / runs
        residuals = [
            z[r][u] - means[r] - column(z, u) + grand for r in range(runs) for u in range(users)
        ]
        vs, q = vs + s, q + s**2 / (runs - 1)
        ve += sum(x**2 for x in residuals) / ((runs - 1) * (users - 1) * runs * users)
    v = vu + max(0.0, vs - ve)
    df = max(min(len(z) for z in arms) - 1, min(users - 1, v**2 / (vu**2 / (users - 1) + q)))
    log, se, half = math.log(mv / mb), math.sqrt(v), t.ppf(0.975, df) * math.sqrt(v)
    found = {"L": log, "Vu": vu, "Vs": vs, "Ve": ve, "se": se, "df": df, "RI": mv / mb - 1}
    found |= {"low": math.exp(log - half) - 1, "high": math.exp(log + half) - 1}
    p, mde = 2 * (1 - t.cdf(abs(log) / se, df)), math.exp(half + t.ppf(0.8, df) * se) - 1
    return found | {"p": p, "mde": mde}


@pytest.mark.parametrize("metric", ["MRR@5", "HIT@5", "NDCG@20"])
@pytest.mark.parametrize(
    ("runs_v", "runs_b", "users", "paired"),
    [(3, 3, 40, False), (2, 5, 7, False), (3, 3, 40, True), (10, 4, 5, False)],
)
def test_equals_a_naive_loop(metric, runs_v, runs_b, users, paired):
    rv, rb = draw(runs_v, users, 1), draw(runs_b, users, 2, best=2)
    if metric == "NDCG@20":
        rv, rb = rv * 4, rb * 4  # so that some ranks lie beyond 20
    c = asdict(compare(rv, rb, metric, paired=paired))
    expected = naive(value_by_user(rv, metric).tolist(), value_by_user(rb, metric).tolist(), paired)
    assert {name: c[name] for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_one_run_is_the_paired_t_test_over_users():
    yv, yb = value_by_user(draw(1, 50, 3), "MRR@5"), value_by_user(draw(1, 50, 4), "MRR@5")
    c = compare(draw(1, 50, 3), draw(1, 50, 4), "MRR@5")
    # A difference of ratios has mean 0: shift it by L.
    known = ttest_rel(yv[0] / yv.mean(), yb[0] / yb.mean() - c.L)
    assert c.se == pytest.approx(c.L / known.statistic) and c.p == pytest.approx(known.pvalue)
    assert c.df == 49


# --- properties


@st.composite
def arms(draw):
    """Draw the ranks of two arms with the same users."""
    users = draw(st.integers(2, 12))
    runs = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    return tuple(draw(hnp.arrays(np.int64, (n, users), elements=st.integers(1, 8))) for n in runs)


def comparable(rv, rb, metric="MRR@5"):
    try:
        return compare(rv, rb, metric)
    except StatsError:
        return None  # no variation, and yet a difference: refused in either order


@given(arms())
def test_exchanging_the_arms_flips_the_sign_alone(pair):
    there, back = comparable(*pair), comparable(*pair[::-1])
    if there is None or there.L is None:
        assert (back is None) == (there is None)
        return
    assert pytest.approx(-back.L, rel=1e-9, abs=1e-12) == there.L
    for name in ("se", "df", "p", "mde", "Vu", "Vs", "Ve", "Vseed"):
        assert getattr(back, name) == pytest.approx(getattr(there, name), rel=1e-9, abs=1e-12)
    # Not as a product: 1 + low cancels near -1.
    assert back.low == pytest.approx(1 / (1 + there.high) - 1)


@given(arms(), st.randoms(use_true_random=False))
def test_order_of_users_and_of_runs_does_not_matter(pair, random):
    rv, rb = pair
    order = random.sample(range(rv.shape[1]), rv.shape[1])
    first, second = comparable(rv, rb), comparable(rv[::-1][:, order], rb[:, order])
    assert (first is None) == (second is None)
    if first is not None:
        numbers = {name: value for name, value in asdict(first).items() if isinstance(value, float)}
        found = {name: getattr(second, name) for name in numbers}
        assert found == pytest.approx(numbers, rel=1e-9, abs=1e-12)


@given(arms())
def test_interval_and_test_agree(pair):
    c = comparable(*pair)
    if c is None or c.L is None or c.se == 0:
        return
    assert c.low <= c.RI <= c.high and c.Vseed <= c.Vs and 0 <= c.p <= 1
    if abs(c.p - 0.05) > 1e-9:
        assert (c.p < 0.05) == (c.low > 0 or c.high < 0)


def test_nominal_coverage_where_no_run_differs_from_another():
    """300 users, 3 runs, no effect: the interval is a bit too wide, never too narrow."""
    rng = np.random.default_rng(0)
    covered = 0
    for taste in rng.standard_normal((200, 1, 300)):
        drawn = (taste + 0.5 * rng.standard_normal((3, 300)) for _ in range(2))
        c = compare(*(np.exp(2 + z).astype(int) + 1 for z in drawn), "MRR@5")
        covered += c.low <= 0 <= c.high
    assert 0.93 <= covered / 200 <= 1.0


# --- the edges


def test_an_arm_without_randomness_adds_its_users_only_and_counts_as_enough_runs():
    rv, rb = draw(3, 60, 5), draw(1, 60, 6)
    c = compare(rv, rb, "MRR@5", random_b=False)
    z = value_by_user(rv, "MRR@5")
    z = z / z.mean()
    assert c.Vs == pytest.approx(z.mean(1).var(ddof=1) / 3) and not c.users_only and c.reason == ""
    assert 2 <= c.df <= 59


def test_two_arms_without_randomness_leave_the_users():
    c = compare(draw(1, 90, 5), draw(1, 90, 6), "MRR@5", random_v=False, random_b=False)
    assert (c.Vs, c.Ve, c.df, c.users_only, c.reason) == (0, 0, 89, False, "")


def test_one_run_in_either_arm_drops_the_runs_of_both():
    c = compare(draw(3, 60, 5), draw(1, 60, 6), "MRR@5")
    assert (c.Vs, c.Ve, c.Vseed, c.df, c.users_only) == (0, 0, 0, 59, True)
    assert (c.seed_share, c.reason) == (None, "fewer than 3 runs in an arm (1)")


def test_two_runs_are_compared_but_decide_nothing():
    c = compare(draw(2, 60, 5), draw(3, 60, 6), "MRR@5")
    assert c.Vs > 0 and not c.users_only and c.reason == "fewer than 3 runs in an arm (2)"


def test_a_mean_of_0_leaves_everything_else_undefined():
    c = compare(draw(3, 60, 5), np.full((3, 60), 9), "MRR@5")
    undefined = {name for name, value in asdict(c).items() if value is None}
    assert undefined == {*(field.name for field in fields(Effect)), "rv_b"}
    for method in (lambda: c.effect, lambda: c.bounds(0.95)):
        with pytest.raises(StatsError, match="a mean of 0 has no relative improvement"):
            method()
    assert c.mean_b == 0 and c.mean_v > 0 and c.seed_share is None
    assert c.reason == "fewer than 30 users with a value above 0 in an arm (0)"


def test_the_effect_holds_the_numbers_of_the_comparison():
    c = compare(RV, RB, "MRR@5")
    assert asdict(c.effect).items() <= asdict(c).items() and len(asdict(c.effect)) == 12
    half = t.ppf(0.95, c.df) * c.se
    assert c.bounds(0.95) == pytest.approx((c.L - half, c.L + half))


def test_equal_arms_have_an_empty_interval_and_decide_nothing():
    ranks = draw(3, 60, 5)
    c = compare(ranks, ranks, "MRR@5", paired=True)
    assert (c.L, c.RI, c.low, c.high, c.p, c.se, c.mde) == (0, 0, 0, 0, 1, 0, 0)
    assert c.reason == "no variation at all"


def test_variances_that_cancel_leave_no_rounding_behind():
    """Equal arms whose run variance is noise by user: Vs - Ve is 0, but not in floating point."""
    ranks = [[2, 1, 1, 1, 1], [1, 1, 1, 1, 1]]
    c = compare(ranks, ranks, "MRR@5")
    assert c.Vs > 0 and c.Vs == pytest.approx(c.Ve) and (c.Vseed, c.se, c.p) == (0, 0, 1)


def test_a_difference_without_variation_is_refused():
    words = r"the arms differ \(ln ratio 1.098612\) without any variation"
    with pytest.raises(StatsError, match=words):
        compare(np.full((3, 40), 1), np.full((3, 40), 3), "MRR@5")


@pytest.mark.parametrize(
    ("above", "reason"), [(29, "fewer than 30 users with a value above 0 in an arm (29)"), (30, "")]
)
def test_users_above_0_are_counted_over_runs(above, reason):
    """Each user is hit in one run of three: the mean over runs is above 0."""
    rb = np.full((3, 50), 9)
    rb[np.arange(above) % 3, np.arange(above)] = 1
    assert compare(draw(3, 50, 7), rb, "MRR@5").reason == reason


def test_the_share_of_runs_in_the_variance():
    c = compare(RV, RB, "MRR@5")
    assert c.seed_share == near(0.062015387 / (0.014494615 + 0.062015387))


def test_the_detectable_effect_is_found_with_four_studies_in_five():
    c = compare(draw(3, 60, 5), draw(3, 60, 6), "MRR@5")
    assert t.cdf(math.log1p(c.mde) / c.se - t.ppf(0.975, c.df), c.df) == pytest.approx(0.8)


# --- what is refused

ONE_RANDOM = {"paired": True, "random_b": False}


@pytest.mark.parametrize(
    ("rv", "rb", "options", "words"),
    [
        ([[1, 2]], [[1, 2, 3]], {}, "the arms have 2 and 3 users"),
        ([1, 2], [1, 2], {}, r"v must be a table of at least 1 run x 2 users, not of shape \(2,\)"),
        ([[1, 2]], [[1]], {}, r"b must be a table of at least 1 run x 2 users, not .* \(1, 1\)"),
        ([[1, 2]] * 2, [[1, 2]], {"paired": True}, "equal lists of seeds, not 2 and 1 runs"),
        ([[1, 2]], [[1, 2]], ONE_RANDOM, "1 and 1 runs with an arm without randomness"),
        ([[1, 2]] * 2, [[1, 2]], {"random_v": False}, "v is declared to have no .* but has 2 runs"),
    ],
)
def test_arms_that_cannot_be_compared_are_refused(rv, rb, options, words):
    with pytest.raises(StatsError, match=words):
        compare(rv, rb, "MRR@5", **options)


def test_a_rank_below_1_and_an_unknown_metric_are_refused():
    with pytest.raises(MetricError, match="index 0, 1 is 0"):
        compare([[1, 0]], [[1, 2]], "MRR@5")
    with pytest.raises(MetricError, match="did you mean 'HIT@5'"):
        mean_interval([[1, 2]], "HITS@5")


# --- one arm


def test_mean_of_one_run_is_the_t_interval_over_users():
    ranks = draw(1, 80, 8)
    y = value_by_user(ranks, "MRR@5")[0]
    m = mean_interval(ranks, "MRR@5")
    known = ttest_1samp(y, 0)
    assert (m.mean, m.se, m.df) == pytest.approx((y.mean(), 1 / known.statistic, 79))
    half = t.ppf(0.975, 79) / known.statistic
    assert (m.low, m.high) == pytest.approx((y.mean() * math.exp(-half), y.mean() * math.exp(half)))
    assert m.run_sd is None and m.users_only and (m.runs, m.users) == (1, 80)


def test_mean_of_three_runs_by_hand():
    """HIT@5 of 4 users, run means 1/4, 2/4, 3/4; z = y / (1/2) has run means 1/2, 1, 3/2."""
    ranks = [[1, 9, 9, 9], [1, 1, 9, 9], [1, 1, 1, 9]]
    m = mean_interval(ranks, "HIT@5")
    assert m.mean == 0.5 and m.run_sd == pytest.approx(0.25) and not m.users_only
    # z by user: 2, 4/3, 2/3, 0, variance 20/27; Vu = 5/27. Vs = (1/4)/3 = 1/12.
    # The residuals' squares sum to that of all (z - 1)^2, 12, less 3 * 20/9 (users) and 4 * 1/2
    # (runs): 10/3.
    vu, vs, ve = 5 / 27, 1 / 12, (10 / 3) / (2 * 3 * 3 * 4)
    v = vu + vs - ve
    assert m.se == pytest.approx(math.sqrt(v))
    assert v**2 / (vu**2 / 3 + vs**2 / 2) == near(3.313519) and m.df == 3  # no more than users - 1
    assert m.high == pytest.approx(0.5 * math.exp(t.ppf(0.975, m.df) * m.se))


def test_mean_of_an_arm_without_randomness_is_not_marked():
    assert not mean_interval([[1, 2, 9]], "MRR@5", random=False).users_only


def test_a_mean_of_0_has_no_interval():
    m = mean_interval([[9, 9], [9, 9]], "MRR@5")
    assert (m.mean, m.low, m.high, m.se, m.run_sd) == (0, None, None, None, 0)


# --- beside the paper


@pytest.mark.parametrize(
    ("ours", "papers", "expected"),
    [
        (0.030, math.log(1.034), 0.897269),  # claim 1 of worked example B
        (-0.01, 0.02, -0.5),
        # A claim of exactly ln 1.01 counts, also with the 6 decimals of claims.csv.
        *((0.02, 0.00995, 2.01005), (0.02, math.log(1.01), 2.009983)),
        *((0.02, e, None) for e in (0.0099, -0.0099, math.nan, None)),
        (None, 0.02, None),
    ],
)
def test_the_effect_ratio_is_ours_over_the_papers(ours, papers, expected):
    found = effect_ratio(ours, papers)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-5))


def test_delta_ri_is_the_paper_less_ours():
    assert delta_ri(0.05, 0.02) == pytest.approx(0.03)
    assert [delta_ri(None, 0.02), delta_ri(0.05, None), delta_ri(math.nan, 0.02)] == [None] * 3
