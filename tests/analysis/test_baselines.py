"""Base models beside rankings that train nothing."""

from __future__ import annotations

import pytest
from curves_support import ranked
from records_support import record_with
from stats_support import plain

from pcrec_core.analysis import baselines
from pcrec_core.reporting import baseline_tables, settings_tables
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import variant

RANKS = [1, 2, 9, 9] * 20  # MRR@5 (1 + 1/2) / 4
BEST, WORSE = [1, 1, 1, 9] * 20, [9, 9, 5, 9] * 20  # 3/4 and 1/20


def trivial(name: str, ranks: list[int]) -> Replicates:
    result = {"data": {"users": len(ranks)}, "ranks": " ".join(map(str, ranks))}
    result |= {"repeated": "0" * len(ranks)}
    return Replicates(name, (record_with(variant(name, "ml-100k", "sasrec"), result, {}),))


def test_a_base_is_compared_with_the_best_ranking_without_training():
    base = ranked("base", RANKS, RANKS[::-1], RANKS)
    known = [trivial("recency", WORSE), trivial("transitions", BEST)]
    hidden = trivial("popularity", [1] * 80)  # not comparable: it hides what SASRec ranks
    assert baselines.over_best([base], [hidden]).empty
    known.append(hidden)
    [row] = baselines.over_best([base], known).to_dict("records")
    assert (row["best"], row["mean"], row["mean_of_best"]) == ("transitions", 0.375, 0.75)
    assert row["relative_improvement"] == pytest.approx(-0.5) and row["high"] < 0
    text = plain(repr(baseline_tables.show_answer(baselines.over_best([base], known))))
    assert text == (
        "On ML-100K, in MRR@5, 1 of 1 base models is below the best comparable ranking without"
        " training: SASRec is below transitions."
    )
    shown = baseline_tables.show_over_best(baselines.over_best([base], known), "over-best")
    assert "\N{MINUS SIGN}50.0 % [" in plain(shown._repr_html_())
    above, alike = (
        repr(baseline_tables.show_answer(baselines.over_best([base], [trivial("recency", other)])))
        for other in (WORSE, RANKS[::-1])
    )
    assert "SASRec is above recency" in above and "SASRec does not clearly differ" in alike


def test_seen_items_are_hidden_by_popularity_and_bpr_where_none_repeats_or_it_is_asked():
    repeated, once = "1" + "0" * 79, "0" * 80
    asked = {"options": {"hidden": "seen"}}
    arms = [
        (trivial("popularity", RANKS), True),
        (trivial("transitions", RANKS), False),
        (ranked("base", RANKS, repeated=once), False),
        (ranked("base", RANKS, repeated=once, model="bpr"), True),
        (ranked("base", RANKS, repeated=repeated, model="bpr"), False),
        (ranked("base", RANKS, repeated=repeated, model="bpr", given=asked), True),
    ]
    assert [baselines.hides_seen(arm) for arm, _ in arms] == [hidden for _, hidden in arms]
    frame = baselines.values([arm for arm, _ in arms[:4]], ["MRR@5", "HIT@5"])
    assert list(frame["seen_items"][::2]) == ["hidden", "candidates", "candidates", "hidden"]
    page = plain(baseline_tables.show_values(frame, "values")._repr_html_())
    shown, _, every = page.partition("Show all 7 columns")
    assert shown.count("<tr><td") == every.count("<tr><td") == 4
    assert shown.count("0.3750") == 4 and "HIT@5" not in shown


def test_the_search_lists_what_was_tried_in_one_row_per_model_and_variant():
    trials = [
        record_with(
            variant("base", "ml-100k", "dnn", 0, {"eta": eta, "epochs": 50}),
            {"chosen": {"valid": {"NDCG@20": value}}},
            {},
        )
        for eta, value in ((0.001, 0.05), (0.0001, 0.02))
    ]
    page = settings_tables.show_search(trials, "search")._repr_html_()
    assert "0.0001, 0.001" in page and ">0.0200<" in page and ">0.0500<" in page
    assert "No run here is a trial" in repr(settings_tables.show_search([], "search"))
