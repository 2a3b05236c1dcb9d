"""From p-values to verdicts: the worked example, each kind, and each line of the rule."""

from __future__ import annotations

import doctest
import importlib
import math
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t
from stats_support import comparison_of

from pcrec_core.analysis.claims.outcomes import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_TESTED,
    RULED_OUT,
    SUPPORTED,
    all_of,
    grade,
    headline,
    verdict,
)
from pcrec_core.analysis.claims.sides import (
    BY_SEED,
    KINDS,
    OF_USERS,
    UNTESTED,
    Sides,
    adjust,
    holm,
    sides,
)
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.analysis.paired_runs import paired_runs


def near(value):
    return pytest.approx(value, abs=1e-6)


def column(family: list[Sides], name: str) -> list[float]:
    return [getattr(each, name) for each in family]


# --- worked example B

B = [
    sides(
        "better",
        comparison_of(0.030, 0.008, 6),
        e=math.log(1.034),
        theta=math.log(1.034) / 2,
        Vp=1.5e-5,
    ),
    sides(
        "better",
        comparison_of(0.002, 0.009, 8),
        e=math.log(1.05),
        theta=math.log(1.05) / 2,
        Vp=1e-5,
    ),
    sides(
        "better",
        comparison_of(0.045, 0.017, 6),
        e=math.log(1.09),
        theta=math.log(1.09) / 2,
        Vp=1e-5,
    ),
    sides(
        "at least", comparison_of(-0.002, 0.004, 10), e=math.log(1.01), theta=math.log(1.034) / 2
    ),
    sides("better", comparison_of(-0.030, 0.007, 12), e=math.log(1.01), theta=math.log(1.01) / 2),
    UNTESTED,
]
NO, YES = INCONCLUSIVE, SUPPORTED  # in short


def test_example_b_before_holm():
    assert column(B, "p_for") == near([0.004755, 0.414855, 0.019089, 0.002125, 0.999471, 1])
    assert column(B, "p_not") == near([0.356251, 0.000593, 0.027333, 1, 0.000049, 1])


def test_example_b_after_holm():
    adjusted = adjust(B)
    assert column(adjusted, "p_for") == near([0.023774, 1, 0.076357, 0.012753, 1, 1])
    assert column(adjusted, "p_con") == near([1, 1, 1, 1, 0.003175, 1])
    assert column(adjusted, "p_not") == near([1, 0.002966, 0.109332, 1, 0.000294, 1])


def test_the_verdicts_of_example_b():
    verdicts = [verdict(each) for each in adjust(B)]
    assert verdicts == [SUPPORTED, RULED_OUT, NO, SUPPORTED, CONTRADICTED, NO]
    assert verdict(B[2]) == SUPPORTED  # without Holm


# --- the p-values of each kind: t by hand, with scipy.stats


@pytest.mark.parametrize(
    ("kind", "L", "statistics"),
    [
        # (0.02 - 0.06) / sqrt(0.0001 + 0.0003)
        ("better", 0.02, (-2, 2, -2)),
        # -0.01 + 0.03 is two standard errors
        ("at least", -0.01, (-2, 2, math.inf)),
        # 0.01 - 0.03; -0.01
        ("no better", 0.01, (-2, -1, math.inf)),
    ],
)
def test_the_sides_of_a_claim_over_users(kind, L, statistics):
    found = sides(kind, comparison_of(L, 0.01, 7), e=0.06, theta=0.03, Vp=0.0003)
    assert astuple(found) == pytest.approx(tuple(t.cdf(x, 7) for x in statistics))


def test_the_sides_of_a_claim_over_seeds():
    pairs = paired_runs([0.07, 0.05, 0.09], [0.03, 0.03, 0.03])
    statistic = 0.04 / (0.02 / math.sqrt(3))  # differences 0.04, 0.02, 0.06: mean 0.04, SD 0.02
    found = sides("by seed", pairs, e=None, theta=None)
    assert astuple(found) == pytest.approx((t.cdf(-statistic, 2), t.cdf(statistic, 2), 1))


def test_an_unknown_kind_is_refused():
    with pytest.raises(StatsError, match="unknown kind of claim 'beter'; did you mean 'better'"):
        sides("beter", comparison_of(0, 0.1, 5), e=0.1, theta=0.05)


# --- Holm


def test_holm_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1: 0.04, 0.06, 0.06 (the maximum so far), 0.5."""
    assert holm([0.03, 0.5, 0.01, 0.02]) == near([0.06, 0.5, 0.04, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []
    assert adjust([]) == []
    assert holm([0.01, 0.01, 0.01]) == near([0.03, 0.03, 0.03])


p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(p_values)
def test_holm_is_between_p_and_bonferroni_and_keeps_the_order(p):
    adjusted = holm(p)
    assert all(a <= b <= min(1, len(p) * a) + 1e-15 for a, b in zip(p, adjusted, strict=True))
    by_p = [b for _, b in sorted(zip(p, adjusted, strict=True))]
    assert by_p == sorted(by_p)


@given(p_values, st.randoms(use_true_random=False))
def test_holm_does_not_depend_on_the_order(p, random):
    order = random.sample(range(len(p)), len(p))
    assert holm([p[i] for i in order]) == [holm(p)[i] for i in order]


@given(p_values, st.integers(1, 5))
def test_claims_that_cannot_be_tested_make_it_harder_for_the_rest(p, untested):
    assert all(b >= a for a, b in zip(holm(p), holm(p + [1.0] * untested), strict=False))


@given(p_values, st.floats(0, 1))
def test_holm_rejects_what_the_step_down_procedure_rejects(p, level):
    rejected = 0
    for i, each in enumerate(sorted(p)):
        if each * (len(p) - i) > level:
            break
        rejected += 1
    assert sum(a <= level for a in holm(p)) == (len(p) if level == 1 else rejected)


def test_each_column_is_adjusted_by_itself():
    assert adjust([Sides(0.01, 0.9, 0.3), Sides(0.02, 0.01, 1)]) == [
        Sides(0.02, 0.9, 0.6),
        Sides(0.02, 0.02, 1),
    ]


# --- the rule


@pytest.mark.parametrize(
    ("adjusted", "expected"),
    [
        (Sides(0.025, 1, 1), SUPPORTED),
        (Sides(0.025001, 1, 1), NO),
        (Sides(0.025, 0.001, 0.001), SUPPORTED),
        (Sides(1, 0.025, 1), CONTRADICTED),
        (Sides(1, 0.025001, 1), NO),
        (Sides(1, 0.025, 0.001), CONTRADICTED),
        (Sides(1, 1, 0.05), RULED_OUT),
        (Sides(1, 1, 0.050001), NO),
        (Sides(0.025001, 0.025001, 0.05), RULED_OUT),
        (UNTESTED, NO),
    ],
)
def test_each_line_of_the_rule(adjusted, expected):
    assert verdict(adjusted) == expected
    assert verdict(adjusted, tested=False) == NOT_TESTED


def test_a_claim_over_seeds_has_one_side_and_so_the_whole_level():
    assert [verdict(Sides(p, 1, 1), BY_SEED) for p in (0.05, 0.050001)] == [SUPPORTED, NO]
    assert [verdict(Sides(1, p, 1), BY_SEED) for p in (0.05, 0.050001)] == [CONTRADICTED, NO]


@pytest.mark.parametrize(
    ("adjusted", "expected"),
    [
        (Sides(0.01, 0.9, 0.001), 0.02),
        (Sides(0.9, 0.02, 1), 0.04),
        (Sides(0.6, 0.7, 0), 1),
        (UNTESTED, 1),
    ],
)
def test_the_printed_p_is_two_sided(adjusted, expected):
    assert adjusted.printed == pytest.approx(expected)


def test_a_verdict_of_either_direction_is_a_printed_p_of_5_percent():
    assert Sides(0.025, 1, 1).printed == Sides(1, 0.025, 1).printed == 0.05


# --- grades: df 5, a standard error whose 90 % half-width is 0.01

SE = 0.01 / t.ppf(0.95, 5)
TINY = 1e-9


@pytest.mark.parametrize(
    ("found", "L", "expected"),
    [
        (SUPPORTED, 0.02 - TINY, "less than half the claim"),
        (SUPPORTED, 0.02 + TINY, "smaller than claimed"),
        (SUPPORTED, 0.05 - TINY, "smaller than claimed"),
        (SUPPORTED, 0.05 + TINY, ""),
        (SUPPORTED, 0.07 - TINY, ""),
        (SUPPORTED, 0.07 + TINY, "larger"),
        (RULED_OUT, 0.02 - TINY, "nil within half the claim"),
        (RULED_OUT, 0.02 + TINY, ""),
        (RULED_OUT, -0.02 + TINY, "nil within half the claim"),
        (RULED_OUT, -0.02 - TINY, ""),
        (INCONCLUSIVE, 0.0, ""),
        (NOT_TESTED, 0.0, ""),
        (CONTRADICTED, -0.1, ""),
    ],
)
def test_grades_at_their_borders(found, L, expected):
    """e 0.06 and theta 0.03: upper = L + 0.01 and lower = L - 0.01 pass them."""
    assert grade(found, "better", comparison_of(L, SE, 5), e=0.06, theta=0.03) == expected


def test_a_claim_without_a_size_has_no_grade():
    assert [
        grade(SUPPORTED, kind, comparison_of(0.0, SE, 5), e=0.06, theta=0.03)
        for kind in ("at least", "no better")
    ] == ["", ""]


# --- combinations


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ("supported, supported", SUPPORTED),
        ("supported", SUPPORTED),
        ("supported, inconclusive", INCONCLUSIVE),
        ("inconclusive, inconclusive", INCONCLUSIVE),
        ("supported, ruled out", RULED_OUT),
        ("inconclusive, ruled out", RULED_OUT),
        ("supported, contradicted", CONTRADICTED),
        ("ruled out, contradicted", CONTRADICTED),
        ("inconclusive, contradicted", CONTRADICTED),
        ("contradicted, contradicted", CONTRADICTED),
        ("ruled out, ruled out", RULED_OUT),
        ("supported, not tested", NOT_TESTED),
        ("inconclusive, not tested", NOT_TESTED),
        ("not tested, ruled out", RULED_OUT),
        ("not tested, contradicted", CONTRADICTED),
    ],
)
def test_all_and_best(members, expected):
    verdicts = members.split(", ")
    assert all_of(verdicts) == all_of(verdicts[::-1]) == expected


def test_a_compound_claim_without_members_is_refused():
    with pytest.raises(StatsError, match="needs members"):
        all_of([])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"a": YES, "b": YES}, SUPPORTED),
        ({"a": YES, "b": NO}, SUPPORTED),
        ({"a": NO, "b": RULED_OUT}, RULED_OUT),
        ({"a": NO, "b": NO}, NO),
        ({"a": NO}, NO),
        ({}, NOT_TESTED),
        ({"a": CONTRADICTED}, CONTRADICTED),
        ({"a": NO, "b": NOT_TESTED}, NO),
        ({"a": NOT_TESTED}, NOT_TESTED),
        ({"a": NOT_TESTED, "b": YES}, YES),
        ({"a": YES, "b": CONTRADICTED}, "differs: supported on a, contradicted on b"),
        ({"a": RULED_OUT, "b": NO, "c": YES}, "differs: ruled out on a, supported on c"),
    ],
)
def test_headline(found, expected):
    assert headline(found) == expected


def test_the_kinds_are_those_of_the_registry():
    assert KINDS == ("better", "at least", "no better", "by seed")
    assert KINDS[:3] == OF_USERS


@pytest.mark.parametrize(
    "name",
    [
        *("paper", "crossed_t", "effect_ratio", "mean_interval", "paired_runs"),
        *("selection_bias", "welch"),
        *("claims.outcomes", "claims.sides", "claims.paper_uncertainty"),
    ],
)
def test_examples_in_the_docstrings_of_the_statistics(name):
    found = doctest.testmod(importlib.import_module(f"pcrec_core.analysis.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
