"""Validation after every k-th epoch: the same training, read less often."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from records_support import record_with
from support import AVERAGING, LAYERWISE, fit, same, spec_of, split_of

from pcrec_core.analysis.entropy_trained import entropy_vs_accuracy
from pcrec_core.analysis.fig5_convergence import convergence
from pcrec_core.errors import RecordError, SpecError
from pcrec_core.metrics import SELECTION
from pcrec_core.specs.run import Cooperation, RunSpec, Training
from pcrec_core.study import defaults
from pcrec_core.study.records import new_record
from pcrec_core.study.replicates import Replicates

SPLIT = split_of(np.random.default_rng(1).integers(1, 21, (40, 7)).tolist(), repeats=True)
SOME = Cooperation("layerwise", "entropy", 30, components=("embedding",))
EVERY_2 = Cooperation("layerwise", "entropy", 30, every=2)


def every(k: int, run: RunSpec) -> RunSpec:
    return replace(run, training=replace(run.training, evaluate_every=k))


@pytest.mark.parametrize(
    ("cooperation", "peers"),
    [(None, 1), (None, 2), (LAYERWISE, 2), (AVERAGING, 2), (SOME, 2), (EVERY_2, 2)],
)
@pytest.mark.parametrize("k", [2, 6])
def test_the_training_is_the_same_and_its_last_best_evaluated_epoch_is_reported(
    cooperation, peers, k
):
    run = spec_of("dnn", peers=peers, cooperation=cooperation, epochs=6)
    (usual, _), (trainer, outcome) = fit(run, SPLIT), fit(every(k, run), SPLIT)
    assert all(
        same(one.model.state_dict(), other.model.state_dict())
        for one, other in zip(usual.peers, trainer.peers, strict=True)
    )
    read, all_epochs = outcome.result["epochs"], usual._result()["epochs"]
    assert read["loss"] == all_epochs["loss"]
    for key in ("exchanges", "mu", "h"):
        assert read.get(key) == all_epochs.get(key)
    evaluated = list(range(k - 1, 6, k))
    for peer, curve in enumerate(read["own"][SELECTION]):
        assert curve == [all_epochs["own"][SELECTION][peer][epoch] for epoch in evaluated]
    if "merged" in read:
        at = [all_epochs["exchanges"].index(epoch) for epoch in evaluated]
        assert read["merged"][SELECTION] == [all_epochs["merged"][SELECTION][i] for i in at]
    models = run.reported_models
    curves = np.atleast_2d(read[models][SELECTION])
    assert outcome.result["chosen"]["epoch"] == evaluated[int(curves.max(axis=0).argmax())]


def test_pages_show_the_values_at_their_epochs():
    run = every(2, defaults.pcrec("synthetic", "dnn", epochs=4))
    epochs = {
        "loss": [[1.0] * 4] * 2,
        "own": {SELECTION: [[0.1, 0.3], [0.2, 0.2]]},
        "exchanges": [0, 1, 2, 3],
        "merged": {SELECTION: [0.4, 0.5]},
        "h": [[[1.0 + epoch], [0.5]] for epoch in range(4)],
        "mu": [[[0.5], [0.5]]] * 4,
    }
    result = record_with(run, {}).result | {"epochs": epochs, "layers": [["item", "embedding"]]}
    record = new_record(run, result, {})
    arm = Replicates("LE", (record,))
    curve = convergence([arm], [SELECTION])
    assert curve[["epoch", "value"]].to_numpy().tolist() == [[2, 0.4], [4, 0.5]]
    compared = entropy_vs_accuracy([arm])
    assert compared["epoch"].tolist() == [1, 3] and compared["h"].tolist() == [1.5, 3.5]
    np.testing.assert_allclose(compared["validation"], [-0.1, 0.1])
    of_usual = new_record(defaults.pcrec("synthetic", "dnn", epochs=4), result, {})
    with pytest.raises(RecordError, match="was not evaluated after every 1 epochs, as its key"):
        _ = of_usual.outcome


def test_the_name_and_the_identity_show_it_and_the_default_is_as_before():
    run = spec_of("bpr", epochs=6)
    assert every(1, run).identity == run.identity and "evaluate_every" not in str(run.canonical())
    assert every(3, run).variant == "base-validated-every-3" and every(3, run) != run
    assert every(3, run).canonical()["training"]["evaluate_every"] == 3


def test_an_impossible_number_is_refused():
    with pytest.raises(SpecError, match="evaluate_every 4 must divide the 6 epochs, so that"):
        Training(6, 128, 1e-3, evaluate_every=4)
    with pytest.raises(SpecError, match="evaluate_every must be 1 or more, not 0"):
        Training(6, 128, 1e-3, evaluate_every=0)
    with pytest.raises(SpecError, match="evaluate_every 3 must be a multiple of every 2"):
        every(3, spec_of("dnn", peers=2, cooperation=EVERY_2, epochs=6))
    with pytest.raises(SpecError, match="evaluate_every belongs to runs whose epoch is chosen on"):
        every(3, replace(spec_of("dnn", epochs=6), protocol="released"))
