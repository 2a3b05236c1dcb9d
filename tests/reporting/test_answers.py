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
    columns = ["exchanges", "model", "agreement", "by_chance"]
    held = [("the first", "sasrec", 0.9, None), ("all", "sasrec", 0.5, 0.51)]
    agreement = pd.DataFrame(held, columns=columns)
    text = plain(answers.entropy(correlations, agreement))
    assert "over the layers of SASRec their rank correlation is \N{MINUS SIGN}0.97." in text
    assert text.endswith("better one in 50 % of layers and merges, where chance gives 51 %.")
    assert answers.entropy(correlations[:2], agreement[:1]) == ""
