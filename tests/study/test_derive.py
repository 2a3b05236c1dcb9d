"""Ensembles, pruning, probes and trivial baselines: by hand, and as records of the study."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from support import (
    CPU,
    LAYERWISE,
    TableOfScores,
    fit,
    same,
    spec_of,
    split_of,
    two_rings,
    weights_of,
)
from torch import nn

from pcrec_core import paths
from pcrec_core.analysis import comparisons
from pcrec_core.analysis.crossed import StatsError
from pcrec_core.criteria import entropy
from pcrec_core.errors import RecordError, SpecError
from pcrec_core.evaluation import Ranker, summary
from pcrec_core.layers import Layer
from pcrec_core.models.baselines import Popularity, Transitions, recency
from pcrec_core.models.ensemble import ScoreEnsemble
from pcrec_core.specs.derived import Derived, derived_from_dict
from pcrec_core.specs.protocol import ProtocolOptions
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.specs.trivial import Trivial, trivial_from_dict
from pcrec_core.study import collect, derive, probing, train, weight_files, weights
from pcrec_core.study import run as study
from pcrec_core.study.records import Store, read
from pcrec_core.study.replicates import Replicates
from pcrec_core.training.build import layers_of
from pcrec_core.training.environment import NO_TRAINING
from pcrec_core.training.pruning import prune, tuning

RINGS = two_rings()
LAYERS = [
    Layer("a", "middle", "0.weight", ("0.bias",)),
    Layer("b", "middle", "1.weight", ("1.bias",)),
]


def derived(spec: Derived, *models: nn.Module) -> dict:
    return derive.derive(spec, RINGS, dict(zip(spec.source_models, models, strict=True)), CPU)


def model_of(spec: RunSpec) -> nn.Module:
    trainer, outcome = fit(spec, RINGS)
    model = trainer.peers[0].model
    model.load_state_dict(outcome.weights)
    return model


# --- ensembles


def test_the_score_of_an_ensemble_is_the_mean_of_the_raw_scores():
    tables = np.array([[[0.0, 1, 2], [3, 4, 5]], [[2.0, 5, 0], [1, 0, 1]]])
    mean = ScoreEnsemble([TableOfScores(table) for table in tables])
    assert mean.scores(torch.tensor([1, 0]), torch.zeros(2, 1)).tolist() == [[2, 2, 3], [1, 3, 1]]


def test_an_ensemble_ranks_by_its_mean():
    runs = [spec_of("dnn", seed=seed) for seed in (0, 100)]
    models = [model_of(run) for run in runs]
    found = derived(Derived("ensemble", tuple(runs)), *models)
    ranks = Ranker(RINGS, 4, False, CPU).ranks(ScoreEnsemble(models), "test")
    assert found["ranks"] == " ".join(map(str, ranks)) and found["test"] == summary(ranks)
    alone = [Ranker(RINGS, 4, False, CPU).ranks(model, "test") for model in models]
    assert all((ranks != one).any() for one in alone)


# --- pruning


def pair_of_linears() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, -2.0], [3.0, -4.0]]))
        model[1].weight.copy_(torch.tensor([[-0.5, 10.0], [20.0, 0.25]]))
        model[0].bias.fill_(1e-3)
    return model


@pytest.mark.parametrize(
    ("share", "first", "second"),
    [
        (0, [[1, -2], [3, -4]], [[-0.5, 10], [20, 0.25]]),
        (0.25, [[1, -2], [3, -4]], [[0, 10], [20, 0]]),
        # over both matrices, by size alone
        (0.5, [[0, 0], [3, -4]], [[0, 10], [20, 0]]),
        (0.75, [[0, 0], [0, 0]], [[0, 10], [20, 0]]),
    ],
)
def test_the_smallest_weights_of_all_matrices_are_pruned(share, first, second):
    model = pair_of_linears()
    masks = prune(model, LAYERS, share)
    assert model[0].weight.tolist() == first and model[1].weight.tolist() == second
    assert all((mask == (model.get_parameter(name) != 0)).all() for name, mask in masks.items())
    # biases stay
    assert (model[0].bias == torch.tensor(1e-3)).all()


@pytest.mark.parametrize("share", [0.1, 0.37, 0.9])
def test_as_many_weights_are_pruned_as_asked_for_although_sizes_are_equal(share):
    model = nn.Sequential(nn.Linear(20, 10), nn.Linear(10, 30))
    for layer in model:
        nn.init.constant_(layer.weight, 0.5)
    masks = prune(model, LAYERS, share)
    assert sum(int((~mask).sum()) for mask in masks.values()) == round(share * 500)


def test_pruned_and_tuned_models():
    run = spec_of("sasrec", epochs=4)
    pruned, whole = (
        derived(Derived("pruned", (run,), share), model_of(run)) for share in (0.9, 0.0)
    )
    assert whole["test"] == fit(run, RINGS)[1].result["test"] and pruned["valid"] != whole["valid"]
    model = model_of(run)
    masks = prune(model_of(run), layers_of(run, model), 0.5)
    tuned = derived(Derived("tuned", (run,), 0.5), model)
    assert len(tuned["epochs"]["NDCG@20"]) == 10
    curve = tuned["epochs"]["NDCG@20"]
    assert tuned["valid"]["NDCG@20"] == max(curve) == curve[tuned["chosen"]]
    # what was pruned stayed 0, and the rest moved
    for name, mask in masks.items():
        w = model.get_parameter(name)
        assert (w[~mask] == 0).all()
    moved = (model.output.weight != model_of(run).output.weight)[masks["output.weight"]]
    assert moved.float().mean() > 0.9
    assert derived(Derived("tuned", (run,), 0.5), model_of(run)) == tuned


# --- probes


def test_a_probe_describes_each_tensor_and_leaves_the_model_unchanged():
    run = spec_of("sasrec")
    model = model_of(run)
    before = weights_of(model)
    probed = derived(Derived("probed", (run,)), model)["probed"]
    assert same(before, weights_of(model)) and set(probed["tensors"]) == set(before)
    one = probed["tensors"]["blocks.0.query.weight"]
    w = before["blocks.0.query.weight"]
    assert one["h"] == entropy(w).item()
    assert one["h_open"] == entropy(w, last_bin="open").item() < one["h"]
    assert (one["size"], one["dimensions"]) == (256, 2) and one["largest"] == w.abs().max().item()
    assert one["l1"] == pytest.approx(w.double().abs().sum().item())
    assert one["std"] == pytest.approx(w.std(correction=0).item())
    assert set(probed["damaged"]) == {layer.measured for layer in layers_of(run, model)}
    assert probed["whole"] == fit(run, RINGS)[1].result["chosen"]["valid"]["NDCG@20"]
    assert any(probed["whole"] != each["pruned"] for each in probed["damaged"].values())
    assert any(probed["whole"] != each["noised"] for each in probed["damaged"].values())


def test_layers_of_one_shape_get_noise_of_their_own_half_as_large_as_they_are():
    run, w = spec_of("sasrec"), torch.full((200, 200), 3.0).cumsum(1)
    first, again, other = (probing._noise(w, run, layer) for layer in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.std().item() == pytest.approx(w.std().item() / 2, rel=0.02)


# --- trivial baselines

#: Training: 1 2 1 2 | 2 3 5 | 3 1.
SMALL = split_of([[1, 2, 1, 2, 3, 4], [2, 3, 5, 1, 2], [3, 1, 4, 5]], repeats=True)


def test_popularity_by_hand():
    scores = Popularity(SMALL).scores(torch.arange(2), torch.zeros(2, 1))
    assert scores.tolist() == [[0, 3, 3, 2, 0, 1]] * 2


def test_transitions_by_hand():
    assert SMALL.successions().tolist() == [[1, 2], [2, 1], [1, 2], [2, 3], [3, 5], [3, 1]]
    scores = Transitions(SMALL).scores(torch.arange(3), torch.tensor([[0, 2], [5, 1], [0, 4]]))
    assert scores.tolist() == [[0, 1, 0, 1, 0, 0], [0, 0, 2, 0, 0, 0], [0] * 6]


def test_recency_by_hand():
    split = split_of([[2, 1, 2, 1, 2], [1, 2, 3, 1, 4], [5, 5, 5, 4, 3]], repeats=True)
    # behind 2; behind 3 and 2; new, so behind all
    assert recency(split, "valid").tolist() == [2, 3, 5]
    assert recency(split, "test").tolist() == [2, 5, 5] and recency(split, "test").dtype == np.int32


@given(st.lists(st.lists(st.integers(1, 6), min_size=3, max_size=9), min_size=1, max_size=5))
def test_recency_is_the_rank_by_last_place(histories):
    """Rank by the place of an item's last occurrence, 0 for an item that never occurred."""
    split = split_of([*histories, [1, 2, 3, 4, 5, 6]], repeats=True)
    for part, cut in (("valid", 2), ("test", 1)):
        for history, rank in zip(histories, recency(split, part), strict=False):
            score = {
                item: max((k for k, met in enumerate(history[:-cut], 1) if met == item), default=0)
                for item in range(1, 7)
            }
            assert rank == sum(s >= score[history[-cut]] for s in score.values())


def test_the_baselines_records():
    ranks = {
        name: derive.trivial(Trivial(Data("synthetic"), name), SMALL)["ranks"]
        for name in ("popularity", "transitions", "recency")
    }
    # Targets 4, 2, 5. Popularity: behind 1, 2, 3, 5; behind a tie with 1; behind 1, 2, 3 (nothing
    # is hidden, because items repeat).
    assert ranks["popularity"] == "5 2 4"
    # After 3 comes 5 or 1, 4 ties with 2 and 3; after 1 comes 2; after 4 nothing is known.
    assert ranks["transitions"] == "5 1 5"
    # 4 is new: behind 1, 2, 3 and a tie with 5. 2 occurred four items ago: 1, 5, 3 are later. 5 is
    # new: behind 1, 3, 4 and a tie with 2.
    assert ranks["recency"] == "5 4 5"
    assert derive.trivial(Trivial(Data("synthetic"), "recency"), SMALL)["repeated"] == "010"


def test_popularity_hides_seen_items_where_no_item_repeats():
    # 4 is behind 3 and 5. 2 stays a candidate and ties with 1. 5 is behind 2.
    split = dataclasses.replace(SMALL, repeats=False)
    assert derive.trivial(Trivial(Data("synthetic"), "popularity"), split)["ranks"] == "3 2 2"


# --- as records of the study


def tiny(seed: int = 0, **given: object) -> RunSpec:
    return dataclasses.replace(spec_of("bpr", epochs=1, seed=seed, d=4), **given)


ENSEMBLE = Derived("ensemble", (tiny(), tiny(100)))


def test_derived_records_are_made_once_from_the_weights(store, trained):
    wanted = [tiny(), ENSEMBLE, Trivial(Data("synthetic"), "recency")]
    first = study.run(wanted, store=store)
    assert [record.kind for record in first] == ["run", "derived", "trivial"]
    assert [record.spec for record in first] == wanted and trained == [tiny(), tiny(100)]
    assert study.run(wanted, store=store) == first and len(trained) == 2
    assert read(store.path(first[1].name)) == first[1] and first[1].run["seconds"]["derive"] >= 0
    weight_files.path(tiny()).unlink()
    store.path(first[1].name).unlink()
    [again] = study.run([ENSEMBLE], store=store)
    assert again.result == first[1].result and again.run["parents"] == first[1].run["parents"]
    assert trained == [tiny(), tiny(100), tiny()]


@pytest.mark.parametrize("workers", [None, 1])
def test_a_parent_without_a_record_is_trained_into_the_store(store, trained, workers):
    with ThreadPoolExecutor(workers) if workers else nullcontext() as executor:
        [made] = study.run([ENSEMBLE], executor, store=store)
    assert sorted(record.name for record in store.all()) == sorted(
        [tiny().name, tiny(100).name, ENSEMBLE.name]
    )
    hashes = {run.name: store.get(run.name).result_hash for run in (tiny(), tiny(100))}
    assert made.run["parents"] == hashes and trained == [tiny(), tiny(100)]
    assert not paths.again().exists()


def test_a_parent_with_a_record_is_trained_again_beside_the_store(store, trained):
    [first] = study.run([tiny()], store=store)
    before = store.path(first.name).read_bytes()
    weight_files.path(tiny()).unlink()
    [made] = study.run([ENSEMBLE], store=store)
    assert trained == [tiny(), tiny(100), tiny()]
    [again] = Store(paths.again()).all()
    assert again.spec == tiny() and again.result == first.result
    assert store.path(first.name).read_bytes() == before
    assert made.run["parents"] == {
        first.name: first.result_hash,
        tiny(100).name: store.get(tiny(100).name).result_hash,
    }


def test_a_parent_that_cannot_be_trained_is_refused_before_any_training(store, trained):
    older = dataclasses.replace(tiny(100), numerics=7)
    with pytest.raises(RecordError, match=f"the record {older.name} is missing, and only an earl"):
        study.run([tiny(), Derived("ensemble", (tiny(), older))], store=store)
    assert trained == []


def test_weights_that_do_not_give_the_records_ranks_are_refused(store):
    [base] = study.run([tiny()], store=store)
    pruned = Derived("pruned", (tiny(),), 0.5)
    [record] = study.run([pruned], store=store)
    assert record.run["parents"] == {base.name: base.result_hash}
    store.path(record.name).unlink()
    faster = dataclasses.replace(tiny(), training=dataclasses.replace(tiny().training, eta=0.5))
    train.train(faster, store)

    def refused(sentence: str) -> None:
        with pytest.raises(RecordError, match=sentence):
            study.run([pruned], store=store)

    # as trained on another machine
    weights.keep(tiny(), load_file(weight_files.path(faster)), [])
    refused("do not give the ranks of its record, .*; give a folder of records of your own")
    weight_files.path(tiny()).write_bytes(weight_files.path(faster).read_bytes())
    refused(f"belong to another run, {faster.identity}; delete them and the run is trained")
    weight_files.path(tiny()).write_bytes(b"nothing")
    refused(r"the weights .* cannot be read \(\w+\); delete them and the run is trained again\.$")


def test_tuning_leaves_out_rules_without_a_meaning_for_one_model():
    run = dataclasses.replace(
        spec_of("sasrec", peers=2, cooperation=LAYERWISE),
        custom_options=ProtocolOptions(last_bin="open", loss="all"),
    )
    alone = tuning(run)
    assert alone.changed_options == {"loss": "all"}
    assert alone.peers == 1
    assert alone.training.eta == pytest.approx(0.001)
    released = tuning(dataclasses.replace(run, protocol="released", custom_options=None))
    assert released.options.attention == "all"


def test_an_ensemble_of_peers_that_never_exchange(store):
    run = tiny(peers=2)
    apart, ensemble = study.run([run, Derived("apart", (run,))], store=store)
    assert apart.result["data"] == ensemble.result["data"]
    assert ensemble.result["test"] != apart.result["test"]
    assert weight_files.path(run, 0).exists()
    assert ensemble.run["parents"] == {run.name: apart.result_hash}
    store.path(ensemble.name).unlink()
    content = weight_files.path(run).read_bytes()
    other = content.replace(run.identity.encode(), b"0" * len(run.identity))
    weight_files.path(run, 1).write_bytes(other)
    sentence = r"peer1\.safetensors belong to another run, 0+; delete them"
    with pytest.raises(RecordError, match=sentence):
        study.run([ensemble.spec], store=store)


def test_a_missing_derived_record_is_an_error_where_nothing_may_be_trained(store, monkeypatch):
    monkeypatch.setenv(NO_TRAINING, "1")
    real = dataclasses.replace(tiny(), data=Data("ml-100k"))
    words = r"^the record ml-100k/bpr-m2-base-s0-\w+ is missing, and PCREC_NO_TRAINING is set; make"
    pair = Derived("ensemble", (real, dataclasses.replace(real, seed=100)))
    with pytest.raises(RecordError, match=words):
        study.run([pair], store=store)


# --- in arms


def arm(label: str, specs: list, store: Store) -> Replicates:
    return collect.arm(label, specs, store=store)


def test_arms_that_share_a_training_are_paired_and_others_are_not(store):
    base = arm("base", [tiny(), tiny(1)], store)
    double = arm("M2", [Derived("ensemble", (tiny(s), tiny(s + 100))) for s in (0, 1)], store)
    other = arm("other", [tiny(2), tiny(3)], store)
    assert comparisons.compare(double, base, "MRR@5").paired
    assert not comparisons.compare(double, other, "MRR@5").paired
    with pytest.raises(StatsError, match="M2 and base share trainings, but not run by run"):
        comparisons.compare(double, arm("base", [tiny(1), tiny()], store), "MRR@5")
    recency = arm("recency", [Trivial(Data("synthetic"), "recency")], store)
    compared = comparisons.compare(base, recency, "MRR@20")
    assert not compared.paired and not compared.users_only
    assert (compared.runs_v, compared.runs_b) == (2, 1)
    assert not recency.random and comparisons.mean_of(recency, "MRR@20").users_only is False
    assert (double.model, double.dataset, recency.model) == ("bpr", "synthetic", "recency")


# --- what is derived, from its canonical form


@pytest.mark.parametrize(
    ("made", "from_dict"),
    [
        (Trivial(Data("ml-100k"), "recency"), trivial_from_dict),
        (Derived("pruned", (spec_of("bpr"),), 0.3), derived_from_dict),
    ],
)
def test_a_derived_spec_comes_back_from_its_canonical_form(made, from_dict):
    form = made.canonical()
    assert from_dict(form) == made
    older = from_dict(form | {"numerics": 0})
    assert older != made and older.identity != made.identity and older.canonical()["numerics"] == 0
    for wrong in (form | {"foo": 1}, {"seed": 0}, {}):
        with pytest.raises(SpecError, match="cannot be read"):
            from_dict(wrong)
