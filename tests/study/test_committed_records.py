"""Every committed record: it reads, it is whole, and its numbers follow from its ranks.

The same checks are made of records trained here, and of damaged ones, which they must refuse.
"""

from __future__ import annotations

import copy
import functools
import math
import operator
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import fit

from pcrec_core import datasets, paths
from pcrec_core.analysis import comparisons
from pcrec_core.datasets.split import split
from pcrec_core.specs.fields import canonical_json
from pcrec_core.specs.run import NUMERICS, Data, RunSpec
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import defaults, derive, records
from pcrec_core.study.records import Record, RunRecord, Store, new_record, read
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import Spec, variant

#: How many files lie below data/records; whoever commits a record raises it, so that none is lost.
EXPECTED = 577

FILES = sorted(path for path in paths.records().rglob("*") if path.is_file())
#: Means are kept to 8 digits.
CLOSE = 1.01e-8


def name_of(path: Path) -> str:
    return str(path.relative_to(paths.records()))


# --- what must hold


def metric(rank: int, name: str) -> float:
    """Return a metric of one user with one relevant item, by its definition."""
    kind, n = name.split("@")
    gain = {"HIT": 1.0, "MRR": 1 / rank, "NDCG": 1 / math.log2(rank + 1)}[kind]
    return gain if rank <= int(n) else 0.0


def check_mean(text: str, users: int, name: str, value: float) -> None:
    """Check that a metric is the mean over the users' ranks."""
    ranks = [int(rank) for rank in text.split()]
    assert len(ranks) == users
    assert abs(value - sum(metric(rank, name) for rank in ranks) / users) <= CLOSE, name


def check_users(record: Record) -> None:
    """Check ranks and repeat flags of every user, and that the test metrics follow from them."""
    data, result = record.result["data"], record.result
    ranks = [int(rank) for rank in result["ranks"].split()]
    assert len(ranks) == data["users"] == len(result["repeated"])
    assert set(result["repeated"]) <= {"0", "1"}
    # the padding id is ranked in one protocol
    assert min(ranks) >= 1 and max(ranks) <= data["items"] + 1
    assert {"MRR@5", "HIT@5", "NDCG@5", "MRR@20", "HIT@20", "NDCG@20"} <= set(result["test"])
    # where the epoch is not chosen on validation, each metric has an epoch of its own
    own = isinstance(record, RunRecord) and record.spec.options.choice != "validation"
    assert set(result.get("best", {})) == (set(result["test"]) if own else set())
    for name, value in result["test"].items():
        source = result["best"][name] if own else result
        check_mean(source["ranks"], data["users"], name, value)


def reported(spec: RunSpec) -> str:
    """Return the column of the epochs that holds what can be reported (:ref:`protocols-table`)."""
    given, evaluated = spec.cooperation, spec.options.evaluated
    if given is None or evaluated == "before":
        return "own"
    if given.rule in ("layerwise", "averaging"):
        return "merged" if given.components is None else "after"
    return "after" if evaluated == "after" else "own"


def candidates(record: Record) -> list[tuple[dict[str, float], int, int]]:
    """Return validation, epoch and peer of every model that could be reported."""
    epochs, column = record.result["epochs"], reported(record.spec)
    curves = epochs[column]
    curves = {name: [curve] for name, curve in curves.items()} if column == "merged" else curves
    at = range(record.spec.training.epochs) if column == "own" else epochs["exchanges"]
    found = [
        ({name: curves[name][peer][i] for name in curves}, epoch, peer)
        for peer in range(len(curves["NDCG@20"]))
        for i, epoch in enumerate(at)
    ]
    begun = record.spec.training.epochs // 2 if record.spec.training.average == "swa" else 0
    return [model for model in found if model[1] >= begun]


def check_choice(record: Record) -> None:
    """Check that the best is chosen; ties go to the earlier epoch, then to the lower peer."""
    chosen, epochs, models = record.result["chosen"], record.result["epochs"], candidates(record)
    column, choice = reported(record.spec), record.spec.options.choice
    assert chosen["merged"] == (column == "merged")
    assert chosen.get("after", False) == (column == "after")
    assert ("by_validation" in record.result) == (choice == "both")
    if choice == "both":
        check_by_validation(record)
    if choice != "validation":
        score = {
            (epoch, peer): epochs["test"]["MRR@5"][peer][epochs["tests"].index(epoch)]
            for _, epoch, peer in models
        }
        best = {name: max(map(max, curves)) for name, curves in epochs["test"].items()}
        assert record.result["test"] == best
    else:
        score = {(epoch, peer): valid["NDCG@20"] for valid, epoch, peer in models}
        assert "test" not in epochs
    valid, epoch, peer = min(models, key=lambda model: (-score[model[1:]], *model[1:]))
    assert (chosen["epoch"], chosen["peer"], chosen["valid"]) == (epoch, peer, valid)


def check_by_validation(record: Record) -> None:
    """Check the best on validation: its test metrics of that epoch, and its ranks of every user."""
    kept, tests = record.result["by_validation"], record.result["epochs"]["test"]
    valid, epoch, peer = min(candidates(record), key=lambda x: (-x[0]["NDCG@20"], *x[1:]))
    assert (kept["epoch"], kept["peer"], kept["valid"]) == (epoch, peer, valid)
    at = record.result["epochs"]["tests"].index(epoch)
    assert kept["test"] == {name: curves[peer][at] for name, curves in tests.items()}
    for name, value in kept["test"].items():
        check_mean(kept["ranks"], record.result["data"]["users"], name, value)


def check_epochs(record: Record) -> None:
    """Check the curves by peer and epoch, and every exchange: mu of the layers sums to 1."""
    spec, epochs, given = record.spec, record.result["epochs"], record.spec.cooperation
    for curves in (epochs["loss"], *epochs["own"].values()):
        assert [len(curve) for curve in curves] == [spec.training.epochs] * spec.peers
        assert all(math.isfinite(value) for curve in curves for value in curve)
    if given is None:
        assert not {"exchanges", "merged", "after", "mu", "h", "kept"} & set(epochs)
        return
    layers = sum(
        given.components is None or component in given.components
        for _, component in record.result["layers"]
    )
    assert epochs["exchanges"] == list(range(given.every - 1, spec.training.epochs, given.every))
    columns = {"layerwise": {"h", "mu"}, "averaging": {"mu"}, "parameterwise": {"kept"}}
    found = {"h", "mu", "kept"} & set(epochs)
    assert found == columns.get(given.rule, set())
    for name in found:
        assert len(epochs[name]) == len(epochs["exchanges"])
        for exchange in epochs[name]:
            assert [len(values) for values in exchange] == [layers] * spec.peers
    for exchange in epochs.get("mu", ()):
        for shares in zip(*exchange, strict=True):
            assert abs(sum(shares) - 1) <= spec.peers * CLOSE


def check_identity(record: Record, spec: Spec, runs: list[RunSpec]) -> None:
    """Check that the key gives the spec, and that the code has or had the numerics of its runs."""
    # as JSON, in which a tuple is a list
    assert canonical_json(spec.canonical()) == canonical_json(record.key)
    assert (spec.identity, spec.name) == (record.identity, record.name)
    for run in runs:
        assert 1 <= run.numerics <= NUMERICS[run.model.name]


def check_spec(record: Record) -> None:
    check_identity(record, record.spec, [record.spec])


def check_made(record: Record) -> None:
    """Check a derived or trivial record: its spec, and that its numbers follow from its ranks."""
    check_identity(record, record.spec, getattr(record.spec, "parents", []))
    if "probed" not in record.result:
        check_users(record)
        return
    tensors = record.result["probed"]["tensors"].values()
    assert len(tensors) > 0
    for one in tensors:
        assert 0 <= one["h_open"] <= math.log(10) and 0 <= one["h"] <= math.log(10) + CLOSE


def check_origin(record: Record) -> None:
    """Check that it was made from a clean commit, on a machine that is described."""
    run = record.run
    assert run["clean"] is True and len(run["commit"]) == 40 and int(run["commit"], 16)
    assert {"numpy", "torch", "pandas", "scipy"} <= set(run["versions"])
    if record.kind != "statistics":
        assert run["threads"] >= 1 and run["device"]
    if record.kind == "run":
        assert run["peak_bytes"] > 0 and run["seconds"]["train"] > 0
        assert 0 <= run["began_with_epoch"] < record.spec.training.epochs
    if record.kind in ("derived", "trivial"):
        assert run["seconds"]["derive"] >= 0


def check_statistics(record: Record) -> None:
    """Check that the shares follow from the counts, and that the filters add up."""
    result, counts = record.result, record.result["counts"]
    assert record.name == records.statistics_name(Data(**record.key))
    assert result["core"] == record.key["core"]
    actions = result["density"] * result["users"] * result["items"]
    assert abs(actions - result["actions"]) < 1e-6 * result["actions"]
    for name, same in (("rows", "actions"), ("users", "users"), ("items", "items")):
        assert counts[name] == result[same]
    parts = ("rows", "rows_core", "rows_distinct", "rows_short")
    assert counts["rows_read"] == sum(counts[name] for name in parts)
    assert all(0 <= result[f"repeat_share_{part}"] <= 1 for part in ("valid", "test"))


RUN_CHECKS: list[Callable[[Record], None]] = [check_spec, check_users, check_choice, check_epochs]
OTHER_CHECKS = {"statistics": check_statistics, "derived": check_made, "trivial": check_made}


# --- the committed ones


def test_there_are_as_many_records_as_were_committed():
    assert len(FILES) == EXPECTED
    names = [name_of(path).removesuffix(".json") for path in FILES]
    assert [record.name for record in Store().all()] == names


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_committed_record_is_sound(path):
    record = read(path)
    assert record.to_json() == path.read_text(encoding="utf-8")
    assert path == Store().path(record.name)
    for check in RUN_CHECKS if record.kind == "run" else [OTHER_CHECKS[record.kind]]:
        check(record)
    check_origin(record)


def content(record: Record) -> list[object]:
    data = record.result if record.kind == "statistics" else record.result["data"]
    return [data[name] for name in ("fingerprint", "users", "items")]


def test_runs_have_the_users_and_the_content_of_their_data_sets_statistics():
    found = [read(path) for path in FILES]
    expected = {canonical_json(r.key): content(r) for r in found if r.kind == "statistics"}
    for record in (r for r in found if r.kind != "statistics"):
        # BPR of the other protocols has a split of its own
        if record.spec.model.name != "bpr" or record.spec.protocol == "controlled":
            data = replace(record.spec.data, histories="ordered")
            assert content(record) == expected[canonical_json(data.canonical())]


def test_a_run_of_older_numerics_is_deleted_when_it_is_made_again():
    """Older runs that stay are trials by which a length, a rate or an L2 was chosen (table2)."""
    runs = {record.name: record.spec for record in Store().all() if isinstance(record, RunRecord)}
    older = [spec for spec in runs.values() if spec.numerics < NUMERICS[spec.model.name]]
    assert [spec.name for spec in older if replace(spec, numerics=None).name in runs] == []


def test_the_papers_improvements_are_below_the_effect_that_these_users_would_show():
    """As the first page says."""
    for model in ("sasrec", "dnn", "bpr"):
        base, pair = (
            Replicates(name, (Store().get(make("ml-100k", model).name),))
            for name, make in (("base", defaults.base), ("LE", defaults.pcrec))
        )
        [row] = comparisons.comparisons([(pair, base)], ["MRR@5"]).to_dict("records")
        assert 0 < row["paper_relative_improvement"] < row["mde"]


# --- the checks refuse damage

TINY = {"epochs": 3, "d": 4}
EVERY_2 = defaults.layerwise("dnn", every=2)
BOTH = {"protocol": "released", "options": {"choice": "both"}}
SMALL = {
    "base": defaults.base("synthetic", "bpr", epochs=4, d=4),
    "apart": defaults.run_spec("synthetic", "bpr", peers=2, **TINY),
    "layerwise": defaults.run_spec("synthetic", "dnn", peers=2, epochs=4, d=4, cooperation=EVERY_2),
    "averaging": defaults.pcrec("synthetic", "dnn", alpha=0, epochs=2, d=4),
    "masks": variant("W", "synthetic", "dnn", 0, TINY),
    "noise": variant("N", "synthetic", "dnn", 0, TINY),
    "embedding": variant("E", "synthetic", "dnn", 0, TINY),
    "swa": variant("swa", "synthetic", "dnn", 0, TINY | {"epochs": 5}),
    "paper": variant("LE", "synthetic", "dnn", 0, TINY | {"protocol": "paper"}),
    "released": variant("LE", "synthetic", "dnn", 0, TINY | {"protocol": "released"}),
    "both": variant("LE", "synthetic", "dnn", 0, TINY | BOTH),
}
MADE = {"clean": True, "commit": "c" * 40, "threads": 1, "device": "cpu", "peak_bytes": 1}
MADE |= {"versions": dict.fromkeys(("numpy", "torch", "pandas", "scipy"), "1")}
MADE |= {"seconds": {"train": 0.1}, "began_with_epoch": 0}


@pytest.fixture(scope="module")
def small() -> dict[str, Record]:
    """Return the records of ``SMALL``, trained here."""

    def record(run: RunSpec) -> Record:
        return new_record(run, fit(run, split(datasets.load(run.data)))[1].result, MADE)

    return {name: record(run) for name, run in SMALL.items()}


@pytest.mark.parametrize("name", SMALL)
def test_a_record_trained_here_is_sound(small, name):
    for check in (*RUN_CHECKS, check_origin):
        check(small[name])


Damage = Callable[[dict[str, Any]], Any]


def changed(*path: str | int, to: Any) -> Damage:
    """Return a damage that replaces an entry of the result; ``to`` may be a function of it."""

    def damage(result: dict[str, Any]) -> None:
        holder = functools.reduce(operator.getitem, path[:-1], result)
        holder[path[-1]] = to(holder[path[-1]]) if callable(to) else to

    return damage


def dropped(*path: str | int) -> Damage:
    """Return a damage that removes an entry of the result."""
    return lambda result: functools.reduce(operator.getitem, path[:-1], result).pop(path[-1])


def copied(source: str, to: str) -> Damage:
    """Return a damage by which the epochs get a column that belongs to another rule."""
    return lambda result: result["epochs"].update({to: result["epochs"][source]})


def another_rank(result: dict[str, Any]) -> None:
    first, _, rest = result["ranks"].partition(" ")
    result["ranks"] = f"{1 if first != '1' else 2} {rest}"


def a_better_epoch(result: dict[str, Any]) -> None:
    merged = result["epochs"].get("merged")
    (merged["NDCG@20"] if merged else result["epochs"]["own"]["NDCG@20"][0])[-1] = 0.99
    result["chosen"]["epoch"] = 0


def a_later_tie(result: dict[str, Any]) -> None:
    """Make all epochs equally good, and choose the last."""
    own = result["epochs"]["own"]
    own["NDCG@20"] = [[0.5] * 4]
    result["chosen"] |= {"epoch": 3, "valid": {name: own[name][0][3] for name in own}}


#: Damages by run and check.
DAMAGE: dict[tuple[str, Callable[[Record], None]], dict[str, Damage]] = {
    ("base", check_users): {
        "another rank": another_rank,
        "a rank of 0": changed("ranks", to=lambda ranks: "0" + ranks[1:]),
        "a user too few": changed("ranks", to=lambda ranks: ranks.rpartition(" ")[0]),
        "a flag too few": changed("repeated", to=lambda flags: flags[1:]),
        "a flag of 2": changed("repeated", to=lambda flags: "2" + flags[1:]),
        "another metric": changed("test", "MRR@5", to=lambda value: value + 2e-8),
        "no NDCG@20": dropped("test", "NDCG@20"),
    },
    ("base", check_choice): {
        "another epoch": changed("chosen", "epoch", to=lambda epoch: (epoch + 2) % 4),
        "a better epoch": a_better_epoch,
        "a later tie": a_later_tie,
    },
    ("layerwise", check_choice): {
        "a better exchange": a_better_epoch,
        "not merged": changed("chosen", "merged", to=False),
    },
    ("layerwise", check_epochs): {
        "an exchange moved": changed("epochs", "exchanges", to=[0, 2]),
        "a layer lost": dropped("epochs", "h", 0, 0, -1),
        "mu of more than 1": changed("epochs", "mu", 1, 0, 0, to=0.99999),
    },
    ("apart", check_choice): {
        "the other peer": changed("chosen", "peer", to=lambda peer: 1 - peer)
    },
    ("apart", check_epochs): {
        "an epoch lost": dropped("epochs", "loss", 1, -1),
        "a peer lost": dropped("epochs", "own", "HIT@5", -1),
    },
    ("released", check_choice): {
        "a better test epoch": changed("epochs", "test", "MRR@5", 0, 0, to=0.99),
        "another peer's test": changed("test", "HIT@20", to=0.99),
    },
    ("both", check_choice): {
        "another pick": changed("by_validation", "epoch", to=lambda epoch: (epoch + 1) % 3),
        "another rank of the pick": changed(
            "by_validation", "ranks", to=lambda ranks: " ".join([*"111", *ranks.split()[3:]])
        ),
        "no pick of validation": dropped("by_validation"),
    },
    ("masks", check_choice): {"test metrics": changed("epochs", "test", to={})},
    ("masks", check_epochs): {"mu of masks": copied("kept", to="mu")},
    ("embedding", check_choice): {"before instead of after": dropped("chosen", "after")},
    ("averaging", check_epochs): {"an entropy of averaging": copied("mu", to="h")},
}


@pytest.mark.parametrize(
    ("run", "check", "damage"),
    [
        pytest.param(run, check, damage, id=name)
        for (run, check), damages in DAMAGE.items()
        for name, damage in damages.items()
    ],
)
def test_damage_is_refused(small, run, check, damage):
    result = copy.deepcopy(small[run].result)
    damage(result)
    with pytest.raises((AssertionError, ValueError)):
        check(new_record(SMALL[run], result, MADE))


@pytest.mark.parametrize(
    "change",
    [{"clean": False}, {"commit": None}, {"commit": "c" * 7}, {"versions": {}}, {"threads": 0}],
)
def test_a_doubtful_origin_is_refused(small, change):
    record = small["base"]
    with pytest.raises((AssertionError, TypeError)):
        check_origin(new_record(record.spec, record.result, MADE | change))


def test_a_spec_of_later_numerics_is_refused(small, monkeypatch):
    monkeypatch.setitem(NUMERICS, "bpr", NUMERICS["bpr"] - 1)
    with pytest.raises(AssertionError):
        check_spec(small["base"])


def test_a_trivial_record_that_does_not_follow_from_its_ranks_is_refused():
    spec = Trivial(Data("synthetic"), "recency")
    result = derive.trivial(spec, split(datasets.load(spec.data)))
    check_made(new_record(spec, result, MADE))
    for damage in (another_rank, dropped("test", "HIT@5")):
        worse = copy.deepcopy(result)
        damage(worse)
        with pytest.raises(AssertionError):
            check_made(new_record(spec, worse, MADE))
