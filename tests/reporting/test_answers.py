"""The answers of single pages, from frames made by hand."""

from __future__ import annotations

import pandas as pd
from stats_support import plain

from pcrec_core.reporting import answers


def test_the_sizes_of_data_sets_are_stated_from_the_smallest_to_the_largest():
    ours = pd.DataFrame({"dataset": ["synthetic", "a", "b"], "users": [288, 943, 42691]})
    theirs = pd.DataFrame({"dataset": ["A", "B"], "users": [47000, 978000]})
    assert answers.sizes(ours, theirs) == (
        "Our data sets have 943 to 42,691 users (sessions, on Retailrocket); the paper's have"
        " 47,000 to 978,000."
    )
    assert answers.sizes(ours[:1], theirs).startswith("Our data sets have 288 to 288 users")


def test_unequal_mu_counts_only_the_alphas_of_the_paper():
    rows = [
        ("ml-100k", "sasrec", 10.0, 0.9),
        ("ml-100k", "sasrec", 30.0, 0.05),
        ("ml-100k", "dnn", 40.0, 0.27),
    ]
    shares = pd.DataFrame(rows, columns=["dataset", "model", "alpha", "strong_share"])
    text = plain(answers.unequal(shares))
    assert text.endswith("at most 27 % of layers and merges (DNN on ML-100K), not in most.")
    most = plain(answers.unequal(shares.replace(0.27, 0.6)))
    assert most.endswith("at most 60 % of layers and merges (DNN on ML-100K).")
    assert answers.unequal(shares[:1]) == ""


def test_entropy_is_described_by_what_it_goes_along_with_and_by_how_often_it_is_right():
    keys = ["layers", "model", "of", "with", "mean"]
    rows = [
        ("block matrices", "sasrec", "h", "outlier", 0.1),
        ("measured layers", "sasrec", "h", "weights", 0.2),
        ("measured layers", "sasrec", "h", "outlier", -0.973),
    ]
    correlations = pd.DataFrame(rows, columns=keys)
    columns = ["exchanges", "model", "dataset", "agreement", "by_chance"]
    held = [("the first", "sasrec", "ml-100k", 0.9, None), ("all", "sasrec", "ml-100k", 0.5, 0.51)]
    agreement = pd.DataFrame(held, columns=columns)
    text = plain(answers.entropy(correlations, agreement))
    assert "weight, in standard deviations, is \N{MINUS SIGN}0.97. In SASRec on ML-100K" in text
    assert text.endswith("better one in 50 % of layers and merges, where chance gives 51 %.")
    assert answers.entropy(correlations[:2], agreement[:1]) == ""


def test_the_papers_alpha_is_compared_with_others_where_both_can_be_tested():
    columns = ["dataset", "comparison", "metric", "relative_improvement", "users_only"]
    rows = [
        ("ml-100k", "LE@30 over LE@10", "MRR@5", 0.5, True),
        ("retailrocket-half", "LE@30 over LE@10", "MRR@5", -0.015, False),
        ("retailrocket-half", "LE@30 over LE@50", "MRR@5", 0.005, False),
        ("retailrocket-half", "LE@30 over LE@50", "NDCG@20", 0.9, False),
        ("retailrocket-half", "LE@30 over avg", "MRR@5", -0.3, False),
    ]
    among = pd.DataFrame(rows, columns=columns)
    assert plain(answers.best_alpha(among)) == (
        "On RR-half the paper's α gives from \N{MINUS SIGN}1.5 % to +0.5 % more MRR@5 than another"
        " α."
    )
    assert answers.best_alpha(among[:1]) == ""


def test_the_first_merge_lowers_entropy_where_it_is_lower_than_without_it():
    columns = ["model", "variant", "epoch", "h"]
    rows = [("sasrec", "LE", 1, 9.0), ("sasrec", "LE", 2, 2.12), ("dnn", "LE", 2, 2.0)]
    first = pd.DataFrame([*rows, ("sasrec", "LE-k2", 2, 2.27)], columns=columns)
    assert plain(answers.first_merge(first)) == (
        "For SASRec the mean H before the merge after the second epoch is 2.12 with a merge after"
        " the first one and 2.27 without: that merge lowered it."
    )
    assert "did not lower it" in answers.first_merge(first.replace(2.27, 2.0))
    assert answers.first_merge(first[:3]) == ""
