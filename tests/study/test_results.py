"""What the result of a record holds: typed, checked as a whole, and hard to misread."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records_support import record_with

from pcrec_core import paths
from pcrec_core.errors import RecordError
from pcrec_core.metrics import METRICS, value_by_user
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.run import Data
from pcrec_core.study import defaults
from pcrec_core.study.records import DerivedRecord, ModelRecord, Store, new_record
from pcrec_core.study.variants import variant

BASE = defaults.base("ml-100k", "dnn")
RELEASED = defaults.pcrec("ml-100k", "dnn", protocol="released")
EPOCHS = {
    "own": {"NDCG@20": [[0.1, 0.3], [0.2, 0.2]]},
    "exchanges": [1],
    "merged": {"NDCG@20": [0.4]},
    "h": [[[2.0, 1.0, 0.5], [1.0, 1.0, 1.0]]],
    "mu": [[[0.7, 0.5, 0.4], [0.3, 0.5, 0.6]]],
}
LE = record_with(defaults.pcrec("ml-100k", "dnn"), {"epochs": EPOCHS})


def test_every_committed_record_holds_what_its_kind_holds():
    found = list(Store().all())
    probes = [r for r in found if isinstance(r, DerivedRecord) and r.spec.operation == "probed"]
    models = [r for r in found if isinstance(r, ModelRecord) and r not in probes]
    for record in models:
        outcome, result = record.outcome, record.result
        assert " ".join(map(str, outcome.chosen_ranks)) == result["ranks"]
        assert "".join(map(str, outcome.repeated.astype(int))) == result["repeated"]
        for metric, value in outcome.reported.items():
            means = value_by_user(outcome.ranks_for(metric), metric).mean()
            assert means == pytest.approx(value, abs=1.01e-8)
    for record in probes:
        assert list(record.probe.tensors) == list(record.result["probed"]["tensors"])
    for record in found:
        assert record.provenance.commit == record.run["commit"]
        assert record.provenance.seconds == record.run.get("seconds", {})
    assert len(probes) > 5 and len(models) > 200


def test_the_curves_of_a_training_are_arrays():
    history = LE.outcome.history
    np.testing.assert_array_equal(history.own["NDCG@20"], [[0.1, 0.3], [0.2, 0.2]])
    np.testing.assert_array_equal(history.validation("merged")["NDCG@20"], [0.4])
    h, mu = history.measured()
    assert h.shape == mu.shape == (1, 2, 3) and history.exchanges.tolist() == [1]
    assert LE.outcome is LE.outcome  # parsed once
    with pytest.raises(AttributeError, match="cannot assign"):
        LE.outcome.weights = 3
    alone = record_with(BASE).outcome.history
    assert alone.exchanges.tolist() == [] and alone.merged == {} and alone.mu is None
    with pytest.raises(RecordError, match="exchanges nothing layer by layer has no entropy"):
        alone.measured()


def test_a_run_chosen_on_the_test_set_has_ranks_of_its_own_for_each_metric():
    best = {
        "MRR@5": {"value": 1.0, "epoch": 1, "peer": 0, "ranks": "1 1"},
        "HIT@5": {"value": 0.5, "epoch": 4, "peer": 1, "ranks": "9 4"},
    }
    outcome = record_with(RELEASED, {"ranks": "1 1", "best": best}).outcome
    assert outcome.reported["HIT@5"] == outcome.best_by_metric["HIT@5"].value == 0.5
    assert outcome.ranks_for("HIT@5").tolist() == [9, 4]
    assert outcome.ranks_for("MRR@5").tolist() == outcome.chosen_ranks.tolist() == [1, 1]
    assert set(outcome.best_by_metric) == set(METRICS)
    with pytest.raises(AttributeError):
        _ = outcome.test  # the name of the JSON, which hides that the epochs differ
    usual = record_with(BASE, {"ranks": "3 4"}).outcome
    assert usual.best_by_metric == {} and usual.ranks_for("HIT@5").tolist() == [3, 4]


Damage = Callable[[dict[str, Any]], Any]
DAMAGE: dict[str, tuple[ModelRecord, Damage, str]] = {
    "missing": (LE, lambda r: r.pop("weights"), "no field result.weights"),
    "unknown": (LE, lambda r: r.update(tests=1), "unknown field result.tests"),
    "type": (
        LE,
        lambda r: r["chosen"].update(epoch="3"),
        "chosen.epoch must be of type int, not '3'",
    ),
    "ranks": (LE, lambda r: r.update(ranks="1 x 2 3"), "field result.ranks: invalid literal"),
    "users": (LE, lambda r: r.update(ranks="1 2"), r"ranks has shape \(2,\), not \(4,\)"),
    "flags": (LE, lambda r: r.update(repeated="01"), r"repeated has shape \(2,\), not \(4,\)"),
    "epochs": (
        LE,
        lambda r: r["epochs"]["own"].update({"MRR@5": [[0.1], [0.2]]}),
        r"own MRR@5 has shape \(2, 1\), not \(2, 2\)",
    ),
    "exchanges": (
        LE,
        lambda r: r["epochs"].update(exchanges=[0, 1]),
        r"merged NDCG@20 has shape \(1,\), not \(2,\)",
    ),
    "peers": (LE, lambda r: r["epochs"]["h"][0].pop(), r"h has shape \(1, 1\), not \(1, 2\)"),
    "best value": (
        record_with(RELEASED),
        lambda r: r["test"].update({"HIT@5": 0.9}),
        "best values by metric are not the reported ones",
    ),
    "best ranks": (
        record_with(RELEASED),
        lambda r: r.update(ranks="2 2 2 2"),
        "ranks are not those of the best epoch in MRR@5",
    ),
    "no best": (record_with(RELEASED), lambda r: r.pop("best"), "does not choose the epoch as its"),
    "a best": (
        record_with(BASE),
        lambda r: r.update(best=record_with(RELEASED).result["best"]),
        "does not choose the epoch as its protocol does",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_result_of_another_type_or_shape_is_refused_with_its_place(name):
    record, damage, words = DAMAGE[name]
    result = copy.deepcopy(record.result)
    damage(result)
    with pytest.raises(RecordError, match=f"record {record.name} .*{words}"):
        _ = new_record(record.spec, result, {}).outcome


def test_a_probe_is_no_model_that_was_evaluated_and_the_reverse():
    probe = record_with(Derived("probed", (BASE,)), {"probed": {"tensors": {"a": {"h": 0.25}}}})
    assert probe.probe.tensors["a"].h == 0.25
    pruned = record_with(variant("pruned30", "ml-100k", "dnn"))
    assert pruned.outcome.chosen is None
    for read in (lambda: probe.outcome, lambda: pruned.probe):
        with pytest.raises(RecordError, match="does not hold what its kind of record holds"):
            read()


def test_no_module_walks_the_json_of_a_record():
    walked = re.compile(r"\.(result|key|run)(\[|\.get\()")
    sources = list(Path(paths.__file__).parent.rglob("*.py"))
    assert len(sources) > 100
    assert [path.name for path in sources if walked.search(path.read_text())] == []


def test_statistics_are_typed():
    [record] = [r for r in Store().all() if r.name.startswith("ml-100k/statistics-")][:1]
    assert record.outcome.source == Data(**record.key).source == "ml-100k"
    assert record.outcome.test_groups.shape == (record.outcome.users,)
